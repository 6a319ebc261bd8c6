//! The program under test while it captures: its lines as they come, its end.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::broker::Running;

/// How long to wait for what ought to come within a moment, on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
    command.stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

/// Whether this machine has libpcap, and lets this user capture; the error says why not. Any other failure is one
/// of the program.
pub(crate) fn capturing_is_possible() -> Result<(), String> {
    let output = run(&["capture", "lo", "--duration", "1ms", "--json"]);
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let known = ["is not installed", "no permission to capture", "there is no interface \"lo\""];
    assert!(known.iter().any(|words| errors.contains(words)), "capturing fails: {errors}");
    Err(errors.lines().next().unwrap_or_default().to_owned())
}

/// Reads a file, and gives the exit status and the records.
pub(crate) fn read(file: &Path) -> (Option<i32>, Vec<Value>) {
    let output = run(&["read", "--json", file.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// A capture that runs.
pub(crate) struct Sniffer {
    process: Running,
    lines: Receiver<String>,
    seen: Vec<String>,
    /// How many of the seen lines were looked at by [`Sniffer::wait_for`].
    looked_at: usize,
}

impl Sniffer {
    /// Starts a capture with JSON Lines, and returns when it has begun.
    pub(crate) fn start(interfaces: &[&str], port: u16, more: &[&str]) -> Self {
        let mut arguments = vec!["--json"];
        arguments.extend(more);
        let mut sniffer = Self::spawn(interfaces, port, &arguments);
        sniffer.wait_for("the begin record", |record| record["record"] == "begin");
        sniffer
    }

    /// Starts a capture that is not known to have begun until a line comes.
    pub(crate) fn start_bare(interfaces: &[&str], port: u16, arguments: &[&str]) -> Self {
        Self::spawn(interfaces, port, arguments)
    }

    /// Starts a capture with rows for people. Nothing is printed when it begins.
    pub(crate) fn start_for_people(interface: &str, port: u16) -> Self {
        Self::spawn(&[interface], port, &[])
    }

    fn spawn(interfaces: &[&str], port: u16, arguments: &[&str]) -> Self {
        let mut child = program()
            .arg("capture")
            .args(interfaces)
            .args(["--capture-filter", &format!("tcp port {port}")])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        // Ends with the pipe, or with the test.
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { process: Running(child), lines, seen: Vec::new(), looked_at: 0 }
    }

    /// Waits for a record that comes after the one that was waited for last.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            while let Some(line) = self.seen.get(self.looked_at) {
                self.looked_at += 1;
                let record = serde_json::from_str(line).unwrap();
                if is_it(&record) {
                    return record;
                }
            }
            let left = PATIENCE.saturating_sub(began.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(why) => panic!("{what} did not come ({why}); the lines so far:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Whether such a line has come, or comes within a moment.
    pub(crate) fn has_line(&mut self, is_it: impl Fn(&str) -> bool) -> bool {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(200)) {
            self.seen.push(line);
            if self.seen.last().is_some_and(|line| is_it(line)) {
                return true;
            }
        }
        false
    }

    #[track_caller]
    pub(crate) fn assert_still_capturing(&mut self) {
        assert_eq!(self.process.0.try_wait().unwrap(), None, "the capture ended by itself");
    }

    /// Sends a signal, by the name that `kill` takes.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end, and gives the exit status and all records.
    #[track_caller]
    pub(crate) fn finish(self) -> (Option<i32>, Vec<Value>) {
        let (status, lines) = self.finish_lines();
        (status, lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// Waits for the end, and gives the exit status and all lines.
    #[track_caller]
    pub(crate) fn finish_lines(mut self) -> (Option<i32>, Vec<String>) {
        let began = Instant::now();
        loop {
            match self.lines.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the capture did not end:\n{}", self.seen.join("\n")),
            }
        }
        // Its output is closed: its end is at hand.
        (self.process.0.wait().unwrap().code(), std::mem::take(&mut self.seen))
    }
}
