//! Serves metrics over HTTP, from a thread of its own.
//!
//! One thread looks after all connections, of which there are few; each has a deadline and a limit on what it may send.
//! Where there are too many, the one goes that has been asking longest, so that whoever is slow on purpose makes way for
//! those who come after. The analysis is asked for a snapshot and never waited for by more than a moment, and it never
//! waits for anybody.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mqttsniff::render::{Exposition, Snapshot, write_metrics};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::http::{self, MOST, Request, Status};
use crate::cli::failure::Failure;

/// The most connections at a time.
const CONNECTIONS: usize = 32;

/// How long a connection may take for its request, and how long for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long what a client still sends is passed over, so that it can read its answer (RFC 9112, section 9.6).
const DRAIN: Duration = Duration::from_secs(1);

/// A snapshot is good for so long: who asks more often gets the same numbers.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// How long a request waits for a new snapshot before it gets the last one.
const WAIT: Duration = Duration::from_secs(2);

/// How often it is looked whether a snapshot has come that somebody waits for.
const LOOK: Duration = Duration::from_millis(20);

/// A socket that listens, and nobody is served yet.
#[derive(Debug)]
pub(super) struct Listener(TcpListener);

/// Where the analysis leaves its snapshots.
#[derive(Debug)]
pub(super) struct Publisher(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    wanted: AtomicBool,
    latest: Mutex<Option<Latest>>,
}

#[derive(Debug, Clone)]
struct Latest {
    snapshot: Arc<Snapshot>,
    taken: Instant,
}

impl Publisher {
    /// Whether somebody asks for a snapshot.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::Relaxed)
    }

    /// Here it is.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        let latest = Latest { snapshot: Arc::new(snapshot), taken: now() };
        let old = self.0.latest.lock().unwrap_or_else(PoisonError::into_inner).replace(latest);
        self.0.wanted.store(false, Ordering::Relaxed);
        // It takes a while to give back, with nobody waiting for it.
        drop(old);
    }
}

impl Listener {
    /// Listens at an address.
    pub(super) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(Self(listener))
        };
        listen().map_err(|error: io::Error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => "another program listens there; choose another port",
                io::ErrorKind::AddrNotAvailable => "it is none of this machine's; 127.0.0.1 is for this machine alone",
                io::ErrorKind::PermissionDenied => "ports below 1024 take rights; choose one above, such as 9464",
                _ => "an address and a port are wanted, such as 127.0.0.1:9464",
            };
            Failure::new(format!("can't serve metrics at {address}: {error}"), Some(hint.to_owned())).into()
        })
    }

    /// Where it listens.
    #[cfg(test)]
    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it listens")
    }

    /// Serves what is published, until the program ends.
    pub(super) fn serve(self) -> anyhow::Result<Publisher> {
        let shared = Arc::new(Shared::default());
        let server = Server { listener: self.0, shared: Arc::clone(&shared), connections: Vec::new(), text: Vec::new() };
        thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || server.run())
            .context("can't start a thread to serve metrics")?;
        Ok(Publisher(shared))
    }
}

#[allow(clippy::disallowed_methods, reason = "those who ask have a time-out of the clock")]
fn now() -> Instant {
    Instant::now()
}

struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
    connections: Vec<Connection>,
    /// The text of a snapshot in each form, so that it is not written for each who asks.
    text: Vec<(Instant, Exposition, String)>,
}

struct Connection {
    stream: TcpStream,
    state: State,
    deadline: Instant,
}

enum State {
    /// So much of the request is there.
    Asking(Vec<u8>),
    /// It waits for a snapshot that is newer.
    Waiting { form: Exposition, head_only: bool, until: Instant },
    /// So much of the answer was sent.
    Answering(Vec<u8>, usize),
    /// The answer was sent.
    Draining,
}

/// Whether a connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Keep,
    Close,
}

impl Server {
    fn run(mut self) {
        loop {
            if self.wait().is_err() {
                // Not to be expected; without a pause it would use all of a processor.
                thread::sleep(LOOK);
            }
            self.accept();
            let now = now();
            let mut connections = std::mem::take(&mut self.connections);
            connections.retain_mut(|connection| self.step(connection, now) == Next::Keep);
            self.connections = connections;
        }
    }

    /// Waits until something can be done.
    fn wait(&self) -> rustix::io::Result<()> {
        let waits = self.connections.iter().any(|connection| matches!(connection.state, State::Waiting { .. }));
        // Deadlines are kept to within a second.
        let most = if waits { LOOK } else { Duration::from_secs(1) };
        let forever = self.connections.is_empty();
        let timeout = Timespec { tv_sec: most.as_secs() as i64, tv_nsec: i64::from(most.subsec_nanos()) };
        let mut sockets = vec![PollFd::new(&self.listener, PollFlags::IN)];
        sockets.extend(self.connections.iter().filter_map(|connection| {
            let flags = match connection.state {
                State::Asking(_) | State::Draining => PollFlags::IN,
                State::Answering(..) => PollFlags::OUT,
                State::Waiting { .. } => return None,
            };
            Some(PollFd::from_borrowed_fd(connection.stream.as_fd(), flags))
        }));
        poll(&mut sockets, (!forever).then_some(&timeout)).map(drop)
    }

    fn accept(&mut self) {
        // As many as may be there at a time; the rest waits in the kernel until the next round.
        for _ in 0..CONNECTIONS {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Too many open files, or a client that is gone already: without a pause it would try all the time.
                Err(_) => return thread::sleep(LOOK),
            };
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.connections.len() >= CONNECTIONS {
                // They stand in the order in which they came.
                let asking = self.connections.iter().position(|held| matches!(held.state, State::Asking(_)));
                self.connections.remove(asking.unwrap_or(0));
            }
            let deadline = now() + PATIENCE;
            self.connections.push(Connection { stream, state: State::Asking(Vec::new()), deadline });
        }
    }

    /// Does what can be done for a connection without waiting.
    fn step(&mut self, connection: &mut Connection, now: Instant) -> Next {
        if let State::Asking(head) = &mut connection.state {
            let asked = match read(&mut connection.stream, head) {
                Ok(asked) => asked,
                Err(_) => return Next::Close,
            };
            match asked {
                None if now < connection.deadline => return Next::Keep,
                None => connection.answer(http::refusal(Status::RequestTimeout), now),
                Some(Request::Hint { head_only }) => connection.answer(http::hint(head_only), now),
                Some(Request::Refused(status)) => connection.answer(http::refusal(status), now),
                Some(Request::Metrics { form, head_only }) => {
                    connection.state = State::Waiting { form, head_only, until: now + WAIT };
                }
            }
        }
        if let State::Waiting { form, head_only, until } = connection.state {
            let latest = self.shared.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match latest {
                Some(latest) if now.saturating_duration_since(latest.taken) < GOOD_FOR || now >= until => {
                    let text = self.text_of(&latest, form);
                    connection.answer(http::metrics(text, form, head_only), now);
                }
                None if now >= until => connection.answer(http::refusal(Status::Unavailable), now),
                _ => {
                    self.shared.wanted.store(true, Ordering::Relaxed);
                    return Next::Keep;
                }
            }
        }
        if let State::Answering(bytes, sent) = &mut connection.state {
            loop {
                match connection.stream.write(bytes.get(*sent..).unwrap_or_default()) {
                    Ok(written) if written > 0 => *sent += written,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        return if now < connection.deadline { Next::Keep } else { Next::Close };
                    }
                    Ok(_) | Err(_) => break,
                }
            }
            if *sent < bytes.len() || connection.stream.shutdown(Shutdown::Write).is_err() {
                return Next::Close;
            }
            connection.state = State::Draining;
            connection.deadline = now + DRAIN;
        }
        connection.drain(now)
    }

    fn text_of(&mut self, latest: &Latest, form: Exposition) -> &str {
        self.text.retain(|(taken, ..)| *taken == latest.taken);
        let place = self.text.iter().position(|(_, written, _)| *written == form).unwrap_or_else(|| {
            self.text.push((latest.taken, form, write_metrics(&latest.snapshot, form)));
            self.text.len() - 1
        });
        self.text.get(place).map_or("", |(.., text)| text)
    }
}

/// Reads on; gives what is asked for once that is known.
fn read(stream: &mut TcpStream, head: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let mut bytes = [0; 1024];
    // No more than that is read at once, whatever comes.
    while head.len() < MOST {
        match stream.read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => head.extend_from_slice(bytes.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
        if let Some(request) = http::request(head) {
            return Ok(Some(request));
        }
    }
    // Nothing but empty lines is no request either.
    Ok((head.len() >= MOST).then_some(Request::Refused(Status::HeadTooLarge)))
}

impl Connection {
    fn answer(&mut self, bytes: Vec<u8>, now: Instant) {
        self.state = State::Answering(bytes, 0);
        self.deadline = now + PATIENCE;
    }

    /// Passes over what still comes, for a while.
    fn drain(&mut self, now: Instant) -> Next {
        let mut bytes = [0; 4096];
        for _ in 0..16 {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Next::Close,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Next::Close,
            }
        }
        if now < self.deadline { Next::Keep } else { Next::Close }
    }
}
