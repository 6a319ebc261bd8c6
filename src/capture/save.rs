//! Writing captures: plain pcap, or pcapng with several interfaces and comments; packed, and in files of a handy size.
//!
//! It writes frames as they are; choosing them is left to the caller.

mod frames;
mod name;
mod pack;
mod rotate;
mod series;
#[cfg(test)]
mod tests;

pub use name::{Pattern, PatternError};
pub use pack::{Packed, Packing};
pub use rotate::{Limits, Rotation};
pub use series::{NotBegun, Note, Series};

use std::collections::HashMap;
use std::fs;
use std::io::{self, Error, ErrorKind, Write};
use std::path::Path;

use frames::Frames;

use super::{Frame, LinkType, Secrets};
use crate::text::beginning;

/// The format of a capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Classic pcap: one link type, no comments; every tool reads it.
    Pcap,
    /// pcapng: several interfaces and link types, nanoseconds, comments.
    Pcapng,
}

impl Format {
    /// The format that the end of a file name asks for: `.pcap`, `.cap` and `.dmp`, or `.pcapng` and `.ntar`; behind any
    /// of them may stand how it is packed.
    pub fn of_path(path: &Path) -> Option<Self> {
        let (_, plain) = Packing::of_name(path.file_name()?.to_str()?);
        let extension = Path::new(plain).extension()?.to_str()?;
        match extension.to_ascii_lowercase().as_str() {
            "pcap" | "cap" | "dmp" => Some(Self::Pcap),
            "pcapng" | "ntar" => Some(Self::Pcapng),
            _ => None,
        }
    }
}

/// How a capture is to be written.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file's format.
    pub format: Format,
    /// How it is packed.
    pub packing: Packing,
    /// Whether times are kept to the nanosecond; otherwise they are cut to microseconds, which older
    /// tools expect of a pcap file.
    pub nanoseconds: bool,
    /// The most bytes of a frame that were captured, for the file's header; 0 where there was no limit.
    pub snaplen: u32,
    /// The link type for a file that turns out to hold no frame; a pcap file must name one.
    pub link: LinkType,
    /// Names of the interfaces, by the number in [`FrameHeader::interface`](super::FrameHeader::interface);
    /// kept by pcapng only.
    pub interfaces: Vec<String>,
    /// What decrypts the frames, to stand before them; kept by pcapng only.
    pub secrets: Option<Secrets>,
}

impl Options {
    /// Nanoseconds, no snap length, no interface names; not packed.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            packing: Packing::Plain,
            nanoseconds: true,
            snaplen: 0,
            link: LinkType::ETHERNET,
            interfaces: Vec::new(),
            secrets: None,
        }
    }

    /// The same, with the format and packing that the name of a file asks for: pcapng, if it asks for none.
    pub fn of_path(path: &Path) -> Self {
        let format = Format::of_path(path).unwrap_or(Format::Pcapng);
        Self { packing: Packing::of_path(path), ..Self::new(format) }
    }

    /// Gives an interface a name, or no name.
    pub fn name_interface(&mut self, interface: u32, name: &str) {
        let at = interface as usize;
        if at < INTERFACES {
            let names = &mut self.interfaces;
            names.resize(names.len().max(at + 1), String::new());
            if let Some(known) = names.get_mut(at) {
                name.clone_into(known);
            }
        }
    }
}

/// Writes a capture. Call [`Writer::write`] for each frame, then [`Writer::finish`]; a writer that is
/// dropped loses what was not flushed.
pub struct Writer {
    out: Packed,
    options: Options,
    state: State,
    bytes: u64,
    frames: Frames,
}

#[derive(Debug)]
enum State {
    /// The link type and frame check sequence length of a pcap file, once its header is written.
    Pcap(Option<(LinkType, u8)>),
    /// The numbers in the file of interface, link type and frame check sequence length.
    Pcapng { described: HashMap<(u32, LinkType, u8), u32>, begun: bool },
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("options", &self.options).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// The most interfaces that have names, as many as are told apart in a file that is read.
const INTERFACES: usize = 1 << 16;
/// The length that stands for "no limit" in a pcap file, as tcpdump writes it.
const NO_SNAPLEN: u32 = 262_144;

impl Writer {
    /// Creates the file, or empties it if it exists; `-` is standard output.
    ///
    /// A new file can be read by its owner alone, as captures hold passwords. A symbolic link is
    /// refused: a capture runs with privileges, and whoever planted the link would choose what they overwrite.
    pub fn create(path: &Path, options: Options) -> io::Result<Self> {
        let out: Box<dyn Write + Send> =
            if path == Path::new("-") { Box::new(io::stdout()) } else { Box::new(create(path)?) };
        Self::new(out, options)
    }

    /// Writes to anything.
    pub fn new(out: Box<dyn Write + Send>, options: Options) -> io::Result<Self> {
        let state = match options.format {
            Format::Pcap => State::Pcap(None),
            Format::Pcapng => State::Pcapng { described: HashMap::new(), begun: false },
        };
        Ok(Self { out: Packed::new(out, options.packing)?, options, state, bytes: 0, frames: Frames::default() })
    }

    /// Bytes written so far, before they are packed; the ones still buffered included.
    pub fn bytes_written(&self) -> u64 {
        self.bytes
    }

    /// How large the file would be with this frame, comments and new interfaces left aside. What is packed is not known
    /// before it is: then this is how large the file is.
    pub fn bytes_with(&self, frame: &Frame<'_>) -> u64 {
        if self.out.is_packed() {
            return self.out.bytes_out();
        }
        self.bytes
            + match self.options.format {
                Format::Pcap => 16 + frame.data.len() as u64,
                Format::Pcapng => 32 + frame.data.len().next_multiple_of(4) as u64,
            }
    }

    /// Whether flushing costs something beside a system call: it makes a packed file a little larger.
    pub fn is_packed(&self) -> bool {
        self.out.is_packed()
    }

    /// Writes a frame. A pcap file takes frames of one link type only.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        self.write_commented(frame, std::iter::empty())
    }

    /// Writes a frame with comments, which a pcap file can't keep and silently leaves out.
    pub fn write_commented<'a>(
        &mut self,
        frame: &Frame<'_>,
        comments: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<()> {
        let id = self.prepare(frame.header.link, frame.header.fcs_length, frame.header.interface)?;
        match self.options.format {
            Format::Pcap => self.record(frame)?,
            Format::Pcapng => self.packet(frame, id, comments)?,
        }
        // Of what is packed nobody knows where it is before it is flushed.
        let (end, out) = if self.out.is_packed() { (0, None) } else { (self.bytes, Some(self.out.bytes_out())) };
        self.frames.wrote(end, out);
        Ok(())
    }

    /// How many frames are known to be in the file as a whole. Of a packed one there may be more.
    pub fn frames_out(&self) -> u64 {
        let out = if self.out.is_packed() { 0 } else { self.out.bytes_out() };
        self.frames.out_with(out)
    }

    /// Gives an interface a name, or no name. To be called before its first frame is written.
    pub fn name_interface(&mut self, interface: u32, name: &str) {
        self.options.name_interface(interface, name);
    }

    /// Hands everything written so far to the system, so that another program can read it, also where it is packed.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.frames.all_out();
        Ok(())
    }

    /// Writes what stands before the first frame, which is of this link type, and hands it to the system: from then on
    /// the file is a capture, whenever the program comes to its end.
    pub fn begin(&mut self, link: LinkType, fcs_length: u8, interface: u32) -> io::Result<()> {
        self.prepare(link, fcs_length, interface)?;
        self.flush()
    }

    /// Completes the file. One without frames is a valid capture too.
    pub fn finish(mut self) -> io::Result<()> {
        let empty = match &self.state {
            State::Pcap(header) => header.is_none(),
            State::Pcapng { begun, .. } => !begun,
        };
        if empty {
            self.prepare(self.options.link, 0, 0)?;
        }
        self.out.finish()
    }

    /// Writes what must stand before a frame of this kind; returns the interface's number in the file.
    fn prepare(&mut self, link: LinkType, fcs_length: u8, interface: u32) -> io::Result<u32> {
        match &mut self.state {
            State::Pcap(Some(seen)) if seen.0 == link => Ok(0),
            State::Pcap(Some((seen, _))) => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("a pcap file holds one link type, and this one has {seen} and now {link}; name it .pcapng"),
            )),
            State::Pcap(header) => {
                *header = Some((link, fcs_length));
                self.file_header(link, fcs_length)?;
                Ok(0)
            }
            State::Pcapng { described, begun } => {
                let key = (interface, link, fcs_length);
                if let Some(id) = described.get(&key) {
                    return Ok(*id);
                }
                let id = described.len() as u32;
                described.insert(key, id);
                if !std::mem::replace(begun, true) {
                    self.section_header()?;
                    if let Some(secrets) = self.options.secrets.take() {
                        self.secrets(&secrets)?;
                    }
                }
                self.interface(key)?;
                Ok(id)
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn snaplen(&self) -> u32 {
        if self.options.snaplen == 0 { NO_SNAPLEN } else { self.options.snaplen }
    }

    /// The header of a pcap file, little-endian on every machine so that the same capture is the same file.
    fn file_header(&mut self, link: LinkType, fcs_length: u8) -> io::Result<()> {
        let magic: u32 = if self.options.nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        // Units of 16 bits in the upper four bits, and bit 26 to say that they count.
        let fcs = match fcs_length / 2 {
            0 => 0,
            units => u32::from(units & 0xf) << 28 | 0x0400_0000,
        };
        let mut header = Vec::with_capacity(24);
        header.extend(magic.to_le_bytes());
        header.extend([2, 0, 4, 0]);
        header.extend([0; 8]);
        header.extend(self.snaplen().to_le_bytes());
        header.extend((u32::from(link.0) | fcs).to_le_bytes());
        self.put(&header)
    }

    fn record(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let nanos = frame.header.time.as_nanos();
        // Seconds are unsigned 32 bits in this format; what lies before 1970 or after 2106 stops at the end.
        let seconds = nanos.div_euclid(1_000_000_000).clamp(0, i64::from(u32::MAX)) as u32;
        let nanos = nanos.rem_euclid(1_000_000_000) as u32;
        let fraction = if self.options.nanoseconds { nanos } else { nanos / 1000 };
        let captured = length_of(frame.data)?;
        let mut header = [0; 16];
        for (field, value) in header.chunks_exact_mut(4).zip([seconds, fraction, captured, frame.header.length]) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        self.put(&header)?;
        self.put(frame.data)
    }

    fn section_header(&mut self) -> io::Result<()> {
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        // The section's length: not known in advance.
        body.extend((-1_i64).to_le_bytes());
        option(&mut body, 4, concat!("mqttsniff ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(&mut body, 0, &[]);
        self.block(0x0a0d_0d0a, &body)
    }

    /// Decryption Secrets Block.
    fn secrets(&mut self, secrets: &Secrets) -> io::Result<()> {
        let length = u32::try_from(secrets.bytes.len()).map_err(|_| too_long())?;
        let mut body = Vec::new();
        body.extend(secrets.kind.to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(&secrets.bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        self.block(10, &body)
    }

    fn interface(&mut self, (interface, link, fcs_length): (u32, LinkType, u8)) -> io::Result<()> {
        let mut body = Vec::new();
        body.extend(link.0.to_le_bytes());
        body.extend([0; 2]);
        body.extend(self.options.snaplen.to_le_bytes());
        if let Some(name) = self.options.interfaces.get(interface as usize).filter(|name| !name.is_empty()) {
            option(&mut body, 2, name.as_bytes());
        }
        option(&mut body, 9, &[if self.options.nanoseconds { 9 } else { 6 }]);
        if fcs_length != 0 {
            option(&mut body, 13, &[fcs_length.saturating_mul(8)]);
        }
        option(&mut body, 0, &[]);
        self.block(1, &body)
    }

    /// Enhanced Packet Block, written piece by piece so that the data is not copied on the way.
    fn packet<'a>(
        &mut self,
        frame: &Frame<'_>,
        id: u32,
        comments: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<()> {
        // The count is unsigned: what lies before 1970 stops there.
        let nanos = u64::try_from(frame.header.time.as_nanos()).unwrap_or(0);
        let ticks = if self.options.nanoseconds { nanos } else { nanos / 1000 };
        let mut options = Vec::new();
        for comment in comments {
            option(&mut options, 1, comment.as_bytes());
        }
        if !options.is_empty() {
            option(&mut options, 0, &[]);
        }
        let captured = length_of(frame.data)?;
        let padding = frame.data.len().next_multiple_of(4) - frame.data.len();
        let total = u32::try_from(32 + frame.data.len() + padding + options.len()).map_err(|_| too_long())?;
        let mut header = [0; 28];
        let fields = [6, total, id, (ticks >> 32) as u32, ticks as u32, captured, frame.header.length];
        for (field, value) in header.chunks_exact_mut(4).zip(fields) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        self.put(&header)?;
        self.put(frame.data)?;
        self.put([0; 3].get(..padding).unwrap_or_default())?;
        self.put(&options)?;
        self.put(&total.to_le_bytes())
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let total = u32::try_from(body.len() + 12).map_err(|_| too_long())?;
        self.put(&kind.to_le_bytes())?;
        self.put(&total.to_le_bytes())?;
        self.put(body)?;
        self.put(&total.to_le_bytes())
    }
}

fn too_long() -> Error {
    Error::new(ErrorKind::InvalidInput, "a frame is too long for a capture file")
}

fn length_of(data: &[u8]) -> io::Result<u32> {
    u32::try_from(data.len()).map_err(|_| too_long())
}

/// Appends an option; a value longer than its 16-bit length can tell is cut at a character's end.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = beginning(value, usize::from(u16::MAX));
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Creates a file that its owner alone can read, or empties it, through no symbolic link.
pub fn create(path: &Path) -> io::Result<fs::File> {
    match series::create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        result => return result,
    }
    let seen = fs::symlink_metadata(path)?;
    if seen.is_symlink() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "is a symbolic link, through which nothing is written; name the file itself",
        ));
    }
    // Emptied only once it is known to be the file that was looked at.
    let file = fs::OpenOptions::new().write(true).open(path)?;
    let opened = file.metadata()?;
    if !same_file(&seen, &opened) {
        return Err(Error::other("was replaced while it was being opened"));
    }
    if opened.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

#[cfg(unix)]
fn same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same_file(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}
