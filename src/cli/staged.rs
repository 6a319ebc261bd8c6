//! Standard output, with what may have to be taken back.

use std::io::{self, BufWriter, Stdout, Write};

use mqttsniff::render::Count;

/// How much waits before further rows are left out. One row may go beyond it: that of a large message, of which its renderer
/// has made as much anyway.
pub(super) const HELD: usize = 16 << 20;

/// Standard output; while it holds, what is written waits to be kept or taken back.
pub(super) struct Staged {
    out: BufWriter<Stdout>,
    held: Vec<u8>,
    holds: bool,
    /// There is no room for the row at hand.
    is_full: bool,
    /// Something of it was written all the same.
    cut: bool,
    /// How many rows there was no room for, of those that wait.
    beyond: u64,
    /// How many of them were wanted.
    left_out: u64,
}

impl Staged {
    pub(super) fn new() -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 16, io::stdout()),
            held: Vec::new(),
            holds: false,
            is_full: false,
            cut: false,
            beyond: 0,
            left_out: 0,
        }
    }

    /// What is written from now on waits. It is one row.
    pub(super) fn hold(&mut self) {
        self.holds = true;
        // Nothing comes behind a row that is missing.
        self.is_full = self.beyond > 0 || self.held.len() >= HELD;
    }

    /// What is written from now on does not wait; what was held stays held.
    pub(super) fn pass(&mut self) {
        self.holds = false;
        self.beyond += u64::from(std::mem::take(&mut self.cut));
    }

    /// What waits is wanted.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        self.pass();
        self.left_out += std::mem::take(&mut self.beyond);
        self.out.write_all(&self.held)?;
        self.held.clear();
        Ok(())
    }

    /// What waits is not wanted.
    pub(super) fn take_back(&mut self) {
        self.pass();
        self.beyond = 0;
        self.held.clear();
    }

    /// How many rows were wanted and are missing, as there was no room for them to wait.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// What is said of rows that were left out.
pub(super) fn too_many_to_wait(left_out: u64) -> String {
    let (most, rows) = (HELD >> 20, Count(left_out, "row"));
    format!(
        "a frame completed more rows than may wait until it is known whether it is chosen ({most} MiB): {rows} left out"
    )
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.holds {
            return self.out.write(bytes);
        }
        if self.is_full {
            self.cut |= !bytes.is_empty();
        } else {
            self.held.extend_from_slice(bytes);
        }
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
