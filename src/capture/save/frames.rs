//! How many of the frames that were written are in the file: what waits in a buffer is lost where that can't be written.

/// Frames that have left for the file, and those that may wait.
#[derive(Debug, Default)]
pub(super) struct Frames {
    out: u64,
    /// Where each of those ends that may wait: no more than a buffer holds.
    ends: Vec<u64>,
    /// Those of which it is not known where they end.
    packed: u64,
    /// How many bytes had left when that was looked at last.
    seen: u64,
}

impl Frames {
    /// A frame was written that ends here, and so many bytes have left; none where that says nothing of frames.
    #[inline]
    pub(super) fn wrote(&mut self, end: u64, out: Option<u64>) {
        let Some(out) = out else {
            self.packed += 1;
            return;
        };
        if out != self.seen {
            let left = self.left(out);
            self.ends.drain(..left);
            self.out += left as u64;
            self.seen = out;
        }
        self.ends.push(end);
    }

    /// All have left.
    pub(super) fn all_out(&mut self) {
        self.out += self.ends.len() as u64 + std::mem::take(&mut self.packed);
        self.ends.clear();
    }

    /// How many are in the file as a whole, with so many bytes that have left.
    pub(super) fn out_with(&self, out: u64) -> u64 {
        self.out + self.left(out) as u64
    }

    fn left(&self, out: u64) -> usize {
        self.ends.partition_point(|end| *end <= out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_in_the_file_when_its_last_byte_is() {
        let mut frames = Frames::default();
        for (end, out) in [(10, 0), (20, 0), (30, 15), (40, 15)] {
            frames.wrote(end, Some(out));
        }
        assert_eq!([15, 29, 30, 40].map(|out| frames.out_with(out)), [1, 2, 3, 4]);
        frames.all_out();
        frames.wrote(50, Some(40));
        assert_eq!([40, 50].map(|out| frames.out_with(out)), [4, 5]);
        frames.wrote(0, None);
        assert_eq!(frames.out_with(50), 5, "nobody knows");
        frames.all_out();
        assert_eq!(frames.out_with(0), 6);
    }
}
