//! Who may capture, and what is left of it while capturing.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::broker::Running;
use crate::{say_skipped, sniffer};

/// A port of loopback that nobody listens on.
const PORT: u16 = 47_119;
/// The number of `nobody`, and of its group.
const NOBODY: &str = "65534";

/// Sends frames to be captured.
fn send() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..3 {
        let _ = socket.send_to(b"seen", ("127.0.0.1", PORT));
    }
}

/// Each line of each thread's status that tells of rights, once the cage is closed.
#[track_caller]
fn rights(id: u32, threads: usize) -> Vec<String> {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < sniffer::PATIENCE, "the cage was not closed");
        let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap();
        let texts = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok());
        let texts: Vec<_> = texts.collect();
        if texts.len() >= threads && texts.iter().all(|text| text.contains("Seccomp:\t2")) {
            return texts.iter().flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// No root, no capability and no new one, in any thread.
#[track_caller]
fn assert_powerless(lines: &[String]) {
    let of = |name: &str| lines.iter().filter(|line| line.starts_with(name)).cloned().collect::<Vec<_>>();
    for (name, value) in [
        ("Uid:", [NOBODY; 4].join("\t")),
        ("Gid:", [NOBODY; 4].join("\t")),
        ("CapInh:", "0000000000000000".to_owned()),
        ("CapPrm:", "0000000000000000".to_owned()),
        ("CapEff:", "0000000000000000".to_owned()),
        ("CapAmb:", "0000000000000000".to_owned()),
        ("NoNewPrivs:", "1".to_owned()),
    ] {
        let found = of(name);
        assert!(found.len() > 1, "{name} of several threads");
        assert!(found.iter().all(|line| *line == format!("{name}\t{value}")), "{found:?}");
    }
}

/// Whether the test can be done here.
fn possible(test: &str, needs: &[&str]) -> bool {
    let missing = || -> Result<(), String> {
        sniffer::capturing_is_possible()?;
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return Err("it takes root".to_owned());
        }
        let whole = sniffer::run(&["read", "--cage", "require", "fixtures/mqtt5_qos.pcap"]);
        if !whole.status.success() {
            return Err(String::from_utf8_lossy(&whole.stderr).trim().to_owned());
        }
        let found = |tool: &&&str| Command::new(tool).arg("--version").output().is_err();
        needs.iter().find(found).map_or(Ok(()), |tool| Err(format!("{tool} is not installed")))
    };
    missing().map_err(|why| say_skipped(&format!("live test '{test}': {why}"))).is_ok()
}

/// Sends frames until the capture has ended, which it does after a few.
#[track_caller]
fn finish(mut process: Running) -> Output {
    let began = Instant::now();
    while process.0.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < sniffer::PATIENCE, "no frame was captured");
        send();
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut output = Output { status: process.0.wait().unwrap(), stdout: Vec::new(), stderr: Vec::new() };
    for (from, to) in [
        (process.0.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read>), &mut output.stdout),
        (process.0.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read>), &mut output.stderr),
    ] {
        from.unwrap().read_to_end(to).unwrap();
    }
    output
}

/// A capture of a few frames on loopback.
fn capture(mut command: Command, more: &[&str]) -> Running {
    command.args(["capture", "lo", "--capture-filter", &format!("udp port {PORT}"), "--count", "3", "--json"]);
    command.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("SUDO_UID").env_remove("SUDO_GID");
    Running(command.spawn().unwrap())
}

#[track_caller]
fn assert_captured(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*errors), (Some(0), ""));
    let last = String::from_utf8_lossy(&output.stdout).lines().last().unwrap().to_owned();
    assert!(last.contains("\"frames\":3"), "{last}");
}

#[test]
fn the_process_list_shows_no_root_and_no_capabilities_while_capturing() {
    if !possible("rights of root", &[]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.pcap");
    let process = capture(Command::new(env!("CARGO_BIN_EXE_mqttsniff")), &["--write", file.to_str().unwrap()]);
    let lines = rights(process.0.id(), 2);
    assert_powerless(&lines);
    assert!(lines.iter().filter(|line| line.starts_with("CapBnd:")).all(|line| line.ends_with("\t0000000000000000")));
    assert_captured(&finish(process));
    let data = fs::metadata(&file).unwrap();
    // Root made it, in a directory where nobody else may: it stays root's.
    assert_eq!((data.uid(), data.mode() & 0o7777), (0, 0o600));
    assert!(data.len() > 0);
}

#[test]
fn a_program_with_file_capabilities_captures_for_anybody_and_gives_them_up() {
    if !possible("setcap", &["setcap", "setpriv"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("mqttsniff");
    fs::copy(env!("CARGO_BIN_EXE_mqttsniff"), &copy).unwrap();
    let set = Command::new("setcap").arg("cap_net_raw,cap_net_admin=ep").arg(&copy).output().unwrap();
    if !set.status.success() {
        let why = String::from_utf8_lossy(&set.stderr).trim().to_owned();
        say_skipped(&format!("live test 'setcap': files can't have capabilities here ({why})"));
        return;
    }
    let as_nobody = |program: &Path| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--inh-caps=-all"]).arg(program);
        command
    };
    if as_nobody(&copy).arg("--version").output().is_ok_and(|output| !output.status.success()) {
        say_skipped("live test 'setcap': what stands in the temporary directory can't be run by nobody");
        return;
    }
    // Without capabilities nobody may not.
    let plain = folder.path().join("plain");
    fs::copy(env!("CARGO_BIN_EXE_mqttsniff"), &plain).unwrap();
    let refused = as_nobody(&plain).args(["capture", "lo", "--duration", "1s"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no permission to capture"));
    // Nor does whoever calls it choose the library that gets them.
    let mut command = as_nobody(&copy);
    command.env("MQTTSNIFF_LIBPCAP", "/nonexistent/libpcap.so");
    let process = capture(command, &["--promiscuous"]);
    assert_powerless(&rights(process.0.id(), 2));
    assert_captured(&finish(process));
}
