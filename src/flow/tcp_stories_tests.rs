//! More stories of connections: how they end, what a capture lacks of them, and what was sent again.

use super::*;
use crate::flow::WindowScale;

#[test]
fn a_rst_in_the_name_of_an_end_that_goes_on_ended_nothing() {
    let goes_on = [
        ("acknowledges what was sent since", Line { ack: 11, ..LINE }),
        ("closes", Line { flags: FIN, ack: 11, ..LINE }),
        ("sends", Line { length: 5, ..LINE }),
    ];
    for (how, line) in goes_on {
        let mut story = Story::established();
        story.server(Line { flags: TcpFlags::RST, ..LINE }).client(Line { length: 10, ..LINE });
        assert!(story.connection.closing.reset.is_some());
        story.server(line);
        assert!(story.connection.closing.reset.is_none(), "the server {how}");
        assert_eq!(story.connection.sides.to_server.state(), TcpState::Established, "the server {how}");
        let odd = |direction: Direction, kind| story.connection.sides[direction].oddities().count(kind);
        assert_eq!(odd(Direction::ToClient, Oddity::ResetIgnored), 1, "the server {how}");
        assert!(!story.last.marks.has(Marks::UNEXPECTED), "the server {how}");
    }
}

#[test]
fn an_acknowledgement_that_a_rst_overtook_does_not_take_it_back() {
    let mut story = Story::established();
    story.client(Line { length: 10, ..LINE });
    story.server(Line { flags: TcpFlags::RST, ..LINE }).server(Line { ack: 11, ..LINE });
    assert_eq!(story.closed(), Some((CloseKind::Reset, Some(Role::Server))));
}

#[test]
fn who_sent_the_rst_is_told_beside_who_began_to_close() {
    let mut story = Story::established();
    story.client(Line { flags: FIN, ..LINE }).server(Line { flags: RST_ACK, ack: 2, ..LINE });
    let close = story.connection.close().expect("it is closed");
    assert_eq!((close.initiator, close.reset_by), (Some(Role::Client), Some(Role::Server)));
}

#[test]
fn who_began_is_not_known_where_the_fin_of_the_other_end_may_be_what_the_capture_lacks() {
    let mut story = Story::established();
    // It acknowledges one number beyond what was captured of the client.
    story.server(Line { flags: FIN, ack: 2, ..LINE }).client(Line { seq: 2, ack: 2, ..LINE });
    assert_eq!(story.closed(), Some((CloseKind::HalfOpen, None)));

    let mut story = Story::new();
    story.server(Line { flags: SYN_ACK, seq: 0, ..LINE }).server(Line { flags: FIN, ack: 20, ..LINE });
    assert_eq!(story.closed(), Some((CloseKind::HalfOpen, None)), "one direction was not captured");
}

#[test]
fn options_that_the_capture_lacks_may_have_been_offered() {
    let scales = |client: u8, server: u8| {
        let mut story = Story::new();
        story.client(Line { flags: TcpFlags::SYN, seq: 0, cut: client, ..LINE });
        story.server(Line { flags: SYN_ACK, seq: 0, cut: server, ..LINE });
        let sides = &story.connection.sides;
        (sides.to_server.scale, sides.to_server.syn_options().map(|options| options.cut))
    };
    assert_eq!(scales(0, 0), (WindowScale::Shift(7), Some(false)));
    assert_eq!(scales(4, 0), (WindowScale::Shift(7), Some(true)), "the scale is among those that were captured");
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, bare: true, cut: 12, ..LINE });
    story.server(Line { flags: SYN_ACK, seq: 0, ..LINE }).client(LINE);
    assert!(Direction::BOTH.iter().all(|direction| !story.connection.sides[*direction].window_scale_known()));
    let mut story = Story::new();
    story.client(Line { flags: TcpFlags::SYN, seq: 0, bare: true, cut: 12, ..LINE });
    story.server(Line { flags: SYN_ACK, seq: 0, bare: true, ..LINE }).client(LINE);
    assert!(story.connection.sides.to_server.window_scale_known(), "without the server's there is no scaling");
}
