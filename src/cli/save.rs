//! What `--write` saves: all frames, or those that a filter lets through with the ones that they need.

use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, SyncSender};

use mqttsniff::capture::{Batch, Source, Tap};
use mqttsniff::engine::FlowRef;
use mqttsniff::excerpt::{Excerpt, ExcerptLimits};
use mqttsniff::render::Count;
use mqttsniff::time::Timestamp;
use mqttsniff::{Output, Unsaved};

use super::clock::clock;
use super::failure::say;
use super::target::Target;

/// The most interfaces that have names.
const NAMED: u32 = 1 << 16;

/// Saves all that is captured, in the thread that fetches it: however far behind the analysis is, the file has everything.
pub(super) struct Saving {
    outcome: Receiver<Outcome>,
}

/// How saving ended, and what is not saved where it failed.
pub(super) type Outcome = (anyhow::Result<()>, Option<Unsaved>);

/// The part of it in that thread.
struct SaveTap {
    saver: Option<Saver>,
    outcome: SyncSender<Outcome>,
}

impl Saving {
    /// What is to be shown the frames, and what tells how that ended.
    pub(super) fn begin(saver: Saver) -> (Box<dyn Tap>, Self) {
        let (to, outcome) = mpsc::sync_channel(1);
        (Box::new(SaveTap { saver: Some(saver), outcome: to }), Self { outcome })
    }

    /// The capture has ended, or was told to: whether all is saved.
    pub(super) fn end(self) -> Outcome {
        // Where the thread was never started, or did not come to its end, there is nothing to wait for.
        self.outcome.recv().unwrap_or((Ok(()), None))
    }
}

impl Tap for SaveTap {
    fn frames(&mut self, batch: &Batch, source: &dyn Source) -> ControlFlow<()> {
        let Some(saver) = &mut self.saver else { return ControlFlow::Break(()) };
        let saved = saver.batch(batch, |interface| source.interface_name(interface));
        match saved.and_then(|()| saver.pause(clock())) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                let unsaved = saver.unsaved();
                self.saver = None;
                let _ = self.outcome.send((Err(error), unsaved));
                ControlFlow::Break(())
            }
        }
    }

    fn finish(&mut self) {
        if let Some(mut saver) = self.saver.take() {
            let finished = saver.finish().map(drop);
            let _ = self.outcome.send((finished, saver.unsaved()));
        }
    }
}

/// Saves frames, and remembers the first error of writing them.
pub(super) struct Saver {
    target: Target,
    /// Where frames are chosen.
    excerpt: Option<Excerpt>,
    error: Option<anyhow::Error>,
    /// How many were to be saved.
    frames: u64,
    /// Writing has failed: what comes is counted alone.
    failed: bool,
    /// The interfaces that were met.
    interfaces: u32,
}

impl Saver {
    /// Saves all frames.
    pub(super) const fn all(target: Target) -> Self {
        Self { target, excerpt: None, error: None, frames: 0, failed: false, interfaces: 0 }
    }

    /// Saves those that are chosen.
    pub(super) fn chosen(target: Target, limits: ExcerptLimits) -> Self {
        Self { excerpt: Some(Excerpt::new(limits)), ..Self::all(target) }
    }

    /// Whether nothing has to be known of a frame before it is saved.
    pub(super) const fn saves_all(&self) -> bool {
        self.excerpt.is_none()
    }

    /// Frames are at hand.
    pub(super) fn batch<'b>(&mut self, batch: &Batch, name: impl Fn(u32) -> Option<&'b str>) -> anyhow::Result<()> {
        let met = batch.frames().map(|frame| frame.header.interface.saturating_add(1)).max().unwrap_or(0);
        for interface in self.interfaces..met.min(NAMED) {
            if let Some(name) = name(interface) {
                self.target.name_interface(interface, name);
            }
        }
        self.interfaces = self.interfaces.max(met);
        if self.excerpt.is_some() {
            return Ok(());
        }
        self.frames += batch.len() as u64;
        if self.failed {
            return Ok(());
        }
        let saved = batch.frames().try_for_each(|frame| self.target.write(&frame, batch.comments(frame.number)));
        self.note(saved)
    }

    /// Whether something was saved: with the first failure saving ends.
    fn note(&mut self, saved: anyhow::Result<()>) -> anyhow::Result<()> {
        self.failed |= saved.is_err();
        saved
    }

    /// What is not saved, where writing has failed. To be asked when nothing more comes.
    pub(super) fn unsaved(&mut self) -> Option<Unsaved> {
        if !self.failed {
            return None;
        }
        if let Some(excerpt) = &mut self.excerpt {
            excerpt.finish();
        }
        let _ = self.drain();
        let (saved, is_least) = self.target.saved();
        let unsaved = Unsaved { saved, unsaved: self.frames.saturating_sub(saved), is_least };
        let path = self.target.path().display();
        let (all, rest) = (Count(self.frames, "frame"), unsaved.unsaved);
        say(&if is_least {
            format!("of {all} for '{path}' at least {saved} got written, and up to {rest} are lost")
        } else {
            format!("of {all} for '{path}' {saved} got written, and {rest} are lost")
        });
        Some(unsaved)
    }

    /// A result, and if it is a frame, whether that is chosen.
    pub(super) fn output(&mut self, output: &Output<'_>, chosen: bool) {
        let Some(excerpt) = &mut self.excerpt else { return };
        match output {
            Output::Message(flow, message) => excerpt.message(*flow, message),
            Output::Packet(view) => excerpt.frame(view, chosen),
            Output::Flow(flow, _) => excerpt.flow(FlowRef::of(flow)),
            // A packet in doubt is told again, once its version is known.
            Output::SnMessage(..)
            | Output::SnSession(_)
            | Output::Neighbour(_)
            | Output::Preview(..)
            | Output::Session(..)
            | Output::Delivery(_)
            | Output::Topic(..)
            | Output::Finding(_)
            | Output::Stream(..) => return,
        }
        if self.error.is_none() {
            self.error = self.drain().err();
        }
    }

    /// The first error there was.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// To be called at least ten times a second while capturing, also when nothing arrives. `now` is what the clock shows.
    pub(super) fn pause(&mut self, now: Timestamp) -> anyhow::Result<()> {
        if self.failed {
            return Ok(());
        }
        let paused = self.target.pause(now);
        self.note(paused)
    }

    /// To be called where the next frames may be long in coming.
    pub(super) fn hand_over(&mut self, now: Timestamp) -> anyhow::Result<()> {
        if self.failed {
            return Ok(());
        }
        let handed = self.target.hand_over(now);
        self.note(handed)
    }

    /// Makes the file whole, and tells how many frames are in it.
    pub(super) fn finish(&mut self) -> anyhow::Result<String> {
        self.check()?;
        if let Some(excerpt) = &mut self.excerpt {
            excerpt.finish();
        }
        self.drain()?;
        if !self.failed {
            let finished = self.target.finish();
            self.note(finished)?;
        }
        let missing = self.excerpt.as_ref().map_or(0, Excerpt::missing);
        if missing > 0 {
            say(&format!(
                "{} that messages in '{}' need could not be held until these were complete, and are missing there",
                Count(missing, "frame"),
                self.target.path().display()
            ));
        }
        Ok(format!("{} written to {}", Count(self.frames, "frame"), self.target.places()))
    }

    fn drain(&mut self) -> anyhow::Result<()> {
        while let Some(frame) = self.excerpt.as_mut().and_then(Excerpt::next_done) {
            self.frames += 1;
            if !self.failed {
                let saved = self.target.write(&frame.as_frame(), frame.comments());
                self.note(saved)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saving_may_be_the_work_of_another_thread() {
        const fn may_move<T: Send + 'static>() {}
        may_move::<Saver>();
        may_move::<Target>();
    }
}
