//! The shortest way from one sequence to another (E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986).

/// A place where two sequences differ: so many of the old are replaced by so many of the new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) old: usize,
    pub(super) old_count: usize,
    pub(super) new: usize,
    pub(super) new_count: usize,
}

/// The most single changes that are looked for one by one.
const MOST: usize = 256;

/// The changes from one sequence to the other, in order; where there are very many, one for all from the first to the last.
pub(super) fn changes(old: usize, new: usize, same: impl Fn(usize, usize) -> bool) -> Vec<Change> {
    let shorter = old.min(new);
    let front = (0..shorter).take_while(|at| same(*at, *at)).count();
    let back = (0..shorter - front).take_while(|at| same(old - 1 - at, new - 1 - at)).count();
    let (old_count, new_count) = (old - front - back, new - front - back);
    if old_count == 0 && new_count == 0 {
        return Vec::new();
    }
    let whole = Change { old: front, old_count, new: front, new_count };
    if old_count == 0 || new_count == 0 {
        return vec![whole];
    }
    let found = shortest(old_count, new_count, &|a, b| same(front + a, front + b));
    let Some(pairs) = found else { return vec![whole] };
    let mut out: Vec<Change> = Vec::new();
    let (mut a, mut b) = (0, 0);
    for (next_a, next_b) in pairs.into_iter().chain([(old_count, new_count)]) {
        if next_a > a || next_b > b {
            out.push(Change { old: front + a, old_count: next_a - a, new: front + b, new_count: next_b - b });
        }
        (a, b) = (next_a + 1, next_b + 1);
    }
    out
}

/// The places that both have in common, in order; none where it takes too many changes.
fn shortest(old: usize, new: usize, same: &dyn Fn(usize, usize) -> bool) -> Option<Vec<(usize, usize)>> {
    // How far each diagonal gets in the old sequence, with so many changes; one entry beyond both ends.
    let at = |diagonal: isize| (diagonal + MOST as isize + 1) as usize;
    let mut furthest = vec![0usize; 2 * MOST + 3];
    let mut history: Vec<Vec<usize>> = Vec::new();
    for changes in 0..=MOST.min(old + new) as isize {
        history.push(furthest.clone());
        for diagonal in (-changes..=changes).step_by(2) {
            let (left, right) = (furthest[at(diagonal - 1)], furthest[at(diagonal + 1)]);
            let down = diagonal == -changes || (diagonal != changes && left < right);
            let mut a = if down { right } else { left + 1 };
            let mut b = (a as isize - diagonal) as usize;
            while a < old && b < new && same(a, b) {
                a += 1;
                b += 1;
            }
            furthest[at(diagonal)] = a;
            if a >= old && b >= new {
                return Some(back(&history, old, new, &at));
            }
        }
    }
    None
}

/// The way back through what each number of changes had reached.
fn back(history: &[Vec<usize>], old: usize, new: usize, at: &dyn Fn(isize) -> usize) -> Vec<(usize, usize)> {
    let (mut a, mut b) = (old as isize, new as isize);
    let mut pairs = Vec::new();
    for (changes, furthest) in history.iter().enumerate().rev() {
        let (changes, diagonal) = (changes as isize, a - b);
        let (left, right) = (furthest[at(diagonal - 1)], furthest[at(diagonal + 1)]);
        let down = diagonal == -changes || (diagonal != changes && left < right);
        let before = if down { diagonal + 1 } else { diagonal - 1 };
        let from_a = if changes == 0 { 0 } else { furthest[at(before)] as isize };
        let from_b = if changes == 0 { 0 } else { from_a - before };
        while a > from_a && b > from_b {
            a -= 1;
            b -= 1;
            pairs.push((a as usize, b as usize));
        }
        (a, b) = (from_a, from_b);
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(old: &[u8], new: &[u8]) -> Vec<Change> {
        changes(old.len(), new.len(), |a, b| old[a] == new[b])
    }

    fn change(old: usize, old_count: usize, new: usize, new_count: usize) -> Change {
        Change { old, old_count, new, new_count }
    }

    #[test]
    fn what_is_missing_added_and_replaced() {
        assert_eq!(of(b"abc", b"abc"), []);
        assert_eq!(of(b"", b""), []);
        assert_eq!(of(b"abc", b"ac"), [change(1, 1, 1, 0)]);
        assert_eq!(of(b"ac", b"abc"), [change(1, 0, 1, 1)]);
        assert_eq!(of(b"abc", b"xbc"), [change(0, 1, 0, 1)]);
        assert_eq!(of(b"abcdef", b"axcdy"), [change(1, 1, 1, 1), change(4, 2, 4, 1)]);
        assert_eq!(of(b"", b"ab"), [change(0, 0, 0, 2)]);
    }

    #[test]
    fn of_very_many_changes_there_is_one() {
        let (old, new) = (vec![1; 1000], [vec![2; 500], vec![3; 500]].concat());
        assert_eq!(of(&old, &new), [change(0, 1000, 0, 1000)]);
    }

    /// The length of the longest common subsequence.
    fn common(old: &[u8], new: &[u8]) -> usize {
        let mut row = vec![0; new.len() + 1];
        for a in old {
            let mut corner = 0;
            for (at, b) in new.iter().enumerate() {
                let above = row[at + 1];
                row[at + 1] = if a == b { corner + 1 } else { above.max(row[at]) };
                corner = above;
            }
        }
        row[new.len()]
    }

    proptest! {
        #[test]
        fn changes_lead_from_one_to_the_other_on_the_shortest_way(
            old in proptest::collection::vec(0u8..4, 0..40),
            new in proptest::collection::vec(0u8..4, 0..40),
        ) {
            let changes = of(&old, &new);
            let (mut made, mut at) = (Vec::new(), 0);
            for change in &changes {
                prop_assert!(change.old >= at && change.old_count + change.new_count > 0);
                made.extend_from_slice(&old[at..change.old]);
                prop_assert_eq!(made.len(), change.new);
                made.extend_from_slice(&new[change.new..change.new + change.new_count]);
                at = change.old + change.old_count;
            }
            made.extend_from_slice(&old[at..]);
            prop_assert_eq!(&made, &new);
            let cost: usize = changes.iter().map(|change| change.old_count + change.new_count).sum();
            prop_assert_eq!(cost, old.len() + new.len() - 2 * common(&old, &new));
        }
    }
}
