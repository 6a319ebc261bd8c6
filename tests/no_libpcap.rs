//! Without libpcap, capturing says the way out, and reading files goes on.

#![cfg(all(feature = "live", not(feature = "link-system"), target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::{Command, Output, Stdio};

/// Runs the program with a libpcap that is not there.
fn without_libpcap(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mqttsniff"))
        .args(arguments)
        .env("MQTTSNIFF_LIBPCAP", "/nonexistent/libpcap.so")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn assert_tells_the_way_out(arguments: &[&str]) {
    let output = without_libpcap(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    let expected = [
        "is not installed",
        "/nonexistent/libpcap.so",
        "apt-get install -y libpcap0.8",
        "files can be read without it",
    ];
    for part in expected {
        assert!(errors.contains(part), "{part:?} is not in: {errors}");
    }
}

#[test]
fn capturing_without_libpcap_tells_what_to_install() {
    assert_tells_the_way_out(&["capture", "lo", "--duration", "100ms"]);
}

#[test]
fn listing_interfaces_without_libpcap_tells_what_to_install() {
    assert_tells_the_way_out(&["interfaces"]);
}

#[test]
fn a_file_that_was_to_be_written_is_not_begun_without_libpcap() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("never.pcap");
    let output = without_libpcap(&["capture", "lo", "--write", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!file.exists());
}

#[test]
fn files_are_read_without_libpcap() {
    let output = without_libpcap(&["read", "fixtures/mqtt5_qos.pcap"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("52 messages in 2 sessions"));
}
