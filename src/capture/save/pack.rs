//! Packing what is written: gzip or zstd, told by the end of the file's name.
//!
//! A flush makes a point up to which a reader can unpack, also if nothing ever follows: so that a file can be read while
//! it grows, and after a crash. Each costs a little of the ratio, so once a second is often enough.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::write::GzEncoder;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Packing {
    /// As it is.
    #[default]
    Plain,
    /// gzip (RFC 1952).
    Gzip,
    /// zstd (RFC 8878).
    Zstd,
}

impl Packing {
    /// What the end of a file name asks for: `.gz`, or `.zst` and `.zstd`; and the name without that end.
    pub fn of_name(name: &str) -> (Self, &str) {
        let ends = [(".gz", Self::Gzip), (".zst", Self::Zstd), (".zstd", Self::Zstd)];
        for (end, packing) in ends {
            let at = name.len().saturating_sub(end.len());
            if at > 0 && name.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(end)) {
                return (packing, name.get(..at).unwrap_or_default());
            }
        }
        (Self::Plain, name)
    }

    /// The same of a path.
    pub fn of_path(path: &Path) -> Self {
        path.file_name().and_then(|name| name.to_str()).map_or(Self::Plain, |name| Self::of_name(name).0)
    }

    /// Whether this build can write it.
    pub const fn is_built(self) -> bool {
        match self {
            Self::Plain | Self::Gzip => true,
            Self::Zstd => cfg!(feature = "zstd"),
        }
    }
}

/// gzip's level: the third part smaller than the fastest one packs captures, at four fifths of its speed. The levels above
/// are half as fast for a twentieth.
const GZIP_LEVEL: u32 = 2;
/// zstd's own default; it packs captures tighter than gzip, twice as fast.
#[cfg(feature = "zstd")]
const ZSTD_LEVEL: i32 = 3;
/// How much is put together before it is packed and handed to the system.
const BUFFER: usize = 64 << 10;

/// Bytes on their way to a file, packed, and counted where they leave.
pub struct Packed {
    out: BufWriter<Packer>,
    is_packed: bool,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed").field("bytes_out", &self.bytes_out()).finish_non_exhaustive()
    }
}

impl Packed {
    /// Packs into anything.
    pub fn new(out: Box<dyn Write + Send>, packing: Packing) -> io::Result<Self> {
        let out = Counted { out, bytes: 0 };
        let packer = match packing {
            Packing::Plain => Packer::Plain(out),
            Packing::Gzip => Packer::Gzip(Box::new(GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL)))),
            #[cfg(feature = "zstd")]
            Packing::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Packer::Zstd(Box::new(encoder))
            }
            #[cfg(not(feature = "zstd"))]
            Packing::Zstd => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "this build can't write zstd; name it .gz"));
            }
        };
        Ok(Self { out: BufWriter::with_capacity(BUFFER, packer), is_packed: packing != Packing::Plain })
    }

    /// Bytes that have left for the file: what it holds by now. Less than was written, by what waits to be packed.
    pub fn bytes_out(&self) -> u64 {
        match self.out.get_ref() {
            Packer::Plain(out) => out.bytes,
            Packer::Gzip(encoder) => encoder.get_ref().bytes,
            #[cfg(feature = "zstd")]
            Packer::Zstd(encoder) => encoder.get_ref().bytes,
        }
    }

    /// Whether flushing costs something beside a system call.
    pub const fn is_packed(&self) -> bool {
        self.is_packed
    }

    /// Completes the file.
    pub fn finish(self) -> io::Result<()> {
        let packer = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let mut out = match packer {
            Packer::Plain(out) => out,
            Packer::Gzip(encoder) => encoder.finish()?,
            #[cfg(feature = "zstd")]
            Packer::Zstd(encoder) => encoder.finish()?,
        };
        out.flush()
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    /// Without this it is made of calls of `write`, each with its count.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

enum Packer {
    Plain(Counted),
    Gzip(Box<GzEncoder<Counted>>),
    #[cfg(feature = "zstd")]
    Zstd(Box<zstd::stream::write::Encoder<'static, Counted>>),
}

impl Write for Packer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            #[cfg(feature = "zstd")]
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            #[cfg(feature = "zstd")]
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

struct Counted {
    out: Box<dyn Write + Send>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
