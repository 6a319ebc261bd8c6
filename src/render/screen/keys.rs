//! Keys, from the bytes that a terminal sends for them.

use super::ScreenView;

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Show another view.
    View(ScreenView),
    /// Sort by the column to the left.
    Left,
    /// Sort by the column to the right.
    Right,
    /// Reverse the order.
    Reverse,
    /// End.
    Quit,
    /// One that means nothing.
    Other,
}

/// Reads keys from the bytes of a terminal, however they are cut.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keys {
    state: State,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Plain,
    /// After the escape character.
    Escape,
    /// Within a control sequence (ECMA-48, section 5.4), or the one character of an SS3.
    Sequence,
}

impl Keys {
    /// The key that this byte completes, if it does.
    pub const fn byte(&mut self, byte: u8) -> Option<Key> {
        let (key, state) = match (self.state, byte) {
            (_, 0x1b) => (None, State::Escape),
            (State::Sequence, b'C') => (Some(Key::Right), State::Plain),
            (State::Sequence, b'D') => (Some(Key::Left), State::Plain),
            // Parameters; the last byte of a sequence is one of these.
            (State::Sequence, 0x40..=0x7e) => (Some(Key::Other), State::Plain),
            (State::Escape, b'[' | b'O') | (State::Sequence, _) => (None, State::Sequence),
            (State::Plain | State::Escape, byte) => (Some(plain(byte)), State::Plain),
        };
        self.state = state;
        key
    }
}

const fn plain(byte: u8) -> Key {
    match byte {
        b'f' | b'F' => Key::View(ScreenView::Flows),
        b's' | b'S' => Key::View(ScreenView::Sessions),
        b't' | b'T' => Key::View(ScreenView::Topics),
        b'<' | b',' => Key::Left,
        b'>' | b'.' => Key::Right,
        b'r' | b'R' => Key::Reverse,
        b'q' | b'Q' => Key::Quit,
        _ => Key::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_are_read_as_terminals_send_them() {
        let keys = |bytes: &[u8]| {
            let mut keys = Keys::default();
            bytes.iter().filter_map(|byte| keys.byte(*byte)).collect::<Vec<_>>()
        };
        assert_eq!(keys(b"\x1b[C\x1bOD<"), [Key::Right, Key::Left, Key::Left]);
        assert_eq!(keys(b"\x1b[1;5Cq"), [Key::Right, Key::Quit], "with the control key");
        assert_eq!(keys(b"\x1b[15~r"), [Key::Other, Key::Reverse], "F5");
        assert_eq!(keys(b"\x1bs"), [Key::View(ScreenView::Sessions)]);
        assert_eq!(keys(b"\x1b[200~"), [Key::Other]);
        assert_eq!(keys("é".as_bytes()), [Key::Other, Key::Other]);
    }
}
