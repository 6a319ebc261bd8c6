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
use crate::cli::clock::now;
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
        let server =
            Server { listener: self.0, shared: Arc::clone(&shared), connections: Vec::new(), text: Vec::new() };
        thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || server.run())
            .context("can't start a thread to serve metrics")?;
        Ok(Publisher(shared))
    }
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
            let Ok(asked) = read(&mut connection.stream, head) else { return Next::Close };
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

#[cfg(test)]
mod tests {
    use mqttsniff::render::Tally;
    use mqttsniff::time::Timestamp;
    use mqttsniff::{Analysis, Output};

    use super::*;

    fn snapshot() -> Snapshot {
        let mut analysis = Analysis::open(&["fixtures/mqtt5_qos.pcap"]).expect("the capture is there");
        let mut tally = Tally::default();
        analysis.fill();
        analysis.analyse(usize::MAX, &mut |output: &Output<'_>| tally.output(output));
        Snapshot::of(&analysis, &tally, Timestamp::from_nanos(0), Timestamp::from_nanos(1))
    }

    /// A server, and an analysis that publishes when it is asked until the flag is set.
    fn server() -> (SocketAddr, Arc<AtomicBool>) {
        let listener = Listener::open("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = listener.address();
        let publisher = listener.serve().expect("a thread");
        let silent = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&silent);
        thread::spawn(move || {
            loop {
                if publisher.is_wanted() && !asked.load(Ordering::Relaxed) {
                    publisher.publish(snapshot());
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        (address, silent)
    }

    fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        stream.write_all(request).expect("it reads");
        let mut text = Vec::new();
        stream.read_to_end(&mut text).expect("an answer and an end");
        String::from_utf8(text).expect("text")
    }

    const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n";

    #[test]
    fn metrics_are_served_and_all_else_is_told_why_not() {
        let (address, _) = server();
        let text = ask(address, GET);
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("\nmqttsniff_frames_total "), "{text}");
        let text = ask(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\n\r\n");
        assert!(text.contains("application/openmetrics-text") && text.ends_with("# EOF\n"), "{text}");
        assert!(ask(address, b"HEAD /metrics HTTP/1.0\r\n\r\n").ends_with("\r\n\r\n"));
        assert!(ask(address, b"GET / HTTP/1.0\r\n\r\n").contains("/metrics"));
        assert!(ask(address, b"GET /x HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 404 "));
        assert!(ask(address, b"DELETE /metrics HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 405 "));
        assert!(ask(address, &vec![b'x'; 20_000]).starts_with("HTTP/1.1 431 "), "though more was sent than is read");
    }

    #[test]
    fn those_who_say_nothing_keep_nobody_waiting() {
        let (address, _) = server();
        let mut silent = Vec::new();
        for _ in 0..3 * CONNECTIONS {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.write_all(b"GET /metrics HT").expect("it is taken in");
            silent.push(stream);
        }
        let began = now();
        assert!(ask(address, GET).starts_with("HTTP/1.1 200 OK"));
        assert!(began.elapsed() < PATIENCE, "nobody's time-out had to be waited for");
        // The first of them had to make way.
        let mut first = silent.remove(0);
        first.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        let mut bytes = Vec::new();
        assert!(matches!(first.read_to_end(&mut bytes), Ok(0) | Err(_)), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn an_analysis_that_stands_still_is_seen_to_by_its_last_numbers() {
        let (address, silent) = server();
        silent.store(true, Ordering::Relaxed);
        assert!(ask(address, GET).starts_with("HTTP/1.1 503 "), "there are no numbers yet");
        silent.store(false, Ordering::Relaxed);
        let first = ask(address, GET);
        assert!(first.starts_with("HTTP/1.1 200 OK"), "{first}");
        silent.store(true, Ordering::Relaxed);
        thread::sleep(GOOD_FOR);
        assert_eq!(ask(address, GET), first);
    }

    #[test]
    fn an_address_that_is_taken_is_told_with_a_way_out() {
        let taken = Listener::open("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let error = Listener::open(taken.address()).expect_err("it is taken").to_string();
        assert!(error.contains("another program listens there"), "{error}");
    }
}
