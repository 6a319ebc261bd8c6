//! Other addresses in place of those of a network: always the same for the same one, and of the same kind.

use std::collections::HashMap;

use crate::token::Key;

/// Addresses that are remembered. It is a cache: a forgotten one is computed anew, and becomes the same.
const REMEMBERED: usize = 1 << 16;

/// What a permutation is for.
mod domain {
    pub(super) const MAC: u64 = 0x10;
    pub(super) const IPV4: u64 = 0x20;
    pub(super) const IPV6: u64 = 0x30;
}

/// Replaces addresses.
#[derive(Debug)]
pub(super) struct Addresses {
    key: Key,
    keep: bool,
    known: HashMap<[u8; 16], [u8; 16], foldhash::fast::RandomState>,
    replaced: u64,
}

impl Addresses {
    pub(super) fn new(key: Key, keep: bool) -> Self {
        Self { key, keep, known: HashMap::default(), replaced: 0 }
    }

    /// How many different addresses were replaced.
    pub(super) const fn replaced(&self) -> u64 {
        self.replaced
    }

    /// Replaces the hardware address that stands in these six bytes.
    pub(super) fn mac(&mut self, place: &mut [u8]) {
        self.replace::<6>(place, 6, Self::other_mac);
    }

    /// Replaces the IPv4 address that stands in these four bytes.
    pub(super) fn v4(&mut self, place: &mut [u8]) {
        self.replace::<4>(place, 4, Self::other_v4);
    }

    /// Replaces the IPv6 address that stands in these sixteen bytes.
    pub(super) fn v6(&mut self, place: &mut [u8]) {
        self.replace::<16>(place, 16, Self::other_v6);
    }

    fn replace<const N: usize>(&mut self, place: &mut [u8], kind: u8, other: fn(&Self, [u8; N]) -> [u8; N]) {
        let Some(place) = place.first_chunk_mut::<N>().filter(|_| !self.keep) else { return };
        let mut name = [kind; 16];
        for (to, from) in name.iter_mut().zip(&*place) {
            *to = *from;
        }
        if let Some(known) = self.known.get(&name) {
            for (to, from) in place.iter_mut().zip(known) {
                *to = *from;
            }
            return;
        }
        let new = other(self, *place);
        self.replaced += u64::from(new != *place);
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let mut value = [0; 16];
        for (to, from) in value.iter_mut().zip(&new) {
            *to = *from;
        }
        self.known.insert(name, value);
        *place = new;
    }

    fn other_mac(&self, address: [u8; 6]) -> [u8; 6] {
        let hashed = self.key.number(domain::MAC, &address).to_le_bytes();
        let [h0, h1, h2, h3, h4, ..] = hashed;
        match address {
            // None, all, and what bridges and protocols without addresses of people use (IEEE 802.1, Cisco, STP).
            [0, 0, 0, 0, 0, 0]
            | [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
            | [0x01, 0x80, 0xc2, ..]
            | [0x01, 0x00, 0x0c, ..]
            // IPv4 and IPv6 groups that never leave their link (RFC 1112, RFC 2464).
            | [0x01, 0x00, 0x5e, 0, 0, _]
            | [0x33, 0x33, 0, 0, _, _] => address,
            [0x01, 0x00, 0x5e, ..] => [0x01, 0x00, 0x5e, h0 & 0x7f, h1, h2],
            [0x33, 0x33, ..] => [0x33, 0x33, h0, h1, h2, h3],
            // Another group; and with the bit of a locally administered address, as it was made up.
            [first, ..] if first & 1 == 1 => [0x03, h0, h1, h2, h3, h4],
            _ => [0x02, h0, h1, h2, h3, h4],
        }
    }

    fn other_v4(&self, address: [u8; 4]) -> [u8; 4] {
        let kind = Kind::of(address);
        let bits = match kind {
            Kind::Kept => return address,
            Kind::Within(bits) => bits,
            Kind::Public => 32,
        };
        let mut number = u32::from_be_bytes(address);
        let mask = u32::MAX.checked_shr(32 - bits).unwrap_or(0);
        let last = Last::of(address);
        // Other addresses of the range until one is of the same kind; the order is a cycle, so one comes.
        for _ in 0..1 << 16 {
            let moved = self.key.permute(domain::IPV4, u64::from(number & mask), 1 << bits) as u32;
            number = number & !mask | moved;
            let new = number.to_be_bytes();
            if Kind::of(new) == kind && Last::of(new) == last {
                return new;
            }
        }
        number.to_be_bytes()
    }

    fn other_v6(&self, address: [u8; 16]) -> [u8; 16] {
        let mut new = [0; 16];
        let halves = [0, 1].map(|half| self.key.number(domain::IPV6 | half, &address).to_le_bytes());
        for (to, from) in new.iter_mut().zip(halves.as_flattened()) {
            *to = *from;
        }
        let kept = match address {
            // Unspecified, loopback, and well-known groups.
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 | 1]
            | [0xff, _, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, _, _] => 16,
            // Solicited-node groups (RFC 4291, section 2.7.1).
            [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ..] => 13,
            [0xff, ..] => 2,
            // IPv4 inside (RFC 4291, section 2.5.5; RFC 6052).
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
            | [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => {
                let [e, f, g, h] = self.other_v4([a, b, c, d]);
                new = address;
                for (to, from) in new.iter_mut().skip(12).zip([e, f, g, h]) {
                    *to = from;
                }
                return new;
            }
            // Link-local.
            [0xfe, 0x80..=0xbf, ..] => 8,
            // Unique local.
            [0xfc | 0xfd, ..] => 1,
            // The prefix for documentation, in which no real address lies (RFC 3849).
            _ => {
                for (to, from) in new.iter_mut().zip([0x20, 0x01, 0x0d, 0xb8]) {
                    *to = from;
                }
                0
            }
        };
        for (to, from) in new.iter_mut().zip(address).take(kept) {
            *to = from;
        }
        new
    }
}

/// The kinds of IPv4 addresses that have to stay apart (RFC 6890, RFC 5771).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Tells nothing of anybody.
    Kept,
    /// In a special range: so many low bits tell hosts apart.
    Within(u32),
    Public,
}

impl Kind {
    const fn of(address: [u8; 4]) -> Self {
        match address {
            [0, ..] | [127, 0, 0, 1] | [255, 255, 255, 255] | [224, 0, 0, _] => Self::Kept,
            [10 | 127 | 239, ..] => Self::Within(24),
            [172, 16..=31, ..] => Self::Within(20),
            [192, 168, ..] | [169, 254, ..] => Self::Within(16),
            [100, 64..=127, ..] => Self::Within(22),
            [224..=238 | 240..=255, ..] => Self::Within(28),
            _ => Self::Public,
        }
    }
}

/// The last byte of most networks' own address and of their broadcast address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Zero,
    Ones,
    Host,
}

impl Last {
    const fn of(address: [u8; 4]) -> Self {
        match address {
            [.., 0] => Self::Zero,
            [.., 255] => Self::Ones,
            _ => Self::Host,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn addresses() -> Addresses {
        Addresses::new(Key::random(), false)
    }

    fn v4(addresses: &mut Addresses, address: Ipv4Addr) -> Ipv4Addr {
        let mut octets = address.octets();
        addresses.v4(&mut octets);
        octets.into()
    }

    fn v6(addresses: &mut Addresses, address: Ipv6Addr) -> Ipv6Addr {
        let mut octets = address.octets();
        addresses.v6(&mut octets);
        octets.into()
    }

    #[test]
    fn addresses_without_a_person_stay() {
        let mut addresses = addresses();
        for address in ["0.0.0.0", "127.0.0.1", "255.255.255.255", "224.0.0.251"] {
            let address = address.parse().unwrap();
            assert_eq!(v4(&mut addresses, address), address);
        }
        for address in ["::", "::1", "ff02::1", "ff02::fb"] {
            let address = address.parse().unwrap();
            assert_eq!(v6(&mut addresses, address), address);
        }
        assert_eq!(addresses.replaced(), 0);
    }

    #[test]
    fn ipv6_addresses_stay_of_their_kind() {
        let mut addresses = addresses();
        let mut new = |address: &str| {
            let old: Ipv6Addr = address.parse().unwrap();
            let new = v6(&mut addresses, old);
            assert_ne!(new, old);
            assert_eq!(v6(&mut addresses, old), new);
            new
        };
        assert!(new("fe80::1:2:3:4").is_unicast_link_local());
        assert!(new("fd12:3456::1").is_unique_local());
        assert!(new("ff05::1:3").is_multicast());
        assert!(new("2a00:1450::200e").to_string().starts_with("2001:db8:"));
        assert!(new("::ffff:10.1.2.3").to_ipv4_mapped().is_some_and(|inner| inner.is_private()));
        assert!(new("ff02::1:ff12:3456").to_string().starts_with("ff02::1:ff"));
    }

    #[test]
    fn hosts_of_a_network_stay_different() {
        let mut addresses = addresses();
        let new: HashSet<_> = (0..=255).map(|last| v4(&mut addresses, Ipv4Addr::new(192, 168, 7, last))).collect();
        assert_eq!(new.len(), 256);
        assert_eq!(addresses.replaced(), 256);
    }

    #[test]
    fn hardware_addresses_keep_their_group_bit() {
        let mut addresses = addresses();
        for address in [[0x00, 0x1b, 0x21, 1, 2, 3], [0x01, 0, 0x5e, 0x7f, 1, 2], [0x33, 0x33, 0xff, 1, 2, 3]] {
            let mut new = address;
            addresses.mac(&mut new);
            assert_ne!(new, address);
            assert_eq!(new[0] & 1, address[0] & 1);
        }
        let mut all = [0xff; 6];
        addresses.mac(&mut all);
        assert_eq!(all, [0xff; 6]);
    }

    proptest! {
        #[test]
        fn ipv4_addresses_stay_of_their_kind(number in any::<u32>()) {
            let old = Ipv4Addr::from(number);
            let new = v4(&mut addresses(), old);
            prop_assert_eq!(Kind::of(new.octets()), Kind::of(old.octets()));
            prop_assert_eq!(new.is_private(), old.is_private());
            prop_assert_eq!(new.is_multicast(), old.is_multicast());
            prop_assert_eq!(new.is_loopback(), old.is_loopback());
            prop_assert_eq!(new.is_link_local(), old.is_link_local());
            prop_assert_eq!(new == old, Kind::of(old.octets()) == Kind::Kept);
        }
    }
}
