//! Where frames come from and where they are kept: capture files, pipes and network cards in,
//! capture files out.
//!
//! It knows records, blocks and compression, and nothing of what is inside a frame.

mod ahead;
mod bytes;
mod compressed;
mod file;
mod foreign;
mod frame;
mod grammar;
mod growing;
pub mod interfaces;
mod link_type;
pub mod live;
mod merge;
mod pcap;
mod pcapng;
pub mod save;
#[cfg(test)]
mod testing;

pub use ahead::{Ahead, AheadOptions, Tap};
pub use file::File;
pub use frame::{Batch, Frame, FrameHeader, FrameNo, Lost, Origin, Place};
pub use growing::Growing;
pub use link_type::LinkType;
pub use merge::{Input, open};

/// Something that yields frames in batches.
///
/// The caller empties the batch ([`Batch::advance`]), calls [`Source::fill`], reads the frames, and
/// does so again until the answer is [`Fill::End`]; then it asks for [`Source::report`].
pub trait Source {
    /// Appends the next frames to an empty batch. A batch left empty with [`Fill::More`] means that
    /// nothing has arrived yet (live capture): call again.
    ///
    /// Input that is damaged or cut short is no reason to give up what can be read: the frames before
    /// the damage are delivered, the rest of that input is left out, and the report says so.
    fn fill(&mut self, batch: &mut Batch) -> Fill;

    /// What is known of the input so far: bytes, problems, drops.
    fn report(&self) -> SourceReport;

    /// Whether [`Source::fill`] may wait for what is not there yet, so that what was fetched before should not wait with it.
    fn may_wait(&self) -> bool {
        true
    }

    /// The name of an interface, by the number in [`FrameHeader::interface`]; known at the latest with its first frame.
    fn interface_name(&self, _interface: u32) -> Option<&str> {
        None
    }
}

/// Whether a source has more to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Call again.
    More,
    /// This was the last batch; it may hold frames.
    End,
}

/// What a source can say of itself, at any time.
#[derive(Debug, Clone, Default)]
pub struct SourceReport {
    /// Bytes taken from the input so far, before decompression.
    pub bytes_read: u64,
    /// Bytes that the input has in all, where it has an end that is known.
    pub bytes_total: Option<u64>,
    /// Frames that the kernel saw and that passed the filter, fetched or dropped; `None` where no kernel was asked.
    pub kernel_received: Option<u64>,
    /// Frames that the kernel dropped because nobody fetched them in time; `None` where no kernel was asked.
    pub kernel_dropped: Option<u64>,
    /// Frames that the interface or its driver dropped.
    pub interface_dropped: Option<u64>,
    /// Frames that were captured and left out because the analysis had fallen behind; `None` where frames wait for it.
    pub analysis_dropped: Option<u64>,
    /// Inputs that could not be read to their end, in words for people.
    pub problems: Vec<Problem>,
}

/// An input that could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file or interface as the user named it.
    pub input: String,
    /// What is wrong and where, for example "cut short in the middle of a record, 17 bytes before its end".
    pub what: String,
    /// The way out, if there is one.
    pub hint: Option<String>,
}

/// Keys that a pcapng file carries so that its traffic can be decrypted (Decryption Secrets Block).
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// What they are, by the number in the registry: `0x544c_534b` a TLS key log, `0x5353_484b` an SSH
    /// key log, `0x5747_4b4c` a WireGuard key log, and others.
    pub kind: u32,
    /// The secrets as they stand in the file.
    pub bytes: Vec<u8>,
}

impl Secrets {
    /// The kind of a TLS key log.
    pub const TLS: u32 = 0x544c_534b;
}

/// Tells the length and never the keys, as with every secret.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets {{ kind: {:#x}, {} bytes }}", self.kind, self.bytes.len())
    }
}
