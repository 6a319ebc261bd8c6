use std::net::UdpSocket;

use super::super::super::Source as _;
use super::super::Live;
use super::*;

/// A capture on the loopback interface, or nothing where this machine does not allow one.
fn loopback(interfaces: &[&str], filter: &str) -> Option<(Live, Arc<AtomicBool>)> {
    let stop = Arc::new(AtomicBool::new(false));
    let options = LiveOptions {
        interfaces: interfaces.iter().map(ToString::to_string).collect(),
        filter: Some(filter.to_owned()),
        ..LiveOptions::default()
    };
    match Live::open(&options, Arc::clone(&stop)) {
        Ok(live) => Some((live, stop)),
        Err(OpenError::NoLibpcap { .. } | OpenError::NoPermission { .. }) => {
            eprintln!("skipped: this machine lets no test capture");
            None
        }
        Err(other) => panic!("{other}"),
    }
}

/// Sends datagrams to a port of the loopback interface that nobody listens on.
fn send(count: u8, port: u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for index in 0..count {
        let _ = socket.send_to(&[index; 10], ("127.0.0.1", port));
    }
}

#[test]
fn frames_of_loopback_arrive_and_the_flag_stops() {
    let Some((mut live, stop)) = loopback(&["lo"], "udp dst port 47001") else { return };
    send(5, 47001);
    let begun = now();
    let mut batch = Batch::new();
    while batch.len() < 5 && now().duration_since(begun) < Duration::from_secs(5) {
        assert_eq!(live.fill(&mut batch), Fill::More);
    }
    assert_eq!(batch.len(), 5);
    assert!(batch.frames().all(|frame| frame.header.link == LinkType::ETHERNET && frame.data.len() == 52));
    stop.store(true, Ordering::Relaxed);
    let stopping = now();
    while live.fill(&mut batch) == Fill::More {}
    assert!(now().duration_since(stopping) < Duration::from_millis(900));
    let report = live.report();
    assert_eq!(report.problems, []);
    assert_eq!(report.kernel_dropped, Some(0));
    // The kernel sees a frame of loopback twice, and libpcap leaves one out.
    assert!(report.kernel_received >= Some(5), "{report:?}");
}

#[test]
fn several_interfaces_are_one_capture_in_order_of_time() {
    let Some((mut live, _stop)) = loopback(&["lo", "any"], "udp dst port 47002") else { return };
    assert_eq!(live.interfaces()[0], ("lo".to_owned(), LinkType::ETHERNET));
    assert!([LinkType::LINUX_SLL, LinkType::LINUX_SLL2].contains(&live.interfaces()[1].1));
    send(3, 47002);
    let begun = now();
    let mut batch = Batch::new();
    // `any` sees a frame of loopback twice: going out and coming in.
    while batch.len() < 9 && now().duration_since(begun) < Duration::from_secs(5) {
        assert_eq!(live.fill(&mut batch), Fill::More);
    }
    for interface in [0, 1] {
        assert!(batch.frames().filter(|frame| frame.header.interface == interface).count() >= 3);
    }
}

#[test]
fn an_interface_that_does_not_exist_is_told_with_those_that_do() {
    let options = LiveOptions { interfaces: vec!["lo0".into()], ..LiveOptions::default() };
    match Live::open(&options, Arc::default()) {
        Err(OpenError::UnknownInterface { name, existing }) => {
            assert_eq!(name, "lo0");
            assert_eq!(existing[0], "lo");
        }
        Err(OpenError::NoLibpcap { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bad_filter_is_told_in_libpcaps_words() {
    let options =
        LiveOptions { interfaces: vec!["lo".into()], filter: Some("tcp prot 1883".into()), ..LiveOptions::default() };
    match Live::open(&options, Arc::default()) {
        Err(OpenError::BadFilter { filter, message }) => {
            assert_eq!(filter, "tcp prot 1883");
            assert!(message.contains("syntax error"), "{message}");
        }
        Err(OpenError::NoLibpcap { .. } | OpenError::NoPermission { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn libpcaps_numbers_become_those_of_files() {
    assert_eq!(link_type(1), Some(LinkType::ETHERNET));
    assert_eq!(link_type(113), Some(LinkType::LINUX_SLL));
    assert_eq!(link_type(-1), None);
    #[cfg(target_os = "linux")]
    assert_eq!(link_type(12), Some(LinkType::RAW));
}
