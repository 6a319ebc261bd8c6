//! Standard output, with what may have to be taken back.

use std::io::{self, BufWriter, Stdout, Write};

/// The most that is held back; with more it is written, wanted or not.
const HELD: usize = 16 << 20;

/// Standard output; while it holds, what is written waits to be kept or taken back.
pub(super) struct Staged {
    out: BufWriter<Stdout>,
    held: Vec<u8>,
    holds: bool,
}

impl Staged {
    pub(super) fn new() -> Self {
        Self { out: BufWriter::with_capacity(1 << 16, io::stdout()), held: Vec::new(), holds: false }
    }

    /// What is written from now on waits.
    pub(super) fn hold(&mut self) {
        self.holds = true;
    }

    /// What is written from now on does not wait; what was held stays held.
    pub(super) fn pass(&mut self) {
        self.holds = false;
    }

    /// What waits is wanted.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        self.holds = false;
        self.out.write_all(&self.held)?;
        self.held.clear();
        Ok(())
    }

    /// What waits is not wanted.
    pub(super) fn take_back(&mut self) {
        self.holds = false;
        self.held.clear();
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.holds {
            return self.out.write(bytes);
        }
        if self.held.len() > HELD {
            self.out.write_all(&self.held)?;
            self.held.clear();
        }
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Without this it is made of calls of `write`, each with its count.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.holds { self.write(bytes).map(drop) } else { self.out.write_all(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
