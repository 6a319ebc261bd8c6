//! What the tests of the program share: the fixtures, running the binary, and captures made by hand.

#![allow(dead_code, reason = "each test file uses its own part of this")]

pub(crate) mod attack;
pub(crate) mod craft;
pub(crate) mod packets;
pub(crate) mod pcap;
pub(crate) mod quic;
pub(crate) mod sensors;
pub(crate) mod timeline;
pub(crate) mod traffic;
pub(crate) mod websocket;

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

/// All records at once.
pub(crate) const ALL: &str = "packets,messages,flows,sessions,deliveries,topics,findings,summary";

/// The directory of the fixtures.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// All captures among the fixtures, in a fixed order.
pub(crate) fn captures() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![fixtures()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.to_string_lossy().contains(".pcap") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 80, "the fixtures are there");
    found
}

/// The program, with nothing in its environment that would change what it shows.
pub(crate) fn mqttsniff() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    for variable in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "CI", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    command
}

/// A folder in which everybody may write: root that runs a test then becomes somebody who may, and has nothing to say of it.
pub(crate) fn folder_for_all() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    folder
}

/// What the program does with these arguments.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    mqttsniff().args(arguments).output().unwrap()
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The lines of `--json` output.
pub(crate) fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// All records that a capture gives; further arguments may follow the file.
pub(crate) fn records(path: &Path, more: &[&str]) -> Vec<Value> {
    let output = mqttsniff().args(["read", "--json", "--show", ALL]).args(more).arg(path).output().unwrap();
    lines(&output)
}

/// Those records that are of a kind.
pub(crate) fn of<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["record"] == kind).collect()
}
