//! IEEE 802.11 data frames, and the capture headers that monitor mode puts before them.
//!
//! Frames that are encrypted or are fragments of a larger one are not looked into.

use super::decoder::Walk;
use super::view::View;
use super::{Layer, LinkAddresses, Payload};
use crate::capture::LinkType;

impl<'a> Walk<'a, '_> {
    /// An 802.11 frame; `padded` when the card aligned its body to four bytes.
    pub(super) fn wlan(&mut self, view: View<'a>, padded: bool) {
        match view.first::<2>() {
            Some(control) => {
                let fragment_number = view.data.get(22).map_or(0, |low| low & 0x0f);
                self.wlan_with_control(*control, view, padded, fragment_number);
            }
            None => self.short(Layer::Wlan, view, 2),
        }
    }

    /// An 802.11 frame whose frame control field is given, in the order of the standard, and whose fragment
    /// number is known.
    pub(super) fn wlan_with_control(
        &mut self,
        [kind, flags]: [u8; 2],
        view: View<'a>,
        padded: bool,
        fragment_number: u8,
    ) {
        const TO_DS: u8 = 0x01;
        const FROM_DS: u8 = 0x02;
        const MORE_FRAGMENTS: u8 = 0x04;
        const PROTECTED: u8 = 0x40;
        const ORDER: u8 = 0x80;
        let (is_data, null, qos) = (kind >> 2 & 3 == 2, kind & 0x40 != 0, kind & 0x80 != 0);
        if !is_data {
            if self.enter(Layer::Wlan, view) {
                self.other(view.skip(2));
            }
            return;
        }
        let four_addresses = flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS;
        let qos_at = if four_addresses { 30 } else { 24 };
        let mut header: usize = qos_at;
        if qos {
            // The HT control field follows where the order bit is set.
            header += if flags & ORDER != 0 { 6 } else { 2 };
        }
        if padded {
            header = header.next_multiple_of(4);
        }
        if view.data.len() < header {
            return self.short(Layer::Wlan, view, header);
        }
        if !self.enter(Layer::Wlan, view) {
            return;
        }
        let address = |at: usize| view.data.get(at..).and_then(<[u8]>::first_chunk::<6>).copied().unwrap_or_default();
        let (source, destination) = match (flags & TO_DS != 0, flags & FROM_DS != 0) {
            (false, false) => (address(10), address(4)),
            (true, false) => (address(10), address(16)),
            (false, true) => (address(16), address(4)),
            (true, true) => (address(24), address(16)),
        };
        if self.packet.link.is_none() {
            self.packet.link = Some(LinkAddresses { source, destination: Some(destination) });
        }
        let body = view.skip(header);
        if null {
            self.packet.payload = Payload::Nothing;
        } else if flags & (PROTECTED | MORE_FRAGMENTS) != 0 || fragment_number != 0 {
            self.other(body);
        } else if qos && view.data.get(qos_at).is_some_and(|control| control & 0x80 != 0) {
            // An A-MSDU holds several frames; the first is read.
            match body.be16(12) {
                Some(length) => self.llc(body.skip(14).bound(usize::from(length))),
                None => self.short(Layer::Wlan, body, 14),
            }
        } else {
            self.llc(body);
        }
    }

    pub(super) fn radiotap(&mut self, view: View<'a>) {
        let Some(&[_, _, low, high]) = view.first::<4>() else {
            return self.short(Layer::Radiotap, view, 4);
        };
        let length = usize::from(u16::from_le_bytes([low, high]));
        if length < 8 {
            return self.stop(Layer::Radiotap, view, "header length is below 8", false);
        }
        if view.data.len() < length {
            return self.short(Layer::Radiotap, view, length);
        }
        if !self.enter(Layer::Radiotap, view) {
            return;
        }
        let flags = radiotap_flags(view.bound(length).data);
        let frame = view.skip(length);
        // Flag 0x10: the frame check sequence is there; 0x20: the body is aligned.
        let frame = if flags & 0x10 == 0 { frame } else { frame.bound(frame.length.saturating_sub(4)) };
        self.wlan(frame, flags & 0x20 != 0);
    }

    /// The Prism and AVS headers, which older drivers make; one link type may carry the other's header.
    pub(super) fn wlan_monitor(&mut self, view: View<'a>) {
        /// The message code of a Prism header, whose length field follows a word later.
        const PRISM_CODE: u32 = 0x44;
        let Some(&[a, b, c, d, l0, l1, l2, l3]) = view.first::<8>() else {
            return self.short(Layer::Radiotap, view, 8);
        };
        // AVS has a magic number and is big-endian; Prism is in the order of the machine, mostly little.
        let length = if u32::from_be_bytes([a, b, c, d]) & 0xffff_fff0 == 0x8021_1000
            || u32::from_be_bytes([a, b, c, d]) == PRISM_CODE
        {
            u32::from_be_bytes([l0, l1, l2, l3])
        } else {
            u32::from_le_bytes([l0, l1, l2, l3])
        };
        let Some(length) = usize::try_from(length).ok().filter(|length| (8..=512).contains(length)) else {
            return self.stop(Layer::Radiotap, view, "header length is out of range", false);
        };
        if view.data.len() < length {
            return self.short(Layer::Radiotap, view, length);
        }
        if self.enter(Layer::Radiotap, view) {
            self.wlan(view.skip(length), false);
        }
    }

    /// The per-packet information header, which names the link type of what it wraps; `false` when that
    /// is not decoded.
    pub(super) fn ppi(&mut self, view: View<'a>) -> bool {
        let Some(&[_, _, low, high, l0, l1, l2, l3]) = view.first::<8>() else {
            self.short(Layer::Radiotap, view, 8);
            return true;
        };
        let length = usize::from(u16::from_le_bytes([low, high]));
        if length < 8 {
            self.stop(Layer::Radiotap, view, "header length is below 8", false);
        } else if view.data.len() < length {
            self.short(Layer::Radiotap, view, length);
        } else if self.enter(Layer::Radiotap, view) {
            let link = LinkType(u16::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(u16::MAX));
            return self.link_type(link, view.skip(length));
        }
        true
    }
}

/// The flags field of a radiotap header; 0 where it has none.
fn radiotap_flags(header: &[u8]) -> u8 {
    const TIMER: u32 = 1;
    const FLAGS: u32 = 1 << 1;
    const MORE: u32 = 1 << 31;
    let mut words = header.get(4..).unwrap_or_default().chunks_exact(4);
    let mut word = || words.next().and_then(<[u8]>::first_chunk).map(|bytes| u32::from_le_bytes(*bytes));
    let Some(present) = word() else { return 0 };
    // The bit masks end with the first that has no further one behind it.
    let (mut masks, mut last) = (1, present);
    while last & MORE != 0 {
        let Some(next) = word() else { return 0 };
        (masks, last) = (masks + 1, next);
    }
    if present & FLAGS == 0 {
        return 0;
    }
    let mut at: usize = 4 + 4 * masks;
    if present & TIMER != 0 {
        // Fields are aligned to their size, from the start of the header.
        at = at.next_multiple_of(8) + 8;
    }
    header.get(at).copied().unwrap_or(0)
}
