//! `--after-file`: a command for each file that is whole.
//!
//! Commands are run by a process of their own, which is this program again. It is started before anything else: so that
//! commands can be run though the capture may have given up its rights since, and take none of its time. It gets the names
//! of files on its standard input, each followed by a NUL, runs one command after the other, and ends with its input.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use mqttsniff::render::Count;

use super::failure::say;

/// The folder of a name without one.
const HERE: &str = ".";
/// The most names that wait to be handed over.
const OUTBOX: usize = 1 << 20;
/// How long commands may take at the end before it is said that they are waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most files that wait for their command.
const WAITING: usize = 10_000;

/// What names are written to: a file, which takes nothing but `write`, as that is what the cage leaves.
#[cfg(unix)]
type Channel = fs::File;
#[cfg(not(unix))]
type Channel = std::process::ChildStdin;

/// Tells the process that runs commands.
#[derive(Clone)]
pub(super) struct AfterFile(Arc<Mutex<Inner>>);

struct Inner {
    process: Child,
    /// Closed at the end, which is the end of its input.
    channel: Option<Channel>,
    /// The same, of which it can be told whether to wait.
    #[cfg(unix)]
    waits: Option<std::os::unix::net::UnixStream>,
    /// What the process has not taken yet.
    outbox: Vec<u8>,
    /// Files that it was not told of.
    left_out: u64,
}

impl AfterFile {
    /// Starts the process. It takes files of this folder only.
    pub(super) fn start(command: &str, folder: &Path) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("can't find this program, which is to run --after-file")?;
        let folder = if folder == Path::new("") { Path::new(HERE) } else { folder };
        let mut helper = Command::new(program);
        helper.arg(HELPER).arg(folder).arg(command).stdout(Stdio::null());
        let inner = spawn(helper).context("can't start the process that is to run --after-file")?;
        Ok(Self(Arc::new(Mutex::new(inner))))
    }

    /// A file is whole. Never waits.
    pub(super) fn file(&self, path: &Path) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let path = if path.parent() == Some(Path::new("")) { Path::new(HERE).join(path) } else { path.to_owned() };
        let path = path.as_os_str().as_encoded_bytes();
        if inner.outbox.len() + path.len() < OUTBOX {
            inner.outbox.extend_from_slice(path);
            inner.outbox.push(0);
        } else {
            inner.left_out += 1;
        }
        inner.pass_on();
    }

    /// Passes on what the process could not take before. Never waits.
    pub(super) fn pass_on(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pass_on();
    }

    /// Waits until all commands are done; whether none has failed.
    pub(super) fn finish(self) -> bool {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.finish().unwrap_or_else(|error| {
            say(&format!("--after-file: the process that runs the commands is gone: {error}"));
            false
        })
    }
}

impl Inner {
    fn pass_on(&mut self) {
        while !self.outbox.is_empty() {
            let Some(channel) = &mut self.channel else { return };
            match channel.write(&self.outbox) {
                Ok(count) => drop(self.outbox.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // It does not take more for now, or is gone: that is told at the end.
                Err(_) => return,
            }
        }
    }

    fn finish(&mut self) -> io::Result<bool> {
        if self.left_out > 0 {
            let left_out = Count(self.left_out, "file");
            say(&format!("--after-file: was not run for {left_out}, as the commands before took too long"));
        }
        #[cfg(unix)]
        if let Some(waits) = self.waits.take() {
            waits.set_nonblocking(false)?;
        }
        if let Some(mut channel) = self.channel.take() {
            channel.write_all(&self.outbox)?;
        }
        Ok(self.process.wait()?.success() && self.left_out == 0)
    }
}

/// Starts it away from the terminal's signals: Ctrl-C is for the capture, which then has its last file to announce.
#[cfg(unix)]
fn spawn(mut helper: Command) -> io::Result<Inner> {
    use std::os::fd::OwnedFd;
    use std::os::unix::process::CommandExt as _;
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let channel = Some(OwnedFd::from(ours.try_clone()?).into());
    let process = helper.stdin(OwnedFd::from(theirs)).process_group(0).spawn()?;
    Ok(Inner { process, channel, waits: Some(ours), outbox: Vec::new(), left_out: 0 })
}

#[cfg(not(unix))]
fn spawn(mut helper: Command) -> io::Result<Inner> {
    let mut process = helper.stdin(Stdio::piped()).spawn()?;
    let channel = process.stdin.take();
    Ok(Inner { process, channel, outbox: Vec::new(), left_out: 0 })
}

/// The first argument of that process. It is no command for people, and so in no help.
const HELPER: &str = "after-file-helper";

/// What that process is to do.
#[derive(Debug)]
pub(super) struct Helper {
    /// The folder whose files are taken.
    folder: PathBuf,
    /// The command.
    command: OsString,
}

impl Helper {
    /// Whether this process is one, by its arguments.
    pub(super) fn asked_for(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter().skip(1);
        if arguments.next()? != HELPER {
            return None;
        }
        Some(Self { folder: arguments.next()?.into(), command: arguments.next()? })
    }
}

/// Runs a command for each file that is named on standard input.
pub(super) fn help(arguments: &Helper) -> anyhow::Result<ExitCode> {
    // Whoever stops the capture may send the same signal to all its processes. The last file is still to come then.
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))).context("can't listen for signals")?;
    }
    let (to, files) = sync_channel::<PathBuf>(WAITING);
    let waiting = Arc::new(AtomicUsize::new(0));
    let all_taken = Arc::new(AtomicBool::new(true));
    let (counted, taken) = (Arc::clone(&waiting), Arc::clone(&all_taken));
    // Names are taken at once, so that nobody has to wait for a command.
    std::thread::spawn(move || {
        for path in names(io::stdin().lock()) {
            counted.fetch_add(1, Ordering::Relaxed);
            if let Err(TrySendError::Full(path)) = to.try_send(path) {
                counted.fetch_sub(1, Ordering::Relaxed);
                taken.store(false, Ordering::Relaxed);
                say(&format!("--after-file: '{}' is left out, as {WAITING} files wait already", path.display()));
            }
        }
        drop(to);
        // Whoever has pressed Ctrl-C ought to know what is waited for. When all is done this thread ends with the process.
        std::thread::sleep(PATIENCE);
        let left = counted.load(Ordering::Relaxed) as u64;
        say(&format!("--after-file: waiting for {}", Count(left, "command")));
    });
    let mut all_well = true;
    for path in files {
        if let Err(why) = run(&path, arguments) {
            all_well = false;
            say(&format!("--after-file: '{}' for '{}': {why}", arguments.command.display(), path.display()));
        }
        waiting.fetch_sub(1, Ordering::Relaxed);
    }
    Ok(if all_well && all_taken.load(Ordering::Relaxed) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What stands between NULs.
fn names(input: impl Read) -> impl Iterator<Item = PathBuf> {
    // A name that lacks its NUL was cut off with whoever wrote it.
    let whole = |name: io::Result<Vec<u8>>| name.ok();
    let mut input = BufReader::new(input);
    std::iter::from_fn(move || {
        let mut name = Vec::new();
        Some(input.read_until(0, &mut name).map(|_| name))
    })
    .map_while(whole)
    .map_while(|mut name| (name.pop() == Some(0)).then_some(name))
    .map(path_of)
}

#[cfg(unix)]
fn path_of(name: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(name).into()
}

#[cfg(not(unix))]
fn path_of(name: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&name).into_owned().into()
}

/// Runs the command for a file; the error says why it is not done.
fn run(path: &Path, arguments: &Helper) -> Result<(), String> {
    // This process has the rights that the other may have given up: it does nothing but what is its task.
    if path.parent() != Some(&arguments.folder) || path.file_name().is_none() {
        return Err("is in another folder".to_owned());
    }
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_file() => {}
        Ok(_) => return Err("is no regular file any more".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err("is gone: removed by --keep, or by somebody else, before its turn".to_owned());
        }
        Err(error) => return Err(error.to_string()),
    }
    // A name that begins with a dash would be an option.
    let path =
        if path.as_os_str().as_encoded_bytes().starts_with(b"-") { Path::new(".").join(path) } else { path.into() };
    let status = shell(&arguments.command, &path).stdin(Stdio::null()).stdout(errors()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(format!("can't be run: {error}")),
    }
}

/// The command as the shell reads it, with the file behind it as one argument whatever is in its name.
#[cfg(unix)]
fn shell(command: &std::ffi::OsStr, path: &Path) -> Command {
    let mut script = command.to_owned();
    script.push(" \"$@\"");
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(script).arg("mqttsniff").arg(path);
    shell
}

#[cfg(not(unix))]
fn shell(command: &std::ffi::OsStr, path: &Path) -> Command {
    let mut program = Command::new(command);
    program.arg(path);
    program
}

/// What commands print goes to standard error: standard output is the results'.
#[cfg(unix)]
fn errors() -> Stdio {
    use std::os::fd::AsFd as _;
    io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
}

#[cfg(not(unix))]
fn errors() -> Stdio {
    Stdio::null()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_with_a_nul() {
        let names: Vec<_> = names(&b"a/b\0c d\ne\0cut"[..]).collect();
        assert_eq!(names, [Path::new("a/b"), Path::new("c d\ne")]);
        assert_eq!(super::names(&b""[..]).count(), 0);
    }

    #[test]
    fn a_helper_is_told_by_its_arguments() {
        let of = |words: &[&str]| Helper::asked_for(words.iter().map(OsString::from));
        let helper = of(&["mqttsniff", HELPER, "-folder", "--command"]).unwrap();
        assert_eq!((helper.folder, helper.command), ("-folder".into(), "--command".into()));
        assert!(of(&["mqttsniff", "read", HELPER, "b"]).is_none() && of(&["mqttsniff"]).is_none());
        assert!(of(&["mqttsniff", HELPER, "folder"]).is_none());
    }

    #[test]
    fn only_files_of_the_folder_are_handled() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = Helper { folder: folder.path().to_owned(), command: "false".into() };
        let why = |path: &Path| run(path, &arguments).unwrap_err();
        assert!(why(Path::new("/etc/passwd")).contains("another folder"));
        assert!(why(&folder.path().join("../x")).contains("another folder"));
        assert!(why(&folder.path().join("..")).contains("another folder"));
        assert!(why(&folder.path().join("gone")).contains("gone"));
        fs::create_dir(folder.path().join("inner")).unwrap();
        assert!(why(&folder.path().join("inner")).contains("no regular file"));
    }

    #[cfg(unix)]
    #[test]
    fn a_name_is_one_argument_and_never_a_command() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("a b'$(touch x)\"\n;");
        fs::write(&name, "").unwrap();
        let copy = folder.path().join("seen");
        let command = format!("printf '%s|' > {}", copy.display());
        let arguments = Helper { folder: folder.path().to_owned(), command: command.into() };
        run(&name, &arguments).unwrap();
        assert_eq!(fs::read_to_string(&copy).unwrap(), format!("{}|", name.display()));
        let failing = Helper { command: "exit 3;".into(), ..arguments };
        assert!(run(&name, &failing).unwrap_err().contains('3'));
    }
}
