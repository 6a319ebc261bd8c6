//! Telnet (RFC 854): commands and what options are negotiated. Of text only how long it is, for passwords are among it.

use std::fmt::Write as _;

use super::line::looked;
use super::{Seen, Step, StreamReader, Until};
use crate::flow::{Direction, PerDirection};
use crate::neighbour::{Neighbour, Reading};

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;

/// Names of options: those that are met, of the register at IANA.
const OPTIONS: [(u8, &str); 24] = [
    (0, "Binary Transmission"),
    (1, "Echo"),
    (3, "Suppress Go Ahead"),
    (5, "Status"),
    (6, "Timing Mark"),
    (18, "Logout"),
    (23, "Send Location"),
    (24, "Terminal Type"),
    (25, "End of Record"),
    (31, "Negotiate About Window Size"),
    (32, "Terminal Speed"),
    (33, "Remote Flow Control"),
    (34, "Linemode"),
    (35, "X Display Location"),
    (36, "Environment"),
    (37, "Authentication"),
    (38, "Encryption"),
    (39, "New Environment"),
    (40, "TN3270E"),
    (42, "Charset"),
    (44, "Com Port Control"),
    (46, "START_TLS"),
    (86, "MCCP2"),
    (201, "GMCP"),
];

/// The names of commands from 240 on.
const COMMANDS: [&str; 16] = [
    "Suboption End",
    "No Operation",
    "Data Mark",
    "Break",
    "Interrupt Process",
    "Abort Output",
    "Are You There?",
    "Erase Character",
    "Erase Line",
    "Go Ahead",
    "Suboption",
    "Will",
    "Won't",
    "Do",
    "Don't",
    "IAC",
];

/// Reads both directions.
#[derive(Debug, Default)]
pub(super) struct Telnet {
    /// Bytes of text since the last line end or command.
    text: PerDirection<u64>,
    /// Where the suboption at hand is known to go on without an end.
    within: PerDirection<usize>,
}

impl Telnet {
    fn told_text(&mut self, seen: &mut Seen<'_>) {
        let length = std::mem::take(&mut self.text[seen.direction]);
        if length > 0 && seen.wants() {
            let mut reading = Reading::new(Neighbour::Telnet);
            reading.info = format!("{length} bytes of text");
            reading.number("telnet.data.length", length);
            seen.tell(reading);
        }
    }
}

impl StreamReader for Telnet {
    fn read(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        match *bytes {
            [] | [IAC] | [IAC, 251..=254] => Step::More(Until::Any),
            // The byte itself, doubled.
            [IAC, IAC, ..] => {
                self.text[seen.direction] += 1;
                Step::Take(2)
            }
            [IAC, command, ref rest @ ..] => {
                let (option, take) = match command {
                    251..=254 => (rest.first().copied(), 3),
                    SB => match end_of_option(rest, &mut self.within[seen.direction]) {
                        Some(end) => (rest.first().copied(), 2 + end),
                        None => return Step::More(Until::Any),
                    },
                    _ => (None, 2),
                };
                self.told_text(seen);
                if seen.wants() {
                    let mut reading = Reading::new(Neighbour::Telnet);
                    reading.info = command
                        .checked_sub(SE)
                        .and_then(|at| COMMANDS.get(usize::from(at)).copied())
                        .unwrap_or("Command")
                        .into();
                    reading.number("telnet.cmd", command);
                    if let Some(option) = option {
                        reading.number("telnet.subcmd", option);
                        let name = OPTIONS.iter().find(|(known, _)| *known == option).map(|(_, name)| *name);
                        match name {
                            Some(name) => {
                                let _ = write!(reading.info, " {name}");
                            }
                            None => {
                                let _ = write!(reading.info, " option {option}");
                            }
                        }
                        if command == SB {
                            suboption(option, rest.get(1..).unwrap_or_default(), &mut reading);
                        }
                    }
                    seen.tell(reading);
                    if command == SB {
                        let mut reading = Reading::new(Neighbour::Telnet);
                        reading.info = "Suboption End".into();
                        reading.number("telnet.cmd", SE);
                        seen.tell(reading);
                    }
                }
                Step::Take(take)
            }
            _ => {
                let text = bytes.iter().position(|byte| matches!(*byte, IAC | b'\n')).unwrap_or(bytes.len());
                let ends = bytes.get(text) == Some(&b'\n');
                let take = text + usize::from(ends);
                self.text[seen.direction] += take as u64;
                if ends {
                    self.told_text(seen);
                }
                Step::Take(take)
            }
        }
    }

    fn lost(&mut self, direction: Direction) {
        self.text[direction] = 0;
        self.within[direction] = 0;
    }

    fn cut(&mut self, _: &[u8], seen: &mut Seen<'_>) {
        self.told_text(seen);
    }
}

/// What a suboption says, where that is no text of its user.
fn suboption(option: u8, bytes: &[u8], reading: &mut Reading) {
    match (option, bytes) {
        // Terminal type, speed, display (RFC 1091, 1079, 1096): whether it is told or asked for.
        (24 | 32 | 35, [what, ..]) => {
            reading.number("telnet.subcmd", *what);
            reading.info.push_str(if *what == 1 { ", asked for" } else { ", told" });
        }
        // The size of a window (RFC 1073); 255 stands there twice.
        (31, [a, b, c, d, IAC, SE, ..]) => {
            let (width, height) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
            reading.number("telnet.naws_subopt.width", width);
            reading.number("telnet.naws_subopt.height", height);
            let _ = write!(reading.info, ", {width} by {height}");
        }
        _ => {}
    }
}

/// Where the suboption ends, its end counted; IAC within it is doubled (RFC 855). It is looked for from `at` on, which is moved
/// on, or back to the beginning behind the end.
fn end_of_option(bytes: &[u8], at: &mut usize) -> Option<usize> {
    loop {
        let rest = bytes.get(*at..)?;
        looked(rest.len().min(1));
        match rest {
            [IAC, SE, ..] => return Some(std::mem::take(at) + 2),
            [IAC, _, ..] => *at += 2,
            [IAC] | [] => return None,
            _ => *at += 1,
        }
    }
}
