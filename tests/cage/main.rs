//! What is left to whoever takes over the program: tried from the inside, and looked at from the outside.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "waiting for another program takes a clock")]

#[cfg(all(feature = "live", not(feature = "link-system")))]
mod capture;
mod files;
mod watched;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program, which nothing in the environment tells who called it.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqttsniff"));
    command.stdin(Stdio::null()).current_dir(env!("CARGO_MANIFEST_DIR"));
    for variable in ["SUDO_UID", "SUDO_GID", "RUST_BACKTRACE", "MQTTSNIFF_LIBPCAP"] {
        command.env_remove(variable);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Says on standard error what is skipped, past the test harness, which would keep it to itself.
fn say_skipped(what: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// Whether this system has all that the cage is made of.
fn is_whole(test: &str) -> bool {
    let output = run(&["read", "--cage", "require", "fixtures/mqtt5_qos.pcap"]);
    if !output.status.success() {
        say_skipped(&format!("cage test '{test}': {}", errors(&output).trim()));
    }
    output.status.success()
}

/// Whether the test is run by root, who alone can give root up.
fn is_root(test: &str) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if !root {
        say_skipped(&format!("cage test '{test}': it takes root"));
    }
    root
}

/// A directory that a user owns, below one that everybody may pass.
fn directory_of(uid: u32) -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(folder.path(), Some(uid), Some(uid)).unwrap();
    folder
}
