//! `mqttsniff check`: recorded traffic in, a verdict and reports out.

mod arguments;
mod asserted;
mod examine;
mod known;
mod reports;

use std::path::Path;
use std::process::ExitCode;

use mqttsniff::cage::Needs;
use mqttsniff::check::{Baseline, RuleInfo, Rules};
use mqttsniff::render::{CheckResult, CheckedCapture, CheckedRule, Verdict};

pub(super) use arguments::Check;
use asserted::Asserted;

use super::failure::{FAILED, Failure, say};
use super::no_mqtt::hint_at_missing_mqtt;

/// The exit status of a check that found something.
const FOUND: u8 = 1;

pub(super) fn run(arguments: &Check) -> anyhow::Result<ExitCode> {
    let mut rules = Rules::default();
    let asserted = Asserted::read(arguments)?;
    let (policy, limits) = arguments.settings(&rules, asserted.as_ref())?;
    let fail_on = arguments.fail_on(asserted.as_ref().and_then(Asserted::fail_on));
    // What can't be written, or read, is better known before the captures are read than after.
    let plan = reports::plan(arguments)?;
    let mut baseline = known::read(arguments)?;
    let mut needs = Needs { read: arguments.files.clone(), ..Needs::default() };
    needs.read.retain(|file| file != Path::new("-"));
    plan.needs(&mut needs);
    known::needs(arguments, &mut needs);
    let cage = arguments.cage.files(needs)?;
    let reports = plan.open()?;
    let known = known::open(arguments)?;
    cage.close()?;
    let captures = examine::all(arguments, &policy, &limits, asserted.as_ref(), baseline.as_mut())?;
    for assertion in captures.iter().flat_map(|capture| &capture.assertions) {
        rules.add(RuleInfo::new(assertion.id.clone(), assertion.severity, assertion.name.clone()));
    }
    for problem in captures.iter().flat_map(CheckedCapture::problems) {
        say(&Failure::from(problem).to_string());
    }
    let read: Vec<_> = captures.iter().filter(|capture| capture.problems().is_empty()).collect();
    // That nothing was found says little where nothing was looked at.
    for capture in read.iter().filter(|capture| capture.summary.engine.frames == 0) {
        say(&format!("{}: there are no frames in it, so that nothing was checked", capture.name));
    }
    if captures.iter().all(|capture| capture.summary.engine.messages + capture.summary.engine.sn_messages == 0) {
        for capture in &read {
            hint_at_missing_mqtt(&capture.summary);
        }
    }
    let complete = read.len() == captures.len();
    // What was not read may hold what seems to be gone.
    let gone = |baseline: &Baseline| {
        let gone = baseline.gone().filter(|_| complete);
        gone.map(|(key, count)| (key.clone(), count)).collect()
    };
    let gone = baseline.as_ref().map(gone);
    // Each finding has its rule in the reports, whatever found it.
    for finding in captures.iter().flat_map(|capture| capture.findings.kept()) {
        if rules.get(&finding.id).is_none() {
            rules.add(RuleInfo::new(finding.id.clone(), finding.severity, finding.message.clone()));
        }
    }
    let rules = rules.iter().map(|rule| CheckedRule { level: policy.level_of(rule), info: rule.clone() }).collect();
    let result = CheckResult { captures, rules, fail_on, gone };
    reports::write(reports, &result)?;
    if let (Some(file), Some(baseline)) = (known, &baseline) {
        return known::update(file, arguments, baseline, complete);
    }
    Ok(status(&result))
}

/// A capture that was not read to its end is no pass, and what was found in it is not all: that comes first.
fn status(result: &CheckResult) -> ExitCode {
    if result.captures.iter().any(|capture| !capture.problems().is_empty()) {
        return ExitCode::from(FAILED);
    }
    match result.verdict() {
        Verdict::Passed => ExitCode::SUCCESS,
        Verdict::Failed => ExitCode::from(FOUND),
        Verdict::Incomplete => ExitCode::from(FAILED),
    }
}
