//! `mqttsniff flow`: the ladder tells what the records tell, it fits, plots are what they seem, and what can't be
//! shown is said.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::path::Path;
use std::process::Output;

use common::craft::{CONNACK, Connection, connect, publish};
use common::{lines, mqttsniff, of, pcap, stderr, stdout};
use serde_json::Value;

/// Captures with every kind of opening, closing, loss and wait, and one flow that is worth looking at in each.
const CAPTURES: [(&str, u64); 8] = [
    ("fixtures/lab/open_close.pcap", 1),
    ("fixtures/lab/simultaneous_close.pcap", 1),
    ("fixtures/lab/simultaneous_open.pcap", 1),
    ("fixtures/lab/zero_window.pcap", 1),
    ("fixtures/lab/loss_5.pcap", 1),
    ("fixtures/lab/fin_lost.pcap", 1),
    ("fixtures/lab/rst_abort.pcap", 1),
    ("fixtures/lab/mqtt5_qos.pcap", 10),
];

const PLOTS: [&str; 4] = ["sequence", "window", "throughput", "rtt"];

const STATES: [&str; 12] = [
    "UNKNOWN",
    "CLOSED",
    "LISTEN",
    "SYN_SENT",
    "SYN_RECEIVED",
    "ESTABLISHED",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "CLOSE_WAIT",
    "CLOSING",
    "LAST_ACK",
    "TIME_WAIT",
];

fn flow(width: usize, arguments: &[&str]) -> Output {
    mqttsniff().env("COLUMNS", width.to_string()).arg("flow").args(arguments).output().unwrap()
}

fn ladder(width: usize, capture: &str, number: u64, more: &[&str]) -> String {
    let number = number.to_string();
    let output = flow(width, &[&[capture, number.as_str()], more].concat());
    assert_eq!(output.status.code(), Some(0), "{capture}: {output:?}");
    stdout(&output).to_owned()
}

fn flow_record(capture: &str, number: u64) -> Value {
    let output = flow(80, &["--json", capture, &number.to_string()]);
    of(&lines(&output), "flow")[0].clone()
}

/// Between the line of titles and the next empty line: the text between the two ends, and the frame number.
fn rungs(text: &str) -> Vec<(Option<u64>, String)> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with("frame "));
    let titles = lines.next().unwrap();
    let place = |word: &str| titles[..titles.find(word).unwrap()].chars().count();
    let (from, to) = (place("client"), place("server") + "server".len());
    lines
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let frame = line.chars().take(from).collect::<String>();
            let frame = frame.split_whitespace().next().and_then(|number| number.parse().ok());
            (frame, line.chars().skip(from).take(to - from).collect())
        })
        .collect()
}

/// The states that the rungs show of both ends, in order, each with its mark.
fn states_shown(text: &str) -> [Vec<String>; 2] {
    let mut shown = [Vec::new(), Vec::new()];
    for (at, (frame, zone)) in rungs(text).into_iter().enumerate() {
        // What both ends were in before is no transition.
        if at == 0 && frame.is_none() {
            continue;
        }
        let arrow = zone.find(['─', '◀', '▶']);
        let mut place = 0;
        for word in zone.split(' ') {
            if STATES.contains(&word.trim_end_matches(['~', '?', '*'])) {
                let server = arrow.map_or(place > 0, |arrow| place > arrow);
                shown[usize::from(server)].push(word.to_owned());
            }
            place += word.len() + 1;
        }
    }
    shown
}

#[test]
fn the_states_shown_are_the_transitions_of_the_flow_record() {
    for (capture, number) in CAPTURES {
        let record = flow_record(capture, number);
        let told = |end: &str| -> Vec<String> {
            let transitions = record["transitions"].as_array().unwrap().iter();
            transitions
                .filter(|transition| transition["endpoint"] == end)
                .map(|transition| {
                    let mark = match transition["proof"].as_str().unwrap() {
                        "assumed" => "~",
                        "inferred" => "?",
                        "time" => "*",
                        _ => "",
                    };
                    format!("{}{mark}", transition["to"].as_str().unwrap())
                })
                .collect()
        };
        assert!(!told("client").is_empty(), "{capture}");
        for width in [60, 80, 100, 160] {
            let [client, server] = states_shown(&ladder(width, capture, number, &[]));
            assert_eq!(client, told("client"), "{capture}, the client at {width} columns");
            assert_eq!(server, told("server"), "{capture}, the server at {width} columns");
        }
    }
}

#[test]
fn every_frame_of_the_flow_has_its_rung() {
    for (capture, number) in CAPTURES {
        let output = flow(80, &["--json", capture, &number.to_string()]);
        let records = lines(&output);
        let frames: Vec<_> = of(&records, "packet").iter().map(|packet| packet["frame"].as_u64().unwrap()).collect();
        let shown: Vec<_> = rungs(&ladder(80, capture, number, &[])).iter().filter_map(|(frame, _)| *frame).collect();
        assert_eq!(shown, frames, "{capture}");
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for (capture, number) in CAPTURES {
        for width in [60, 80, 100, 160] {
            let mut texts =
                vec![ladder(width, capture, number, &[]), ladder(width, capture, number, &["--time", "clock"])];
            for plot in PLOTS {
                let output = flow(width, &[capture, &number.to_string(), "--plot", plot]);
                texts.push(stdout(&output).to_owned());
            }
            for text in texts {
                for line in text.lines() {
                    assert!(line.chars().count() <= width, "{capture} at {width}: {line}");
                    assert_eq!(line, line.trim_end(), "{capture} at {width}: spaces at the end");
                }
            }
        }
    }
}

#[test]
fn json_is_what_read_says_of_the_flow() {
    for (capture, number) in CAPTURES {
        let read = mqttsniff().args(["read", "--json", "--show", common::ALL, capture]).output().unwrap();
        let of_the_flow = |line: &&str| {
            let record: Value = serde_json::from_str(line).unwrap();
            let frames = ["begin", "summary"].iter().any(|kind| record["record"] == *kind);
            frames || (record["flow"] == number && record["record"] != "delivery")
        };
        let wanted: Vec<_> = stdout(&read).lines().filter(of_the_flow).collect();
        let output = flow(80, &["--json", capture, &number.to_string()]);
        assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), wanted, "{capture}");
        assert!(wanted.len() > 10, "{capture}");
    }
}

#[test]
fn a_flow_has_three_names() {
    let capture = "fixtures/lab/mqtt5_qos.pcap";
    let by_number = ladder(80, capture, 10, &[]);
    let by_stream = flow(80, &[capture, "--stream", "1"]);
    let by_client = flow(80, &[capture, "--client-id", "pub"]);
    assert_eq!(stdout(&by_stream), by_number);
    assert_eq!(stdout(&by_client), by_number);
    assert_eq!(stderr(&by_client), "");
    assert!(by_number.contains("MQTT 5.0, client id pub"), "{by_number}");
    let only = flow(80, &["fixtures/lab/open_close.pcap"]);
    assert_eq!(stdout(&only), ladder(80, "fixtures/lab/open_close.pcap", 1, &[]));
}

#[test]
fn the_other_flows_of_a_client_are_named() {
    let capture = "fixtures/lab/takeover_311.pcap";
    let read = mqttsniff().args(["read", "--json", "--show", "sessions", capture]).output().unwrap();
    let records = lines(&read);
    let sessions = of(&records, "session");
    let of_client = |id: &Value| {
        let mut flows: Vec<_> =
            sessions.iter().filter(|one| one["client_id"] == *id).map(|one| one["flow"].as_u64().unwrap()).collect();
        flows.sort_unstable();
        flows
    };
    let several = sessions.iter().map(|session| &session["client_id"]).find(|id| of_client(id).len() > 1).unwrap();
    let flows = of_client(several);
    let output = flow(80, &[capture, "--client-id", several.as_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let others: Vec<_> = flows[1..].iter().map(ToString::to_string).collect();
    let said = format!("this is {}, the other is {}", flows[0], others.join(", "));
    assert!(stderr(&output).contains(&said), "{}", stderr(&output));
    assert!(stdout(&output).starts_with(&format!("Flow {} ", flows[0])));
}

#[test]
fn a_part_is_shown_with_the_states_at_its_beginning() {
    let text = ladder(80, "fixtures/lab/zero_window.pcap", 1, &["--frames", "20-24"]);
    let rungs = rungs(&text);
    let frames: Vec<_> = rungs.iter().filter_map(|(frame, _)| *frame).collect();
    assert_eq!(frames, [20, 21, 22, 23, 24]);
    assert_eq!(rungs[0].1.split_whitespace().collect::<Vec<_>>(), ["ESTABLISHED", "ESTABLISHED"]);
    let text = ladder(80, "fixtures/lab/zero_window.pcap", 1, &["--limit", "3"]);
    assert!(text.contains("57 more frames are left out"), "{text}");
    let empty = ladder(80, "fixtures/lab/zero_window.pcap", 1, &["--frames", "1000-"]);
    assert!(empty.contains("No frame of it lies in the part"), "{empty}");
    let json = flow(80, &["fixtures/lab/zero_window.pcap", "1", "--json", "--frames", "20-24"]);
    assert_eq!(of(&lines(&json), "packet").len(), 5);
}

#[test]
fn the_ladder_tells_why_something_was_sent_again_and_that_a_window_was_closed() {
    let text = ladder(160, "fixtures/lab/loss_5.pcap", 1, &[]);
    let record = flow_record("fixtures/lab/loss_5.pcap", 1);
    let again = ["from_client", "from_server"].map(|end| record[end]["retransmissions"].as_u64().unwrap());
    assert_eq!(text.matches("sent again: ").count() as u64, again.iter().sum::<u64>(), "{text}");
    assert!(text.contains("sent again: fast, ") && text.contains("known by SACK"), "{text}");
    assert!(text.contains("duplicate ACK #2") && text.contains("SACK 24617–27513"), "{text}");
    let text = ladder(80, "fixtures/lab/zero_window.pcap", 1, &[]);
    for told in ["! zero window", "! probes the closed window", "· window opens to 8688", "! fills the window"] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn the_ladder_says_by_whom_and_how_it_ended() {
    for (capture, end) in [
        ("fixtures/lab/open_close.pcap", "closed with three segments, the client began"),
        ("fixtures/lab/simultaneous_close.pcap", "closed by both at the same time"),
        ("fixtures/lab/rst_abort.pcap", "reset by a RST"),
    ] {
        let text = ladder(100, capture, 1, &[]);
        assert!(text.contains(end), "{capture}: {text}");
    }
    let text = ladder(80, "fixtures/lab/midstream.pcap", 1, &[]);
    assert!(text.contains("not captured: options are unknown"), "{text}");
}

#[test]
fn colours_add_nothing_but_colours() {
    let plain = ladder(80, "fixtures/lab/loss_5.pcap", 1, &[]);
    let coloured = ladder(80, "fixtures/lab/loss_5.pcap", 1, &["--color", "always"]);
    assert_ne!(plain, coloured);
    let mut text = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, behind)) = rest.split_once("\x1b[") {
        text.push_str(before);
        rest = behind.split_once('m').unwrap().1;
    }
    assert_eq!(text + rest, plain);
}

#[test]
fn plots_count_what_the_record_counts() {
    let record = flow_record("fixtures/lab/loss_5.pcap", 1);
    for end in ["client", "server"] {
        let counts = &record[format!("from_{end}")];
        let plot = |kind: &str| {
            let output = flow(100, &["fixtures/lab/loss_5.pcap", "1", "--plot", kind, "--from", end]);
            stdout(&output).to_owned()
        };
        let text = plot("sequence");
        assert!(text.contains(&format!("R sent again {}", counts["retransmissions"])), "{text}");
        let text = plot("rtt");
        assert!(text.contains(&format!("round trips {}", counts["rtt_s"]["samples"])), "{text}");
        let kilobytes = |name: &str| format!("{:.1} kB", counts[name].as_f64().unwrap() / 1000.0);
        let text = plot("throughput");
        assert!(text.contains(&format!("new bytes: {}", kilobytes("unique_bytes"))), "{text}");
    }
    let text = flow(80, &["fixtures/lab/zero_window.pcap", "--plot", "window"]);
    let record = flow_record("fixtures/lab/zero_window.pcap", 1);
    let wanted = format!("Z zero window {}", record["from_server"]["zero_windows"]);
    assert!(stdout(&text).contains(&wanted), "{}", stdout(&text));
}

#[test]
fn a_plot_has_the_height_that_was_asked_for() {
    for plot in PLOTS {
        for height in [12, 24, 40] {
            let output = flow(80, &["fixtures/lab/loss_5.pcap", "1", "--plot", plot, "--height", &height.to_string()]);
            assert_eq!(stdout(&output).lines().count(), height, "{plot}");
        }
    }
}

/// Reads XML as far as a plot has need of it: what is opened is closed, attributes are quoted, text is escaped.
fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap().trim_start();
    let escaped = |text: &str| {
        for piece in text.split('&').skip(1) {
            let name = piece.split_once(';').map_or("", |(name, _)| name);
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "'{piece}' is no entity");
        }
        assert!(text.chars().all(|c| c >= ' ' || c == '\n'), "a control character in {text:?}");
    };
    while let Some((text, behind)) = rest.split_once('<') {
        escaped(text);
        assert!(!open.is_empty() || text.trim().is_empty(), "text outside of the document");
        let (tag, after) = behind.split_once('>').unwrap();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(["svg", "title", "desc", "rect", "text", "g", "path", "clipPath", "circle"].contains(&name), "{name}");
        let mut attributes = attributes;
        while let Some((attribute, behind)) = attributes.split_once("=\"") {
            assert!(!attribute.trim().is_empty() && !attribute.trim().contains([' ', '"', '<']), "{attribute}");
            let (value, behind) = behind.split_once('"').unwrap();
            escaped(value);
            assert!(!value.contains("NaN") && !value.contains("inf"), "{attribute}: {value}");
            attributes = behind;
        }
        assert_eq!(attributes.trim(), "");
        if !empty {
            open.push(name);
        }
    }
    assert_eq!(rest.trim(), "");
    assert!(open.is_empty(), "{open:?} is never closed");
}

#[test]
fn svg_is_well_formed_and_needs_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    for (capture, number) in CAPTURES {
        for plot in PLOTS {
            let path = directory.path().join("plot.SVG");
            let number = number.to_string();
            let arguments = [capture, &number, "--plot", plot, "--output", path.to_str().unwrap()];
            let output = flow(80, &arguments);
            if output.status.code() != Some(0) {
                assert!(stderr(&output).contains("nothing to plot"), "{capture}: {output:?}");
                assert!(!path.exists(), "an empty file is left behind");
                continue;
            }
            assert_eq!(stdout(&output), "");
            let svg = std::fs::read_to_string(&path).unwrap();
            assert_well_formed(&svg);
            assert!(svg.contains("<title>") && svg.contains("fill=\"#ffffff\""), "{svg}");
            let links = svg.replace("http://www.w3.org/2000/svg", "");
            assert!(!links.contains("http") && !links.contains("href"), "{svg}");
            let piped = flow(80, &[capture, &number, "--plot", plot, "--output", "-"]);
            assert_eq!(stdout(&piped), svg);
            std::fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn a_longer_file_in_the_way_is_replaced_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plot.svg");
    std::fs::write(&path, "x".repeat(1_000_000)).unwrap();
    let arguments = ["fixtures/lab/loss_5.pcap", "1", "--plot", "rtt", "--output", path.to_str().unwrap()];
    assert_eq!(flow(80, &arguments).status.code(), Some(0));
    assert_well_formed(&std::fs::read_to_string(&path).unwrap());
    // A flow that is not there costs nobody an older plot.
    let arguments = ["fixtures/lab/loss_5.pcap", "9", "--plot", "rtt", "--output", path.to_str().unwrap()];
    assert_eq!(flow(80, &arguments).status.code(), Some(2));
    assert_well_formed(&std::fs::read_to_string(&path).unwrap());
}

#[test]
fn names_from_the_wire_control_neither_terminal_nor_page() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hostile.pcap");
    let evil = b"\x1b[2J\r\n\xe2\x80\xae</desc><script>alert(1)</script>&\xff";
    Connection::open()
        .client(&connect(0b0000_0010, evil, &[]))
        .server(&CONNACK)
        .client(&publish(evil, evil))
        .save(&path);
    let path = path.to_str().unwrap();
    for width in [60, 80, 160] {
        let text = ladder(width, path, 1, &[]);
        assert!(text.contains("script"), "{text}");
        let odd = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(odd, None, "{text:?}");
    }
    let svg = flow(80, &[path, "1", "--plot", "sequence", "--output", "-"]);
    assert_well_formed(stdout(&svg));
    assert!(stdout(&svg).contains("&lt;script&gt;") && !stdout(&svg).contains("<script"));
    let hint = flow(80, &[path, "--client-id", "nobody"]);
    assert!(stderr(&hint).contains("script") && !stderr(&hint).contains('\x1b'), "{}", stderr(&hint));
}

#[track_caller]
fn fails(arguments: &[&str], said: &[&str]) {
    let output = flow(80, arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    for text in said {
        assert!(stderr(&output).contains(text), "'{text}' is not said: {}", stderr(&output));
    }
}

#[test]
fn what_cannot_be_shown_is_said_with_the_way_out() {
    let two = "fixtures/lab/mqtt5_qos.pcap";
    let other = "10  172.29.83.2:26690 → 172.29.83.1:1883 (tcp.stream 1)";
    fails(&[two, "999"], &["frame 999 opened no flow", "flows there are", other]);
    fails(&[two, "11"], &["frame 11 opened no flow", "it belongs to flow 10"]);
    fails(&[two, "--stream", "7"], &["tcp.stream number 7", other]);
    fails(&[two], &["which flow?", other]);
    fails(&[two, "--client-id", "nobody"], &["no MQTT client 'nobody'", "clients there are: ", "pub", "sub"]);
    fails(&["1"], &["no capture file"]);
    fails(&["nofile.pcap", "1"], &["nofile.pcap"]);
    fails(&["-", "--client-id", "pub"], &["standard input can't be read twice"]);
    fails(&[two, "10", "--plot", "colour"], &["possible values: sequence, window, throughput, rtt"]);
    fails(&[two, "10", "--plot", "rtt", "--output", "plot.png"], &["plots are written as SVG", "hint: name a file"]);
    fails(
        &[two, "10", "--plot", "rtt", "--output", "no/such/place/plot.svg"],
        &["can't write to 'no/such/place/plot.svg'"],
    );
    fails(&[two, "10", "--plot", "rtt", "--json"], &["cannot be used with"]);
    fails(
        &["fixtures/lab/zero_window.pcap", "--plot", "throughput", "--from", "server"],
        &["nothing to plot of what the server sent", "--from client"],
    );
    assert!(!Path::new("plot.png").exists());
}

#[test]
fn a_datagram_that_nobody_reads_has_its_arrow() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("udp.pcap");
    // Raw IPv4: a datagram of four bytes.
    let frame = [
        0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x13, 0x88, 0x13, 0x89, 0, 12, 0, 0, 1, 2,
        3, 4,
    ];
    std::fs::write(&path, pcap::file(pcap::RAW, [(0, frame)])).unwrap();
    let path = path.to_str().unwrap();
    let text = ladder(80, path, 1, &[]);
    assert!(
        text.contains("Flow 1 (udp.stream 0): 10.0.0.1:5000 → 10.0.0.2:5001") && text.contains("── UDP ─"),
        "{text}"
    );
    assert_eq!(stdout(&flow(80, &[path])), text, "it is the only one");
    std::fs::write(path, std::fs::read(path).unwrap().get(..24).unwrap()).unwrap();
    fails(&[path], &["there is no TCP connection and no UDP conversation in the capture"]);
}

#[test]
fn a_pipe_is_read_once_and_a_flow_of_it_shown() {
    let capture = std::fs::read(common::fixtures().join("lab/open_close.pcap")).unwrap();
    let output = mqttsniff().env("COLUMNS", "80").args(["flow", "-", "1"]).write_stdin(capture).output().unwrap();
    assert_eq!(stdout(&output), ladder(80, "fixtures/lab/open_close.pcap", 1, &[]));
}
