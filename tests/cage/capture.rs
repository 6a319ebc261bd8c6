//! Captures from a libpcap that turns on the program, and what becomes of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::watched::{Watched, assert_caged, assert_is};
use crate::{directory_of, errors, is_root, is_whole, program, say_skipped, text};

/// The signal of a process that made a call which ends it: the same on all processors that have a list of calls.
const SIGSYS: i32 = 31;
/// EPERM, EACCES, ENOTTY and ENOSYS: what the attempts may fail with.
const REFUSALS: [i32; 4] = [1, 13, 25, 38];

/// The hostile library, in a directory that everybody may read.
struct Hostile {
    folder: tempfile::TempDir,
}

impl Hostile {
    fn build(test: &str) -> Option<Self> {
        let folder = directory_of(fs::metadata("/proc/self").unwrap().uid());
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cage/hostile.c");
        let library = folder.path().join("hostile.so");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o", text(&library), source]).status();
        match built {
            Ok(status) => assert!(status.success(), "the hostile library can be built"),
            Err(error) => {
                say_skipped(&format!("cage test '{test}': cc can't be run ({error})"));
                return None;
            }
        }
        Some(Self { folder })
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("hostile.so")
    }

    /// A capture from it, which begins in a directory where anybody could plant a file.
    fn capture(&self, place: &std::path::Path, arguments: &[&str]) -> Command {
        let bait = place.join("bait");
        fs::write(&bait, "bait").unwrap();
        fs::set_permissions(&bait, fs::Permissions::from_mode(0o666)).unwrap();
        let mut command = program();
        command.arg("capture").arg("any0").args(arguments);
        command.env("MQTTSNIFF_LIBPCAP", self.library()).env("BAIT", bait).current_dir(place);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// What the hostile library tried, and the error that it got.
fn attempts(errors: &str) -> BTreeMap<String, i32> {
    let attempts = errors.lines().filter_map(|line| line.strip_prefix("attempt ")?.split_once(' '));
    attempts.map(|(name, error)| (name.to_owned(), error.parse().unwrap())).collect()
}

/// A place where everybody may do everything, so that only the cage is in the way.
fn open_place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    place
}

#[test]
fn whoever_takes_over_a_capture_can_open_nothing_and_reach_nobody() {
    let Some(hostile) = Hostile::build("take-over") else { return };
    if !is_whole("take-over") {
        return;
    }
    let place = open_place();
    let output = hostile.capture(place.path(), &["--duration", "300ms"]).output().unwrap();
    let told = errors(&output);
    assert!(output.status.success(), "refused attempts end nothing: {told}");
    let attempts = attempts(&told);
    assert_eq!(attempts.get("done"), Some(&0), "{told}");
    assert!(attempts.len() > 20, "{told}");
    for (name, error) in attempts.iter().filter(|(name, _)| *name != "done") {
        assert!(REFUSALS.contains(error), "'{name}' ended with error {error}");
    }
    // And nothing came of it.
    let left = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(left, ["bait"]);
    assert_eq!(fs::read(place.path().join("bait")).unwrap(), b"bait");
    // The summary is there: the capture went on.
    assert!(String::from_utf8_lossy(&output.stdout).contains("Summary"));
}

#[test]
fn without_the_cage_the_same_attempts_succeed() {
    let Some(hostile) = Hostile::build("control") else { return };
    let place = open_place();
    let output = hostile.capture(place.path(), &["--duration", "300ms", "--cage", "off"]).output().unwrap();
    let attempts = attempts(&errors(&output));
    for name in
        ["read-passwd", "read-bait", "write-bait", "create-file", "socket-inet", "socket-unix", "map-code", "fork"]
    {
        assert_eq!(attempts.get(name), Some(&0), "'{name}' shows nothing if it fails anyway");
    }
    // Root is given up even so.
    assert_ne!(attempts["read-shadow"], 0);
    assert_ne!(attempts["become-root"], 0);
}

#[test]
fn the_first_hostile_call_ends_the_process() {
    let Some(hostile) = Hostile::build("hostile calls") else { return };
    if !is_whole("hostile calls") {
        return;
    }
    let place = open_place();
    for call in ["execve", "ptrace", "bpf", "io_uring", "mount", "unshare"] {
        let output = hostile.capture(place.path(), &["--duration", "10s"]).env("HOSTILE", call).output().unwrap();
        let told = errors(&output);
        assert!(told.contains("attempt begin 0"), "{told}");
        assert_eq!(output.status.signal(), Some(SIGSYS), "{call}: {told}");
    }
}

#[test]
fn a_capture_is_neither_root_nor_has_it_capabilities_in_any_thread() {
    let Some(hostile) = Hostile::build("status") else { return };
    if !is_whole("status") {
        return;
    }
    let place = open_place();
    let capture = Watched::new(hostile.capture(place.path(), &["--json"]).spawn().unwrap());
    let threads = capture.threads(2);
    for thread in &threads {
        assert_caged(thread);
        assert!(!thread["Uid"].split('\t').any(|uid| uid == "0"), "{thread:#?}");
    }
    // Memory that holds passwords is neither written to a core file nor shown to a debugger.
    let limits = fs::read_to_string(format!("/proc/{}/limits", capture.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    assert_eq!(capture.interrupt().status.code(), Some(0));
}

#[test]
fn root_becomes_the_caller_of_sudo_or_who_is_named_or_nobody() {
    let Some(hostile) = Hostile::build("identity") else { return };
    if !is_root("identity") || !is_whole("identity") {
        return;
    }
    let place = open_place();
    let nobody = (65534, 65534);
    let sudo = [("SUDO_UID", "54321"), ("SUDO_GID", "54322")];
    for (arguments, environment, (uid, gid)) in [
        (vec![], vec![], nobody),
        (vec![], sudo.to_vec(), (54321, 54322)),
        (vec!["--user", "54323"], sudo.to_vec(), (54323, 54323)),
        (vec!["--user", "nobody"], sudo.to_vec(), nobody),
        (vec!["--user", "root"], vec![], (0, 0)),
    ] {
        let mut command = hostile.capture(place.path(), &arguments);
        let capture = Watched::new(command.arg("--json").envs(environment).spawn().unwrap());
        for thread in capture.threads(2) {
            assert_caged(&thread);
            if uid == 0 {
                // Root by name, and for once with its groups: nothing else is left of it.
                assert_eq!(thread["CapBnd"], "0000000000000000");
            } else {
                assert_is(&thread, uid, gid);
            }
        }
        let output = capture.interrupt();
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    }
}

#[test]
fn a_user_who_does_not_exist_is_told_before_anything_is_opened() {
    let Some(hostile) = Hostile::build("unknown user") else { return };
    if !is_root("unknown user") {
        return;
    }
    let place = open_place();
    let output = hostile.capture(place.path(), &["--user", "no-such-user", "--write", "x.pcap"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("there is no user 'no-such-user'"), "{}", errors(&output));
    assert!(!place.path().join("x.pcap").exists());
}

#[test]
fn the_file_of_a_capture_belongs_to_whom_root_became() {
    let Some(hostile) = Hostile::build("owner of the file") else { return };
    if !is_root("owner of the file") {
        return;
    }
    let sudo = [("SUDO_UID", "54321"), ("SUDO_GID", "54322")];
    // Where the user may write, the file is theirs; where not, and where root becomes nobody, it is root's.
    for (place, environment, owner) in
        [(directory_of(54321), sudo.to_vec(), 54321), (directory_of(0), sudo.to_vec(), 0), (open_place(), vec![], 0)]
    {
        let file = place.path().join("x.pcap");
        // The bait and the file have to be made by whoever starts the capture.
        let arguments = ["--duration", "100ms", "--write", text(&file)];
        let output = hostile.capture(place.path(), &arguments).envs(environment).output().unwrap();
        assert!(output.status.success(), "{}", errors(&output));
        let data = fs::metadata(&file).unwrap();
        assert_eq!((data.uid(), data.mode() & 0o7777), (owner, 0o600));
        assert!(data.len() > 0);
    }
}
