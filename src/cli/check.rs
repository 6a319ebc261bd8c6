//! `mqttsniff check`: recorded traffic in, a verdict and reports out.

mod arguments;
mod examine;
mod reports;

use std::process::ExitCode;

use mqttsniff::check::Rules;
use mqttsniff::render::{CheckResult, CheckedRule, Verdict};

pub(super) use arguments::Check;

use super::failure::{FAILED, Failure, say};
use super::output::hint_at_missing_mqtt;

/// The exit status of a check that found something.
const FOUND: u8 = 1;

pub(super) fn run(arguments: &Check) -> anyhow::Result<ExitCode> {
    let rules = Rules::default();
    let policy = arguments.policy(&rules)?;
    // What can't be written is better known before the captures are read than after.
    let reports = reports::plan(arguments)?;
    let captures = examine::all(arguments, &policy)?;
    for problem in captures.iter().flat_map(mqttsniff::render::CheckedCapture::problems) {
        say(&Failure::from(problem).to_string());
    }
    if captures.iter().all(|capture| capture.summary.engine.messages == 0) {
        // That nothing was found says little where nothing was looked at.
        for capture in captures.iter().filter(|capture| capture.problems().is_empty()) {
            hint_at_missing_mqtt(&capture.summary);
        }
    }
    let rules = rules.iter().map(|rule| CheckedRule { level: policy.level_of(rule), info: rule.clone() }).collect();
    let result = CheckResult { captures, rules, fail_on: arguments.fail_on(), gone: None };
    reports::write(&reports, &result)?;
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
