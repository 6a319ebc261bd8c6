//! Capture files made by hand, and a reader that collects everything, for the tests of this room.

use std::io::Read;

use super::bytes::Order;
use super::{Batch, File, Fill, FrameHeader, LinkType, Source, SourceReport};
use crate::time::Timestamp;

/// A frame with its own bytes, and the comments on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) header: FrameHeader,
    pub(super) data: Vec<u8>,
    pub(super) comments: Vec<String>,
}

/// Reads a source to its end.
pub(super) fn drain(source: &mut dyn Source) -> Vec<Owned> {
    let (mut batch, mut all) = (Batch::new(), Vec::new());
    loop {
        batch.advance();
        let fill = source.fill(&mut batch);
        for frame in batch.frames() {
            assert_eq!(frame.number.0, all.len() as u64 + 1);
            all.push(Owned {
                header: frame.header,
                data: frame.data.to_vec(),
                comments: batch.comments(frame.number).map(String::from).collect(),
            });
        }
        if fill == Fill::End {
            return all;
        }
    }
}

/// Reads a file from anything.
pub(super) fn read_from(reader: impl Read + Send + 'static) -> (Vec<Owned>, SourceReport) {
    // Small reads, as a fresh buffer is cleared once: thousands of files are read in these tests.
    let mut file = File::from_reader(reader, "test").with_chunk(1 << 12);
    let frames = drain(&mut file);
    (frames, file.report())
}

/// Reads a file from bytes.
pub(super) fn read(bytes: &[u8]) -> (Vec<Owned>, SourceReport) {
    read_from(std::io::Cursor::new(bytes.to_vec()))
}

/// Reads a file that must be without a problem.
#[track_caller]
pub(super) fn read_good(bytes: &[u8]) -> Vec<Owned> {
    let (frames, report) = read(bytes);
    assert_eq!(report.problems, []);
    frames
}

/// A fixture of this repository.
pub(super) fn fixture(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats").join(name);
    std::fs::read(path).unwrap()
}

/// Hands out one byte at a time.
pub(super) struct Trickle(pub(super) std::io::Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let length = room.len().min(1);
        self.0.read(&mut room[..length])
    }
}

pub(super) fn header(nanos: i64) -> FrameHeader {
    FrameHeader { time: Timestamp::from_nanos(nanos), link: LinkType::ETHERNET, length: 0, interface: 0, fcs_length: 0 }
}

/// Writes numbers in one byte order.
#[derive(Clone, Copy)]
pub(super) struct Writer(pub(super) Order);

impl Writer {
    pub(super) fn u16(self, value: u16) -> [u8; 2] {
        match self.0 {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        }
    }

    pub(super) fn u32(self, value: u32) -> [u8; 4] {
        match self.0 {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        }
    }

    pub(super) fn u64(self, value: u64) -> [u8; 8] {
        match self.0 {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        }
    }

    /// A pcap file header of version 2.4.
    pub(super) fn pcap(self, magic: u32, snaplen: u32, link: u32) -> Vec<u8> {
        let mut file = self.u32(magic).to_vec();
        file.extend(self.u16(2));
        file.extend(self.u16(4));
        file.extend([0; 8]);
        file.extend(self.u32(snaplen));
        file.extend(self.u32(link));
        file
    }

    /// A pcap record.
    pub(super) fn record(self, seconds: u32, fraction: u32, length: u32, data: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        for field in [seconds, fraction, data.len() as u32, length] {
            record.extend(self.u32(field));
        }
        record.extend(data);
        record
    }

    /// A pcapng block; the body is padded.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let total = self.u32(padded as u32 + 12);
        let mut block = [self.u32(kind), total].concat();
        block.extend(body);
        block.resize(8 + padded, 0);
        block.extend(total);
        block
    }

    pub(super) fn section(self) -> Vec<u8> {
        let body = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &self.u64(u64::MAX)].concat();
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [self.u16(code), self.u16(value.len() as u16)].concat();
        option.extend(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    pub(super) fn interface(self, link: u16, snaplen: u32, options: &[Vec<u8>]) -> Vec<u8> {
        let mut body = [&self.u16(link)[..], &[0; 2], &self.u32(snaplen)].concat();
        body.extend(options.concat());
        self.block(1, &body)
    }

    /// Enhanced Packet Block. What pads the data is 0xee, so that it shows where it leaks.
    pub(super) fn enhanced(self, interface: u32, ticks: u64, length: u32, data: &[u8], options: &[Vec<u8>]) -> Vec<u8> {
        let mut body = Vec::new();
        for field in [interface, (ticks >> 32) as u32, ticks as u32, data.len() as u32, length] {
            body.extend(self.u32(field));
        }
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0xee);
        body.extend(options.concat());
        self.block(6, &body)
    }
}
