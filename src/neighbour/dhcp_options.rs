//! The options of DHCP (RFC 2132, and those that came later), by their numbers.

use std::net::Ipv4Addr;

use super::cursor::{Cursor, before_zero, number};
use super::{Reading, Value};

/// How the value of an option reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Flag,
    U8,
    U16,
    U32,
    I32,
    Ip,
    Ips,
    Codes,
    Shorts,
    Text,
}

/// Those of one value, or of several of a kind.
const OPTIONS: &[(u8, &str, Kind)] = &[
    (1, "dhcp.option.subnet_mask", Kind::Ip),
    (2, "dhcp.option.time_offset", Kind::I32),
    (3, "dhcp.option.router", Kind::Ips),
    (4, "dhcp.option.time_server", Kind::Ips),
    (5, "dhcp.option.name_server", Kind::Ips),
    (6, "dhcp.option.domain_name_server", Kind::Ips),
    (7, "dhcp.option.log_server", Kind::Ips),
    (8, "dhcp.option.quotes_server", Kind::Ips),
    (9, "dhcp.option.lpr_server", Kind::Ips),
    (10, "dhcp.option.impress_server", Kind::Ips),
    (11, "dhcp.option.resource_location_server", Kind::Ips),
    (12, "dhcp.option.hostname", Kind::Text),
    (13, "dhcp.option.boot_file_size", Kind::U16),
    (14, "dhcp.option.merit_dump_file", Kind::Text),
    (15, "dhcp.option.domain_name", Kind::Text),
    (16, "dhcp.option.swap_server", Kind::Ip),
    (17, "dhcp.option.root_path", Kind::Text),
    (18, "dhcp.option.extension_path", Kind::Text),
    (19, "dhcp.option.ip_forwarding", Kind::Flag),
    (20, "dhcp.option.non_local_source_routing", Kind::Flag),
    (22, "dhcp.option.max_datagram_reassembly_size", Kind::U16),
    (23, "dhcp.option.default_ip_ttl", Kind::U8),
    (24, "dhcp.option.path_mtu_aging_timeout", Kind::U32),
    (25, "dhcp.option.path_mtu_plateau_table_item", Kind::Shorts),
    (26, "dhcp.option.interface_mtu", Kind::U16),
    (27, "dhcp.option.all_subnets_are_local", Kind::Flag),
    (28, "dhcp.option.broadcast_address", Kind::Ip),
    (29, "dhcp.option.perform_mask_discovery", Kind::Flag),
    (30, "dhcp.option.mask_supplier", Kind::Flag),
    (31, "dhcp.option.perform_router_discover", Kind::Flag),
    (32, "dhcp.option.router_solicitation_address", Kind::Ip),
    (34, "dhcp.option.trailer_encapsulation", Kind::Flag),
    (35, "dhcp.option.arp_cache_timeout", Kind::U32),
    (36, "dhcp.option.ethernet_encapsulation", Kind::Flag),
    (37, "dhcp.option.tcp_default_ttl", Kind::U8),
    (38, "dhcp.option.tcp_keepalive_interval", Kind::U32),
    (39, "dhcp.option.tcp_keepalive_garbage", Kind::Flag),
    (40, "dhcp.option.nis_domain", Kind::Text),
    (41, "dhcp.option.nis_server", Kind::Ips),
    (42, "dhcp.option.ntp_server", Kind::Ips),
    (44, "dhcp.option.netbios_over_tcpip_name_server", Kind::Ips),
    (45, "dhcp.option.netbios_over_tcpip_dd_name_server", Kind::Ips),
    (46, "dhcp.option.netbios_over_tcpip_node_type", Kind::U8),
    (47, "dhcp.option.netbios_over_tcpip_scope", Kind::Text),
    (48, "dhcp.option.xwindows_system_font_server", Kind::Ips),
    (49, "dhcp.option.xwindows_system_display_manager", Kind::Ips),
    (50, "dhcp.option.requested_ip_address", Kind::Ip),
    (51, "dhcp.option.ip_address_lease_time", Kind::U32),
    (52, "dhcp.option.option_overload", Kind::U8),
    (53, "dhcp.option.dhcp", Kind::U8),
    (54, "dhcp.option.dhcp_server_id", Kind::Ip),
    (55, "dhcp.option.request_list_item", Kind::Codes),
    (56, "dhcp.option.message", Kind::Text),
    (57, "dhcp.option.dhcp_max_message_size", Kind::U16),
    (58, "dhcp.option.renewal_time_value", Kind::U32),
    (59, "dhcp.option.rebinding_time_value", Kind::U32),
    (60, "dhcp.option.vendor_class_id", Kind::Text),
    (64, "dhcp.option.nis_plus_domain", Kind::Text),
    (65, "dhcp.option.nis_plus_server", Kind::Ips),
    (66, "dhcp.option.tftp_server_name", Kind::Text),
    (67, "dhcp.option.bootfile_name", Kind::Text),
    (68, "dhcp.option.mobile_ip_home_agent", Kind::Ips),
    (69, "dhcp.option.smtp_server", Kind::Ips),
    (70, "dhcp.option.pop3_server", Kind::Ips),
    (71, "dhcp.option.nntp_server", Kind::Ips),
    (72, "dhcp.option.default_www_server", Kind::Ips),
    (73, "dhcp.option.default_finger_server", Kind::Ips),
    (74, "dhcp.option.default_irc_server", Kind::Ips),
    (75, "dhcp.option.streettalk_server", Kind::Ips),
    (76, "dhcp.option.streettalk_da_server", Kind::Ips),
    (91, "dhcp.option.client_last_transaction_time", Kind::U32),
    (93, "dhcp.option.client_system_architecture", Kind::Shorts),
    (100, "dhcp.option.tz_pcode", Kind::Text),
    (101, "dhcp.option.tz_tcode", Kind::Text),
    (114, "dhcp.option.captive_portal", Kind::Text),
    (116, "dhcp.option.dhcp_auto_configuration", Kind::U8),
    (118, "dhcp.option.subnet_selection_option", Kind::Ip),
    (138, "dhcp.option.capwap_access_controller", Kind::Ips),
    (150, "dhcp.option.tftp_server_address", Kind::Ips),
    (252, "dhcp.option.private_proxy_autodiscovery", Kind::Text),
];

/// The longest text that goes into the line.
const LONGEST_TEXT: usize = 255;

/// What the line tells of the options.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) kind: Option<u8>,
    pub(super) requested: Option<Ipv4Addr>,
    pub(super) lease_s: Option<u32>,
    pub(super) server: Option<Ipv4Addr>,
    pub(super) host: Vec<u8>,
    pub(super) message: Vec<u8>,
    /// An option is longer than what was captured.
    pub(super) is_cut: bool,
}

/// Which of the fields of the file (1) and of the server (2) have options, too (RFC 2132, section 9.3).
pub(super) fn overload(options: &[u8]) -> u8 {
    let mut rest = Cursor(options);
    let mut next = || match rest.u8()? {
        0 => Some((0, [].as_slice())),
        255 => None,
        kind => Some((kind, rest.u8().and_then(|length| rest.take(length.into()))?)),
    };
    std::iter::from_fn(&mut next)
        .find(|(kind, _)| *kind == 52)
        .and_then(|(_, value)| value.first().copied())
        .unwrap_or(0)
}

/// Reads options up to the last; what fills the rest of a field that others stand in is not told.
pub(super) fn read(options: &[u8], is_field: bool, reading: &mut Reading, facts: &mut Facts) {
    let mut rest = Cursor(options);
    while let Some(kind) = rest.u8() {
        match kind {
            0 => {
                // As many as stand together are one.
                let zeros = rest.0.iter().take_while(|byte| **byte == 0).count();
                reading.number("dhcp.option.type", kind);
                reading.bytes("dhcp.option.padding", before(options, &rest, zeros));
                rest.take(zeros);
                continue;
            }
            255 => {
                reading.number("dhcp.option.type", kind);
                reading.number("dhcp.option.end", kind);
                if !is_field && !rest.0.is_empty() {
                    reading.bytes("dhcp.option.padding", rest.0);
                }
                return;
            }
            _ => {}
        }
        let Some(length) = rest.u8().filter(|_| !reading.is_full()) else {
            facts.is_cut = true;
            return;
        };
        reading.number("dhcp.option.type", kind);
        reading.number("dhcp.option.length", length);
        let Some(value) = rest.take(length.into()) else {
            facts.is_cut = true;
            return;
        };
        reading.bytes("dhcp.option.value", &shown(kind, value));
        one(kind, value, reading);
        note(kind, value, facts);
    }
}

/// The zero before the cursor, with so many behind it.
fn before<'a>(all: &'a [u8], rest: &Cursor<'_>, zeros: usize) -> &'a [u8] {
    let end = all.len() - rest.0.len() + zeros;
    all.get(end - zeros - 1..end).unwrap_or_default()
}

/// The value of an option without what proves who somebody is: the information of an authentication, which may be a
/// password as it is (RFC 3118, section 4), and what relays add of that kind (RFC 4014, RFC 4030).
fn shown(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut shown = value.to_vec();
    match kind {
        90 => shown.iter_mut().skip(11).for_each(|byte| *byte = b'*'),
        82 => {
            let mut at = 0;
            while let Some([kind, length]) = value.get(at..at + 2) {
                let end = at + 2 + usize::from(*length);
                if is_secret(*kind) {
                    let inside = at + 2..end.min(shown.len());
                    shown.get_mut(inside).unwrap_or_default().fill(b'*');
                }
                at = end;
            }
        }
        _ => {}
    }
    shown
}

/// Suboptions of relays: attributes of RADIUS, and authentication.
const fn is_secret(suboption: u8) -> bool {
    matches!(suboption, 7 | 8)
}

fn note(kind: u8, value: &[u8], facts: &mut Facts) {
    let address = || value.first_chunk::<4>().map(|raw| Ipv4Addr::from(*raw));
    let text = || value.get(..LONGEST_TEXT).unwrap_or(value).to_vec();
    match kind {
        12 => facts.host = text(),
        50 => facts.requested = address(),
        51 => facts.lease_s = value.first_chunk().map(|raw| u32::from_be_bytes(*raw)),
        53 => facts.kind = value.first().copied(),
        54 => facts.server = address(),
        56 => facts.message = text(),
        _ => {}
    }
}

fn one(kind: u8, value: &[u8], reading: &mut Reading) {
    match OPTIONS.iter().find(|(number, ..)| *number == kind) {
        Some((_, name, kind)) => plain(name, *kind, value, reading),
        None => special(kind, value, reading),
    }
}

fn addresses(value: &[u8]) -> impl Iterator<Item = Ipv4Addr> {
    value.as_chunks::<4>().0.iter().map(|raw| Ipv4Addr::from(*raw))
}

fn plain(name: &'static str, kind: Kind, value: &[u8], reading: &mut Reading) {
    match (kind, value.len()) {
        (Kind::Flag, 1) => reading.flag(name, value != [0]),
        (Kind::U8, 1) | (Kind::U16, 2) | (Kind::U32, 4) => reading.number(name, number(value)),
        (Kind::I32, 4) => reading.put(name, Value::Signed((number(value) as i32).into())),
        (Kind::Ip, 4) | (Kind::Ips, _) => addresses(value).for_each(|address| reading.put(name, Value::Ipv4(address))),
        (Kind::Codes, _) => value.iter().for_each(|code| reading.number(name, *code)),
        (Kind::Shorts, _) => {
            value.as_chunks::<2>().0.iter().for_each(|raw| reading.number(name, u16::from_be_bytes(*raw)));
        }
        (Kind::Text, _) => reading.text(name, before_zero(value)),
        // Not as long as it has to be.
        (Kind::Flag | Kind::U8 | Kind::U16 | Kind::U32 | Kind::I32 | Kind::Ip, _) => {}
    }
}

/// Options of several parts.
fn special(kind: u8, value: &[u8], reading: &mut Reading) {
    match kind {
        21 => pairs(["dhcp.option.policy_filter.ip", "dhcp.option.policy_filter.subnet_mask"], value, reading),
        33 => pairs(["dhcp.option.static_route.ip", "dhcp.option.static_route.router"], value, reading),
        61 => client_id(value, reading),
        81 => domain_of_client(value, reading),
        82 => relay(value, reading),
        90 => authentication(value, reading),
        97 => {
            if let [_, uuid @ ..] = value
                && uuid.len() == 16
            {
                reading.put("dhcp.client_id.uuid", Value::Text(guid(uuid).into_bytes()));
            }
        }
        119 => {
            let mut at = 0;
            while at < value.len() && !reading.is_full() {
                let Some((name, next)) = domain(value, at) else { return };
                reading.text("dhcp.option.dhcp_dns_domain_search_list_fqdn", &name);
                at = next;
            }
        }
        _ => {}
    }
}

fn pairs(names: [&'static str; 2], value: &[u8], reading: &mut Reading) {
    for (address, name) in addresses(value).zip(names.into_iter().cycle()) {
        reading.put(name, Value::Ipv4(address));
    }
}

/// RFC 2132, section 9.14; RFC 4361, section 6.1.
fn client_id(value: &[u8], reading: &mut Reading) {
    match *value {
        [hardware @ 1..48, a, b, c, d, e, f] => {
            reading.number("dhcp.hw.type", hardware);
            if matches!(hardware, 1 | 6) {
                reading.put("dhcp.hw.mac_addr", Value::Ethernet([a, b, c, d, e, f]));
            }
        }
        [0, ref uuid @ ..] if uuid.len() == 16 => {
            reading.put("dhcp.client_id.uuid", Value::Text(guid(uuid).into_bytes()));
        }
        [255, a, b, c, d, high, low, ref duid @ ..] => {
            let association = format!("{a:02x}{b:02x}{c:02x}{d:02x}");
            reading.put("dhcp.client_id.iaid", Value::Text(association.into_bytes()));
            reading.number("dhcp.client_id.duid_type", u16::from_be_bytes([high, low]));
            let mut rest = Cursor(duid);
            match (high, low) {
                // A link-layer address, with and without a time (RFC 8415, section 11).
                (0, kind @ (1 | 3)) => {
                    let Some(hardware) = rest.u16() else { return };
                    if kind == 1 {
                        reading.number("dhcp.client_id.duid_llt_hw_type", hardware);
                        let Some(time) = rest.u32() else { return };
                        reading.number("dhcp.client_id.time", time);
                    } else {
                        reading.number("dhcp.client_id.duid_ll_hw_type", hardware);
                    }
                    let name = "dhcp.client_id.link_layer_address";
                    let pairs: Vec<String> = rest.0.iter().map(|byte| format!("{byte:02x}")).collect();
                    let text = if matches!(hardware, 1 | 6) { pairs.join(":") } else { pairs.concat() };
                    reading.put(name, Value::Text(text.into_bytes()));
                }
                (0, 2) => {
                    let Some(enterprise) = rest.u32() else { return };
                    reading.number("dhcp.client_id.enterprise_num", enterprise);
                    if !rest.0.is_empty() {
                        reading.bytes("dhcp.client_id", rest.0);
                    }
                }
                _ => {}
            }
        }
        [0, ref text @ ..] if !text.is_empty() => {
            reading.number("dhcp.client_id.type", 0u8);
            reading.text("dhcp.client_id.undef", before_zero(text));
        }
        _ => {}
    }
}

/// As it is written down (RFC 9562, section 4), the first three parts in the byte order of a PC (RFC 4578, section 2.3).
fn guid(bytes: &[u8]) -> String {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::new();
    for (place, at) in order.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let byte = bytes.get(at).copied().unwrap_or(0);
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
    }
    text
}

/// RFC 4702, section 2.
fn domain_of_client(value: &[u8], reading: &mut Reading) {
    let [flags, one, other, ref name @ ..] = *value else { return };
    reading.number("dhcp.fqdn.flags", flags);
    reading.number("dhcp.fqdn.mbz", flags >> 4);
    for (name, bit) in [("dhcp.fqdn.n", 8), ("dhcp.fqdn.e", 4), ("dhcp.fqdn.o", 2), ("dhcp.fqdn.s", 1)] {
        reading.flag(name, flags & bit != 0);
    }
    reading.number("dhcp.fqdn.rcode1", one);
    reading.number("dhcp.fqdn.rcode2", other);
    if name.is_empty() {
        return;
    }
    if flags & 4 == 0 {
        reading.text("dhcp.fqdn.name", before_zero(name));
    } else if let Some((name, _)) = domain(name, 0) {
        reading.text("dhcp.fqdn.name", &name);
    }
}

/// The domain name at a place of a value, and where the next begins (RFC 1035, section 3.1; RFC 3397, section 2).
fn domain(value: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    /// RFC 1035, section 2.3.4.
    const LONGEST: usize = 255;
    let (mut name, mut at, mut next) = (Vec::new(), start, None);
    loop {
        match *value.get(at)? {
            0 => return Some((name, next.unwrap_or(at + 1))),
            length @ 1..64 => {
                if !name.is_empty() {
                    name.push(b'.');
                }
                name.extend(value.get(at + 1..at + 1 + usize::from(length))?);
                at += 1 + usize::from(length);
            }
            high @ 192.. => {
                let low = *value.get(at + 1)?;
                next = next.or(Some(at + 2));
                let to = usize::from(high & 0x3f) << 8 | usize::from(low);
                // Backwards only, so that there is an end.
                if to >= at {
                    return None;
                }
                at = to;
            }
            _ => return None,
        }
        if name.len() > LONGEST {
            return None;
        }
    }
}

/// RFC 3046, section 2.
fn relay(value: &[u8], reading: &mut Reading) {
    const PREFIX: &str = "dhcp.option.agent_information_option.suboption";
    let mut rest = Cursor(value);
    while let Some(kind) = rest.u8() {
        let Some(value) = rest.u8().and_then(|length| rest.take(length.into())).filter(|_| !reading.is_full()) else {
            return;
        };
        reading.number(PREFIX, kind);
        reading.number("dhcp.option.suboption_length", value.len() as u64);
        match (kind, value) {
            (1, _) => reading.bytes("dhcp.option.agent_information_option.agent_circuit_id", value),
            (2, _) => reading.bytes("dhcp.option.agent_information_option.agent_remote_id", value),
            (5, &[a, b, c, d]) => {
                let address = Value::Ipv4([a, b, c, d].into());
                reading.put("dhcp.option.agent_information_option.link_selection", address);
            }
            (6, _) => {
                let text = before_zero(value);
                reading.text("dhcp.option.agent_information_option.subscriber_id", text);
            }
            (10, &[flags]) => reading.number("dhcp.option.agent_information_option.flags", flags),
            (11, &[a, b, c, d]) => {
                let address = Value::Ipv4([a, b, c, d].into());
                reading.put("dhcp.option.agent_information_option.server_id_override", address);
            }
            _ => {}
        }
    }
}

/// RFC 3118, section 2: what it is made by, and never what it is.
fn authentication(value: &[u8], reading: &mut Reading) {
    let [protocol, algorithm, detection, ref rest @ ..] = *value else { return };
    reading.number("dhcp.option.dhcp_authentication.protocol", protocol);
    let name = match protocol {
        1 => "dhcp.option.dhcp_authentication.alg_delay",
        _ => "dhcp.option.dhcp_authentication.algorithm",
    };
    reading.number(name, algorithm);
    reading.number("dhcp.option.dhcp_authentication.rdm", detection);
    if let Some(replay) = rest.first_chunk::<8>().filter(|_| detection == 0) {
        reading.number("dhcp.option.dhcp_authentication.rdm_replay_detection", u64::from_be_bytes(*replay));
    }
}
