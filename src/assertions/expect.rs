//! Expectations of a number: `count == 4`, `p99(delivery.latency_s) < 500 ms`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::Range;

use super::subject::{Over, Subject};
use crate::capture::Origin;
use crate::field::{Field, FieldId, Kind, Names as _, Value, value_text};
use crate::time::Timestamp;

/// What is wrong in the text of an expectation, where, and what may help.
pub(super) type Wrong = (Range<usize>, String, Option<String>);

/// What is made of many values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    Distinct,
    Sum,
    Min,
    Max,
    Mean,
    /// In thousandths of a percent.
    Percentile(u64),
}

const FUNCTIONS: [&str; 10] = ["count", "distinct", "sum", "min", "max", "mean", "p50", "p90", "p95", "p99"];

impl Function {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "distinct" => Self::Distinct,
            "sum" => Self::Sum,
            "min" => Self::Min,
            "max" => Self::Max,
            "mean" => Self::Mean,
            _ => {
                let (whole, decimals) = name.strip_prefix('p')?.split_once('.').unwrap_or((name.get(1..)?, ""));
                let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                if whole.is_empty() || whole.len() > 3 || decimals.len() > 3 || !digits(whole) || !digits(decimals) {
                    return None;
                }
                let thousandths = format!("{whole}{decimals:0<3}").parse().ok()?;
                return (thousandths <= 100_000).then_some(Self::Percentile(thousandths));
            }
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessEqual,
    Equal,
    NotEqual,
    GreaterEqual,
    Greater,
}

impl Comparison {
    /// In the order in which they are looked for: the longer ones first.
    const ALL: [(&str, Self); 6] = [
        ("<=", Self::LessEqual),
        (">=", Self::GreaterEqual),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::LessEqual => value <= limit,
            Self::Equal => value.total_cmp(&limit).is_eq(),
            Self::NotEqual => value.total_cmp(&limit).is_ne(),
            Self::GreaterEqual => value >= limit,
            Self::Greater => value > limit,
        }
    }
}

/// What the values are, and so how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Number,
    /// In nanoseconds.
    Duration,
    /// Whole seconds in a number.
    Seconds,
}

/// A number that is expected.
#[derive(Debug, Clone)]
pub(super) struct Expectation {
    /// As it stands in the file.
    pub(super) text: String,
    pub(super) function: Function,
    pub(super) comparison: Comparison,
    field: Option<(FieldId, Field)>,
    quantity: Quantity,
    limit: f64,
}

impl Expectation {
    pub(super) fn parse(text: &str, over: Over) -> Result<Self, Wrong> {
        let whole = 0..text.len();
        let Some((at, symbol, comparison)) = Comparison::ALL
            .iter()
            .filter_map(|(symbol, comparison)| text.find(symbol).map(|at| (at, *symbol, *comparison)))
            .min_by_key(|(at, symbol, _)| (*at, std::cmp::Reverse(symbol.len())))
        else {
            let hint = "such as \"count == 4\" or \"p99(delivery.latency_s) < 500 ms\"".to_owned();
            return Err((whole, "an expectation compares a number with a limit".to_owned(), Some(hint)));
        };
        let (left, right) = (text.get(..at).unwrap_or_default(), text.get(at + symbol.len()..).unwrap_or_default());
        let (function, field) = measure(left, over)?;
        let quantity = match (function, field) {
            (Function::Count | Function::Distinct, _) | (_, None) => Quantity::Number,
            (_, Some((_, field))) if field.kind == Kind::Duration => Quantity::Duration,
            (_, Some((_, field))) if field.name.ends_with("_s") => Quantity::Seconds,
            (_, Some(_)) => Quantity::Number,
        };
        let start = at + symbol.len() + (right.len() - right.trim_start().len());
        let place = start..start + right.trim().len();
        let limit = limit(right.trim(), quantity).map_err(|(message, hint)| (place, message, hint))?;
        Ok(Self { text: text.trim().to_owned(), function, comparison, field, quantity, limit })
    }

    /// The field that it reads.
    pub(super) fn field(&self) -> Option<FieldId> {
        self.field.map(|(id, _)| id)
    }

    pub(super) fn holds(&self, value: f64) -> bool {
        self.comparison.holds(value, self.limit)
    }

    /// Whether more of what was not captured could make it true.
    pub(super) const fn wants_more(&self) -> bool {
        matches!(self.function, Function::Count | Function::Distinct | Function::Sum)
            && !matches!(self.comparison, Comparison::Less | Comparison::LessEqual)
    }

    /// A value as it is shown.
    pub(super) fn show(&self, value: f64) -> String {
        match self.quantity {
            Quantity::Number if value.fract() == 0.0 && value.abs() < 1e15 => format!("{}", value as i64),
            Quantity::Number => format!("{}", (value * 1000.0).round() / 1000.0),
            Quantity::Duration => duration(value),
            Quantity::Seconds => duration(value * 1e9),
        }
    }

    /// The limit of a number of things, where it says how many there may be at most.
    pub(super) fn most(&self) -> Option<u64> {
        let limit = self.limit.max(0.0) as u64;
        match (self.function, self.comparison) {
            (Function::Count, Comparison::LessEqual) => Some(limit),
            (Function::Count, Comparison::Less) => Some(limit.saturating_sub(1)),
            _ => None,
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Nanoseconds in the unit that suits them.
pub(super) fn duration(nanos: f64) -> String {
    let (value, unit) = match nanos.abs() {
        below if below < 1e3 => (nanos, "ns"),
        below if below < 1e6 => (nanos / 1e3, "us"),
        below if below < 1e9 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    format!("{} {unit}", (value * 1000.0).round() / 1000.0)
}

/// The left side: `count` or `function(field)`.
fn measure(left: &str, over: Over) -> Result<(Function, Option<(FieldId, Field)>), Wrong> {
    let start = left.len() - left.trim_start().len();
    let text = left.trim();
    let (name, argument) = match text.split_once('(') {
        None => (text, None),
        Some((name, rest)) => {
            let Some(argument) = rest.trim_end().strip_suffix(')') else {
                return Err((start..start + text.len(), "the parenthesis is not closed".to_owned(), None));
            };
            let at = start + name.len() + 1 + (argument.len() - argument.trim_start().len());
            (name.trim_end(), Some((at, argument.trim())))
        }
    };
    let place = start..start + name.len().max(1);
    let Some(function) = Function::parse(name) else {
        let near = crate::field::nearest(name, FUNCTIONS.into_iter());
        let hint = if name.contains('.') && argument.is_none() {
            format!("a field stands in a function: max({name})")
        } else if let Some(near) = near.first() {
            format!("did you mean \"{near}\"?")
        } else {
            format!("functions are {}, and any other percentile", FUNCTIONS.join(", "))
        };
        return Err((place, format!("\"{name}\" is no function"), Some(hint)));
    };
    let (at, field) = match (function, argument) {
        (Function::Count, None | Some((_, ""))) => return Ok((function, None)),
        (Function::Count, Some((at, argument))) => {
            let hint = format!("write \"count\", and where = '{argument}'");
            return Err((at..at + argument.len(), "count is of things, not of a field".to_owned(), Some(hint)));
        }
        (_, None | Some((_, ""))) => {
            return Err((place, format!("{name} needs a field: {name}(…)"), None));
        }
        (_, Some(argument)) => argument,
    };
    let place = at..at + field.len();
    let Some((id, found)) = over.field(field) else {
        return Err((place, format!("\"{field}\" is no field of {}", over.name()), elsewhere(field, over)));
    };
    let countable = matches!(found.kind, Kind::Unsigned(_) | Kind::Signed(_) | Kind::Float | Kind::Duration);
    if function != Function::Distinct && !countable {
        return Err((place, format!("{field} is no number and no duration"), None));
    }
    Ok((function, Some((id, *found))))
}

/// What somebody may have meant by a field that these do not have.
pub(super) fn elsewhere(name: &str, over: Over) -> Option<String> {
    let other = Over::ALL.into_iter().filter(|other| *other != over).find(|other| other.field(name).is_some());
    if let Some(other) = other {
        return Some(format!("it is a field of {}: over = \"{}\"", other.name(), other.name()));
    }
    let near = over.nearest(name);
    (!near.is_empty()).then(|| format!("nearest: {}", near.join(", ")))
}

/// Units of time by their nanoseconds, and of bytes.
const TIMES: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("min", 6e10), ("h", 3.6e12), ("d", 8.64e13)];
const SIZES: [(&str, f64); 7] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

/// The right side: a number with a unit, if it has one.
fn limit(text: &str, quantity: Quantity) -> Result<f64, (String, Option<String>)> {
    let (number, unit) = split(text).ok_or_else(|| {
        let hint = match quantity {
            Quantity::Number => "such as 4, 0.5 or 20 kB",
            Quantity::Duration | Quantity::Seconds => "such as 500 ms, 1.5 s or 2 min",
        };
        (format!("\"{text}\" is no limit"), Some(hint.to_owned()))
    })?;
    let units: &[_] = if quantity == Quantity::Number { &SIZES } else { &TIMES };
    let factor = match (unit, quantity) {
        ("", Quantity::Number) => 1.0,
        ("", Quantity::Duration | Quantity::Seconds) => 1e9,
        _ => {
            let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
                let names: Vec<_> = units.iter().map(|(name, _)| *name).collect();
                return Err((
                    format!("\"{unit}\" is no unit of this"),
                    Some(format!("units are {}", names.join(", "))),
                ));
            };
            *factor
        }
    };
    Ok(if quantity == Quantity::Seconds { number * factor / 1e9 } else { number * factor })
}

/// A duration such as `1s` in nanoseconds.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (number, unit) = split(text.trim())?;
    let (_, factor) = TIMES.iter().find(|(name, _)| *name == unit)?;
    let nanos = number * factor;
    (0.0..9e18).contains(&nanos).then_some(nanos.round() as i64)
}

fn split(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '_')).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let number: f64 = number.replace('_', "").parse().ok()?;
    number.is_finite().then_some((number, unit.trim()))
}

/// The most values that are kept as they are, for a percentile of one group.
const EXACT: usize = 1024;

/// The most different values that are told apart.
const DISTINCT: usize = 65_536;

/// What has come together for an expectation so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    exact: Vec<f64>,
    /// Once there are more: how many values are in each class, whose width is 1/64 of its values or less.
    classes: BTreeMap<i64, u64>,
    distinct: BTreeSet<Box<str>>,
    /// Where the least and the greatest value stand.
    least: Option<Origin>,
    greatest: Option<Origin>,
    /// Values that were left out because a limit was reached.
    pub(super) given_up: u64,
}

/// A number that orders floating point numbers as they are, a class each.
fn class_of(value: f64) -> i64 {
    let bits = (value.abs().to_bits() >> 46) as i64;
    if value < 0.0 { -bits - 1 } else { bits }
}

fn middle_of(class: i64) -> f64 {
    let bits = if class < 0 { -(class + 1) } else { class };
    let middle = f64::from_bits(((bits as u64) << 46) | 1 << 45);
    if class < 0 { -middle } else { middle }
}

impl Cell {
    /// Takes what a subject has into account, if it has something.
    pub(super) fn take(&mut self, expectation: &Expectation, subject: &Subject<'_>) -> bool {
        let before = self.count;
        let Some((id, field)) = &expectation.field else {
            self.count += 1;
            return true;
        };
        subject.row.occurrences(*id, &mut |found| {
            if expectation.function == Function::Distinct {
                let text = value_text(field, &found.value).into_boxed_str();
                if self.distinct.len() < DISTINCT || self.distinct.contains(&text) {
                    self.distinct.insert(text);
                } else {
                    self.given_up += 1;
                }
                self.count += 1;
                return;
            }
            let value = match found.value {
                Value::Unsigned(number) => number as f64,
                Value::Signed(number) => number as f64,
                Value::Float(number) => number,
                Value::Duration(span) => span.as_nanos() as f64,
                Value::Label
                | Value::Boolean(_)
                | Value::Text(_)
                | Value::Bytes(_)
                | Value::Header(..)
                | Value::Ipv4(_)
                | Value::Ipv6(_)
                | Value::Ethernet(_)
                | Value::Time(_) => return,
            };
            self.number(value, matches!(expectation.function, Function::Percentile(_)), subject.at);
        });
        self.count > before
    }

    /// Where a value stands that makes it what it is, if it is that of one.
    pub(super) const fn place(&self, function: Function) -> Option<Origin> {
        match function {
            Function::Min => self.least,
            Function::Max | Function::Percentile(50_000..) => self.greatest,
            Function::Count | Function::Distinct | Function::Sum | Function::Mean | Function::Percentile(_) => None,
        }
    }

    fn number(&mut self, value: f64, keep: bool, at: Origin) {
        if self.count == 0 || value < self.min {
            (self.min, self.least) = (value, Some(at));
        }
        if self.count == 0 || value > self.max {
            (self.max, self.greatest) = (value, Some(at));
        }
        self.count += 1;
        self.sum += value;
        if !keep {
            return;
        }
        if self.classes.is_empty() && self.exact.len() < EXACT {
            self.exact.push(value);
            return;
        }
        for value in self.exact.drain(..).chain([value]) {
            *self.classes.entry(class_of(value)).or_default() += 1;
        }
    }

    /// What it comes to; nothing where there was no value.
    pub(super) fn value(&self, function: Function) -> Option<f64> {
        let some = |value| (self.count > 0).then_some(value);
        match function {
            Function::Count => Some(self.count as f64),
            Function::Distinct => Some(self.distinct.len() as f64),
            Function::Sum => some(self.sum),
            Function::Min => some(self.min),
            Function::Max => some(self.max),
            Function::Mean => some(self.sum / self.count as f64),
            Function::Percentile(thousandths) => {
                // The value that so many do not exceed (nearest rank).
                let rank = (u128::from(self.count) * u128::from(thousandths)).div_ceil(100_000).max(1) as u64;
                if self.classes.is_empty() {
                    let mut sorted = self.exact.clone();
                    sorted.sort_unstable_by(f64::total_cmp);
                    return sorted.get(rank as usize - 1).copied();
                }
                let mut seen = 0;
                let found = self.classes.iter().find(|(_, count)| {
                    seen += **count;
                    seen >= rank
                });
                found.map(|(class, _)| middle_of(*class).clamp(self.min, self.max))
            }
        }
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }
}

/// The latest moments, no more than are needed to see that there were too many within a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    times: VecDeque<Timestamp>,
    pub(super) most: u64,
    /// Whether there are too many just now, which is told once.
    over: bool,
}

impl Window {
    /// Notes a moment, and says whether with it there are more than `most` within `nanos`, and were not before.
    pub(super) fn take(&mut self, now: Timestamp, nanos: i64, most: u64) -> bool {
        self.times.push_back(now);
        while self.times.front().is_some_and(|first| now.since(*first).as_nanos() >= nanos)
            || self.times.len() as u64 > most.saturating_add(1)
        {
            self.times.pop_front();
        }
        let many = self.times.len() as u64;
        self.most = self.most.max(many);
        let was = std::mem::replace(&mut self.over, many > most);
        self.over && !was
    }
}

#[cfg(test)]
#[path = "expect_tests.rs"]
mod tests;
