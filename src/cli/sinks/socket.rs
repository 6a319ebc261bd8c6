//! JSON Lines to a UNIX socket or to the system's log.
//!
//! A thread of its own writes, so that a reader that is slow or gone holds up no capture: what it can't take is left out,
//! and counted. A file that is read can wait: then nothing is left out as long as there is a reader. The thread is started
//! with the first line, when the process has given up what it does not need.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mqttsniff::render::Count;
use mqttsniff::time::Timestamp;

use super::super::failure::say;
use super::{Outlet, Urgency, cannot_open};

/// The most bytes of lines that wait.
const QUEUE: usize = 8 << 20;
/// How long one attempt to write may take before the thread looks whether it is to end.
const ATTEMPT: Duration = Duration::from_millis(200);
/// How long to wait before connecting again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a reader has at the end to take what waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// The facility of daemons (RFC 5424, section 6.2.1).
const DAEMON: u8 = 3;

/// Lines to a socket.
pub(super) struct SocketOutlet {
    queue: Arc<Shared>,
    /// What the thread begins with, until it is started.
    worker: Option<Worker>,
    name: String,
    is_log: bool,
    is_live: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// How many lines were left out since that was last told.
    left_out: u64,
    /// No more lines come.
    ended: bool,
    /// The thread is to give up.
    hurry: bool,
    /// The thread has nothing more to do.
    done: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SocketOutlet {
    /// Connects. Without a first line it is the log.
    pub(super) fn open(path: &Path, begin: Option<&[u8]>, is_live: bool) -> anyhow::Result<Self> {
        let is_log = begin.is_none();
        let name = format!("{}:{}", if is_log { "syslog" } else { "unix" }, path.display());
        let hint = if is_log { "is a syslog daemon running?" } else { "whoever listens has to be started first" };
        let connection = Connection::open(path, is_log).map_err(|error| cannot_open(&name, &error, hint))?;
        let queue = Arc::new(Shared::default());
        let worker = Worker {
            shared: Arc::clone(&queue),
            connection: Some(connection),
            path: path.to_owned(),
            begin: begin.map(<[u8]>::to_vec),
            name: name.clone(),
            is_log,
            is_live,
        };
        Ok(Self { queue, worker: Some(worker), name, is_log, is_live })
    }

    /// Starts the thread, if it does not run.
    fn start(&mut self) {
        if let Some(worker) = self.worker.take() {
            let started = std::thread::Builder::new().name("socket".to_owned()).spawn(move || worker.run());
            if let Err(error) = started {
                say(&format!("'{}': nothing is written, as no thread can be started: {error}", self.name));
                self.queue.lock().done = true;
            }
        }
    }
}

impl Outlet for SocketOutlet {
    fn line(&mut self, line: &[u8], urgency: Urgency, _: Timestamp) {
        self.start();
        let line = if self.is_log { log_message(line, urgency) } else { line.to_vec() };
        let mut queue = self.queue.lock();
        if !self.is_live {
            let is_full =
                |queue: &mut Queue| queue.bytes + line.len() > QUEUE && !queue.lines.is_empty() && !queue.done;
            queue = self.queue.changed.wait_while(queue, is_full).unwrap_or_else(PoisonError::into_inner);
        }
        if (self.is_live && queue.bytes + line.len() > QUEUE) || queue.done {
            queue.left_out += 1;
            if queue.left_out == 1 && self.is_live {
                drop(queue);
                say(&format!("'{}': its reader is too slow or gone, and records are left out", self.name));
            }
            return;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line);
        drop(queue);
        self.queue.changed.notify_all();
    }

    fn pause(&mut self, _: Timestamp) {
        // What a connection begins with does not wait for the first line.
        self.start();
    }

    fn finish(&mut self) -> bool {
        self.start();
        let mut queue = self.queue.lock();
        queue.ended = true;
        self.queue.changed.notify_all();
        let waits = |queue: &mut Queue| !queue.done;
        queue = if self.is_live {
            self.queue.changed.wait_timeout_while(queue, PATIENCE, waits).unwrap_or_else(PoisonError::into_inner).0
        } else {
            self.queue.changed.wait_while(queue, waits).unwrap_or_else(PoisonError::into_inner)
        };
        // The line that is being written has left the queue, and may never arrive.
        let pending = queue.lines.len() as u64 + u64::from(!queue.done);
        queue.hurry = true;
        let left_out = queue.left_out + pending;
        drop(queue);
        if left_out > 0 {
            say(&format!("'{}': {} could not be passed on", self.name, Count(left_out, "record")));
        }
        // What a capture can't pass on is no failure: that is what was promised.
        self.is_live || left_out == 0
    }
}

/// A message for the local log: priority, tag and process. The log adds time and host; `/dev/log` is no place for the form
/// of RFC 5424, which journald does not read there.
fn log_message(line: &[u8], urgency: Urgency) -> Vec<u8> {
    let mut message = format!("<{}>mqttsniff[{}]: ", DAEMON * 8 + urgency as u8, std::process::id()).into_bytes();
    message.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
    message
}

/// The thread that writes.
struct Worker {
    shared: Arc<Shared>,
    connection: Option<Connection>,
    path: PathBuf,
    /// What each connection begins with.
    begin: Option<Vec<u8>>,
    name: String,
    is_log: bool,
    is_live: bool,
}

/// What became of a line.
enum Fate {
    Written,
    /// Not taken, for a reason that lies in the line.
    LeftOut(io::Error),
    /// The reader is gone.
    Lost(io::Error),
    /// There is no more time.
    Hurried,
}

impl Worker {
    fn run(mut self) {
        self.first();
        // In the middle of what a connection begins with it may have been lost for good: then the next line tells.
        while let Some(line) = self.next() {
            if !self.deliver(&line) {
                self.shared.lock().left_out += 1;
                break;
            }
        }
        self.shared.lock().done = true;
        self.shared.changed.notify_all();
    }

    /// The next line; none at the end.
    fn next(&self) -> Option<Vec<u8>> {
        let mut queue = self.shared.lock();
        loop {
            if queue.hurry {
                return None;
            }
            if let Some(line) = queue.lines.pop_front() {
                queue.bytes -= line.len();
                drop(queue);
                if !self.is_live {
                    self.shared.changed.notify_all();
                }
                return Some(line);
            }
            let left_out = std::mem::take(&mut queue.left_out);
            if left_out > 0 {
                drop(queue);
                self.tell(left_out);
                queue = self.shared.lock();
            } else if queue.ended {
                return None;
            } else {
                queue = self.shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn tell(&self, left_out: u64) {
        say(&format!("'{}': {} left out until now", self.name, Count(left_out, "record")));
    }

    /// Writes the line that a connection begins with.
    fn first(&mut self) {
        if let Some(begin) = self.begin.take() {
            // What fails here fails for the line that follows too.
            let _ = self.deliver(&begin);
            self.begin = Some(begin);
        }
    }

    /// Writes a line, on a new connection if need be; `false` if there is no more time.
    fn deliver(&mut self, line: &[u8]) -> bool {
        loop {
            let Some(connection) = &mut self.connection else {
                if !self.connect() {
                    return false;
                }
                continue;
            };
            match connection.write(line, &self.shared) {
                Fate::Written => return true,
                Fate::LeftOut(error) => {
                    say(&format!(
                        "'{}': a record of {} is left out: {error}",
                        self.name,
                        Count(line.len() as u64, "byte")
                    ));
                    return true;
                }
                Fate::Hurried => return false,
                Fate::Lost(error) if self.is_live => {
                    say(&format!("'{}': its reader is gone ({error}); trying again", self.name));
                    self.connection = None;
                }
                Fate::Lost(error) => {
                    say(&format!("'{}': its reader is gone ({error})", self.name));
                    return false;
                }
            }
        }
    }

    /// Waits a little and connects; `false` if there is no more time.
    fn connect(&mut self) -> bool {
        let queue = self.shared.lock();
        let goes_on = |queue: &mut Queue| !queue.ended && !queue.hurry;
        let waited = self.shared.changed.wait_timeout_while(queue, RETRY, goes_on);
        let queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        if queue.ended || queue.hurry {
            return false;
        }
        drop(queue);
        if let Ok(connection) = Connection::open(&self.path, self.is_log) {
            self.connection = Some(connection);
            say(&format!("'{}': connected again", self.name));
            self.first();
        }
        true
    }
}

enum Connection {
    Stream(UnixStream),
    Datagram(UnixDatagram),
}

impl Connection {
    fn open(path: &Path, is_log: bool) -> io::Result<Self> {
        let datagram = || -> io::Result<Self> {
            let socket = UnixDatagram::unbound()?;
            socket.connect(path)?;
            socket.set_write_timeout(Some(ATTEMPT))?;
            Ok(Self::Datagram(socket))
        };
        if is_log {
            return datagram();
        }
        match UnixStream::connect(path) {
            Ok(socket) => {
                socket.set_write_timeout(Some(ATTEMPT))?;
                Ok(Self::Stream(socket))
            }
            // The other kind, if it is one.
            Err(error) => datagram().map_err(|_| error),
        }
    }

    fn write(&mut self, line: &[u8], shared: &Shared) -> Fate {
        let mut rest = line;
        loop {
            let written = match self {
                Self::Stream(socket) => socket.write(rest),
                Self::Datagram(socket) => socket.send(rest),
            };
            match written {
                Ok(count) if count == rest.len() => return Fate::Written,
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        if shared.lock().hurry {
                            return Fate::Hurried;
                        }
                    }
                    ErrorKind::ConnectionRefused
                    | ErrorKind::ConnectionReset
                    | ErrorKind::NotConnected
                    | ErrorKind::BrokenPipe
                    | ErrorKind::NotFound => return Fate::Lost(error),
                    // A datagram that is too long.
                    _ if matches!(self, Self::Datagram(_)) => return Fate::LeftOut(error),
                    _ => return Fate::Lost(error),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_for_the_log_has_priority_tag_and_process() {
        let message = log_message(b"{}\n", Urgency::Error);
        assert_eq!(message, format!("<27>mqttsniff[{}]: {{}}", std::process::id()).into_bytes());
        assert!(log_message(b"{}\n", Urgency::Information).starts_with(b"<30>"));
    }
}
