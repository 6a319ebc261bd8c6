//! Rows that are put in order when all have come: as many as memory has room for, and those that come first.

use super::view::Key;

/// The most rows that are kept: a table of more than that is for other tools.
const ROWS: usize = 1_000_000;

/// The most bytes that they may take.
const BYTES: usize = if cfg!(test) { 1 << 20 } else { 1 << 30 };

/// Rows with what they are sorted by.
#[derive(Debug)]
pub(super) struct Sorted {
    rows: Vec<(Key, Vec<u8>)>,
    bytes: usize,
    left_out: u64,
}

impl Sorted {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), bytes: 0, left_out: 0 }
    }

    /// Takes a row.
    pub(super) fn push(&mut self, key: Key, row: Vec<u8>) {
        self.bytes += row.len();
        self.rows.push((key, row));
    }

    /// How many rows there are, to go back to if those that follow are not wanted.
    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Goes back to so many rows.
    pub(super) fn back_to(&mut self, rows: usize) {
        self.bytes -= self.rows.iter().skip(rows).map(|(_, row)| row.len()).sum::<usize>();
        self.rows.truncate(rows);
    }

    /// Drops what will not be among the first so many, if that is worth the work. Nobody may go back behind it: what was
    /// kept does not stand where it stood.
    pub(super) fn prune(&mut self, descending: bool, limit: usize) {
        let room = limit.min(ROWS);
        if self.rows.len() >= room.saturating_mul(2).clamp(1024, ROWS + ROWS / 4) || self.bytes > BYTES {
            self.drop_last(descending, room);
            while self.bytes > BYTES / 2 {
                let rows = self.rows.len() / 2;
                self.left_out += (self.rows.len() - rows) as u64;
                self.back_to(rows);
            }
        }
    }

    fn drop_last(&mut self, descending: bool, room: usize) {
        // A stable order: rows that are equal stay as they came.
        self.rows.sort_by(|(a, _), (b, _)| a.compare(b, descending));
        let all = self.rows.len();
        self.back_to(room);
        self.left_out += (all - self.rows.len()) as u64;
    }

    /// The first so many rows in their order, and how many more there were.
    pub(super) fn finish(&mut self, descending: bool, limit: usize) -> (impl Iterator<Item = Vec<u8>> + use<>, u64) {
        self.drop_last(descending, limit);
        self.bytes = 0;
        (std::mem::take(&mut self.rows).into_iter().map(|(_, row)| row), std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn what_is_dropped_early_would_not_have_been_shown(
            numbers in prop::collection::vec((0..50u32, any::<bool>()), 0..5000),
            limit in 0..700usize,
            descending in any::<bool>(),
        ) {
            let (mut sorted, mut expected) = (Sorted::new(), Vec::new());
            for (at, (number, wanted)) in numbers.iter().enumerate() {
                let mark = sorted.len();
                sorted.push(Key::Number(f64::from(*number)), at.to_le_bytes().to_vec());
                if *wanted {
                    expected.push((*number, at));
                } else {
                    sorted.back_to(mark);
                }
                sorted.prune(descending, limit);
            }
            expected.sort_by_key(|(number, _)| if descending { -i64::from(*number) } else { i64::from(*number) });
            let more = expected.len().saturating_sub(limit);
            expected.truncate(limit);
            let (rows, left_out) = sorted.finish(descending, limit);
            prop_assert_eq!(left_out, more as u64);
            let expected: Vec<_> = expected.into_iter().map(|(_, at)| at.to_le_bytes().to_vec()).collect();
            prop_assert_eq!(rows.collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn bytes_are_limited_as_rows_are() {
        let mut sorted = Sorted::new();
        for number in 0..40u32 {
            sorted.push(Key::Number(number.into()), vec![0; BYTES / 32]);
            sorted.prune(true, usize::MAX);
            assert!(sorted.bytes <= BYTES);
        }
        let (rows, left_out) = sorted.finish(true, usize::MAX);
        assert_eq!(rows.count() as u64 + left_out, 40);
    }
}
