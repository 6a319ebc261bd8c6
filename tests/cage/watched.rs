//! A process as /proc shows it.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Output};
use std::time::{Duration, Instant};

/// How long to wait for what ought to come within a moment, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process that is killed with the test.
pub(crate) struct Watched(Option<Child>);

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What /proc says of a thread, by name.
pub(crate) type Status = BTreeMap<String, String>;

impl Watched {
    pub(crate) fn new(child: Child) -> Self {
        Self(Some(child))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// Each of its threads, once there are so many and the first has its filters.
    #[track_caller]
    pub(crate) fn threads(&self, count: usize) -> Vec<Status> {
        let began = Instant::now();
        loop {
            let threads = threads(self.id());
            if threads.len() >= count && threads.iter().all(|thread| thread["Seccomp"] == "2") {
                return threads;
            }
            assert!(began.elapsed() < PATIENCE, "the cage was not closed: {threads:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as Ctrl-C does, and gives what it said.
    #[allow(dead_code, reason = "a build that can't capture has none to interrupt")]
    pub(crate) fn interrupt(mut self) -> Output {
        let kill = format!("kill -INT {}", self.id());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

fn threads(id: u32) -> Vec<Status> {
    let entries = fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let texts = entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("status")).ok());
    texts
        .map(|text| {
            let fields = text.lines().filter_map(|line| line.split_once(':'));
            fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
        })
        .collect()
}

/// No capability of any kind, no way to get one, and system calls filtered.
#[track_caller]
pub(crate) fn assert_caged(thread: &Status) {
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(thread[set], "0000000000000000", "{set} of {}", thread["Name"]);
    }
    assert_eq!(thread["NoNewPrivs"], "1");
    assert_eq!(thread["Seccomp"], "2");
}

/// It has this user and group, real, effective, saved and for files, and no other group.
#[track_caller]
pub(crate) fn assert_is(thread: &Status, uid: u32, gid: u32) {
    let four = |number: u32| [number; 4].map(|number| number.to_string()).join("\t");
    assert_eq!((&thread["Uid"], &thread["Gid"]), (&four(uid), &four(gid)), "{}", thread["Name"]);
    assert_eq!(thread["Groups"], "");
    // Only root can clear this one.
    assert_eq!(thread["CapBnd"], "0000000000000000");
}
