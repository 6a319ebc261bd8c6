//! Rows that are put in order when all have come: as many as memory has room for, and those that come first.

use super::view::Key;

/// The most rows that are kept: a table of more than that is for other tools.
const ROWS: usize = if cfg!(test) { 2000 } else { 1_000_000 };

/// The most bytes that they may take.
const BYTES: usize = if cfg!(test) { 1 << 20 } else { 512 << 20 };

/// Rows with what they are sorted by.
#[derive(Debug)]
pub(super) struct Sorted {
    rows: Vec<Row>,
    bytes: usize,
    /// How many of the first there is room for. It shrinks where they are long, and never grows: behind rows that were
    /// dropped none is kept.
    room: usize,
    left_out: u64,
}

#[derive(Debug)]
struct Row {
    key: Key,
    text: Box<[u8]>,
}

impl Row {
    fn bytes(&self) -> usize {
        let key = if let Key::Text(text) = &self.key { text.len() } else { 0 };
        size_of::<Self>() + key + self.text.len()
    }
}

/// The first rows in their order.
pub(super) struct First<R> {
    pub(super) rows: R,
    /// How many more there were.
    pub(super) left_out: u64,
    /// How many of those were asked for, and there was no room for them.
    pub(super) missing: u64,
}

impl Sorted {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), bytes: 0, room: ROWS, left_out: 0 }
    }

    /// Takes a row.
    pub(super) fn push(&mut self, key: Key, text: Vec<u8>) {
        let row = Row { key, text: text.into() };
        self.bytes += row.bytes();
        self.rows.push(row);
    }

    /// How many rows there are, to go back to if those that follow are not wanted.
    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Goes back to so many rows.
    pub(super) fn back_to(&mut self, rows: usize) {
        self.bytes -= self.rows.iter().skip(rows).map(Row::bytes).sum::<usize>();
        self.rows.truncate(rows);
    }

    /// Drops what will not be among the first so many, if that is worth the work. Nobody may go back behind it: what was
    /// kept does not stand where it stood.
    pub(super) fn prune(&mut self, descending: bool, limit: usize) {
        let most = limit.min(self.room).saturating_mul(2).clamp(ROWS / 1000, ROWS + ROWS / 4);
        if self.rows.len() >= most || self.bytes > BYTES {
            self.sort(descending);
            self.drop_behind(limit.min(self.room));
            if self.bytes > BYTES / 8 * 7 {
                // Some room for more, so that this is not done for each row.
                let mut bytes = 0;
                let fits = |row: &&Row| {
                    bytes += row.bytes();
                    bytes <= BYTES / 4 * 3
                };
                self.room = self.rows.iter().take_while(fits).count();
                self.drop_behind(self.room);
            }
        }
    }

    fn sort(&mut self, descending: bool) {
        // A stable order: rows that are equal stay as they came.
        self.rows.sort_by(|a, b| a.key.compare(&b.key, descending));
    }

    fn drop_behind(&mut self, rows: usize) {
        let all = self.rows.len();
        self.back_to(rows);
        self.left_out += (all - self.rows.len()) as u64;
    }

    /// The first so many rows in their order, as far as there was room for them.
    pub(super) fn finish(&mut self, descending: bool, limit: usize) -> First<impl Iterator<Item = Box<[u8]>> + use<>> {
        self.sort(descending);
        self.drop_behind(limit.min(self.room));
        let Self { rows, left_out, .. } = std::mem::replace(self, Self::new());
        let missing = left_out.min((limit - rows.len()) as u64);
        First { rows: rows.into_iter().map(|row| row.text), left_out, missing }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::*;

    fn finished(mut sorted: Sorted, descending: bool, limit: usize) -> (Vec<Box<[u8]>>, u64, u64) {
        let First { rows, left_out, missing } = sorted.finish(descending, limit);
        (rows.collect(), left_out, missing)
    }

    proptest! {
        #[test]
        fn what_is_dropped_early_would_not_have_been_shown(
            numbers in prop::collection::vec((0..50u32, any::<bool>()), 0..10_000),
            limit in prop_oneof![0..700usize, Just(usize::MAX)],
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
            let all = expected.len();
            expected.truncate(limit.min(ROWS));
            let (rows, left_out, missing) = finished(sorted, descending, limit);
            prop_assert_eq!(left_out, (all - expected.len()) as u64);
            prop_assert_eq!(missing, (all.min(limit) - expected.len()) as u64);
            let expected: Vec<_> = expected.into_iter().map(|(_, at)| at.to_le_bytes().into()).collect();
            prop_assert_eq!(rows, expected);
        }

        #[test]
        fn long_rows_and_long_keys_leave_the_first_and_no_hole(
            numbers in prop::collection::vec((0..50u8, 0..BYTES / 8, any::<bool>()), 0..100),
            limit in prop_oneof![0..30usize, Just(usize::MAX)],
        ) {
            let (mut sorted, mut expected) = (Sorted::new(), Vec::new());
            for (at, (letter, length, is_key)) in numbers.iter().enumerate() {
                let (key, row) = if *is_key { (*length, 0) } else { (0, *length) };
                let text = [at.to_le_bytes().as_slice(), &vec![0; row]].concat();
                let key = format!("{letter:02}{}", "k".repeat(key));
                expected.push((key.clone(), text.clone()));
                sorted.push(Key::Text(key), text);
                sorted.prune(false, limit);
                prop_assert!(sorted.bytes <= BYTES);
            }
            expected.sort_by(|(a, _), (b, _)| a.cmp(b));
            let (rows, left_out, missing) = finished(sorted, false, limit);
            prop_assert_eq!(rows.len() as u64 + left_out, expected.len() as u64);
            prop_assert_eq!(missing, (expected.len().min(limit) - rows.len()) as u64);
            let expected: Vec<_> = expected.into_iter().map(|(_, text)| text.into()).take(rows.len()).collect();
            prop_assert_eq!(rows, expected);
        }
    }
}
