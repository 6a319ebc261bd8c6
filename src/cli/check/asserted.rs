//! The user's own rules: a file of assertions, and what it says of the built-in ones.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mqttsniff::assertions::{AssertionVerdict, Assertions, LimitValue};
use mqttsniff::check::{Level, LimitError, Limits, Policy, Rules, Severity};
use mqttsniff::render::CheckedAssertion;

use super::Check;
use crate::cli::failure::Failure;

/// A file of assertions that can be read.
pub(super) struct Asserted {
    path: PathBuf,
    text: String,
    first: Assertions,
}

impl Asserted {
    /// The file that the arguments name.
    pub(super) fn read(arguments: &Check) -> anyhow::Result<Option<Self>> {
        let Some(path) = &arguments.assertions else { return Ok(None) };
        let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        let first = parse(&text, path)?;
        Ok(Some(Self { path: path.clone(), text, first }))
    }

    /// The assertions, for another capture.
    pub(super) fn assertions(&self) -> anyhow::Result<Assertions> {
        parse(&self.text, &self.path)
    }

    /// From which severity on a finding is a failure, where the file says so.
    pub(super) const fn fail_on(&self) -> Option<Severity> {
        self.first.fail_on()
    }

    /// What the file says of rules that are built in.
    pub(super) fn settle(&self, policy: &mut Policy, limits: &mut Limits, rules: &Rules) -> anyhow::Result<()> {
        for setting in self.first.rules() {
            let level = setting.level.map_or(Level::Off, Level::As);
            if let Err(unknown) = policy.set(&setting.id, level, rules) {
                let hint =
                    (!unknown.nearest.is_empty()).then(|| format!("did you mean {}?", unknown.nearest.join(", ")));
                let message = format!("there is no rule or clause '{}'", unknown.name);
                bail!(failure(&self.first.error_at(setting.place.clone(), message, hint)));
            }
        }
        for setting in self.first.limits() {
            let value = match &setting.value {
                LimitValue::Integer(number) => number.to_string(),
                LimitValue::Float(number) => number.to_string(),
                LimitValue::Text(text) => text.clone(),
                LimitValue::Boolean(flag) => flag.to_string(),
            };
            if let Err(error) = limits.set(&setting.name, &value) {
                let hint = nearest_limit(&error);
                bail!(failure(&self.first.error_at(setting.place.clone(), error.to_string(), hint)));
            }
        }
        Ok(())
    }
}

/// The limit that may have been meant.
pub(super) fn nearest_limit(error: &LimitError) -> Option<String> {
    let LimitError::Unknown(name) = error else { return None };
    let near = mqttsniff::field::nearest(name, Limits::ALL.iter().map(|(name, ..)| *name));
    Some(match near.as_slice() {
        [] => "docs/lints.md and docs/health.md list the limits".to_owned(),
        near => format!("did you mean {}?", near.join(", ")),
    })
}

fn parse(text: &str, path: &Path) -> anyhow::Result<Assertions> {
    Assertions::parse(text, path).map_err(|error| failure(&error))
}

fn failure(error: &mqttsniff::assertions::AssertionError) -> anyhow::Error {
    Failure::new(error.to_string(), None).into()
}

/// An assertion, as reports tell of it.
pub(super) fn told(verdict: AssertionVerdict) -> CheckedAssertion {
    CheckedAssertion {
        outcome: verdict.outcome.name(),
        failed: verdict.outcome == mqttsniff::assertions::Outcome::Failed,
        name: verdict.name,
        id: verdict.id,
        severity: verdict.severity,
        observed: verdict.observed,
        limit: verdict.limit,
        exercised: verdict.exercised,
        violations: verdict.violations,
        not_provable: verdict.not_provable,
        frames: verdict.frames,
        message: verdict.message,
        note: verdict.note,
        line: verdict.line,
    }
}
