//! What is held is known at any time, and is never more than it may be.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::captures;
use mqttsniff::capture::{Batch, File, Fill, Source, SourceReport};
use mqttsniff::engine::EngineOptions;
use mqttsniff::neighbour::Names;
use mqttsniff::session::SessionOptions;
use mqttsniff::{Analysis, Held};

/// Hands out what a file has frame by frame.
struct OneByOne {
    file: File,
    batch: Batch,
    next: usize,
}

impl Source for OneByOne {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        while self.next == self.batch.len() {
            self.batch.advance();
            self.next = 0;
            if self.file.fill(&mut self.batch) == Fill::End && self.batch.is_empty() {
                return Fill::End;
            }
        }
        let frame = self.batch.get(self.next).unwrap();
        batch.push(frame.header, frame.data);
        self.next += 1;
        Fill::More
    }

    fn report(&self) -> SourceReport {
        self.file.report()
    }
}

/// The most that each level came to over all fixtures.
fn most_held(engine: &EngineOptions, sessions: SessionOptions) -> BTreeMap<&'static str, u64> {
    let mut most = BTreeMap::new();
    let mut look = |held: Held, path: &Path| {
        for (name, level) in held.levels() {
            assert!(level.is_kept(), "{name} of {}: {level:?}", path.display());
            let now = most.entry(name).or_default();
            *now = level.now.max(*now);
        }
    };
    for path in captures() {
        let source = OneByOne { file: File::open(&path).unwrap(), batch: Batch::new(), next: 0 };
        let engine = EngineOptions { names: Names::new(), ..engine.clone() };
        let mut analysis = Analysis::new(Box::new(source), engine);
        analysis.follow_sessions(sessions);
        while analysis.fill() == Fill::More {
            analysis.analyse(usize::MAX, &mut |_| {});
            look(analysis.held(), &path);
        }
        analysis.finish(&mut |_| {});
        look(analysis.held(), &path);
        let engine = analysis.held().engine;
        let streams = [engine.out_of_order_bytes, engine.out_of_order_segments, engine.message_bytes];
        assert_eq!(engine.flows.now, 0, "{}", path.display());
        assert_eq!(streams.map(|level| level.now), [0; 3], "{}", path.display());
    }
    most
}

#[test]
fn all_levels_rise_with_what_is_held_and_fall_with_what_is_let_go() {
    let sessions = SessionOptions { routes: true, ..SessionOptions::default() };
    let most = most_held(&EngineOptions::default(), sessions);
    assert_eq!(most.len(), 14);
    for (name, most) in most {
        // Where routes are followed, sessions that wait are told with all the rest at the end.
        assert!(most > 0 || name == "sessions", "{name}");
    }
    assert!(most_held(&EngineOptions::default(), SessionOptions::default())["sessions"] > 0);
}

#[test]
fn what_is_held_keeps_to_the_smallest_caps() {
    let mut engine = EngineOptions::default();
    engine.flows.flows = 2;
    engine.fragments.datagrams = 1;
    engine.fragments.bytes = 1000;
    engine.reassembly.bytes = 100;
    engine.reassembly.segments = 2;
    engine.dissect.framer.held_bytes = 3;
    let sessions = SessionOptions {
        routes: true,
        waiting_sessions: 1,
        publications: 2,
        retained: 1,
        topics: 2,
        subscriptions: 2000,
        memory: 2000,
    };
    let most = most_held(&engine, sessions);
    for (name, limit) in [("flows", 2), ("fragments", 1), ("out_of_order_segments", 4)] {
        // Two flows have four directions.
        assert!((1..=limit).contains(&most[name]), "{name}: {}", most[name]);
    }
    let most = most_held(&EngineOptions::default(), sessions);
    for (name, limit) in [("deliveries", 2), ("retained", 1), ("topics", 2)] {
        assert_eq!(most[name], limit, "{name}");
    }
    let most = most_held(&EngineOptions::default(), SessionOptions { routes: false, ..sessions });
    assert_eq!(most["sessions"], 1);
}
