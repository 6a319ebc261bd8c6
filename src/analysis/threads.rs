//! Reading to the end, with as many threads as there is work for.
//!
//! A thread takes up stages, not a share of the flows: one fetches and unpacks, one decodes and follows flows, and the
//! caller's own follows sessions, judges and prints. Of two, one follows flows, which takes longest, and the caller's has the
//! other stages. Where fetching may wait (a pipe, a file that grows), it goes to the thread that follows instead, so that
//! telling never waits for it. Each stage sees everything, in the order of the frames, so that the number of threads can
//! change neither a result nor what a limit lets go.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

use super::{Above, Analysis, Output};
use crate::capture::{Batch, Fill, FrameNo, Source, SourceReport};
use crate::dissect::{Conversation, FramedMessage};
use crate::engine::{Engine, Event, EventLog, FlowRef, Sink};
use crate::flow::{Ended, Flow};
use crate::time::Timestamp;

/// Batches and logs on their way between two stages. Two keep both sides busy; more would only use more memory.
const ON_THE_WAY: usize = 2;

/// How much memory a log may take before it is passed on in the middle of a batch.
const LOG_BYTES: usize = 1 << 20;

/// Takes what an analysis tells while it reads to the end ([`Analysis::read`]).
pub trait Reader {
    /// The first frame of all was captured at this time. Told before anything else.
    fn begins(&mut self, _first: Timestamp) {}

    /// Whether [`Reader::frames`] is to be called, which takes all work to the caller's thread.
    fn wants_frames(&self) -> bool {
        false
    }

    /// Frames were fetched; what they prove is told next. `source` knows the names of their interfaces.
    fn frames(&mut self, _batch: &Batch, _source: &dyn Source) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// What some frame proves.
    fn output(&mut self, output: &Output<'_>);

    /// Whether [`Reader::has_keys`] is to be asked, which takes all work to the caller's thread.
    fn looks_for_keys(&self) -> bool {
        false
    }

    /// Whether there are secrets now that were missing. Asked when all that was fetched so far is told, with `is_end` for the
    /// last time.
    fn has_keys(&mut self, _is_end: bool) -> bool {
        false
    }

    /// What the frames so far prove was told; whether to go on. `report` is what the source says of itself.
    fn pause(&mut self, _report: &SourceReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(&Output<'_>)> Reader for F {
    fn output(&mut self, output: &Output<'_>) {
        self(output);
    }
}

/// What the frames of a batch have told, or some of them.
#[derive(Default)]
struct Chunk {
    log: EventLog,
    report: SourceReport,
    /// Nothing more of its batch follows.
    is_last: bool,
}

/// From one stage to the next.
fn line<T>() -> (SyncSender<T>, Receiver<T>) {
    mpsc::sync_channel(ON_THE_WAY)
}

/// Where the last stage gets what there is to tell, and gives back what was used up.
struct Teller {
    from: Receiver<Chunk>,
    spent_chunks: Sender<Chunk>,
    spent_batches: Sender<Batch>,
}

impl Analysis {
    /// Reads to the end, or until the reader has had enough, and tells everything that frames prove; what is still open
    /// then is told by [`Analysis::finish`].
    ///
    /// With `threads` above 1 the work is shared; more than three find nothing to do. Where frames or streams are told,
    /// all is done by the caller's thread. What is told is the same.
    pub fn read(&mut self, threads: NonZeroUsize, reader: &mut dyn Reader) -> ControlFlow<()> {
        let mut first = true;
        let mut may_share = threads.get() > 1 && self.engine.is_logged() && !reader.wants_frames();
        may_share &= !reader.looks_for_keys();
        loop {
            let fill = self.fill();
            if let (true, Some(frame)) = (first, self.batch.get(0)) {
                reader.begins(frame.header.time);
                first = false;
            }
            if reader.wants_frames() {
                reader.frames(&self.batch, &*self.source)?;
            }
            self.analyse(usize::MAX, &mut |output: &Output<'_>| reader.output(output));
            if reader.has_keys(fill == Fill::End) {
                self.keys_came(&mut |output: &Output<'_>| reader.output(output));
            }
            reader.pause(&self.source.report())?;
            if fill == Fill::End {
                return ControlFlow::Continue(());
            }
            // What fits into one batch is read sooner than threads are started.
            if may_share && !first {
                if let Some(read) = self.read_in_threads(threads.get(), reader) {
                    return read;
                }
                may_share = false;
            }
        }
    }

    /// Nothing where there can be no more threads; then nothing was read either.
    fn read_in_threads(&mut self, threads: usize, reader: &mut dyn Reader) -> Option<ControlFlow<()>> {
        let Self { source, engine, above, batch } = self;
        let (to_teller, from) = line();
        let (spent_chunks, chunks) = mpsc::channel();
        let (spent_batches, batches) = mpsc::channel();
        let teller = Teller { from, spent_chunks, spent_batches };
        let mut fetcher = Fetcher { next: batch.next_number(), batches };
        let follower = Follower { engine, to: to_teller, chunks };
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        thread::scope(|scope| {
            // It is to be gone before the threads are waited for, however this ends.
            let teller = teller;
            // Threads end when nobody takes what they hand on; a panic of theirs goes on when the scope ends.
            if threads == 2 && source.may_wait() {
                let work = move || fetch_and_follow(&mut **source, fetcher, follower);
                named("follow").spawn_scoped(scope, work).ok()?;
            } else {
                let (to_follower, from_fetcher) = line();
                named("follow").spawn_scoped(scope, move || follow(&from_fetcher, follower)).ok()?;
                if threads == 2 {
                    return Some(fetch_and_tell(&mut **source, fetcher, &to_follower, &teller, above, reader));
                }
                let work = move || fetch(&mut **source, &mut fetcher, &to_follower);
                named("fetch").spawn_scoped(scope, work).ok()?;
            }
            while let Ok(chunk) = teller.from.recv() {
                if teller.tell(chunk, above, reader).is_break() {
                    return Some(ControlFlow::Break(()));
                }
            }
            Some(ControlFlow::Continue(()))
        })
    }
}

impl Teller {
    /// The last stage.
    fn tell(&self, mut chunk: Chunk, above: &mut Above, reader: &mut dyn Reader) -> ControlFlow<()> {
        for place in 0..chunk.log.len() {
            above.look_ahead(chunk.log.ahead(place));
            chunk.log.replay(place, &mut |event: &Event<'_>| above.event(event, &mut |output| reader.output(output)));
        }
        reader.pause(&chunk.report)?;
        // The other sides may have ended, and need them no more.
        if let Some(mut batch) = chunk.log.clear() {
            // One of 128 MiB is not to wait as long as that.
            batch.advance();
            let _ = self.spent_batches.send(batch);
        }
        let _ = self.spent_chunks.send(chunk);
        ControlFlow::Continue(())
    }
}

/// Frames on their way to be followed, and what the source said of itself behind them.
struct Fetched {
    batch: Batch,
    report: SourceReport,
}

/// The first stage: it unpacks as well.
struct Fetcher {
    /// The number of the next frame.
    next: FrameNo,
    /// Used ones.
    batches: Receiver<Batch>,
}

impl Fetcher {
    fn fetch(&mut self, source: &mut dyn Source) -> (Fetched, Fill) {
        let mut batch = self.batches.try_recv().unwrap_or_default();
        batch.restart(self.next);
        let fill = source.fill(&mut batch);
        self.next = batch.next_number();
        (Fetched { batch, report: source.report() }, fill)
    }
}

/// The first stage in a thread of its own.
fn fetch(source: &mut dyn Source, fetcher: &mut Fetcher, to_follower: &SyncSender<Fetched>) {
    loop {
        let (fetched, fill) = fetcher.fetch(source);
        if to_follower.send(fetched).is_err() || fill == Fill::End {
            return;
        }
    }
}

/// The first stage and the last one, in one thread: it fetches ahead, and tells what comes back.
fn fetch_and_tell(
    source: &mut dyn Source,
    mut fetcher: Fetcher,
    to_follower: &SyncSender<Fetched>,
    teller: &Teller,
    above: &mut Above,
    reader: &mut dyn Reader,
) -> ControlFlow<()> {
    let (mut under_way, mut next) = (0, Fill::More);
    loop {
        // No more than the line takes without waiting: the follower may wait for what it tells to be taken.
        while under_way < ON_THE_WAY && next == Fill::More {
            let (fetched, fill) = fetcher.fetch(source);
            if to_follower.send(fetched).is_err() {
                return ControlFlow::Continue(());
            }
            under_way += 1;
            next = fill;
        }
        if under_way == 0 {
            return ControlFlow::Continue(());
        }
        let Ok(chunk) = teller.from.recv() else { return ControlFlow::Continue(()) };
        under_way -= usize::from(chunk.is_last);
        teller.tell(chunk, above, reader)?;
    }
}

/// The first stage and the one in the middle, in one thread.
fn fetch_and_follow(source: &mut dyn Source, mut fetcher: Fetcher, mut follower: Follower<'_>) {
    loop {
        let (fetched, fill) = fetcher.fetch(source);
        if follower.follow(fetched).is_break() || fill == Fill::End {
            return;
        }
    }
}

/// The stage in the middle.
fn follow(from: &Receiver<Fetched>, mut follower: Follower<'_>) {
    while let Ok(fetched) = from.recv() {
        if follower.follow(fetched).is_break() {
            return;
        }
    }
}

/// Takes frames in, and hands on what they tell.
struct Follower<'a> {
    engine: &'a mut Engine,
    to: SyncSender<Chunk>,
    /// Used ones.
    chunks: Receiver<Chunk>,
}

impl Follower<'_> {
    fn follow(&mut self, fetched: Fetched) -> ControlFlow<()> {
        let Self { engine, to, chunks } = self;
        let Fetched { batch, report } = fetched;
        let batch = Arc::new(batch);
        let chunk = empty_chunk(chunks, &batch);
        let mut writer = Writer { chunk, batch: &batch, report: &report, to, chunks, ended: false };
        engine.lost(batch.lost());
        for (place, frame) in batch.frames().enumerate() {
            engine.look_ahead(&batch, place);
            for secrets in batch.secrets_before(frame.number) {
                engine.learn(secrets);
            }
            engine.frame(&frame, &[], &mut writer);
            if writer.ended {
                return ControlFlow::Break(());
            }
        }
        for secrets in batch.secrets_before(batch.next_number()) {
            engine.learn(secrets);
        }
        let last = writer.chunk;
        // Whoever tells the last chunk is to be the only one who has the batch.
        drop(batch);
        match to.send(Chunk { report, is_last: true, ..last }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// A used chunk if there is one, for what this batch tells.
fn empty_chunk(used: &Receiver<Chunk>, batch: &Arc<Batch>) -> Chunk {
    let mut chunk = used.try_recv().unwrap_or_default();
    chunk.log.begin(Arc::clone(batch));
    chunk
}

/// Writes events down, and hands the log on when it is full: one frame may tell of half a million messages, where they
/// waited behind a hole.
struct Writer<'a> {
    chunk: Chunk,
    batch: &'a Arc<Batch>,
    report: &'a SourceReport,
    to: &'a SyncSender<Chunk>,
    chunks: &'a Receiver<Chunk>,
    /// Nobody takes it any more.
    ended: bool,
}

impl Writer<'_> {
    fn hand_on_full(&mut self) {
        if self.chunk.log.bytes_held() > LOG_BYTES {
            let full = std::mem::replace(&mut self.chunk, empty_chunk(self.chunks, self.batch));
            let full = Chunk { report: self.report.clone(), is_last: false, ..full };
            self.ended |= self.to.send(full).is_err();
        }
    }
}

impl Sink for Writer<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.chunk.log.event(event);
        self.hand_on_full();
    }

    fn framed(&mut self, flow: FlowRef, message: &FramedMessage<'_>) -> bool {
        self.chunk.log.framed(flow, message);
        self.hand_on_full();
        true
    }

    fn ended(&mut self, flow: Box<Flow<Conversation>>, why: Ended) {
        self.chunk.log.ended(flow, why);
        self.hand_on_full();
    }
}
