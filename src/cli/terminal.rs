//! How large the terminal is.

use std::io;

use rustix::termios::tcgetwinsize;

/// The columns and lines of the terminal that standard output goes to; nothing where it goes elsewhere.
pub(super) fn size() -> Option<(usize, usize)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    Some(or_usual(size.ws_col, size.ws_row))
}

/// A terminal that says 0 is one that was never told its size, as on a serial line.
fn or_usual(columns: u16, lines: u16) -> (usize, usize) {
    let or = |told: u16, usual| if told == 0 { usual } else { usize::from(told) };
    (or(columns, 80), or(lines, 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_was_never_told_its_size_has_the_usual_one() {
        assert_eq!(or_usual(132, 50), (132, 50));
        assert_eq!(or_usual(0, 50), (80, 50));
        assert_eq!(or_usual(0, 0), (80, 24));
    }
}
