//! The loader must hold every function that the `pcap` crate binds on Linux, and no other: a missing one
//! breaks the link only where it is called, and a left-over one hides what is used.

#![cfg(all(feature = "live", target_os = "linux"))]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The source of the bindings in the `pcap` crate, as cargo has unpacked it.
fn bindings() -> Option<PathBuf> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["metadata", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let packages = metadata.get("packages")?.as_array()?;
    let pcap = packages.iter().find(|package| package["name"] == "pcap")?;
    Some(Path::new(pcap["manifest_path"].as_str()?).with_file_name("src").join("raw.rs"))
}

/// The names after `before` in lines that begin with it.
fn names<'a>(text: &'a str, before: &str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let rest = line.trim_start().strip_prefix(before)?;
        Some(rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default())
    })
}

#[test]
fn the_loader_forwards_what_the_crate_binds() {
    let Some(text) = bindings().and_then(|path| std::fs::read_to_string(path).ok()) else {
        eprintln!("skipped: the source of the `pcap` crate was not found through `cargo metadata --offline`");
        return;
    };
    // What follows is bound on other systems only.
    let windows = "pub mod ffi_windows";
    let text = text.split_once(windows).map_or(text.as_str(), |(before, _)| before);
    let bound: BTreeSet<_> = names(text, "pub fn ").filter(|name| *name != "pcap_set_want_pktap").collect();

    let loader = include_str!("../src/capture/libpcap_loader.c");
    let forwarded: BTreeSet<_> = loader
        .lines()
        .filter_map(|line| line.strip_prefix("FORWARD_VOID(").or_else(|| line.strip_prefix("FORWARD(")))
        .filter_map(|arguments| {
            arguments.split([',', ' ', '*']).find(|word| word.starts_with("pcap_") && !word.ends_with("_t"))
        })
        .collect();

    assert!(bound.len() > 40, "the bindings look different now: {bound:?}");
    assert_eq!(bound, forwarded);
}
