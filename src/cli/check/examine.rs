//! Captures, one after the other, through the analysis; what is found in them is kept as far as it fits.

use std::path::PathBuf;

use mqttsniff::capture::SourceReport;
use mqttsniff::check::{Baseline, CheckOptions, Collected, Finding, Limits, Policy};
use mqttsniff::render::CheckedCapture;
use mqttsniff::session::SessionOptions;
use mqttsniff::{Analysis, Output, Summary};

use super::Check;
use super::asserted::{Asserted, told};
use crate::cli::decoding::engine_options;
use crate::cli::progress::Progress;
use crate::cli::select::{Chooser, Fate};

/// Checks the captures that the arguments name.
pub(super) fn all(
    arguments: &Check,
    policy: &Policy,
    limits: &Limits,
    asserted: Option<&Asserted>,
    mut baseline: Option<&mut Baseline>,
) -> anyhow::Result<Vec<CheckedCapture>> {
    if arguments.merge {
        return Ok(vec![one(&arguments.files, arguments, policy, limits, asserted, baseline)?]);
    }
    let files = arguments.files.iter().map(std::slice::from_ref);
    files.map(|file| one(file, arguments, policy, limits, asserted, baseline.as_deref_mut())).collect()
}

fn one(
    files: &[PathBuf],
    arguments: &Check,
    policy: &Policy,
    limits: &Limits,
    asserted: Option<&Asserted>,
    baseline: Option<&mut Baseline>,
) -> anyhow::Result<CheckedCapture> {
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let name = names.join(", ");
    let file = names.into_iter().next().unwrap_or_default();
    let mut chooser = arguments.filter.as_deref().map(Chooser::by_filter).transpose()?;
    let mut options = arguments.caps.engine(arguments.resolve.engine(engine_options(&arguments.decoding)));
    options.flows.in_short = true;
    let options = match &mut chooser {
        Some(chooser) => chooser.engine_options(options),
        None => options,
    };
    let mut assertions = asserted.map(Asserted::assertions).transpose()?;
    let options = match &mut assertions {
        Some(assertions) => assertions.engine_options(options),
        None => options,
    };
    let findings = Collected::new(arguments.max_findings as usize);
    let mut analysis = match Analysis::open_with(files, options) {
        Ok(analysis) => analysis,
        // The others are checked all the same.
        Err(problems) => {
            let source = SourceReport { problems, ..SourceReport::default() };
            let summary = Summary { source, ..Summary::default() };
            let (standings, assertions) = (Vec::new(), Vec::new());
            return Ok(CheckedCapture { name, file, summary, findings, standings, assertions });
        }
    };
    analysis.check(CheckOptions { ledger: arguments.coverage, limits: limits.clone(), ..CheckOptions::all() });
    // What a message becomes beyond the broker is judged by its deliveries.
    let sessions = SessionOptions { routes: true, ..SessionOptions::default() };
    analysis.follow_sessions(arguments.caps.sessions(sessions));
    let accepts = arguments.update_baseline;
    let mut sieve = Sieve { policy, baseline, accepts, chooser, waiting: Vec::new(), findings };
    let mut take = |output: &Output<'_>| {
        if let Some(assertions) = &mut assertions {
            assertions.on_output(output);
        }
        sieve.output(output);
    };
    let mut progress = Progress::new(false);
    // It never has enough.
    let _ = analysis.read(arguments.threads.get(), &mut progress.with(&mut take));
    let summary = analysis.finish(&mut take);
    progress.finish();
    sieve.finish();
    let verdicts = assertions.map(|assertions| assertions.finish(&summary)).unwrap_or_default();
    for finding in verdicts.findings {
        sieve.take(finding);
    }
    let standings = analysis.checks().standings();
    let assertions = verdicts.assertions.into_iter().map(told).collect();
    Ok(CheckedCapture { name, file, summary, findings: sieve.findings, standings, assertions })
}

/// Keeps what counts.
struct Sieve<'a> {
    policy: &'a Policy,
    baseline: Option<&'a mut Baseline>,
    /// Whether all that is found is known from now on.
    accepts: bool,
    chooser: Option<Chooser>,
    /// What waits for the frame that it belongs to.
    waiting: Vec<Finding>,
    findings: Collected,
}

impl Sieve<'_> {
    fn output(&mut self, output: &Output<'_>) {
        let Some(chooser) = &mut self.chooser else {
            if let Output::Finding(finding) = output {
                self.take((*finding).clone());
            }
            return;
        };
        let fate = chooser.judge(output);
        match (output, fate) {
            (Output::Finding(finding), Fate::Shown) => self.take((*finding).clone()),
            (Output::Finding(finding), Fate::Waits) => self.waiting.push((*finding).clone()),
            // Of a flow that has ended no frame comes any more.
            (Output::Packet(_) | Output::Flow(..), _) => self.settle(),
            _ => {}
        }
    }

    /// Keeps what has waited for a frame, if it is of a flow of which one was chosen.
    fn settle(&mut self) {
        for finding in std::mem::take(&mut self.waiting) {
            let flow = finding.flow.map(|flow| flow.id);
            if self.chooser.as_mut().is_none_or(|chooser| flow.is_none_or(|flow| chooser.admits(flow))) {
                self.take(finding);
            }
        }
    }

    /// All was told.
    fn finish(&mut self) {
        self.settle();
        if let Some(chooser) = &self.chooser {
            chooser.finish();
        }
    }

    fn take(&mut self, mut finding: Finding) {
        if !self.policy.admit(&mut finding) {
            self.findings.leave_out();
        } else if self.baseline.as_mut().is_some_and(|baseline| baseline.meet(&finding) || self.accepts) {
            self.findings.take_known(&finding);
        } else {
            self.findings.take(finding);
        }
    }
}
