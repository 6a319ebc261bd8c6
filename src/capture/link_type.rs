//! Link types: how the first bytes of a frame are to be read.

/// A link-layer header type, by its number in the registry that pcap and pcapng share (`LINKTYPE_…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

macro_rules! link_types {
    ($($constant:ident = $number:literal, $name:literal;)*) => {
        impl LinkType {
            $(#[doc = concat!("`LINKTYPE_", $name, "`")] pub const $constant: Self = Self($number);)*

            /// Its name in the registry, where this crate knows it.
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some($name),)* _ => None }
            }
        }
    };
}

link_types! {
    NULL = 0, "NULL";
    ETHERNET = 1, "ETHERNET";
    PPP = 9, "PPP";
    PPP_HDLC = 50, "PPP_HDLC";
    PPP_ETHER = 51, "PPP_ETHER";
    RAW = 101, "RAW";
    IEEE802_11 = 105, "IEEE802_11";
    LOOP = 108, "LOOP";
    LINUX_SLL = 113, "LINUX_SLL";
    IEEE802_11_RADIOTAP = 127, "IEEE802_11_RADIOTAP";
    IPV4 = 228, "IPV4";
    IPV6 = 229, "IPV6";
    DBUS = 231, "DBUS";
    NFLOG = 239, "NFLOG";
    LINUX_SLL2 = 276, "LINUX_SLL2";
}

impl std::fmt::Display for LinkType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "link type {}", self.0),
        }
    }
}
