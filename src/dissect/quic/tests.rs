/// There may be as many as may be followed of which nothing came but a first packet: what only answered ones need is made when it is
/// needed.
#[test]
fn a_connection_that_nobody_answers_is_small() {
    assert!(size_of::<super::Quic>() <= 1664, "{}", size_of::<super::Quic>());
}
