//! The rules on health, as they are documented.

use crate::check::{RuleText, Severity};

const fn rule(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    why: &'static str,
    how: &'static str,
    excuse: &'static str,
) -> RuleText {
    RuleText { id, severity, title, why, how, excuse }
}

use Severity::{Note, Warning};

/// The rules on the health of TCP and of the network. The severity is that of the plain case; what it depends on stands
/// with how it is detected.
pub const RULES: &[RuleText] = &[
    rule(
        "tcp.refused",
        Warning,
        "A connection is refused",
        "nobody listens on the port, or a firewall forbids it",
        "a RST that acknowledges the SYN",
        "nothing; of a scan only the first are told",
    ),
    rule(
        "tcp.unanswered",
        Warning,
        "A SYN has no answer",
        "the host is down, or packets to it or from it are dropped",
        "a SYN, and nothing from the other end for `unanswered_s` seconds; a single SYN is a note",
        "the capture ends sooner; a single SYN where the capture has connections of one direction only",
    ),
    rule(
        "tcp.handshake-retransmission",
        Note,
        "A handshake needed more than its three segments",
        "each SYN that is lost costs a second or more before anything can be said",
        "SYN or SYN-ACK sent again on a connection that stands in the end",
        "copies that the network made",
    ),
    rule(
        "tcp.handshake-incomplete",
        Warning,
        "A handshake was answered, and never completed",
        "the answer does not reach the client, the client is gone, or it only looked whether somebody answers",
        "SYN-ACK sent again and never acknowledged; a note where it was sent once, or where a RST ended it",
        "the capture ends within `unanswered_s` seconds",
    ),
    rule(
        "tcp.handshake-odd",
        Note,
        "A handshake has an odd segment",
        "a middlebox, an old connection on the same ports, or somebody who tries to mislead observers",
        "a SYN-ACK that acknowledges another SYN; a SYN with another number on a live connection; data in a SYN without \
         the option of Fast Open (RFC 7413)",
        "an answer proves that the SYN opened a new connection",
    ),
    rule(
        "tcp.reset",
        Warning,
        "A connection is reset",
        "what was on its way is lost, and the other end learns of it only by its next word",
        "a RST that its receiver accepts on a connection that stood; the message tells the bytes that nobody \
         acknowledged. A note after a FIN, and after DISCONNECT or a refusal by MQTT",
        "both ends were through; the RST only gives up a peer that is gone (`tcp.half-open`)",
    ),
    rule(
        "tcp.reset-ignored",
        Warning,
        "A RST did not end its connection",
        "somebody else sent it in the name of an end",
        "the end in whose name the RST came goes on: it sends, closes, or acknowledges what its peer sent since",
        "nothing",
    ),
    rule(
        "tcp.reset-out-of-window",
        Note,
        "A RST outside of what its receiver accepts",
        "a guess of somebody who wants to cut the connection, or a very late segment",
        "the number is not the next one that the receiver expects (RFC 5961, section 3)",
        "nothing",
    ),
    rule(
        "tcp.half-open",
        Warning,
        "One end is gone, and the other goes on",
        "the other end keeps a connection that leads nowhere, and what it sends is lost",
        "`unanswered_probes` keep-alives or window probes in a row without an answer, or the same data or FIN sent again \
         after three time-outs and never acknowledged",
        "the capture has only one direction of the connection",
    ),
    rule(
        "tcp.half-closed",
        Note,
        "One end has closed, and the other does not",
        "a program that forgets to close keeps its socket, until there are no more",
        "one FIN, acknowledged, and no other; then silence for `half_closed_s` seconds of the capture",
        "the capture ends sooner",
    ),
    rule(
        "tcp.data-after-fin",
        Warning,
        "An end sends beyond its FIN",
        "a stack does not do that: two hosts share an address, or somebody injects segments",
        "data or another FIN with numbers beyond the first FIN",
        "the FIN sent again",
    ),
    rule(
        "tcp.data-after-reset",
        Warning,
        "An end goes on after the RST of its peer",
        "the RST did not reach it, so that it talks to nobody",
        "data more than a second after the RST",
        "what crosses the RST on its way",
    ),
    rule(
        "tcp.retransmission",
        Note,
        "Segments were sent again",
        "the way loses or delays packets: messages wait for a round trip or for a time-out",
        "segments sent again in percent of those with data or FIN, for each end. A note from \
         `retransmission_note_percent` on, a warning from `retransmission_warning_percent` on if there are \
         `retransmission_minimum` segments with data",
        "copies that the network made, keep-alives, window probes, the handshake",
    ),
    rule(
        "tcp.duplicated",
        Note,
        "The network doubles segments",
        "a loop, or a mirror port that captures each packet twice, which falsifies every count",
        "the same IP identification, or the same timestamp, twice",
        "nothing",
    ),
    rule(
        "tcp.zero-window",
        Note,
        "An end has no room for more",
        "its program does not read, and the other end has to wait",
        "segments with window 0; a warning if it lasts `zero_window_warning_s` seconds at once",
        "segments with SYN, FIN or RST",
    ),
    rule(
        "tcp.bad-checksum",
        Warning,
        "A segment came damaged",
        "a card, a cable or a switch changes bits, and what goes unnoticed is worse",
        "a wrong checksum of an end whose checksums are right as a rule",
        "checksums that the card fills in later (`capture.checksum-offload`)",
    ),
    rule(
        "tcp.out-of-window",
        Note,
        "A segment lies outside of what its receiver can accept",
        "a very late segment, an old connection on the same ports, or somebody who guesses",
        "sequence or acknowledgement number farther away than twice the largest window and a megabyte",
        "three in a row that go on from each other: the capture has a large hole",
    ),
    rule(
        "tcp.odd-flags",
        Warning,
        "Flags that no stack sends together",
        "somebody tries how hosts or firewalls answer to them",
        "SYN with FIN or RST, FIN with RST, or none of SYN, RST and ACK",
        "nothing",
    ),
    rule(
        "tcp.unexpected",
        Note,
        "A segment that the state of its sender does not allow",
        "late segments, a wrong order of the capture, or a stack with a mistake",
        "RFC 9293 has no arrow for it in the state that is proved",
        "SYN segments, and flows with another finding on the handshake or flags",
    ),
    rule(
        "tcp.old-timestamp",
        Note,
        "A segment with an old timestamp",
        "a receiver drops it (RFC 7323, section 5.3): a very late segment, or another host",
        "TSval more than 120000 ticks behind the newest of its sender, or TSecr behind that of its peer",
        "nothing",
    ),
    rule(
        "ip.hops-changed",
        Note,
        "Packets of one end come over another number of hops",
        "the way has changed, or somebody else sends in the name of the end",
        "the time to live differs by more than 4 from that of the end's first packet",
        "up to 4 hops, as where routers balance load",
    ),
    rule(
        "ip.fragments-unfinished",
        Note,
        "Datagrams whose fragments are not all there",
        "one fragment that is lost loses the datagram",
        "fragments that wait at the end of the capture, or waited too long",
        "nothing",
    ),
    rule(
        "net.undelivered",
        Warning,
        "A router or host could not deliver packets",
        "it says itself why: no way, nobody there, forbidden, a loop",
        "an ICMP or ICMPv6 error that quotes a packet of a flow, once for each type and code. A note for UDP, and where \
         a packet was only too big for the way",
        "errors about flows that are not in the capture",
    ),
    rule(
        "net.address-conflict",
        Warning,
        "Two hosts claim one address",
        "packets go to one or the other as it happens",
        "ARP messages whose sender has the address with another hardware address, in turns; a note where the address \
         only moves once",
        "probes with the sender 0.0.0.0",
    ),
    rule(
        "net.port-scan",
        Warning,
        "A host tries one end after the other",
        "somebody looks for what can be attacked, or a program has a wrong list of addresses",
        "`scan_targets` ends of which none could be connected to within `scan_window_s` seconds; the connections behind \
         are not told any more",
        "the same end tried again",
    ),
    rule(
        "net.syn-flood",
        Warning,
        "A server is left with open handshakes",
        "its queue runs full, so that nobody gets in",
        "`syn_flood` clients within `syn_flood_window_s` seconds that never complete the handshake",
        "handshakes that a RST ended",
    ),
    rule(
        "capture.checksum-offload",
        Note,
        "Checksums are left to the network card",
        "the capture was taken at the sender, and wrong checksums in it are no damage",
        "the sum of the pseudo-header alone, or wrong checksums as a rule; told once for each host",
        "a host of which it was told",
    ),
    rule(
        "capture.missing-data",
        Note,
        "The capture lacks segments",
        "what rests on them can't be told, and silence about them proves nothing",
        "bytes that were skipped or acknowledged, and were never captured",
        "directions that were not captured at all",
    ),
    rule(
        "capture.clock-back",
        Note,
        "The clock of the capture goes back",
        "times and round trips around it are wrong: several queues or cards, or a clock that was set",
        "a frame with an earlier time than the one before it; told once, with the largest step",
        "nothing",
    ),
];
