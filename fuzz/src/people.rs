//! What must hold of output for people: nothing in it harms a terminal.

use std::io::{self, Write};

use mqttsniff::text::Escaped;

/// Takes text, and looks at it.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// The end of what came, where it is no whole line yet.
    rest: Vec<u8>,
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        if let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') {
            see(&self.rest[..end]);
            self.rest.drain(..=end);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        see(&self.rest);
        self.rest.clear();
        Ok(())
    }
}

/// Sees that text is harmless: escaping changes nothing but its backslashes.
pub(crate) fn see(text: &[u8]) {
    if text.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return;
    }
    for line in text.split(|byte| *byte == b'\n') {
        for field in line.split(|byte| *byte == b'\t') {
            let escaped = Escaped(field).to_string();
            assert_eq!(escaped.replace("\\\\", "\\").as_bytes(), field, "a terminal is safe");
        }
    }
}
