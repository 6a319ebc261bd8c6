//! Reading files runs in the same cage.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;

use crate::watched::{Watched, assert_caged, assert_is};
use crate::{directory_of, errors, is_root, is_whole, program, run, text};

const CAPTURE: &str = "fixtures/mqtt5_qos.pcap";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// The program while it waits for the rest of a capture on standard input.
fn waiting(arguments: &[&str], environment: &[(&str, &str)]) -> (Watched, std::process::ChildStdin) {
    let mut command = program();
    command.args(arguments).envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let capture = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)).unwrap();
    input.write_all(&capture[..capture.len() / 2]).unwrap();
    (Watched::new(child), input)
}

#[test]
fn each_command_that_reads_captures_is_caged_in_all_threads() {
    if !is_whole("reading") {
        return;
    }
    // Where root keeps itself to write, it keeps a capability too: everybody may write here.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let out = folder.path().join("out.pcap");
    let commands: [(&[&str], usize); 8] = [
        (&["read", "-", "-j1"], 1),
        (&["read", "-", "--json", "-j3"], 3),
        (&["read", "-", "--write", text(&out)], 1),
        (&["check", "-"], 1),
        (&["stats", "-"], 1),
        (&["flow", "-", "1"], 1),
        (&["follow", "-", "1"], 1),
        (&["diff", CAPTURE, "-"], 1),
    ];
    for (arguments, threads) in commands.into_iter().chain([(&["redact", "-", "-"][..], 1)]) {
        let (process, input) = waiting(arguments, &[]);
        for thread in process.threads(threads) {
            assert_caged(&thread);
        }
        drop(input);
    }
}

#[test]
fn root_that_reads_a_file_is_given_up_though_the_file_is_roots_alone() {
    if !is_root("reading as root") || !is_whole("reading as root") {
        return;
    }
    let folder = directory_of(54321);
    let secret = folder.path().join("secret.pcap");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE), &secret).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let out = folder.path().join("out.pcapng");
    let sudo = [("SUDO_UID", "54321"), ("SUDO_GID", "54321")];

    let (process, _input) = waiting(&["read", "-"], &sudo);
    for thread in process.threads(1) {
        assert_caged(&thread);
        assert_is(&thread, 54321, 54321);
    }
    let output = program().args(["read", text(&secret), "--write", text(&out)]).envs(sudo).output().unwrap();
    assert!(output.status.success());
    assert_eq!(errors(&output), "");
    assert_eq!((fs::metadata(&out).unwrap().uid(), mode(&out)), (54321, 0o600));
}

#[test]
fn root_is_kept_to_write_where_only_root_may_and_that_is_said() {
    if !is_root("root is kept") || !is_whole("root is kept") {
        return;
    }
    let folder = directory_of(0);
    for (option, name, right) in [
        ("--write", "out.pcap", "create files in"),
        ("--json-to", "out.jsonl", "write"),
        ("--json-to", "out-%n.jsonl", "create files in"),
    ] {
        let named = folder.path().join(name);
        let out = folder.path().join(name.replace("%n", "00001"));
        let arguments = ["read", CAPTURE, option, text(&named)];
        let output = run(&arguments);
        assert!(output.status.success(), "{}", errors(&output));
        let told = format!("root is kept: user 'nobody' may not {right}");
        assert!(errors(&output).contains(&told), "{}", errors(&output));
        assert_eq!((fs::metadata(&out).unwrap().uid(), mode(&out)), (0, 0o600));
        // Who is named is meant.
        let output = run(&[&arguments[..], &["--user", "nobody"]].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(errors(&output).contains("`chown nobody"), "{}", errors(&output));
        let output = run(&[&arguments[..], &["--user", "root"]].concat());
        assert!(output.status.success());
        assert_eq!(errors(&output), "");
    }
}

#[test]
fn the_cage_changes_nothing_of_what_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let plain = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)).unwrap();
    let copy = folder.path().join("copy.pcap");
    fs::write(&copy, plain).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (missing, copy) = (folder.path().join("missing.pcap"), text(&copy));
    let commands: [&[&str]; 9] = [
        &["read", CAPTURE, copy, "--json"],
        &["read", CAPTURE, text(&missing)],
        &["check", CAPTURE, copy],
        &["check", CAPTURE, text(&missing)],
        &["flow", CAPTURE, "--client-id", "no such client"],
        &["flow", CAPTURE],
        &["diff", CAPTURE, copy],
        &["stats", CAPTURE, copy],
        &["follow", CAPTURE, copy, "1"],
    ];
    for arguments in commands {
        let caged = run(arguments);
        let free = run(&[arguments, &["--cage", "off"]].concat());
        assert_eq!(caged.status.code(), free.status.code(), "{arguments:?}: {}", errors(&caged));
        assert_eq!(caged.stdout, free.stdout, "{arguments:?}");
        assert_eq!(errors(&caged), errors(&free), "{arguments:?}");
    }
}

#[test]
fn files_are_their_owners_alone_and_are_written_through_no_link() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let victim = path("victim");
    fs::write(&victim, "precious").unwrap();
    let user = ["--user", "root"];
    // Only root may name a user; others write as who they are.
    let user = if fs::metadata("/proc/self").unwrap().uid() == 0 { &user[..] } else { &[] };
    let report = |name: &str| format!("junit={}", text(&path(name)));
    let commands: [(&str, Vec<String>); 6] = [
        ("a.pcap", vec!["read".into(), CAPTURE.into(), "--write".into(), text(&path("a.pcap")).into()]),
        ("b.pcap", vec!["redact".into(), CAPTURE.into(), text(&path("b.pcap")).into()]),
        ("c.xml", vec!["check".into(), CAPTURE.into(), "--report".into(), report("c.xml")]),
        (
            "d.json",
            ["check", CAPTURE, "--update-baseline", "--baseline"]
                .map(String::from)
                .into_iter()
                .chain([text(&path("d.json")).to_owned()])
                .collect(),
        ),
        (
            "e.svg",
            ["flow", CAPTURE, "1", "--plot", "sequence", "--output"]
                .map(String::from)
                .into_iter()
                .chain([text(&path("e.svg")).to_owned()])
                .collect(),
        ),
        ("f.txt", ["follow", CAPTURE, "1", "--output", text(&path("f.txt"))].map(String::from).to_vec()),
    ];
    for (name, arguments) in &commands {
        let file = path(name);
        let go = || program().args(arguments).args(user).output().unwrap();
        let output = go();
        assert!(file.exists(), "{arguments:?}: {}", errors(&output));
        assert_eq!(mode(&file), 0o600, "{name}");
        fs::remove_file(&file).unwrap();
        symlink(&victim, &file).unwrap();
        let output = go();
        assert_eq!(output.status.code(), Some(2), "{name}: {}", errors(&output));
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{name}");
    }
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, commands.len() + 1, "no half of a file is left behind");
}

#[test]
fn a_report_that_replaces_a_file_can_be_read_by_whom_that_could() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.xml");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let output = run(&["check", CAPTURE, "--report", &format!("junit={}", text(&file))]);
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", errors(&output));
    assert_eq!(mode(&file), 0o644);
    assert!(fs::read_to_string(&file).unwrap().contains("<testsuite"));
}
