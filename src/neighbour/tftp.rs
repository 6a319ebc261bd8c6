//! TFTP (RFC 1350), with options (RFC 2347): requests to port 69, and what follows them between two other ports.

use super::cursor::{Cursor, before_zero};
use super::{Datagram, Neighbour, Reading};
use crate::flow::Role;

const PORT: u16 = 69;

/// The longest name of a file that is kept, and shown in a line.
const LONGEST_NAME: usize = 255;

/// As many options as a request of 512 bytes has room for, and no more (RFC 2347).
const MOST_OPTIONS: usize = 64;

/// Without an option that says otherwise (RFC 1350, section 2).
const BLOCK: u32 = 512;

const ERRORS: [&str; 9] = [
    "Not defined",
    "File not found",
    "Access violation",
    "Disk full or allocation exceeded",
    "Illegal TFTP Operation",
    "Unknown transfer ID",
    "File already exists",
    "No such user",
    "Option negotiation failed",
];

/// A transfer that was asked for, so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The frame that asked for it.
    pub request: u64,
    /// The name of the file, as far as it is kept.
    file: Box<[u8]>,
    /// How long all blocks but the last are.
    block_size: u32,
    /// The whole number of the last block: that of the wire has 16 bits.
    block: u32,
}

impl Transfer {
    /// The transfer that a datagram asks for, if it does.
    pub fn asked(datagram: &Datagram<'_>, frame: u64) -> Option<Self> {
        if datagram.ports.1 != PORT {
            return None;
        }
        let mut rest = Cursor(datagram.bytes);
        rest.u16().filter(|operation| matches!(operation, 1 | 2))?;
        let file = rest.text()?;
        let file = file.get(..LONGEST_NAME).unwrap_or(file).into();
        Some(Self { request: frame, file, block_size: BLOCK, block: 0 })
    }

    /// What a datagram between the ports of this transfer says.
    pub fn read(&mut self, datagram: &Datagram<'_>) -> Option<Reading> {
        let mut reading = message(datagram, Some(self))?;
        // RFC 2348: the size that the server acknowledges counts.
        if datagram.bytes.starts_with(&[0, 6])
            && let Some(size) = options(datagram.bytes.get(2..).unwrap_or_default())
                .find(|(name, _)| name.eq_ignore_ascii_case(b"blksize"))
                .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok())
                .filter(|size| (8..=65_464).contains(size))
        {
            self.block_size = size;
        }
        reading.values.shrink_to_fit();
        Some(reading)
    }

    /// The whole number of a block: one near the last.
    fn whole(&mut self, block: u16) -> u32 {
        let near = self.block.wrapping_add(i32::from(block.wrapping_sub(self.block as u16) as i16) as u32);
        // Before the first block there is none.
        self.block = if self.block < 0x8000 && near > 0x8000_0000 { block.into() } else { near };
        self.block
    }
}

/// A request, or whatever comes from or goes to the port of requests.
pub(super) fn read(datagram: &Datagram<'_>) -> Option<Reading> {
    if datagram.is_on(PORT) { message(datagram, None) } else { None }
}

/// The options of a request, or of what acknowledges them.
fn options(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Cursor(bytes);
    std::iter::from_fn(move || Some((rest.text()?, rest.text()?))).take(MOST_OPTIONS)
}

fn message(datagram: &Datagram<'_>, mut transfer: Option<&mut Transfer>) -> Option<Reading> {
    let mut rest = Cursor(datagram.bytes);
    let operation = rest.u16().filter(|operation| (1..=6).contains(operation))?;
    let mut reading = Reading::new(Neighbour::Tftp);
    reading.number("tftp.opcode", operation);
    if operation > 2
        && let Some(transfer) = &transfer
    {
        reading.text("tftp.destination_file", &transfer.file);
        reading.number("tftp.request_frame", transfer.request);
    }
    match operation {
        1 | 2 => request(&mut reading, operation, &mut rest),
        3 | 4 => {
            let block = rest.u16()?;
            reading.number("tftp.block", block);
            let (full, size) = match &mut transfer {
                Some(transfer) => (transfer.whole(block), transfer.block_size),
                None => (block.into(), BLOCK),
            };
            reading.number("tftp.block.full", full);
            let length = datagram.length.saturating_sub(4);
            reading.info = if operation == 4 {
                format!("Acknowledgement, Block: {full}")
            } else if length < size {
                format!("Data Packet, Block: {full} (last), {length} bytes")
            } else {
                format!("Data Packet, Block: {full}, {length} bytes")
            };
        }
        5 => {
            let code = rest.u16()?;
            let text = before_zero(rest.0);
            let text = text.get(..LONGEST_NAME).unwrap_or(text);
            reading.number("tftp.error.code", code);
            reading.text("tftp.error.message", text);
            let name = ERRORS.get(usize::from(code)).copied().unwrap_or("Unknown");
            reading.info = format!("Error Code, Code: {name}, Message: {}", String::from_utf8_lossy(text));
        }
        _ => {
            "Option Acknowledgement".clone_into(&mut reading.info);
            put_options(&mut reading, rest.0);
        }
    }
    Some(reading)
}

fn request(reading: &mut Reading, operation: u16, rest: &mut Cursor<'_>) {
    reading.sender = Some(Role::Client);
    let kind = if operation == 1 { "Read Request" } else { "Write Request" };
    let name = if operation == 1 { "tftp.source_file" } else { "tftp.destination_file" };
    let Some(file) = rest.text() else {
        reading.info = format!("{kind} (cut short)");
        return;
    };
    let file = file.get(..LONGEST_NAME).unwrap_or(file);
    reading.text(name, file);
    let mode = rest.text();
    reading.info = format!("{kind}, File: {}", String::from_utf8_lossy(file));
    if let Some(mode) = mode {
        let mode = mode.get(..LONGEST_NAME).unwrap_or(mode);
        reading.text("tftp.type", mode);
        reading.say(format_args!(", Transfer type: {}", String::from_utf8_lossy(mode)));
    } else {
        reading.info += " (cut short)";
    }
    put_options(reading, rest.0);
}

fn put_options(reading: &mut Reading, bytes: &[u8]) {
    for (name, value) in options(bytes) {
        reading.text("tftp.option.name", name);
        reading.text("tftp.option.value", value);
        if reading.info.len() < 2 * LONGEST_NAME {
            let cut = |text| String::from_utf8_lossy(<[u8]>::get(text, ..LONGEST_NAME).unwrap_or(text)).into_owned();
            reading.say(format_args!(", {}={}", cut(name), cut(value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(ports: (u16, u16), bytes: &[u8]) -> Datagram<'_> {
        Datagram { ports, bytes, length: bytes.len() as u32 }
    }

    #[test]
    fn a_request_has_its_options() {
        let bytes = b"\0\x01boot.bin\0octet\0blksize\x001024\0tsize\x000\0";
        let reading = read(&datagram((40_000, 69), bytes)).expect("a request");
        assert_eq!(reading.info, "Read Request, File: boot.bin, Transfer type: octet, blksize=1024, tsize=0");
        assert!(read(&datagram((40_000, 70), bytes)).is_none(), "requests go to port 69");
        let cut = read(&datagram((40_000, 69), &bytes[..6])).expect("the beginning of one");
        assert_eq!(cut.info, "Read Request (cut short)");
    }

    #[test]
    fn a_transfer_knows_its_file_and_which_block_is_the_last() {
        let request = datagram((40_000, 69), b"\0\x02log.txt\0octet\0");
        let mut transfer = Transfer::asked(&request, 7).expect("it asks");
        let accepted = transfer.read(&datagram((3000, 40_000), b"\0\x06blksize\x0016\0")).expect("options");
        assert_eq!(accepted.info, "Option Acknowledgement, blksize=16");
        assert!(accepted.values.contains(&("tftp.destination_file", super::super::Value::Text(b"log.txt".to_vec()))));
        let full = transfer.read(&datagram((40_000, 3000), b"\0\x03\0\x01sixteen bytes...")).expect("data");
        assert_eq!(full.info, "Data Packet, Block: 1, 16 bytes");
        let last = transfer.read(&datagram((40_000, 3000), b"\0\x03\0\x02less")).expect("data");
        assert_eq!(last.info, "Data Packet, Block: 2 (last), 4 bytes");
        assert!(transfer.read(&datagram((40_000, 3000), b"\0\x09")).is_none(), "no such operation");
    }

    #[test]
    fn blocks_count_on_where_their_numbers_begin_again() {
        let request = datagram((40_000, 69), b"\0\x01big\0octet\0");
        let mut transfer = Transfer::asked(&request, 1).expect("it asks");
        let mut whole = |block| transfer.whole(block);
        assert_eq!([whole(0), whole(1), whole(0x7000), whole(0xe000), whole(0xffff)], [0, 1, 0x7000, 0xe000, 0xffff]);
        assert_eq!([whole(0), whole(1), whole(0xffff), whole(2)], [0x10000, 0x10001, 0xffff, 0x10002]);
    }
}
