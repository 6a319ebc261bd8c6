//! Findings on hosts and networks.

use super::*;

#[test]
fn a_clock_that_goes_back_is_told_once() {
    let back = |capture: &mut Timeline| {
        talk(capture, 40_000);
        capture.wait(10.0);
        talk(capture, 40_001);
        capture.set_back(2.0);
        talk(capture, 40_002);
        capture.set_back(1.0);
        talk(capture, 40_003);
    };
    let findings = found(back);
    assert_eq!(findings.iter().filter(|finding| finding.id == "capture.clock-back").count(), 1);
    assert!(findings[0].message.contains("2 times"), "{}", findings[0].message);
}

fn in_vain(capture: &mut Timeline, ports: [u16; 2]) {
    let syn = craft::frame(0, ports, (1000, 0), SYN, 1, &[]);
    let reset = craft::frame(1, ports, (0, 1001), RST | ACK, 2, &[]);
    capture.frame(syn);
    capture.frame(reset);
}

#[test]
fn a_scan_is_one_finding() {
    let scan = |ports: u16| {
        move |capture: &mut Timeline| {
            for port in 1..=ports {
                in_vain(capture, [50_000 + port, port]);
            }
        }
    };
    let many = names(scan(500));
    assert_eq!(many.iter().filter(|(id, _)| id == "net.port-scan").count(), 1);
    assert_eq!(many.iter().filter(|(id, _)| id == "tcp.refused").count(), 19);
    assert!(!names(scan(10)).iter().any(|(id, _)| id == "net.port-scan"));
    // One broker that is down is no scan, however often it is tried.
    let again = |capture: &mut Timeline| {
        for port in 1..=100 {
            in_vain(capture, [50_000 + port, 1883]);
        }
    };
    assert!(!names(again).iter().any(|(id, _)| id == "net.port-scan"));
}

#[test]
fn a_flood_is_one_finding() {
    let flood = |clients: u16| {
        move |capture: &mut Timeline| {
            for port in 0..clients {
                let ports = [20_000 + port, 1883];
                capture.frame(craft::frame(0, ports, (1000, 0), SYN, 1, &[]));
                capture.frame(craft::frame(1, ports, (5000, 1001), SYN | ACK, 2, &[]));
            }
            capture.wait(5.0);
            talk(capture, 40_000);
        }
    };
    let many = names(flood(300));
    assert_eq!(many.iter().filter(|(id, _)| id == "net.syn-flood").count(), 1);
    assert_eq!(many.iter().filter(|(id, _)| id == "tcp.handshake-incomplete").count(), 99);
    assert!(!names(flood(50)).iter().any(|(id, _)| id == "net.syn-flood"));
}

/// An ARP reply: this hardware address (by its last byte) has 10.0.0.9.
fn claim(mac: u8) -> Vec<u8> {
    let sender = [2, 0, 0, 0, 0, mac];
    let head = [&[0xff; 6][..], &sender, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 2]].concat();
    [&head[..], &sender, &[10, 0, 0, 9], &[0; 6], &[10, 0, 0, 1]].concat()
}

#[test]
fn two_hosts_with_one_address_are_told_from_one_that_moves() {
    let run = |macs: &'static [u8]| {
        move |capture: &mut Timeline| {
            for mac in macs {
                capture.frame(claim(*mac));
                capture.wait(1.0);
            }
        }
    };
    assert_eq!(names(run(&[1, 1, 1])), []);
    assert_eq!(names(run(&[1, 2, 2])), one("net.address-conflict", Note));
    let turns = names(run(&[1, 2, 1, 2, 1, 2]));
    assert_eq!(turns.iter().filter(|(_, severity)| *severity == Warning).count(), 1, "{turns:?}");
    assert_eq!(turns.len(), 2);
}

#[test]
fn what_a_router_could_not_deliver_is_told_with_its_flow() {
    let findings = found(|capture| {
        let mut line = Timeline::line(40_000);
        let syn = capture.copy(&line, CLIENT, SYN, &[]);
        capture.segment(&mut line, CLIENT, SYN, &[]);
        let quoted = &syn[14..14 + 28];
        let icmp = [&[3, 1, 0, 0, 0, 0, 0, 0][..], quoted].concat();
        let length = (20 + icmp.len()) as u16;
        let mut ip = vec![0x45, 0];
        ip.extend(length.to_be_bytes());
        ip.extend([0, 9, 0, 0, 64, 1, 0, 0, 10, 0, 0, 254, 10, 0, 0, 1]);
        let frame = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0][..], &ip, &icmp].concat();
        capture.frame(frame.clone());
        capture.frame(frame);
    });
    let told: Vec<_> = findings.iter().filter(|finding| finding.id == "net.undelivered").collect();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].severity, told[0].flow.unwrap().id.0), (Warning, 1));
    assert!(told[0].message.starts_with("10.0.0.254 says of 2 packets of the client"), "{}", told[0].message);
}
