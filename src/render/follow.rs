//! One connection's streams for people: what each end sent, in its order, as text or as a dump.

use std::io::{self, Write};

use super::width::{Color, Count, Style, time};
use crate::capture::Origin;
use crate::engine::StreamPart;
use crate::flow::{Direction, PerDirection, Role};
use crate::text::Escaped;
use crate::time::Timestamp;

/// How the bytes of a stream are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowFormat {
    /// As text, line by line; what is no text is escaped.
    Text,
    /// Sixteen bytes a line, in hexadecimal digits and as characters.
    Hex,
    /// The bytes themselves, and nothing else.
    Raw,
}

/// Writes what both ends of a connection sent.
#[derive(Debug)]
pub struct Follow {
    style: Style,
    format: FollowFormat,
    from: Option<Role>,
    first: Option<Timestamp>,
    last: Option<Direction>,
    offsets: PerDirection<u64>,
}

impl Follow {
    /// A renderer; `from` is the end whose bytes are wanted, where not both are.
    pub const fn new(style: Style, format: FollowFormat, from: Option<Role>) -> Self {
        let offsets = PerDirection { to_server: 0, to_client: 0 };
        Self { style, format, from, first: None, last: None, offsets }
    }

    /// Says when the flow's first frame came, from which times are counted; only the first call counts.
    pub fn starts(&mut self, first: Timestamp) {
        self.first.get_or_insert(first);
    }

    /// Writes the next part.
    pub fn part(
        &mut self,
        direction: Direction,
        part: StreamPart<'_>,
        origin: Origin,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let first = *self.first.get_or_insert(origin.time);
        if self.from.is_some_and(|from| from != direction.sender()) {
            return Ok(());
        }
        let offset = self.offsets[direction];
        let length = match part {
            StreamPart::Bytes(bytes) | StreamPart::Head(bytes) => bytes.len() as u64,
            StreamPart::Gap(length) => length,
            StreamPart::Lost => 0,
        };
        self.offsets[direction] += length;
        if self.format != FollowFormat::Raw {
            let color = match direction {
                Direction::ToServer => Color::Title,
                Direction::ToClient => Color::Good,
            };
            let arrow = match direction {
                Direction::ToServer => "→",
                Direction::ToClient => "←",
            };
            if self.last.replace(direction).is_some() {
                writeln!(out)?;
            }
            let sender = direction.sender().name();
            let head = format!(
                "{arrow} {sender}  frame {}  {}  {} at {offset}",
                origin.frame,
                time(self.style, origin.time, first),
                Count(length, "byte"),
            );
            writeln!(out, "{}", self.style.paint(color, &head))?;
        }
        match (part, self.format) {
            (StreamPart::Bytes(bytes) | StreamPart::Head(bytes), format) => match format {
                FollowFormat::Raw => out.write_all(bytes),
                FollowFormat::Text => text(bytes, out),
                FollowFormat::Hex => hex(bytes, offset, out),
            },
            (StreamPart::Gap(_) | StreamPart::Lost, FollowFormat::Raw) => Ok(()),
            (StreamPart::Lost, FollowFormat::Text | FollowFormat::Hex) => {
                let text = "  [an unknown number of bytes is missing]";
                writeln!(out, "{}", self.style.paint(Color::Bad, text))
            }
            (StreamPart::Gap(length), FollowFormat::Text | FollowFormat::Hex) => {
                let text = format!("  [{} missing in the capture]", Count(length, "byte"));
                writeln!(out, "{}", self.style.paint(Color::Bad, &text))
            }
        }
    }
}

/// Lines of text; a terminal comes to no harm.
fn text(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        writeln!(out, "  {}", Escaped(line))?;
    }
    Ok(())
}

/// A dump: the place in the stream, the bytes, and the printable ones as characters.
fn hex(bytes: &[u8], offset: u64, out: &mut impl Write) -> io::Result<()> {
    for (row, chunk) in bytes.chunks(16).enumerate() {
        write!(out, "  {:08x} ", offset + row as u64 * 16)?;
        for at in 0..16 {
            let gap = if at == 8 { "  " } else { " " };
            match chunk.get(at) {
                Some(byte) => write!(out, "{gap}{byte:02x}")?,
                None => write!(out, "{gap}  ")?,
            }
        }
        let shown = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
        writeln!(out, "  {}", chunk.iter().map(shown).collect::<String>())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;

    const ORIGIN: Origin = Origin { frame: FrameNo(3), time: Timestamp::from_nanos(0) };
    const STYLE: Style = Style { width: Some(80), color: false, clock: false };

    fn follow(format: FollowFormat, from: Option<Role>) -> String {
        let (mut follow, mut out) = (Follow::new(STYLE, format, from), Vec::new());
        let parts = [
            (Direction::ToServer, StreamPart::Bytes(b"GET /\x1b\r\n\r\n")),
            (Direction::ToClient, StreamPart::Gap(5)),
            (Direction::ToClient, StreamPart::Bytes(b"\x00\xffok")),
        ];
        for (direction, part) in parts {
            follow.part(direction, part, ORIGIN, &mut out).expect("a vector takes all");
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn text_is_shown_line_by_line_and_harmless() {
        let shown = follow(FollowFormat::Text, Some(Role::Client));
        assert_eq!(shown.lines().skip(1).collect::<Vec<_>>(), ["  GET /\\u{1b}", "  "]);
    }

    #[test]
    fn a_dump_counts_what_is_missing() {
        let shown = follow(FollowFormat::Hex, Some(Role::Server));
        assert!(shown.contains("5 bytes missing in the capture"), "{shown}");
        let row = shown.lines().last().expect("a row");
        assert!(row.starts_with("  00000005  00 ff 6f 6b "), "{row}");
        assert!(row.ends_with("  ..ok"), "{row}");
    }

    #[test]
    fn raw_is_the_bytes_and_nothing_else() {
        assert_eq!(follow(FollowFormat::Raw, Some(Role::Client)), "GET /\u{1b}\r\n\r\n");
    }
}
