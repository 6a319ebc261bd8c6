//! Reading to the end, with as many threads as there is work for.
//!
//! A thread takes up a stage, not a share of the flows: one fetches and unpacks, one decodes and follows flows, and the
//! caller's own follows sessions, judges and prints. Each stage sees everything, in the order of the frames, so that the
//! number of threads can change neither a result nor what a limit lets go.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

use super::{Above, Analysis, Output};
use crate::capture::{Batch, Fill, Source, SourceReport};
use crate::dissect::Conversation;
use crate::engine::{Engine, Event, EventLog, Sink};
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

/// What the frames of a batch have told.
#[derive(Default)]
struct Chunk {
    log: EventLog,
    report: SourceReport,
}

/// One stage hands on, and gets back what was used up.
struct Line<T> {
    to: SyncSender<T>,
    back: Receiver<T>,
}

/// The other end of it.
struct LineEnd<T> {
    from: Receiver<T>,
    back: Sender<T>,
}

fn line<T>() -> (Line<T>, LineEnd<T>) {
    let (to, from) = mpsc::sync_channel(ON_THE_WAY);
    let (back, returned) = mpsc::channel();
    (Line { to, back: returned }, LineEnd { from, back })
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
        let (to_reader, from_follower) = line();
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        thread::scope(|scope| {
            // Threads end when nobody takes what they hand on; a panic of theirs goes on when the scope ends.
            if threads == 2 {
                let work = move || fetch_and_follow(&mut **source, engine, batch, &to_reader);
                named("follow").spawn_scoped(scope, work).ok()?;
            } else {
                let (to_follower, from_fetcher) = line();
                let next = batch.next_number();
                named("follow").spawn_scoped(scope, move || follow(engine, &from_fetcher, &to_reader)).ok()?;
                named("fetch").spawn_scoped(scope, move || fetch(&mut **source, next, &to_follower)).ok()?;
            }
            let LineEnd { from, back } = from_follower;
            for mut chunk in from {
                if tell(&chunk, above, reader).is_break() {
                    return Some(ControlFlow::Break(()));
                }
                chunk.log.clear();
                // The other side may have ended, and need it no more.
                let _ = back.send(chunk);
            }
            Some(ControlFlow::Continue(()))
        })
    }
}

/// The last stage.
fn tell(chunk: &Chunk, above: &mut Above, reader: &mut dyn Reader) -> ControlFlow<()> {
    for place in 0..chunk.log.len() {
        above.look_ahead(chunk.log.ahead(place));
        chunk.log.replay(place, &mut |event: &Event<'_>| above.event(event, &mut |output| reader.output(output)));
    }
    reader.pause(&chunk.report)
}

/// The stages before it, in one thread.
fn fetch_and_follow(source: &mut dyn Source, engine: &mut Engine, batch: &mut Batch, to: &Line<Chunk>) {
    loop {
        batch.advance();
        let fill = source.fill(batch);
        if follow_batch(engine, batch, source.report(), to).is_break() || fill == Fill::End {
            return;
        }
    }
}

/// Frames on their way to be followed, and what the source said of itself behind them.
#[derive(Default)]
struct Fetched {
    batch: Batch,
    report: SourceReport,
}

/// The first stage by itself: it unpacks as well.
fn fetch(source: &mut dyn Source, mut next: crate::capture::FrameNo, to: &Line<Fetched>) {
    loop {
        let mut fetched = to.back.try_recv().unwrap_or_default();
        fetched.batch.restart(next);
        let fill = source.fill(&mut fetched.batch);
        next = fetched.batch.next_number();
        fetched.report = source.report();
        if to.to.send(fetched).is_err() || fill == Fill::End {
            return;
        }
    }
}

/// The stage in the middle.
fn follow(engine: &mut Engine, from: &LineEnd<Fetched>, to: &Line<Chunk>) {
    for mut fetched in &from.from {
        let report = std::mem::take(&mut fetched.report);
        if follow_batch(engine, &fetched.batch, report, to).is_break() {
            return;
        }
        let _ = from.back.send(fetched);
    }
}

/// Writes events down, and hands the log on when it is full: one frame may tell of half a million messages, where they
/// waited behind a hole.
struct Writer<'a> {
    chunk: Chunk,
    report: SourceReport,
    to: &'a Line<Chunk>,
    /// Nobody takes it any more.
    ended: bool,
}

impl Writer<'_> {
    fn hand_on(&mut self) {
        let empty = self.to.back.try_recv().unwrap_or_default();
        let mut full = std::mem::replace(&mut self.chunk, empty);
        full.report = self.report.clone();
        self.ended |= self.to.to.send(full).is_err();
    }

    fn hand_on_full(&mut self) {
        if self.chunk.log.bytes_held() > LOG_BYTES {
            self.hand_on();
        }
    }
}

impl Sink for Writer<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.chunk.log.event(event);
        self.hand_on_full();
    }

    fn ended(&mut self, flow: Box<Flow<Conversation>>, why: Ended) {
        self.chunk.log.ended(flow, why);
        self.hand_on_full();
    }
}

fn follow_batch(engine: &mut Engine, batch: &Batch, report: SourceReport, to: &Line<Chunk>) -> ControlFlow<()> {
    let mut writer = Writer { chunk: to.back.try_recv().unwrap_or_default(), report, to, ended: false };
    engine.lost(batch.lost());
    for (place, frame) in batch.frames().enumerate() {
        engine.look_ahead(batch, place);
        for secrets in batch.secrets_before(frame.number) {
            engine.learn(secrets);
        }
        engine.frame(&frame, &[], &mut writer);
        if writer.ended {
            break;
        }
    }
    for secrets in batch.secrets_before(batch.next_number()) {
        engine.learn(secrets);
    }
    writer.hand_on();
    if writer.ended { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
