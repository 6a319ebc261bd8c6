//! Fetching ahead of the analysis, in a thread of its own.
//!
//! A live source can't be told to wait. What it brings is fetched at once, shown to a [`Tap`] (which saves it), and then
//! waits for the analysis in a queue of bounded size. When that is full, whole batches are left out, counted, until half
//! of the queue is empty again: few long gaps harm less than many short ones, and what was saved has no gap.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::frame::{Batch, FrameNo, Lost};
use super::{Fill, Problem, Source, SourceReport};

/// How long a caller waits for frames before it is told that there are none.
const TICK: Duration = Duration::from_millis(100);

/// What is kept of a frame besides its bytes, roughly.
const SLOT_BYTES: usize = 48;

/// Batches that are kept to be used again.
const SPARE: usize = 16;

/// Sees all that is captured, in the thread that fetches it.
pub trait Tap: Send {
    /// Frames were fetched, maybe none. `source` knows the names of their interfaces. Called at least ten times a second.
    /// A break ends the capture.
    fn frames(&mut self, batch: &Batch, source: &dyn Source) -> ControlFlow<()>;

    /// The source has ended, or the capture has: nothing more comes.
    fn finish(&mut self);
}

/// How much is fetched, and how much of it may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AheadOptions {
    /// The most bytes of frames that wait for the analysis.
    pub queue_bytes: usize,
    /// The most frames; the capture ends with the last of them.
    pub frames: u64,
}

impl Default for AheadOptions {
    /// 64 MiB, and no end.
    fn default() -> Self {
        Self { queue_bytes: 64 << 20, frames: u64::MAX }
    }
}

/// A source from which frames are fetched ahead.
///
/// The thread starts with the first [`Source::fill`], so that whatever confines threads can be set up before.
pub struct Ahead {
    shared: Arc<Shared>,
    waiting: Option<Box<Start>>,
}

/// What the thread is to begin with.
struct Start {
    source: Box<dyn Source + Send>,
    tap: Option<Box<dyn Tap>>,
    options: AheadOptions,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Batch>,
    bytes: usize,
    spare: Vec<Batch>,
    report: SourceReport,
    /// Nothing more comes.
    ended: bool,
    /// Nobody takes anything any more.
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding it left nothing half done: all that is in it are counts and whole batches.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Ahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ahead").field("started", &self.waiting.is_none()).finish_non_exhaustive()
    }
}

impl Ahead {
    /// Fetches from this source, and shows the tap all of it.
    pub fn new(source: Box<dyn Source + Send>, tap: Option<Box<dyn Tap>>, options: AheadOptions) -> Self {
        let start = Start { source, tap, options };
        Self { shared: Arc::default(), waiting: Some(Box::new(start)) }
    }

    fn start(&mut self) {
        let Some(start) = self.waiting.take() else { return };
        let shared = Arc::clone(&self.shared);
        let fetcher =
            Fetcher { shared: Arc::clone(&self.shared), next: FrameNo(1), lost: Lost::default(), full: false };
        let spawned = thread::Builder::new().name("fetch".to_owned()).spawn(move || fetcher.run(*start));
        if let Err(error) = spawned {
            let mut state = shared.lock();
            state.ended = true;
            let what = format!("no thread can be started to fetch frames: {error}");
            state.report.problems.push(Problem { input: "capture".to_owned(), what, hint: None });
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
    }
}

impl Source for Ahead {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        self.start();
        let mut state = self.shared.lock();
        if state.queue.is_empty() && !state.ended {
            state = self.shared.arrived.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
        let Some(mut fetched) = state.queue.pop_front() else {
            return if state.ended { Fill::End } else { Fill::More };
        };
        state.bytes -= room_of(&fetched);
        std::mem::swap(batch, &mut fetched);
        state.keep(fetched);
        Fill::More
    }

    fn report(&self) -> SourceReport {
        self.shared.lock().report.clone()
    }
}

/// How much room frames take in the queue.
fn room_of(batch: &Batch) -> usize {
    batch.bytes_held() + batch.len() * SLOT_BYTES
}

/// The thread.
struct Fetcher {
    shared: Arc<Shared>,
    /// The number of the next frame.
    next: FrameNo,
    /// What the next batch that is not left out has lost before it.
    lost: Lost,
    /// The queue was full, and is not yet half empty.
    full: bool,
}

impl Fetcher {
    fn run(mut self, start: Start) {
        let Start { mut source, mut tap, options } = start;
        let mut left = options.frames;
        let mut dropped = 0;
        loop {
            let mut batch = self.shared.lock().spare.pop().unwrap_or_default();
            batch.restart(self.next);
            let mut fill = source.fill(&mut batch);
            if batch.len() as u64 >= left {
                batch.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                fill = Fill::End;
            }
            left -= batch.len() as u64;
            self.next = batch.next_number();
            if let Some(tap) = &mut tap
                && tap.frames(&batch, &*source).is_break()
            {
                fill = Fill::End;
            }
            let report = source.report();
            let ended = fill == Fill::End || left == 0;
            let shared = Arc::clone(&self.shared);
            let mut state = shared.lock();
            self.offer(batch, options.queue_bytes, &mut dropped, &mut state);
            state.report = SourceReport { analysis_dropped: Some(dropped), ..report };
            let closed = state.closed;
            drop(state);
            shared.arrived.notify_one();
            if ended || closed {
                break;
            }
        }
        // Whoever sees the end sees also that all was saved.
        if let Some(mut tap) = tap {
            tap.finish();
        }
        let mut state = self.shared.lock();
        if self.lost.total() > 0 {
            let mut batch = Batch::new();
            batch.restart(self.next);
            batch.set_lost(self.lost);
            state.queue.push_back(batch);
        }
        // The last word of the interfaces on what they dropped.
        state.report = SourceReport { analysis_dropped: Some(dropped), ..source.report() };
    }

    /// Puts frames into the queue, or leaves them out.
    fn offer(&mut self, mut batch: Batch, limit: usize, dropped: &mut u64, state: &mut State) {
        self.lost = self.lost.and(batch.lost());
        if batch.is_empty() {
            return state.keep(batch);
        }
        let room = room_of(&batch);
        // A batch that is larger than the queue still finds room in an empty one.
        self.full = if self.full { state.bytes > limit / 2 } else { state.bytes > 0 && state.bytes + room > limit };
        if self.full {
            let frames = batch.len() as u64;
            self.lost.analysis += frames;
            *dropped += frames;
            return state.keep(batch);
        }
        batch.set_lost(std::mem::take(&mut self.lost));
        state.bytes += room;
        state.queue.push_back(batch);
    }
}

impl Drop for Fetcher {
    /// The thread has ended, be it by a panic: whoever waits for frames is to wait no longer.
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.arrived.notify_one();
    }
}

impl State {
    fn keep(&mut self, batch: Batch) {
        if self.spare.len() < SPARE {
            self.spare.push(batch);
        }
    }
}

#[cfg(test)]
#[path = "ahead_tests.rs"]
mod tests;
