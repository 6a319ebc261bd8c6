//! Compressed input: gzip, zstd and lz4, told by their first bytes and unpacked while reading.
//!
//! What can be unpacked before the damage in a damaged stream is handed out first, then the error.
//! Streams inside streams are not followed.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read};

use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::bytes::Order;
use super::grammar::MAGIC_LENGTH;

/// Compressed bytes fetched at a time.
const CHUNK: usize = 64 << 10;

/// How an input is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
    Lz4,
}

impl Packing {
    fn of(magic: &[u8]) -> Self {
        if magic.starts_with(&[0x1f, 0x8b]) {
            return Self::Gzip;
        }
        match magic.first_chunk::<MAGIC_LENGTH>().map(|magic| Order::Little.of_u32(*magic)) {
            Some(0xfd2f_b528) => Self::Zstd,
            // A skippable frame: zstd and lz4 share them, but only zstd's tools put one first.
            Some(magic) if magic & 0xffff_fff0 == SKIPPABLE => Self::Zstd,
            Some(0x184d_2204) => Self::Lz4,
            _ => Self::Plain,
        }
    }

    /// Its name, where there is something to name.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
            Self::Lz4 => Some("lz4"),
        }
    }
}

/// Looks at the first bytes of `input` and returns a reader of its unpacked content.
pub(super) fn unpack<R: Read + Send + 'static>(mut input: R) -> io::Result<(Packing, Box<dyn Read + Send>)> {
    let mut magic = Vec::with_capacity(MAGIC_LENGTH);
    (&mut input).take(MAGIC_LENGTH as u64).read_to_end(&mut magic)?;
    let packing = Packing::of(&magic);
    let whole = io::Cursor::new(magic).chain(input);
    let reader: Box<dyn Read + Send> = match packing {
        Packing::Plain => Box::new(whole),
        Packing::Gzip => Box::new(Gzip::new(BufReader::with_capacity(CHUNK, whole))),
        Packing::Zstd => Box::new(Zstd::new(BufReader::with_capacity(CHUNK, whole))),
        Packing::Lz4 => Box::new(Lz4::new(whole)),
    };
    Ok((packing, reader))
}

const SKIPPABLE: u32 = 0x184d_2a50;

fn cut_short() -> Error {
    Error::new(ErrorKind::UnexpectedEof, "the stream is cut short")
}

/// Passes over `length` bytes.
fn skip<R: Read>(input: &mut R, length: u64) -> io::Result<()> {
    let passed = io::copy(&mut input.take(length), &mut io::sink())?;
    if passed == length { Ok(()) } else { Err(cut_short()) }
}

/// Any number of gzip members, one after the other (RFC 1952, section 2.2).
///
/// flate2's own reader drops what it has unpacked in the call in which it meets damage.
struct Gzip<R> {
    input: R,
    /// The member that is being unpacked.
    member: Option<Box<Decompress>>,
    /// What went wrong; told when everything unpacked before it has been read.
    failure: Option<Error>,
    ended: bool,
}

/// The largest window there is (RFC 1951, section 2), as a power of two.
const GZIP_WINDOW: u8 = 15;

impl<R: BufRead> Gzip<R> {
    const fn new(input: R) -> Self {
        Self { input, member: None, failure: None, ended: false }
    }

    fn fail(&mut self, error: Error) {
        self.failure = Some(error);
        self.ended = true;
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while !room.is_empty() && !self.ended {
            let packed = self.input.fill_buf()?;
            let is_end = packed.is_empty();
            if is_end && self.member.is_none() {
                self.ended = true;
                break;
            }
            let member = self.member.get_or_insert_with(|| Box::new(Decompress::new_gzip(GZIP_WINDOW)));
            let (taken, given) = (member.total_in(), member.total_out());
            let unpacked = member.decompress(packed, room, FlushDecompress::None);
            let (taken, given) = ((member.total_in() - taken) as usize, (member.total_out() - given) as usize);
            self.input.consume(taken);
            match unpacked {
                Ok(Status::StreamEnd) => self.member = None,
                Ok(Status::Ok | Status::BufError) if taken > 0 || given > 0 => {}
                Ok(Status::Ok | Status::BufError) if is_end => self.fail(cut_short()),
                Ok(Status::Ok | Status::BufError) => {
                    self.fail(Error::new(ErrorKind::InvalidData, "corrupt deflate stream"));
                }
                // What exactly is wrong, zlib tells in one call or hides in the next, as the bytes come.
                Err(_) => self.fail(Error::new(ErrorKind::InvalidData, "corrupt deflate stream")),
            }
            if given > 0 {
                return Ok(given);
            }
        }
        self.failure.take().map_or(Ok(0), Err)
    }
}

/// Any number of zstd frames, one after the other, with skippable frames between them.
struct Zstd<R> {
    input: R,
    decoder: FrameDecoder,
    state: ZstdState,
    /// The block being decoded, with its header; at most 128 KiB.
    block: Vec<u8>,
    /// What went wrong; told when everything decoded before it has been read.
    failure: Option<Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ZstdState {
    BetweenFrames,
    InFrame,
    Failed,
}

/// A block header: last, raw, no bytes; then room for a checksum. Fed to the decoder after damage, it
/// ends the frame, so that the decoder hands out the window that it holds back for later blocks.
const ZSTD_LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
/// RFC 8878 section 3.1.1.2.4: no block is longer than this.
const ZSTD_LONGEST_BLOCK: usize = 128 << 10;

impl<R: BufRead> Zstd<R> {
    fn new(input: R) -> Self {
        Self { input, decoder: FrameDecoder::new(), state: ZstdState::BetweenFrames, block: Vec::new(), failure: None }
    }

    /// Begins the next frame; `false` at the end of the input.
    fn begin_frame(&mut self) -> io::Result<bool> {
        loop {
            let mut magic = Vec::with_capacity(MAGIC_LENGTH);
            (&mut self.input).take(MAGIC_LENGTH as u64).read_to_end(&mut magic)?;
            if magic.is_empty() {
                return Ok(false);
            }
            let Some(first) = magic.first_chunk::<MAGIC_LENGTH>() else { return Err(cut_short()) };
            // RFC 8878 section 3.1.2: four bytes of length, then user data.
            if Order::Little.of_u32(*first) & 0xffff_fff0 == SKIPPABLE {
                let mut length = [0; 4];
                self.input.read_exact(&mut length)?;
                skip(&mut self.input, u64::from(Order::Little.of_u32(length)))?;
                continue;
            }
            // One that has read a frame takes the memory of the next one's window at once, 128 MiB if its header says so.
            self.decoder = FrameDecoder::new();
            self.decoder.reset(io::Cursor::new(magic).chain(&mut self.input)).map_err(|error| {
                Error::new(ErrorKind::InvalidData, format!("the zstd frame header can't be read: {error}"))
            })?;
            return Ok(true);
        }
    }

    /// Decodes one block. The block is fetched whole first: a decoder that runs out of input in the
    /// middle of one leaves bytes behind that were never in the file.
    fn block(&mut self) -> io::Result<()> {
        let mut header = [0; 3];
        self.input.read_exact(&mut header)?;
        let [a, b, c] = header;
        // RFC 8878 section 3.1.1.2: last block (1 bit), type (2 bits), size (21 bits).
        let word = u32::from_le_bytes([a, b, c, 0]);
        let size = (word >> 3) as usize;
        let length = if word >> 1 & 3 == 1 { 1 } else { size };
        if length > ZSTD_LONGEST_BLOCK {
            return Err(Error::new(ErrorKind::InvalidData, format!("a zstd block claims {length} bytes")));
        }
        self.block.clear();
        self.block.extend_from_slice(&header);
        (&mut self.input).take(length as u64).read_to_end(&mut self.block)?;
        if self.block.len() != length + header.len() {
            return Err(cut_short());
        }
        // After the last block the decoder fetches the frame's checksum itself, if there is one.
        let source = io::Cursor::new(self.block.as_slice()).chain(&mut self.input);
        match self.decoder.decode_blocks(source, BlockDecodingStrategy::UptoBlocks(1)) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::new(ErrorKind::InvalidData, format!("a zstd block can't be decoded: {error}"))),
        }
    }

    fn fail(&mut self, error: Error) {
        self.failure = Some(error);
        self.state = ZstdState::Failed;
        // Errors are of no use here: what can be collected afterwards is all that matters.
        let _ = self.decoder.decode_blocks(ZSTD_LAST_BLOCK.as_slice(), BlockDecodingStrategy::UptoBlocks(1));
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.decoder.can_collect() > 0 && self.state != ZstdState::BetweenFrames {
                return self.decoder.read(room);
            }
            match self.state {
                ZstdState::Failed => return self.failure.take().map_or(Ok(0), Err),
                ZstdState::BetweenFrames => match self.begin_frame() {
                    Ok(true) => self.state = ZstdState::InFrame,
                    Ok(false) => return Ok(0),
                    Err(error) => {
                        // No frame is open, so there is nothing to collect.
                        self.state = ZstdState::Failed;
                        return Err(error);
                    }
                },
                ZstdState::InFrame if self.decoder.is_finished() => self.state = ZstdState::BetweenFrames,
                ZstdState::InFrame => {
                    if let Err(error) = self.block() {
                        self.fail(error);
                    }
                }
            }
        }
    }
}

/// Any number of lz4 frames, with skippable frames between them.
struct Lz4<R: Read> {
    decoder: lz4_flex::frame::FrameDecoder<Watched<BufReader<R>>>,
}

/// Remembers that a reader came to its end. lz4's decoder takes an end between two blocks for the end
/// of the frame; the difference is that it asked for more.
struct Watched<R> {
    inner: R,
    ended: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(room)?;
        self.ended |= count == 0 && !room.is_empty();
        Ok(count)
    }
}

impl<R: Read> Lz4<R> {
    fn new(input: R) -> Self {
        let inner = BufReader::with_capacity(CHUNK, input);
        Self { decoder: lz4_flex::frame::FrameDecoder::new(Watched { inner, ended: false }) }
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        loop {
            match self.decoder.read(room) {
                Ok(0) => {}
                Ok(count) => return Ok(count),
                Err(error) => match skippable(&error) {
                    Some(length) => {
                        skip(self.decoder.get_mut(), length)?;
                    }
                    None => return Err(error),
                },
            }
            if self.decoder.get_ref().ended {
                return Err(cut_short());
            }
            if self.decoder.get_mut().inner.fill_buf()?.is_empty() {
                return Ok(0);
            }
        }
    }
}

/// The length of a skippable frame that the decoder stumbled over.
fn skippable(error: &Error) -> Option<u64> {
    match error.get_ref()?.downcast_ref()? {
        lz4_flex::frame::Error::SkippableFrame(length) => Some(u64::from(*length)),
        _ => None,
    }
}
