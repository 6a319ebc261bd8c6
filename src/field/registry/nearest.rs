//! What somebody may have meant by a name that is none.

/// The most names that are offered.
const OFFERED: usize = 3;

/// Names longer than this are no slip of the finger; comparing costs as much as both lengths multiplied.
const LONGEST: usize = 64;

/// The names nearest to one, the nearest first: those that are few letters away, then those that contain it.
pub fn nearest(name: &str, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase();
    if name.is_empty() || name.len() > LONGEST {
        return Vec::new();
    }
    // One letter in three may be wrong.
    let allowed = (name.len() / 3).max(1);
    // What comes last in a name says the most: `dstport` is looked for in `tcp.dstport`.
    let word = name.rsplit('.').next().filter(|word| word.len() > 2);
    let mut found: Vec<(usize, usize, &'static str)> = names
        .filter_map(|known| {
            let distance = distance(&name, known);
            let contains = known.contains(&name);
            let ends = word.is_some_and(|word| known.rsplit('.').next() == Some(word));
            let rank = match () {
                () if distance <= allowed => distance,
                () if contains => allowed + 1,
                () if ends => allowed + 2,
                () => return None,
            };
            Some((rank, known.len().abs_diff(name.len()), known))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().take(OFFERED).map(|(.., known)| known).collect()
}

/// How many letters must be put in, taken out or changed to make one of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.bytes().enumerate() {
        let mut corner = line;
        let mut left = line + 1;
        for (b, cell) in other.bytes().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            left = (corner + usize::from(a != b)).min(left + 1).min(above + 1);
            corner = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_more_less_or_other_is_one_away() {
        for (one, other, expected) in
            [("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("", "ab", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn slips_come_before_words_that_contain_the_name() {
        let names = ["ip.src", "ip.src_host", "ipv6.src", "tcp.srcport", "mqtt.topic"];
        let near = |name| nearest(name, names.into_iter());
        assert_eq!(near("ip.scr")[0], "ip.src");
        assert_eq!(near("IP.SRC")[0], "ip.src");
        assert_eq!(near("topic"), ["mqtt.topic"]);
        assert_eq!(near("udp.srcport")[0], "tcp.srcport");
        assert!(near("zzzzzz").is_empty());
        assert!(near("").is_empty());
    }
}
