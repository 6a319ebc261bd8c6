//! Protocols in streams beside MQTT: HTTP, FTP, SMTP, Telnet, AMQP, lines and lengths, and what keeps a connection alive.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use common::{fixtures, mqttsniff};
use serde_json::Value;

/// The lines of JSON of a capture of `fixtures/neighbours`, with these arguments.
fn read(name: &str, arguments: &[&str]) -> Vec<Value> {
    let path = fixtures().join("neighbours").join(name).with_extension("pcap");
    let output = mqttsniff().arg("read").arg(path).arg("--json").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn messages(name: &str, arguments: &[&str]) -> Vec<Value> {
    let all = read(name, &[&["--show", "neighbours"], arguments].concat());
    all.into_iter().filter(|line| line["record"] == "neighbour").collect()
}

/// Frame, sender and line of each message.
fn told(name: &str, arguments: &[&str]) -> Vec<(u64, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = |message: &Value| (message["frame"].as_u64().unwrap(), text(&message["from"]), text(&message["info"]));
    messages(name, arguments).iter().map(line).collect()
}

/// Only the lines, of one end.
fn said(name: &str, by: &str) -> Vec<String> {
    told(name, &[]).into_iter().filter(|(_, from, _)| from == by).map(|(_, _, info)| info).collect()
}

fn flows(name: &str) -> Vec<Value> {
    read(name, &["--show", "flows"]).into_iter().filter(|line| line["record"] == "flow").collect()
}

#[test]
fn requests_and_responses_are_told_when_they_are_whole() {
    assert_eq!(
        said("http", "client")[..6],
        [
            "GET /a?x=1&access_token=*** HTTP/1.1 (host 127.0.0.1)",
            "HEAD /b HTTP/1.1 (host 127.0.0.1)",
            "POST /items HTTP/1.1 (application/json) (host 127.0.0.1), JSON of 45 bytes",
            "GET /chunked HTTP/1.1 (host 127.0.0.1)",
            "GET /none HTTP/1.1 (host 127.0.0.1)",
            "GET /close HTTP/1.1 (host 127.0.0.1)",
        ]
    );
    assert_eq!(
        said("http", "server")[..6],
        [
            "HTTP/1.1 200 OK (application/json), JSON of 54 bytes",
            "HTTP/1.1 200 OK",
            "HTTP/1.1 201 Made",
            "HTTP/1.1 200 OK (text/plain), 1507 bytes",
            "HTTP/1.1 204 No Content",
            "HTTP/1.1 200 OK (application/xml), XML of 3035 bytes",
        ]
    );
}

#[test]
fn a_response_knows_its_request() {
    let all = messages("http", &[]);
    let field = |message: &Value, name: &str| message["fields"][name].clone();
    // Four requests in a segment, and their answers in the same order.
    let asked: Vec<_> = all.iter().filter(|one| field(one, "http.host") == "x").collect();
    assert_eq!(asked.len(), 4);
    let answers: Vec<_> = all.iter().filter(|one| field(one, "http.request_in") == asked[0]["frame"]).collect();
    let uris: Vec<_> = answers.iter().map(|one| field(one, "http.response_for.uri")).collect();
    assert_eq!(uris, ["http://x/p0", "http://x/p1", "http://x/p2", "http://x/p3"]);
    assert!(answers.iter().all(|one| field(one, "http.time").as_f64().unwrap() > 0.0));
}

#[test]
fn a_connection_of_http_says_how_often_it_was_used() {
    let used: Vec<Value> = flows("http").iter().map(|flow| flow["http"].clone()).collect();
    let of = |used: &Value| {
        (used["requests"].as_u64().unwrap(), used["kept_alive"].as_bool().unwrap(), used["kept_alive_known_by"].clone())
    };
    assert_eq!(of(&used[0]), (6, true, "exchanges".into()));
    assert_eq!(of(&used[1]), (1, false, "header".into()));
    assert_eq!(of(&used[2]), (4, true, "exchanges".into()));
    let table = mqttsniff().args(["read", "fixtures/neighbours/http.pcap"]).output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains(", kept alive for 6 requests") && table.contains(", short-lived"), "{table}");
}

#[test]
fn connections_for_files_have_their_name() {
    let carried: Vec<Value> = flows("ftp").iter().map(|flow| flow["application"].clone()).collect();
    assert_eq!(carried, ["ftp", "ftp-data", "ftp-data"]);
    let client = said("ftp", "client");
    assert_eq!(client[..2], ["Request: USER joe", "Request: PASS ***"]);
    let all = messages("ftp", &[]);
    let has = |name: &str| all.iter().any(|one| !one["fields"][name].is_null());
    assert!(has("ftp.passive.port") && has("ftp.active.port") && has("ftp.epsv.port"));
}

#[test]
fn a_mail_is_told_by_its_length_and_tls_takes_over() {
    let client = said("smtp", "client");
    assert!(client.contains(&"C: AUTH PLAIN ***".to_owned()), "{client:?}");
    assert!(client.contains(&"C: a mail of 34 bytes".to_owned()), "{client:?}");
    assert_eq!(client.last().unwrap(), "C: STARTTLS");
    let flows = flows("smtp");
    assert_eq!((&flows[0]["application"], &flows[1]["application"]), (&"smtp".into(), &"tls".into()));
    assert_eq!(flows[1]["tls"]["version"], "TLS 1.3");
}

#[test]
fn options_of_telnet_have_names_and_text_has_none() {
    let server = said("telnet", "server");
    assert_eq!(
        server[..4],
        ["Do Terminal Type", "Do Negotiate About Window Size", "Will Echo", "Will Suppress Go Ahead"]
    );
    let client = said("telnet", "client");
    assert!(client.contains(&"Suboption Negotiate About Window Size, 80 by 24".to_owned()), "{client:?}");
    assert!(client.contains(&"8 bytes of text".to_owned()), "{client:?}");
}

#[test]
fn both_versions_of_amqp_are_read() {
    let old = said("amqp091", "client");
    assert_eq!(old[..2], ["Protocol-Header 0-9-1", "Connection.Start-Ok"]);
    for line in [
        "Basic.Publish x=ex1 rk=a.b",
        "Content-Header, 13 bytes follow (application/json)",
        "Content-Body, 13 bytes, JSON",
    ] {
        assert!(old.contains(&line.to_owned()), "{line}: {old:?}");
    }
    let new = said("amqp10", "client");
    assert_eq!(new[..3], ["Protocol-Header 1-0-0, SASL", "sasl.init ANONYMOUS", "Protocol-Header 1-0-0, AMQP"]);
    assert_eq!(new.iter().filter(|line| line.starts_with("transfer, channel 0")).count(), 3);
}

#[test]
fn lines_and_lengths_cut_what_tcp_has_glued() {
    let all = messages("framed", &[]);
    let of = |protocol: &str| -> Vec<String> {
        let own = all.iter().filter(|one| one["protocol"] == protocol && one["from"] == "client");
        own.map(|one| one["info"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        of("lines"),
        [
            r#"23 bytes, JSON: {"sensor":"a","t":21.5}"#,
            r#"20 bytes, JSON: {"sensor":"b","t":3}"#,
            "11 bytes, text: hello there",
            "8 bytes, XML: <a>x</a>",
            "15 bytes, text: password=***",
        ]
    );
    for protocol in ["length16", "length32le"] {
        let lengths = of(protocol).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect::<Vec<_>>();
        let kinds = [
            "7 bytes, JSON",
            "4 bytes, bytes",
            "9 bytes, text",
            "200 bytes, text",
            "5 bytes, JSON",
            "4 bytes, XML",
            "9 bytes, text",
        ];
        assert_eq!(lengths, kinds, "{protocol}");
    }
    // The second line began in the frame of the first.
    let second = all.iter().filter(|one| one["protocol"] == "lines" && one["from"] == "client").nth(1).unwrap();
    assert!(second["fields"]["framed.first_frame"].as_u64().unwrap() < second["frame"].as_u64().unwrap());
}

#[test]
fn a_port_carries_what_the_user_says() {
    let said = told("amqp091", &["--decode-as", "5672=length16"]);
    assert!(said.iter().all(|(_, _, info)| info.contains("bytes")), "{said:?}");
    let error = mqttsniff().args(["read", "x.pcap", "--decode-as", "1=pop3"]).output().unwrap();
    let error = String::from_utf8(error.stderr).unwrap();
    assert!(error.contains("'pop3' is not one of") && error.contains("length32le"), "{error}");
}

#[test]
fn heartbeats_and_keep_alives_are_told_apart() {
    let flows = flows("beats");
    let idle = |port: u64| flows.iter().find(|flow| flow["server"]["port"] == port).unwrap()["idle"].clone();
    let beats = &idle(18004)["heartbeats"];
    assert_eq!((beats.as_array().unwrap().len(), &beats[0]["from"]), (1, &"client".into()));
    assert_eq!((&beats[0]["length_bytes"], &beats[0]["certainty"]), (&7.into(), &"hint".into()));
    assert_eq!(beats[0]["count"], 4, "the first is none: nothing was silent before it");
    assert!((beats[0]["interval_s"].as_f64().unwrap() - 1.5).abs() < 0.2);
    assert!(idle(18004)["keep_alives"].is_null());
    let kept = &idle(18005)["keep_alives"];
    assert!(kept[0]["from"] == "client" && kept[0]["count"].as_u64().unwrap() >= 4, "{kept}");
    assert!((kept[0]["interval_s"].as_f64().unwrap() - 1.0).abs() < 0.2);
    assert!(idle(18005)["heartbeats"].is_null());
}

#[test]
fn no_secret_is_told_anywhere() {
    for name in ["http", "ftp", "smtp", "telnet", "framed", "amqp091"] {
        let path = fixtures().join("neighbours").join(name).with_extension("pcap");
        for arguments in [&["--show", "neighbours"][..], &["--show", "packets,neighbours,flows", "--json"]] {
            let output = mqttsniff().arg("read").arg(&path).args(arguments).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.len() > 500, "{name}");
            // In base64 as well, as AUTH has it.
            assert!(!text.contains("geheim") && !text.contains("Z2VoZWlt") && !text.contains("Z2Vo"), "{name}: {text}");
        }
    }
}

#[test]
fn redacted_is_all_but_the_name() {
    let output = mqttsniff()
        .args(["read", "fixtures/neighbours/http.pcap", "--redact", "--show", "neighbours", "--json"])
        .env("MQTTSNIFF_REDACT_SECRET", "s")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().filter(|line| line["record"] == "neighbour").collect();
    assert!(told.len() > 10, "{text}");
    assert!(told.iter().all(|line| line["info"] == "" && line["fields"] == serde_json::json!({})), "{text}");
}

/// A record of TLS that nobody can read.
fn record_of_tls(kind: u8, length: u8) -> Vec<u8> {
    [&[kind, 3, 3, 0, length][..], &vec![0xa5; usize::from(length)]].concat()
}

#[test]
fn commands_of_ftp_behind_a_cleared_channel_are_read_again() {
    let (hello, data, alert) = (record_of_tls(22, 60), record_of_tls(23, 40), record_of_tls(21, 26));
    let secured = || {
        common::craft::Connection::open_to(21)
            .server(b"220 ready\r\n")
            .client(b"AUTH TLS\r\n")
            .server(b"234 go\r\n")
            .client(&hello)
            .server(&hello)
            // CCC and its answer, then each end closes TLS (RFC 4217, section 12.3).
            .client(&data)
            .server(&data)
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ccc.pcap");
    let told = |more: &[&str]| common::records(&path, &[&["--show", "packets,neighbours,flows"], more].concat());
    let infos = |all: &[Value]| -> Vec<String> {
        let said = common::of(all, "neighbour");
        said.iter().map(|said| said["info"].as_str().unwrap().to_owned()).collect()
    };
    // The alert, and the first line behind it in one segment; another in two; a port that names a connection.
    let clear = secured()
        .client(&[&alert[..], b"PWD\r\nPORT 10,0,0,1,200,10\r\nPA"].concat())
        .server(&alert)
        .client(b"SS geheim\r\n")
        .server(b"257 \"/\"\r\n200-PORT\r\n200 ok\r\n");
    clear.save(&path);
    let all = told(&[]);
    assert_eq!(
        infos(&all),
        [
            "Response: 220 ready",
            "Request: AUTH TLS",
            "Response: 234 go",
            "Request: PWD",
            "Request: PORT 10,0,0,1,200,10",
            "Request: PASS ***",
            "Response: 257 \"/\"",
            "Response: 200-PORT",
            "Response: 200 ok",
        ]
    );
    let flow = common::of(&all, "flow")[0];
    assert_eq!((flow["application"].as_str(), flow["tls"].is_object()), (Some("ftp"), true), "{flow}");
    let packets = common::of(&all, "packet");
    let layers = |frame: usize| packets[frame - 1]["protocols"].as_array().unwrap().clone();
    assert!(layers(9).last().unwrap() == "tls" && layers(14).last().unwrap() == "ftp", "{packets:?}");
    // Whatever the segments are, the same lines.
    let stream = [&alert[..], b"PWD\r\nNOOP\r\n"].concat();
    for cut in 1..stream.len() {
        secured().client(&stream[..cut]).client(&stream[cut..]).save(&path);
        assert_eq!(infos(&told(&[]))[3..], ["Request: PWD", "Request: NOOP"], "cut at {cut}");
    }
    // What is no line is no FTP, and TLS that is not over stays closed.
    secured().client(&[&alert[..], b"\x80\x00what\r\n"].concat()).client(b"PWD\r\n").save(&path);
    assert_eq!(infos(&told(&[])).len(), 3);
}

#[test]
fn secrets_are_written_over_in_the_bytes_that_were_sent() {
    let followed = |name: &str, arguments: &[&str]| {
        let path = fixtures().join("neighbours").join(name).with_extension("pcap");
        let output = mqttsniff().arg("follow").arg(path).arg("1").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for (name, secrets, shows) in [
        ("ftp", &["geheim"][..], "  PASS ******\n"),
        ("smtp", &["AGpvZQ", "Z2VoZWlt"], "  AUTH PLAIN ****************\n"),
        ("telnet", &["geheim"], "  Password: \n"),
        ("http", &["Basic", "token=geheim", "sid="], "  Location: /items/1?token=******\n"),
        ("amqp091", &["guest", "LOGIN"], "*******"),
    ] {
        let text = followed(name, &[]);
        assert!(text.contains(shows), "{name}: {text}");
        // What a server says of a password in a body is not looked for.
        let heads: String = text.lines().filter(|line| !line.contains('{')).collect();
        for form in ["raw", "text"] {
            let client = followed(name, &["--as", form, "--from", "client"]);
            for secret in secrets {
                assert!(!client.contains(secret), "{name} as {form} shows {secret}: {client}");
                assert!(!heads.contains(secret), "{name} shows {secret}: {heads}");
            }
        }
    }
    let lines = followed("smtp", &["--json"]);
    assert!(lines.contains("AUTH PLAIN ****************") && !lines.contains("AGpvZQ"), "{lines}");
}
