//! One thread for each interface, and the bounded channel through which their frames come together.
//!
//! The threads only fetch; putting frames in order is done by whoever asks for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::{Duration, Instant};

use ::pcap::{Active, BreakLoop, Capture, Device, Error, Precision};

use super::super::interfaces::Interface;
use super::super::{Batch, Fill, FrameHeader, LinkType, Lost, Problem, SourceReport};
use super::LiveOptions;
use super::error::{OpenError, nearest_first};
use crate::time::Timestamp;

/// How long frames wait for company, in the kernel and here: short enough that rows seem to appear as
/// things happen, long enough to wake up ten times a second only.
const TICK: Duration = Duration::from_millis(100);
/// Frames fetched at a time. A loopback or offloading interface has frames of 64 KiB, so this bounds a
/// batch to some 8 MiB.
const FETCH: usize = 128;
/// Batches on their way from a thread, of usually 128 small frames; when the reader lags more than this, the kernel's
/// buffer is there to wait in.
const ON_THE_WAY: usize = 64;
/// How many bytes are gathered before they are handed over.
const BATCH: usize = 1 << 20;
/// How often the kernel is asked what it dropped. Asking costs a few system calls; between two answers nobody can say which
/// frames are missing, so that too seldom leaves more in doubt.
const STATISTICS_EVERY: Duration = TICK;
/// How long a thread may take to end after it was told to. Before libpcap 1.10 one that waits for a
/// frame on a quiet interface can't be woken; it is left behind then.
const PATIENCE: Duration = Duration::from_secs(1);

/// The begin of what the loader writes when there is no libpcap (`libpcap_loader.c`).
const NOT_LOADED: &str = "libpcap can't be loaded: ";

/// The clock of this machine; the only one that the library reads, and not for anything that is told of frames.
#[expect(clippy::disallowed_methods, reason = "waiting for live frames needs a clock")]
fn now() -> Instant {
    Instant::now()
}

/// What libpcap says, without the crate's prefix.
fn message(error: &Error) -> String {
    match error {
        Error::PcapError(text) if text.is_empty() => "unknown error of libpcap".into(),
        Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The devices that libpcap finds; where libpcap itself is missing, that is the error.
pub(super) fn devices() -> Result<Vec<Interface>, OpenError> {
    let devices = Device::list().map_err(|error| {
        let message = message(&error);
        match message.strip_prefix(NOT_LOADED) {
            Some(reason) => OpenError::NoLibpcap { reason: reason.to_owned() },
            None => OpenError::Failed { interface: "any interface".into(), message },
        }
    })?;
    Ok(devices
        .into_iter()
        .map(|device| Interface {
            up: device.flags.is_up(),
            running: device.flags.is_running(),
            loopback: device.flags.is_loopback(),
            wireless: device.flags.is_wireless(),
            addresses: device.addresses.iter().map(|address| address.addr).collect(),
            name: device.name,
            description: device.desc,
        })
        .collect())
}

/// The kernel's counts of one interface. libpcap's have 32 bits and wrap within hours on a fast link;
/// these are the sums of the differences.
#[derive(Debug, Default)]
struct Counters {
    received: AtomicU64,
    dropped: AtomicU64,
    interface_dropped: AtomicU64,
}

/// An interface that is open and not yet read.
struct Opened {
    capture: Capture<Active>,
    link: LinkType,
    nanoseconds: bool,
}

/// What a thread sends.
enum Message {
    Frames { worker: usize, batch: Batch },
    Failed { worker: usize, message: String },
}

#[derive(Debug)]
struct Worker {
    counters: Arc<Counters>,
    wake: Wake,
    /// Gives emptied batches back, so that capturing for days allocates nothing.
    recycle: Sender<Batch>,
}

struct Wake(BreakLoop);

impl std::fmt::Debug for Wake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wake")
    }
}

/// The threads of a live capture.
#[derive(Debug)]
pub(super) struct Workers {
    interfaces: Vec<(String, LinkType)>,
    /// What the threads are to do once the first frames are asked for.
    waiting: Vec<Thread>,
    threads: Vec<Worker>,
    messages: Receiver<Message>,
    /// The caller's flag.
    stop: Arc<AtomicBool>,
    /// Ours: set when the capture is dropped.
    closing: Arc<AtomicBool>,
    stopping_since: Option<Instant>,
    bytes: u64,
    /// What was dropped by now, as far as it was told with frames.
    told: Lost,
    problems: Vec<Problem>,
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.wake_all();
    }
}

impl Workers {
    pub(super) fn open(options: &LiveOptions, stop: &Arc<AtomicBool>) -> Result<Self, OpenError> {
        // Asked first: without libpcap every other error would mislead.
        let existing: Vec<String> = devices()?.into_iter().map(|device| device.name).collect();
        if options.interfaces.is_empty() {
            return Err(OpenError::NoInterface { existing });
        }
        let mut opened = Vec::new();
        for name in &options.interfaces {
            opened.push(open_one(name, options, &existing)?);
        }
        let (sender, messages) = mpsc::sync_channel(ON_THE_WAY * opened.len());
        let closing = Arc::new(AtomicBool::new(false));
        let mut this = Self {
            interfaces: options.interfaces.iter().cloned().zip(opened.iter().map(|one| one.link)).collect(),
            waiting: Vec::new(),
            threads: Vec::new(),
            messages,
            stop: Arc::clone(stop),
            closing: Arc::clone(&closing),
            stopping_since: None,
            bytes: 0,
            told: Lost::default(),
            problems: Vec::new(),
        };
        for (index, mut one) in opened.into_iter().enumerate() {
            let counters = Arc::new(Counters::default());
            let (recycle, recycled) = mpsc::channel();
            this.threads.push(Worker {
                counters: Arc::clone(&counters),
                wake: Wake(one.capture.breakloop_handle()),
                recycle,
            });
            this.waiting.push(Thread {
                index,
                one,
                sender: sender.clone(),
                recycled,
                counters,
                stop: Arc::clone(stop),
                closing: Arc::clone(&closing),
            });
        }
        Ok(this)
    }

    /// Starts the threads. Not before frames are asked for: what is to confine the program does so for threads that start
    /// later.
    fn start(&mut self) {
        for thread in std::mem::take(&mut self.waiting) {
            let index = thread.index;
            let spawned = std::thread::Builder::new().name(format!("capture-{index}")).spawn(move || thread.run());
            if let Err(error) = spawned {
                self.problem(index, format!("no thread can be started to capture: {error}"));
            }
        }
    }

    pub(super) fn interfaces(&self) -> &[(String, LinkType)] {
        &self.interfaces
    }

    fn wake_all(&self) {
        for worker in &self.threads {
            worker.wake.0.breakloop();
        }
    }

    fn problem(&mut self, worker: usize, what: String) {
        let input = self.interfaces.get(worker).map(|(name, _)| name.clone()).unwrap_or_default();
        self.problems.push(Problem { input, what, hint: None });
    }

    /// Takes a message in; `None` when there is none in time, and an error when no thread is left.
    fn receive(&mut self, wait: Duration) -> Result<Option<(usize, Batch)>, Ended> {
        match self.messages.recv_timeout(wait) {
            Ok(Message::Frames { worker, batch }) => Ok(Some((worker, batch))),
            Ok(Message::Failed { worker, message }) => {
                self.problem(worker, format!("capturing ended: {message}"));
                Ok(None)
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Ended),
        }
    }

    pub(super) fn fill(&mut self, batch: &mut Batch) -> Fill {
        let fill = self.fetch(batch);
        let now = self.lost();
        let told = std::mem::replace(&mut self.told, now);
        batch.set_lost(Lost {
            kernel: now.kernel - told.kernel,
            interface: now.interface - told.interface,
            analysis: 0,
        });
        fill
    }

    fn fetch(&mut self, batch: &mut Batch) -> Fill {
        self.start();
        if self.stop.load(Ordering::Relaxed) {
            // Each time: a thread that was not waiting yet at the first call takes the second.
            self.wake_all();
            let since = *self.stopping_since.get_or_insert_with(now);
            if now().duration_since(since) > PATIENCE {
                return Fill::End;
            }
        }
        let first = match self.receive(TICK) {
            Ok(Some(first)) => first,
            Ok(None) => return Fill::More,
            Err(Ended) => return Fill::End,
        };
        let begun = now();
        let mut bytes = first.1.bytes_held();
        let mut gathered = vec![first];
        // One interface is in order by itself and needs no waiting.
        let wait = if self.threads.len() > 1 { TICK } else { Duration::ZERO };
        while bytes < BATCH {
            let left = wait.saturating_sub(now().duration_since(begun));
            match self.receive(left) {
                Ok(Some(more)) => {
                    bytes += more.1.bytes_held();
                    gathered.push(more);
                }
                // A failure of one interface ends the waiting too; the next call goes on.
                Ok(None) | Err(Ended) => break,
            }
        }
        self.hand_over(&mut gathered, batch);
        for (worker, emptied) in gathered {
            if let Some(worker) = self.threads.get(worker) {
                // A thread that has ended needs no batch.
                let _ = worker.recycle.send(emptied);
            }
        }
        Fill::More
    }

    /// Hands over the gathered frames in order of time; equal times in the order of arrival.
    fn hand_over(&mut self, gathered: &mut [(usize, Batch)], batch: &mut Batch) {
        if let ([(_, only)], true) = (&mut *gathered, batch.is_empty()) {
            self.bytes += only.bytes_held() as u64;
            only.renumber(batch.next_number());
            std::mem::swap(only, batch);
            return;
        }
        let mut frames: Vec<_> = gathered.iter().flat_map(|(_, batch)| batch.frames()).collect();
        if self.threads.len() > 1 {
            frames.sort_by_key(|frame| frame.header.time);
        }
        for frame in frames {
            self.bytes += frame.data.len() as u64;
            batch.push(frame.header, frame.data);
        }
    }

    fn sum(&self, of: fn(&Counters) -> &AtomicU64) -> u64 {
        self.threads.iter().map(|worker| of(&worker.counters).load(Ordering::Relaxed)).sum()
    }

    /// What was dropped by now.
    fn lost(&self) -> Lost {
        let kernel = self.sum(|counters| &counters.dropped);
        let interface = self.sum(|counters| &counters.interface_dropped);
        Lost { kernel, interface, analysis: 0 }
    }

    pub(super) fn report(&self) -> SourceReport {
        let lost = self.lost();
        SourceReport {
            bytes_read: self.bytes,
            bytes_total: None,
            kernel_received: Some(self.sum(|counters| &counters.received)),
            kernel_dropped: Some(lost.kernel),
            interface_dropped: Some(lost.interface),
            analysis_dropped: None,
            problems: self.problems.clone(),
        }
    }
}

/// No thread is left.
struct Ended;

fn open_one(name: &str, options: &LiveOptions, existing: &[String]) -> Result<Opened, OpenError> {
    let nanoseconds = options.nanoseconds && has_nanoseconds(name);
    let activate = |promiscuous: bool| {
        Capture::from_device(name)?
            .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
            .promisc(promiscuous)
            .timeout(TICK.as_millis() as i32)
            .buffer_size(i32::try_from(options.buffer_bytes).unwrap_or(i32::MAX))
            .immediate_mode(options.immediate)
            .precision(if nanoseconds { Precision::Nano } else { Precision::Micro })
            .open()
    };
    // Where an interface has no promiscuous mode (`any` has none) libpcap warns and goes on, but the
    // crate takes the warning for an error.
    let promiscuous = options.promiscuous && name != "any";
    let activated = match activate(promiscuous) {
        Err(first) if promiscuous => activate(false).map_err(|_| first),
        result => result,
    };
    let mut capture = activated.map_err(|error| {
        if existing.iter().any(|known| known == name) {
            OpenError::of_message(name, &message(&error))
        } else {
            OpenError::UnknownInterface { name: name.to_owned(), existing: nearest_first(name, existing.to_vec()) }
        }
    })?;
    if let Some(filter) = &options.filter {
        capture
            .filter(filter, true)
            .map_err(|error| OpenError::BadFilter { filter: filter.clone(), message: message(&error) })?;
    }
    let link = link_type(capture.get_datalink().0).ok_or_else(|| OpenError::Failed {
        interface: name.to_owned(),
        message: "libpcap gives it no link type".into(),
    })?;
    Ok(Opened { capture, link, nanoseconds })
}

/// A part of a `timeval`, which is 32 or 64 bits wide by system.
fn wide(part: impl Into<i64>) -> i64 {
    part.into()
}

/// Whether times come in nanoseconds when asked for. The crate does not tell whether libpcap agreed;
/// on Linux it does for every network interface, and does not for USB, Bluetooth and the like.
fn has_nanoseconds(name: &str) -> bool {
    cfg!(target_os = "linux") && (name == "any" || std::path::Path::new("/sys/class/net").join(name).exists())
}

/// The link type in a file for libpcap's number, which differs by system for a few old types.
fn link_type(number: i32) -> Option<LinkType> {
    match number {
        11 => Some(LinkType(100)),
        12 if !cfg!(target_os = "openbsd") => Some(LinkType::RAW),
        12 => Some(LinkType::LOOP),
        14 if cfg!(target_os = "openbsd") => Some(LinkType::RAW),
        number => u16::try_from(number).ok().map(LinkType),
    }
}

/// What a thread owns.
struct Thread {
    index: usize,
    one: Opened,
    sender: SyncSender<Message>,
    recycled: Receiver<Batch>,
    counters: Arc<Counters>,
    stop: Arc<AtomicBool>,
    closing: Arc<AtomicBool>,
}

impl std::fmt::Debug for Thread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Thread").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Thread {
    fn should_end(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.closing.load(Ordering::Relaxed)
    }

    fn run(mut self) {
        let mut last = [0; 3];
        let mut asked = now();
        while !self.should_end() {
            let mut batch = self.recycled.try_recv().unwrap_or_default();
            batch.advance();
            let (link, nanoseconds, interface) = (self.one.link, self.one.nanoseconds, self.index as u32);
            let result = self.one.capture.dispatch(Some(FETCH), |packet| {
                let header = packet.header;
                let fraction = wide(header.ts.tv_usec) * if nanoseconds { 1 } else { 1000 };
                let nanos = wide(header.ts.tv_sec).saturating_mul(1_000_000_000).saturating_add(fraction);
                batch.push(
                    FrameHeader {
                        time: Timestamp::from_nanos(nanos),
                        link,
                        length: header.len.max(header.caplen),
                        interface,
                        fcs_length: 0,
                    },
                    packet.data,
                );
            });
            if !batch.is_empty() && self.sender.send(Message::Frames { worker: self.index, batch }).is_err() {
                // Nobody is left to read.
                break;
            }
            if let Err(error) = result {
                if !self.should_end() {
                    let message = message(&error);
                    // Nobody may be left to read.
                    let _ = self.sender.send(Message::Failed { worker: self.index, message });
                }
                break;
            }
            if now().duration_since(asked) >= STATISTICS_EVERY {
                asked = now();
                self.count(&mut last);
            }
        }
        // The sender goes with `self`, after the last count: so whoever sees the channel closed sees
        // the final numbers.
        self.count(&mut last);
    }

    /// Asks the kernel what it dropped. An interface that has disappeared can't be asked any more, and
    /// what was counted before stands.
    fn count(&mut self, last: &mut [u32; 3]) {
        let Ok(stat) = self.one.capture.stats() else { return };
        let counters = [&self.counters.received, &self.counters.dropped, &self.counters.interface_dropped];
        let news = [stat.received, stat.dropped, stat.if_dropped];
        for ((counter, new), old) in counters.into_iter().zip(news).zip(last.iter_mut()) {
            counter.fetch_add(u64::from(new.wrapping_sub(*old)), Ordering::Relaxed);
            *old = new;
        }
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
