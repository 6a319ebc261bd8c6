//! What is seen of a capture while it goes on: lines of periods, metrics, a page on a terminal.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::broker::Running;
use crate::sniffer::{PATIENCE, Sniffer};
use crate::{broker_if_possible, of_kind, say_skipped};

#[test]
fn periods_add_up_to_the_summary() {
    let Some(broker) = broker_if_possible("--every") else { return };
    let mut sniffer = Sniffer::start(&["lo"], broker.port(), &["--every", "1s"]);
    broker.publish("mqttv5", "live/every", 1, "told twice");
    let period = sniffer.wait_for("a period with a message", |record| {
        record["record"] == "period" && record["messages"]["from_client"].as_u64() > Some(0)
    });
    assert!(period["duration_s"].as_f64().unwrap() >= 0.9, "{period}");
    assert!(period["kernel_dropped"].is_u64() && period["total"]["frames"].as_u64() >= period["frames"].as_u64());
    broker.publish("mqttv311", "live/every", 2, "in the last period");
    sniffer.wait_for("the last message", |record| record["type"] == "PUBCOMP");
    sniffer.signal("INT");
    let (status, records) = sniffer.finish();
    assert_eq!(status, Some(0));
    let periods = of_kind(&records, "period");
    let summary = records.last().unwrap();
    let sum = |place: &str| periods.iter().map(|period| period.pointer(place).unwrap().as_u64().unwrap()).sum::<u64>();
    for (place, total) in [("/frames", "/frames"), ("/bytes", "/bytes"), ("/flows_ended", "/flows")] {
        assert_eq!(sum(place), summary.pointer(total).unwrap().as_u64().unwrap(), "{place}");
    }
    let messages = sum("/messages/from_client") + sum("/messages/from_server");
    assert_eq!(messages, summary["messages"].as_u64().unwrap());
    let last = periods.last().unwrap();
    assert_eq!(last["total"]["frames"], summary["frames"]);
    for pair in periods.windows(2) {
        assert_eq!(pair[0]["time"], pair[1]["start"], "one begins where the other ends");
    }
}

#[test]
fn flows_and_sessions_are_told_as_they_end() {
    let Some(broker) = broker_if_possible("what ends") else { return };
    let mut sniffer = Sniffer::start_bare(&["lo"], broker.port(), &[]);
    let began = Instant::now();
    // A connection is told five seconds after it is over, or a minute where one end is in TIME-WAIT.
    let is_end = |line: &str| line.contains("  ended   flow     127.0.0.1:") && line.contains("closed by");
    let mut told = false;
    while !told {
        assert!(began.elapsed() < 5 * PATIENCE, "no end after {:?}", began.elapsed());
        // A DISCONNECT that the broker answers by closing leaves no TIME-WAIT of a minute behind at the same end each time.
        broker.publish("mqttv5", "live/ends", 0, "and over");
        told = sniffer.has_line(is_end);
    }
    sniffer.signal("TERM");
    let (status, lines) = sniffer.finish_lines();
    assert_eq!(status, Some(0));
    let end = lines.iter().position(|line| is_end(line)).unwrap();
    assert!(lines[end - 1].contains("  ended   session  "), "its session comes first: {lines:#?}");
    let tables = lines.iter().position(|line| line == "Flows").unwrap();
    assert!(end < tables && lines[tables..].iter().all(|line| !line.contains("  ended   ")), "{lines:#?}");
}

/// What a GET of the metrics gives.
fn metrics(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn metrics_tell_what_is_captured() {
    let Some(broker) = broker_if_possible("--metrics") else { return };
    // The port is free a moment later as well, unless somebody else asks at the same time.
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut sniffer = Sniffer::start(&["lo"], broker.port(), &["--metrics", &address]);
    broker.publish("mqttv5", "live/metrics", 1, "counted");
    sniffer.wait_for("the PUBACK", |record| record["type"] == "PUBACK");
    sniffer.wait_for("the DISCONNECT", |record| record["type"] == "DISCONNECT");
    let began = Instant::now();
    let wanted = "mqttsniff_messages_total{type=\"PUBLISH\",qos=\"1\",from=\"client\"} 1\n";
    let mut text = metrics(port);
    while !text.contains(wanted) {
        assert!(began.elapsed() < PATIENCE, "{text}");
        std::thread::sleep(Duration::from_millis(100));
        text = metrics(port);
    }
    for line in [
        "HTTP/1.1 200 OK\r\n",
        "\nmqttsniff_kernel_dropped_frames_total 0\n",
        "\nmqttsniff_mqtt_acknowledgement_seconds_count{type=\"PUBACK\"} 1\n",
        "\nmqttsniff_sessions{version=\"5.0\"} 1\n",
        "\nmqttsniff_held{cap=\"flows\"} 1\n",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    sniffer.signal("INT");
    assert_eq!(sniffer.finish().0, Some(0));
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = crate::sniffer::run(&["capture", "lo", "--metrics", &address]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(&address) && errors.contains("hint: another program listens there"), "{errors}");
}

/// A capture on a terminal of its own, which `script` makes.
struct OnTerminal {
    process: Running,
    pieces: Receiver<Vec<u8>>,
    text: String,
}

impl OnTerminal {
    fn start(command: &str) -> Self {
        let mut child = Command::new("script")
            .args(["-q", "-e", "-c", command, "/dev/null"])
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let (sender, pieces) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { process: Running(child), pieces, text: String::new() }
    }

    /// Waits for a text that comes after all that was waited for before.
    #[track_caller]
    fn wait_for(&mut self, what: &str) {
        let began = Instant::now();
        loop {
            if let Some(at) = self.text.find(what) {
                self.text.drain(..at + what.len());
                return;
            }
            match self.pieces.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok(piece) => self.text.push_str(&String::from_utf8_lossy(&piece)),
                Err(why) => panic!("{what:?} did not come ({why}); since then came {:?}", self.text),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        let input = self.process.0.stdin.as_mut().unwrap();
        input.write_all(keys.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Waits for the end, and gives the exit status and what else came.
    #[track_caller]
    fn finish(mut self) -> (Option<i32>, String) {
        loop {
            match self.pieces.recv_timeout(PATIENCE) {
                Ok(piece) => self.text.push_str(&String::from_utf8_lossy(&piece)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it did not end: {:?}", self.text),
            }
        }
        (self.process.0.wait().unwrap().code(), std::mem::take(&mut self.text))
    }
}

#[test]
fn a_page_on_a_terminal_takes_keys_and_gives_the_terminal_back() {
    let Some(broker) = broker_if_possible("--live on a terminal") else { return };
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    if !has("script") || !has("stty") {
        say_skipped("live test '--live on a terminal': script or stty is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let modes = |name: &str| folder.path().join(name).display().to_string();
    // By a key, by Ctrl-C and by a signal.
    for (number, end) in ["q", "\x03", "TERM"].into_iter().enumerate() {
        let (before, after) = (modes(&format!("before{number}")), modes(&format!("after{number}")));
        let pid = modes(&format!("pid{number}"));
        let mut terminal = OnTerminal::start(&format!(
            "stty cols 100 rows 20; stty -g > {before}; trap : INT; \
             sh -c 'echo $$ > {pid}; exec {} capture lo -f \"tcp port {}\" --live'; \
             status=$?; stty -g > {after}; exit $status",
            env!("CARGO_BIN_EXE_mqttsniff"),
            broker.port(),
        ));
        terminal.wait_for("\x1b[?1049h");
        terminal.wait_for("[flows]");
        let _subscriber = broker.subscribe("mqttv5", "live/page/#", 1);
        terminal.press("s");
        terminal.wait_for("[sessions]");
        terminal.wait_for(" 5.0 ");
        terminal.press("t");
        terminal.wait_for("[topics]");
        broker.publish("mqttv5", "live/page/\u{202e}topic", 1, "x");
        terminal.wait_for("live/page/\\u{202e}topic");
        // The arrow to the right sorts by the next column.
        terminal.press("\x1b[C");
        terminal.wait_for("bytes/sv");
        if end == "TERM" {
            let kill = Command::new("sh").args(["-c", &format!("kill -TERM $(cat {pid})")]).status();
            assert!(kill.is_ok_and(|status| status.success()), "it said which process it is");
        } else {
            terminal.press(end);
        }
        terminal.wait_for("\x1b[?1049l");
        let (status, rest) = terminal.finish();
        assert_eq!(status, Some(0), "{end:?}: {rest}");
        assert!(rest.contains("Summary") && !rest.contains("\x1b[?1049h"), "{rest:?}");
        let read = |path: &str| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(&before), read(&after), "{end:?}");
    }
}

#[test]
fn without_a_terminal_there_are_lines_instead_of_a_page() {
    let Some(broker) = broker_if_possible("--live on a pipe") else { return };
    let mut sniffer = Sniffer::start_bare(&["lo"], broker.port(), &["--live", "--every", "1s"]);
    let began = Instant::now();
    while !sniffer.has_line(|line| line.contains(" frames/s  ") && line.contains("messages/s from clients")) {
        assert!(began.elapsed() < PATIENCE, "no line after {:?}", began.elapsed());
    }
    broker.publish("mqttv5", "live/pipe", 0, "no line of its own");
    sniffer.signal("INT");
    let (status, lines) = sniffer.finish_lines();
    assert_eq!(status, Some(0));
    assert!(lines.iter().all(|line| !line.contains('\x1b') && !line.contains("live/pipe")), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "Summary"), "{lines:#?}");
    let output = crate::sniffer::run(&["capture", "lo", "--live", "--json"]);
    assert_eq!(output.status.code(), Some(2), "a page is no JSON");
    let output = crate::sniffer::run(&["capture", "lo", "--every", "1s", "--format", "csv"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: use --json"), "{output:?}");
}
