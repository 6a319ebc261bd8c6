//! Changes inputs by chance: the same seed gives the same changes.

/// Numbers by chance (splitmix64, by Sebastiano Vigna, public domain).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Numbers that follow from this one.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below this one; 0 where that is 0.
    pub const fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() % end as u64) as usize }
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> Option<&'a T> {
        of.get(self.below(of.len())).copied()
    }
}

/// Numbers at which something often changes.
const NUMBERS: [u64; 20] = [
    0,
    1,
    2,
    4,
    7,
    16,
    20,
    127,
    128,
    255,
    256,
    1460,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    u64::MAX,
];

/// Changes an input in a few places; `others` are inputs that parts may be taken from.
pub fn mutate(input: &mut Vec<u8>, others: &[Vec<u8>], words: &[&str], longest: usize, chance: &mut Chance) {
    for _ in 0..=chance.below(6) {
        once(input, others, words, chance);
        input.truncate(longest);
    }
}

fn once(input: &mut Vec<u8>, others: &[Vec<u8>], words: &[&str], chance: &mut Chance) {
    let length = input.len();
    let at = chance.below(length.max(1));
    let some = |chance: &mut Chance| 1 + if chance.below(8) == 0 { chance.below(4096) } else { chance.below(16) };
    match chance.below(14) {
        0 | 1 if length > 0 => input[at] ^= 1 << chance.below(8),
        2 | 3 if length > 0 => input[at] = chance.next() as u8,
        4 if length > 0 => input[at] = input[at].wrapping_add(chance.below(9) as u8).wrapping_sub(4),
        5 | 6 => {
            // A number in two, four or eight bytes, of either order.
            let number = NUMBERS[chance.below(NUMBERS.len())].wrapping_add(chance.below(3) as u64).wrapping_sub(1);
            let size = 2 << chance.below(3);
            let mut bytes = number.to_le_bytes();
            let bytes = &mut bytes[..size];
            if chance.below(2) == 0 {
                bytes.reverse();
            }
            if let Some(place) = input.get_mut(at..at + size) {
                place.copy_from_slice(bytes);
            }
        }
        7 if length > 0 => {
            let end = (at + some(chance)).min(length);
            input.drain(at..end);
        }
        8 => {
            let bytes: Vec<u8> = (0..some(chance).min(64)).map(|_| chance.next() as u8).collect();
            input.splice(at.min(length)..at.min(length), bytes);
        }
        9 if length > 0 => {
            // A part comes again, perhaps often.
            let part = input[at..(at + some(chance)).min(length)].to_vec();
            let times = if chance.below(8) == 0 { chance.below(64) } else { 1 };
            let to = chance.below(length + 1);
            input.splice(to..to, part.repeat(times));
        }
        10 if length > 0 => {
            let part = input[at..(at + some(chance)).min(length)].to_vec();
            let to = chance.below(length);
            let end = (to + part.len()).min(length);
            input[to..end].copy_from_slice(&part[..end - to]);
        }
        11 | 12 if !others.is_empty() => {
            let other = &others[chance.below(others.len())];
            let from = chance.below(other.len().max(1)).min(other.len());
            if chance.below(2) == 0 {
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            } else {
                let part = other[from..(from + some(chance)).min(other.len())].to_vec();
                input.splice(at.min(length)..at.min(length), part);
            }
        }
        _ => {
            if let Some(word) = chance.pick(words) {
                input.splice(at.min(length)..at.min(length), word.bytes());
            } else if length > 0 {
                input.truncate(at);
            }
        }
    }
}
