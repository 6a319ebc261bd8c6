//! What somebody may have meant by a name that is none.

use crate::text::distance;

/// The most names that are offered.
const OFFERED: usize = 3;

/// Names longer than this are no slip of the finger.
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

#[cfg(test)]
mod tests {
    use super::*;

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
