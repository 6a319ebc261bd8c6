//! DHCP, TFTP, CoAP, NTP, ARP and ICMP from a capture to lines, records, filters and the table of flows; beside tshark
//! where that is installed.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{fixtures, mqttsniff, of, records, stdout};
use serde_json::{Value, json};

fn recorded() -> PathBuf {
    fixtures().join("neighbours/datagrams.pcap")
}

fn handmade() -> PathBuf {
    fixtures().join("neighbours/handmade.pcap")
}

/// The records of neighbours.
fn told(path: &Path, more: &[&str]) -> Vec<Value> {
    let more = [&["--show", "neighbours"], more].concat();
    of(&records(path, &more), "neighbour").into_iter().cloned().collect()
}

/// The lines of one protocol.
fn lines(path: &Path, protocol: &str) -> Vec<String> {
    let told = told(path, &[]);
    let of_it = told.iter().filter(|record| record["protocol"] == protocol);
    of_it.map(|record| record["info"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn has(lines: &[String], line: &str) {
    assert!(lines.iter().any(|one| one == line), "no `{line}` in\n{}", lines.join("\n"));
}

/// What a command prints for a capture.
fn shown(path: &Path, arguments: &[&str]) -> String {
    let output = mqttsniff().arg("read").arg(path).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stdout(&output).to_owned()
}

#[test]
fn every_protocol_is_told_as_often_as_it_is_there() {
    let count = |path: &Path| {
        told(path, &[]).iter().fold(BTreeMap::<String, usize>::new(), |mut counts, record| {
            *counts.entry(record["protocol"].as_str().unwrap().to_owned()).or_default() += 1;
            counts
        })
    };
    assert_eq!(
        serde_json::to_value(count(&recorded())).unwrap(),
        json!({"arp": 12, "coap": 40, "dhcp": 4, "icmp": 11, "icmpv6": 34, "tftp": 22})
    );
    let expected = json!({
        "arp": 8, "rarp": 2, "icmp": 15, "icmpv6": 13, "dhcp": 22, "tftp": 15, "coap": 18, "ntp": 11
    });
    assert_eq!(serde_json::to_value(count(&handmade())).unwrap(), expected);
}

#[test]
fn a_lease_is_told_from_the_question_to_the_answer() {
    let lines = lines(&recorded(), "dhcp");
    assert_eq!(lines.len(), 4);
    let id = "Transaction ID 0x64663851";
    assert_eq!(lines[0], format!("DHCP Discover - {id}, host name oven-3"));
    assert_eq!(lines[1], format!("DHCP Offer - {id}, address 10.9.0.68, for 600 s, server 10.9.0.1, host name oven-3"));
    assert_eq!(lines[2], format!("DHCP Request - {id}, asks for 10.9.0.68, server 10.9.0.1, host name oven-3"));
    assert!(lines[3].starts_with(&format!("DHCP ACK - {id}, address 10.9.0.68")));
    let offer = &told(&recorded(), &[]).into_iter().filter(|record| record["protocol"] == "dhcp").nth(1).unwrap();
    // It is the first frame of its flow, and who sends it is no client.
    assert_eq!((&offer["from"], &offer["source"]), (&json!("server"), &json!("10.9.0.1:67")));
    let fields = &offer["fields"];
    assert_eq!(fields["dhcp.option.dhcp"], 2);
    assert_eq!(fields["dhcp.option.domain_name_server"], json!(["10.9.0.1", "10.9.0.2"]));
    assert_eq!(fields["dhcp.option.router"], "10.9.0.1");
    assert_eq!(fields["dhcp.option.ip_address_lease_time"], 600);
    assert_eq!(fields["dhcp.file"], "pxelinux.0");
}

#[test]
fn a_transfer_is_followed_to_its_own_ports() {
    let lines = lines(&recorded(), "tftp");
    assert_eq!(lines[0], "Read Request, File: boot.bin, Transfer type: octet");
    assert_eq!(lines[1], "Data Packet, Block: 1, 512 bytes");
    has(&lines, "Data Packet, Block: 6 (last), 440 bytes");
    has(&lines, "Option Acknowledgement, blksize=1024, tsize=3000");
    // With blocks of 1024 bytes the third is the last.
    has(&lines, "Data Packet, Block: 3 (last), 952 bytes");
    let flows = of(&records(&recorded(), &["--show", "flows"]), "flow").into_iter().cloned().collect::<Vec<_>>();
    let transfers: Vec<_> = flows.iter().filter(|flow| flow["application"] == "tftp").collect();
    assert_eq!(transfers.len(), 4, "two requests, two transfers");
    assert_eq!(transfers.iter().filter(|flow| flow["server"]["port"] == 69).count(), 2);
    // The server sends first where it has chosen its port.
    assert!(transfers.iter().all(|flow| flow["server"]["address"] == "10.9.0.1"), "{transfers:#?}");
    let odd = self::lines(&handmade(), "tftp");
    has(&odd, "Error Code, Code: File not found, Message: no such file");
    has(&odd, "Data Packet, Block: 65537, 512 bytes");
}

#[test]
fn an_answer_of_coap_is_told_with_its_question() {
    let all = told(&handmade(), &[]);
    let coap: Vec<_> = all.iter().filter(|record| record["protocol"] == "coap").collect();
    let first = coap[0]["frame"].as_u64().unwrap();
    assert_eq!(
        coap[0]["info"],
        "CON, MID:1, PUT, TKN:11, application/cbor, 4 bytes, coap://host:5683/a/b?x=1&token=***"
    );
    assert_eq!(coap[1]["fields"]["coap.response_to"], first);
    assert_eq!(coap[1]["fields"]["coap.response_time"], 0.0125);
    assert_eq!(coap[1]["info"], "ACK, MID:1, 2.04 Changed, TKN:11, coap://host:5683/a/b");
    // An observer gets answers until it has enough: only the first is one.
    let observed: Vec<_> =
        coap.iter().filter(|record| record["info"].as_str().unwrap().ends_with("/observed")).collect();
    assert_eq!(observed.len(), 3);
    assert!(observed[1]["fields"]["coap.response_to"].is_u64() && observed[2]["fields"]["coap.response_to"].is_null());
    let lines = lines(&handmade(), "coap");
    assert!(lines.iter().any(|line| line.ends_with("/slow [Retransmission of 90]")), "{lines:#?}");
    // The conversation on another port is known by its request.
    has(&lines, "CON, MID:9, GET, TKN:19, /elsewhere");
    has(&lines, "ACK, MID:9, 2.05 Content, TKN:19, application/json, 2 bytes, /elsewhere");
}

#[test]
fn blocks_of_coap_are_put_together() {
    let all = told(&recorded(), &[]);
    let bodies: Vec<_> = all.iter().filter(|record| record["fields"]["coap.block.count"] != Value::Null).collect();
    // What tshark 4.0.17 says of them.
    let wanted = [json!([99, 101, 103]), json!([106, 108, 110, 112, 114])];
    assert_eq!(bodies.len(), wanted.len());
    for (body, frames) in bodies.iter().zip(wanted) {
        let count = frames.as_array().unwrap().len();
        let fields = &body["fields"];
        assert_eq!((&fields["coap.block"], &fields["coap.block.count"]), (&frames, &json!(count)));
        assert_eq!(
            (&fields["coap.block.reassembled.length"], &fields["coap.payload_length"]),
            (&json!(130), &json!(130))
        );
        assert_eq!(fields["coap.payload_desc"], "application/json");
        assert!(body["info"].as_str().unwrap().contains(&format!(", body of 130 bytes in {count} blocks")), "{body}");
    }
    // One block each time is missing, comes late, or comes twice.
    let put = |id: u8, place: u8, data: &[u8]| {
        let head = [
            0x41,
            3,
            0,
            id,
            id,
            0xb2,
            b'f',
            b'w',
            0x11,
            0x32,
            0xd1,
            2,
            place << 4 | u8::from(place < 2) << 3 | 2,
            0xff,
        ];
        [&head[..], data].concat()
    };
    let (block, last) = ([b'x'; 64], *b"yy");
    let said = |order: &[(u8, u8)]| -> Vec<String> {
        let mut capture = common::sensors::Capture::default();
        for (id, place) in order {
            let data = if *place == 2 { &last[..] } else { &block };
            let server = std::net::SocketAddrV4::new(*common::sensors::GATEWAY.ip(), 5683);
            capture.send(common::sensors::CLIENT, server, &put(*id, *place, data));
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blocks.pcap");
        capture.save(&path);
        let lines = lines(&path, "coap");
        lines.iter().filter_map(|line| line.split_once(", body of ").map(|(_, body)| body.to_owned())).collect()
    };
    assert_eq!(said(&[(0, 0), (1, 2)]), ["130 bytes, 64 of them not captured"]);
    assert_eq!(said(&[(0, 0), (1, 2), (2, 1)]), ["130 bytes, 64 of them not captured", "130 bytes in 3 blocks"]);
    assert_eq!(said(&[(0, 0), (0, 0), (1, 1), (1, 1), (2, 2)]), ["130 bytes in 3 blocks"]);
}

#[test]
fn arp_says_who_asks_whom_and_who_was_there_before() {
    let lines = lines(&handmade(), "arp");
    assert_eq!(
        lines,
        [
            "Who has 10.0.0.2? Tell 10.0.0.1",
            "10.0.0.2 is at 02:00:00:00:00:0b",
            "Who has 10.0.0.9? (ARP Probe)",
            "ARP Announcement for 10.0.0.9",
            "Gratuitous ARP for 10.0.0.9 (Reply)",
            "Gratuitous ARP for 10.0.0.9 (Request)",
            "Who has 10.0.0.1? Tell 10.0.0.9 (duplicate use of 10.0.0.9 detected!)",
            "Who is 02:00:00:00:00:0b? Tell 02:00:00:00:00:0a",
        ]
    );
    let reversed = self::lines(&handmade(), "rarp");
    assert_eq!(reversed, ["Who is 02:00:00:00:00:0a? Tell 02:00:00:00:00:0a", "02:00:00:00:00:0a is at 10.0.0.7"]);
    let duplicate = told(&handmade(), &["--filter", "arp.duplicate-address-detected"]);
    assert_eq!(duplicate.len(), 1);
    assert_eq!(duplicate[0]["fields"]["arp.duplicate-address-frame"], 6);
    // It belongs to no flow, and its ends are those of the link.
    assert!(duplicate[0].get("flow").is_none() && duplicate[0].get("from").is_none());
    assert_eq!(
        (&duplicate[0]["source"], &duplicate[0]["destination"]),
        (&json!("02:00:00:00:00:0a"), &json!("02:00:00:00:00:0b"))
    );
}

#[test]
fn icmp_matches_echoes_and_names_what_it_quotes() {
    let lines = lines(&handmade(), "icmp");
    has(&lines, "Echo (ping) reply id=0x0009, seq=1, ttl=64 (request in 12)");
    // The second answer answers nothing any more.
    has(&lines, "Echo (ping) reply id=0x0009, seq=1, ttl=64");
    has(&lines, "Destination unreachable (Port unreachable) for UDP 10.0.0.2:40000 \u{2192} 10.9.9.9:53");
    has(&lines, "Time to live exceeded (in transit) for ICMP 10.0.0.2 \u{2192} 10.9.9.9");
    assert!(lines.iter().any(|line| line.contains("MPLS label 1000")), "{lines:#?}");
    let lines = self::lines(&handmade(), "icmpv6");
    has(&lines, "Redirect to fe80::2 for fe80::9 is at 02:00:00:00:00:01");
    has(&lines, "Multicast listener report v2, include sources of ff02::5, join ff02::6");
    assert!(
        lines.iter().any(|line| line.starts_with("Router advertisement, for 1800 s from 02:00:00:00:00:01")),
        "{lines:#?}"
    );
    let replies = told(&handmade(), &["--filter", "icmp.resptime >= 12.5"]);
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0]["fields"]["icmp.resp_to"], 12);
}

#[test]
fn a_server_that_wants_to_be_left_alone_is_heard() {
    let lines = lines(&handmade(), "ntp");
    has(&lines, "NTP Version 4, server, kiss-o'-death RATE, not synchronized");
    has(&lines, "NTP Version 4, server, stratum 1, reference GPS");
    has(&lines, "NTP Version 4, broadcast, stratum 2, reference 10.0.0.1");
    has(&lines, "NTP Version 2, control, read variables, response, 12 bytes");
}

#[test]
fn filters_and_columns_know_their_fields() {
    let rows = |filter: &str, fields: &str| shown(&handmade(), &["--filter", filter, "--fields", fields]);
    assert_eq!(rows("tftp.error.code == 1", "tftp.error.message,tftp.destination_file"), "no such file\tnone\n");
    assert_eq!(rows("dhcp.option.dhcp == 6 and dhcp.option.message", "dhcp.option.message"), "no address is left\n");
    assert_eq!(rows("coap.code == 132", "coap.opt.uri_path_recon"), "/slow\n");
    assert_eq!(rows("icmpv6.type == 134", "icmpv6.opt.dnssl"), "plant.example,lab\n");
    assert_eq!(rows("rarp and arp.opcode == 4", "arp.dst.proto_ipv4"), "10.0.0.7\n");
    assert_eq!(rows("ntp.stratum == 0 and ntp.flags.mode == 4", "ntp.refid"), "52415445\n");
}

#[test]
fn the_list_shows_who_speaks_with_whom() {
    let list = shown(&handmade(), &["--show", "neighbours"]);
    let line = |part: &str| list.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {list}"));
    assert!(line("Port unreachable").contains("10.0.0.1 \u{2192} 10.0.0.2  Destination unreachable"));
    assert!(line("kiss-o'-death").contains("server"));
    let packets = shown(&handmade(), &["--show", "packets"]);
    assert!(packets.contains("Who is 02:00:00:00:00:0a? Tell 02:00:00:00:00:0a"));
}

#[test]
fn secrets_are_nowhere() {
    for show in ["neighbours", "packets"] {
        for path in [handmade(), recorded()] {
            let text = shown(&path, &["--show", show, "--json"]);
            for secret in ["hunter2", "token=abc", "u:p@", "key=1", "sixteen octets", "68756e74657232"] {
                assert!(!text.contains(secret), "{secret} in {show} of {}", path.display());
            }
        }
    }
    let redacted = told(&handmade(), &["--redact"]);
    let names = redacted
        .iter()
        .filter(|record| !matches!(record["protocol"].as_str(), Some("arp" | "rarp" | "icmp" | "icmpv6")));
    assert!(names.clone().count() > 50);
    names.for_each(|record| assert_eq!((&record["info"], &record["fields"]), (&json!(""), &json!({}))));
}

#[test]
fn values_are_those_of_tshark() {
    const FIELDS: [&str; 12] = [
        "frame.number",
        "dhcp.option.dhcp",
        "dhcp.option.hostname",
        "tftp.block.full",
        "tftp.destination_file",
        "coap.mid",
        "coap.opt.uri_path",
        "coap.opt.ctype",
        "icmp.resp_to",
        "icmpv6.opt.prefix",
        "arp.isgratuitous",
        "icmpv6.mldr.mar.multicast_address",
    ];
    let version = Command::new("tshark").arg("--version").output();
    if !version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(" 4.0.")) {
        eprintln!("skipped: tshark 4.0 is not installed");
        return;
    }
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "fields", "-r"]).arg(recorded());
    for field in FIELDS {
        tshark.args(["-e", field]);
    }
    let theirs = tshark.output().unwrap().stdout;
    let ours = shown(&recorded(), &["--fields", &FIELDS.join(",")]);
    assert_eq!(ours, String::from_utf8_lossy(&theirs));
}
