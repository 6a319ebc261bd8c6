//! Topic names and topic filters: their rules, and which topics a filter matches (MQTT 5.0 section
//! 4.7). Whether the bytes are UTF-8 is not looked at here.

/// What is wrong with a topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterFault {
    /// It has no character.
    Empty,
    /// A `#` that is not alone in the last level.
    Hash,
    /// A `+` that is not alone in its level.
    Plus,
    /// A shared subscription without a share name.
    ShareNameEmpty,
    /// A shared subscription with a wildcard in its name, or with no filter behind it.
    ShareForm,
}

/// Whether a topic name has a wildcard character, which only filters may have.
pub fn has_wildcard(topic: &[u8]) -> bool {
    topic.iter().any(|&byte| is_wildcard(byte))
}

const fn is_wildcard(byte: u8) -> bool {
    matches!(byte, b'+' | b'#')
}

/// The share name and the filter of a shared subscription, `$share/NAME/FILTER`.
///
/// `None` for an ordinary filter and for one that breaks the form. Only 5.0 has them; brokers offer
/// them to older clients as well.
pub fn shared(filter: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = filter.strip_prefix(b"$share/")?;
    let slash = rest.iter().position(|&byte| byte == b'/')?;
    let (name, behind) = rest.split_at_checked(slash)?;
    let inner = behind.get(1..)?;
    (!name.is_empty() && !inner.is_empty() && !has_wildcard(name)).then_some((name, inner))
}

/// The first fault of a filter and its place; `shares` says whether `$share/` has its meaning.
pub fn filter_fault(filter: &[u8], shares: bool) -> Option<(usize, FilterFault)> {
    if filter.is_empty() {
        return Some((0, FilterFault::Empty));
    }
    if shares && let Some(rest) = filter.strip_prefix(b"$share/") {
        const PREFIX: usize = b"$share/".len();
        let name = rest.split(|&byte| byte == b'/').next().unwrap_or_default();
        if name.is_empty() {
            return Some((PREFIX, FilterFault::ShareNameEmpty));
        }
        if let Some(at) = name.iter().position(|&byte| is_wildcard(byte)) {
            return Some((PREFIX + at, FilterFault::ShareForm));
        }
        let inner = rest.get(name.len() + 1..).unwrap_or_default();
        if inner.is_empty() {
            return Some((PREFIX + name.len(), FilterFault::ShareForm));
        }
        return wildcard_fault(inner).map(|(at, fault)| (PREFIX + name.len() + 1 + at, fault));
    }
    wildcard_fault(filter)
}

fn wildcard_fault(filter: &[u8]) -> Option<(usize, FilterFault)> {
    if !has_wildcard(filter) {
        return None;
    }
    let mut start = 0;
    for level in filter.split(|&byte| byte == b'/') {
        let end = start + level.len();
        for (at, &byte) in level.iter().enumerate() {
            let fault = match byte {
                b'#' if level.len() > 1 || end != filter.len() => FilterFault::Hash,
                b'+' if level.len() > 1 => FilterFault::Plus,
                _ => continue,
            };
            return Some((start + at, fault));
        }
        start = end + 1;
    }
    None
}

/// Whether a subscription with this filter gets what is published to this topic.
///
/// A shared subscription matches as the filter inside it does. A wildcard in the first level does not
/// match a topic that begins with `$` (MQTT-4.7.2-1). Takes time linear in both lengths.
pub fn matches(filter: &[u8], topic: &[u8]) -> bool {
    matches_pattern(shared(filter).map_or(filter, |(_, inner)| inner), topic)
}

/// With how many bytes before its next wildcard a filter begins as a topic does.
fn common(filter: &[u8], topic: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const LOW: u64 = ONES * 0x7f;
    // The top bit of each byte that is not zero (Hacker's Delight, section 6-1).
    let set = |word: u64| (((word & LOW) + LOW) | word) & !LOW;
    let (wanted, _) = filter.as_chunks::<8>();
    let (found, _) = topic.as_chunks::<8>();
    let mut equal = 0;
    for (wanted, found) in wanted.iter().zip(found) {
        let (wanted, found) = (u64::from_le_bytes(*wanted), u64::from_le_bytes(*found));
        let literal = set(wanted ^ (ONES * u64::from(b'+'))) & set(wanted ^ (ONES * u64::from(b'#')));
        let ends = set(wanted ^ found) | (!literal & !LOW);
        if ends != 0 {
            return equal + ends.trailing_zeros() as usize / 8;
        }
        equal += 8;
    }
    let rest = filter.get(equal..).unwrap_or_default().iter().zip(topic.get(equal..).unwrap_or_default());
    equal + rest.take_while(|(wanted, byte)| wanted == byte && !is_wildcard(**wanted)).count()
}

/// The same for a filter that is known not to be shared.
pub(crate) fn matches_pattern(filter: &[u8], topic: &[u8]) -> bool {
    if topic.is_empty() || filter.is_empty() {
        return false;
    }
    if topic.starts_with(b"$") && filter.first().is_some_and(|&byte| is_wildcard(byte)) {
        return false;
    }
    let ends = |at: usize| matches!(filter.get(at), None | Some(b'/'));
    // A wildcard has a level for itself.
    let alone = |at: usize| (at == 0 || filter.get(at - 1) == Some(&b'/')) && ends(at + 1);
    // Where the next byte of each stands.
    let (mut f, mut t) = (0, 0);
    loop {
        let equal = common(filter.get(f..).unwrap_or_default(), topic.get(t..).unwrap_or_default());
        (f, t) = (f + equal, t + equal);
        match (filter.get(f), topic.get(t)) {
            (None, byte) => return byte.is_none(),
            (Some(b'#'), _) if alone(f) => return true,
            (Some(b'+'), _) if alone(f) => {
                let behind = topic.get(t..).unwrap_or_default();
                t += behind.iter().position(|byte| *byte == b'/').unwrap_or(behind.len());
                f += 1;
            }
            (Some(wanted), Some(byte)) if wanted == byte => (f, t) = (f + 1, t + 1),
            (Some(_), Some(_)) => return false,
            // `a/#` matches its parent `a` (section 4.7.1.2).
            (Some(wanted), None) => return *wanted == b'/' && filter.get(f + 1) == Some(&b'#') && ends(f + 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_common_ends_at_a_difference_or_a_wildcard() {
        let text = b"/a\0\x7f\x80\xff*,\x22\x24/site/1/line/22/level";
        for length in 0..text.len() {
            let plain = &text[..length];
            assert_eq!(common(plain, text), length);
            assert_eq!(common(text, plain), length);
            for at in 0..length {
                for byte in [b'+', b'#', plain[at] ^ 1, plain[at] ^ 0x80] {
                    let mut other = plain.to_vec();
                    other[at] = byte;
                    assert_eq!(common(&other, plain), at, "{other:?}");
                    if is_wildcard(byte) {
                        // A topic that has one has it in vain.
                        assert_eq!(common(&other, &other), at);
                    }
                }
            }
        }
    }

    #[test]
    fn wildcards_match_as_the_specification_shows() {
        let cases: &[(&str, &str, bool)] = &[
            ("a/b", "a/b", true),
            ("a/b", "a/B", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("#", "a/b", true),
            ("#", "/", true),
            ("+", "a", true),
            ("+", "a/b", false),
            ("+", "/a", false),
            ("+/+", "/a", true),
            ("/+", "/a", true),
            ("a/+", "a", false),
            ("a/+", "a/", true),
            ("a/+/c", "a/b/c", true),
            ("a/+/c", "a//c", true),
            ("#", "$SYS/a", false),
            ("+/a", "$SYS/a", false),
            ("$SYS/#", "$SYS/a", true),
            ("$SYS/+", "$SYS/a", true),
            ("$share/g/a/+", "a/b", true),
            ("$share/g/#", "$SYS/a", false),
            ("$share/g", "g", false),
            ("a", "a/b", false),
            ("a/b", "a", false),
            ("a/", "a", false),
            ("a/", "a/", true),
            ("a//#", "a", false),
            ("a//#", "a/", true),
            ("a/#/b", "a", true),
            ("a/#b", "a", false),
            ("a/#b", "a/#b", true),
            ("a+/b", "a+/b", true),
            ("+/", "x/", true),
            ("+/+/c", "a/b", false),
            ("/", "/", true),
        ];
        for &(filter, topic, expected) in cases {
            assert_eq!(matches(filter.as_bytes(), topic.as_bytes()), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn faults_of_filters_are_told_with_their_place() {
        let fault = |filter: &str| filter_fault(filter.as_bytes(), true);
        for good in ["a", "/", "#", "+", "a/#", "+/+/#", "$share/g/#", "$share/g/a/+", "$shared/a", "$SYS/#"] {
            assert_eq!(fault(good), None, "{good}");
        }
        assert_eq!(fault(""), Some((0, FilterFault::Empty)));
        assert_eq!(fault("a/#/b"), Some((2, FilterFault::Hash)));
        assert_eq!(fault("a#"), Some((1, FilterFault::Hash)));
        assert_eq!(fault("a/b+"), Some((3, FilterFault::Plus)));
        assert_eq!(fault("##"), Some((0, FilterFault::Hash)));
        assert_eq!(fault("$share/"), Some((7, FilterFault::ShareNameEmpty)));
        assert_eq!(fault("$share//a"), Some((7, FilterFault::ShareNameEmpty)));
        assert_eq!(fault("$share/g"), Some((8, FilterFault::ShareForm)));
        assert_eq!(fault("$share/g/"), Some((8, FilterFault::ShareForm)));
        assert_eq!(fault("$share/g+/a"), Some((8, FilterFault::ShareForm)));
        assert_eq!(fault("$share/g/a#"), Some((10, FilterFault::Hash)));
        assert_eq!(filter_fault(b"$share//a", false), None);
    }
}
