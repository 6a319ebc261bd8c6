//! From the text of a file to rules: each key is known, of its type, and fits the others.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Fault;
use super::expect::{Expectation, Wrong, elsewhere, parse_duration};
use super::order::{Order, Sequence};
use super::quoted;
use super::report::Report;
use super::rule::{Ask, Rule};
use super::subject::{Key, Over};
use super::{LimitSetting, LimitValue, RuleSetting};
use crate::check::Severity;
use crate::field::{Filter, Names as _, nearest};
use crate::time::Span;

/// What stands in a file.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) rules: Vec<Rule>,
    pub(super) settings: Vec<RuleSetting>,
    pub(super) limits: Vec<LimitSetting>,
    pub(super) fail_on: Option<Severity>,
}

/// The largest file that is read.
const LARGEST: usize = 1 << 20;

const TOP_KEYS: [&str; 4] = ["assert", "rules", "limits", "fail_on"];

/// All keys of an assertion.
const KEYS: [&str; 20] = [
    "name", "over", "where", "none", "all", "any", "expect", "per", "each", "then", "never", "before", "after", "same",
    "within", "pairs", "at_least", "require", "severity", "message",
];
const NOTE: &str = "note";

/// The keys of which an assertion has exactly one: they say what is asked.
const FORMS: [&str; 6] = ["none", "all", "any", "expect", "each", "never"];

const SEVERITIES: [(&str, Option<Severity>); 4] = [
    ("error", Some(Severity::Error)),
    ("warning", Some(Severity::Warning)),
    ("note", Some(Severity::Note)),
    ("off", None),
];

type Entry<'a, 'i> = (&'a str, Range<usize>, &'a Spanned<DeValue<'i>>);

/// The entries of a table in the order of the file.
fn entries<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Entry<'a, 'i>> {
    let mut out: Vec<_> = table.iter().map(|(key, value)| (&**key.get_ref(), key.span(), value)).collect();
    out.sort_by_key(|(_, span, _)| span.start);
    out
}

/// What a value is, for people.
fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn wanted(key: &str, what: &str, value: &Spanned<DeValue<'_>>) -> Fault {
    Fault::new(value.span(), format!("{key} is {}, but has to be {what}", described(value.get_ref())))
}

fn unknown(name: &str, span: Range<usize>, known: impl Iterator<Item = &'static str> + Clone) -> Fault {
    let hint = match nearest(name, known.clone()).first() {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("keys are {}", known.collect::<Vec<_>>().join(", ")),
    };
    Fault::new(span, format!("unknown key \"{name}\"")).hint(hint)
}

pub(super) fn parse(text: &str) -> Result<Document, Fault> {
    if text.len() > LARGEST {
        return Err(Fault::new(0..0, "a file of assertions has at most 1 MiB"));
    }
    let table = DeTable::parse(text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        Fault::new(error.span().unwrap_or(0..0), format!("this is no TOML: {message}"))
    })?;
    let mut document = Document::default();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (key, span, value) in entries(table.get_ref()) {
        match (key, value.get_ref()) {
            ("assert", DeValue::Array(list)) => {
                for entry in list {
                    let DeValue::Table(table) = entry.get_ref() else {
                        return Err(wanted("assert", "a list of tables", entry).hint("each begins with [[assert]]"));
                    };
                    let reader = Reader { text, whole: entry.span(), entries: entries(table) };
                    if let Some(rule) = reader.rule(&mut names)? {
                        document.rules.push(rule);
                    }
                }
            }
            ("assert", _) => {
                return Err(wanted(key, "a list of tables", value).hint("each begins with [[assert]]"));
            }
            ("rules", DeValue::Table(table)) => {
                for (id, place, value) in entries(table) {
                    let level = severity(id, value)?;
                    document.settings.push(RuleSetting { id: id.to_owned(), level, place });
                }
            }
            ("limits", DeValue::Table(table)) => {
                for (name, place, value) in entries(table) {
                    let value = limit_value(name, value)?;
                    document.limits.push(LimitSetting { name: name.to_owned(), value, place });
                }
            }
            ("rules" | "limits", _) => {
                return Err(wanted(key, "a table", value).hint(format!("it begins with [{key}]")));
            }
            ("fail_on", _) => {
                let Some(severity) = severity(key, value)? else {
                    let message = "fail_on has to be error, warning or note";
                    return Err(Fault::new(value.span(), message).hint("switch single rules off in [rules]"));
                };
                document.fail_on = Some(severity);
            }
            _ => return Err(unknown(key, span, TOP_KEYS.into_iter())),
        }
    }
    Ok(document)
}

fn severity(key: &str, value: &Spanned<DeValue<'_>>) -> Result<Option<Severity>, Fault> {
    let Some(text) = value.get_ref().as_str() else {
        return Err(wanted(key, "\"error\", \"warning\", \"note\" or \"off\"", value));
    };
    let found = SEVERITIES.iter().find(|(name, _)| *name == text);
    found.map(|(_, severity)| *severity).ok_or_else(|| {
        let near = nearest(text, SEVERITIES.iter().map(|(name, _)| *name));
        let hint = near.first().map(|near| format!("did you mean \"{near}\"?"));
        Fault::new(value.span(), format!("\"{text}\" is no severity: error, warning, note or off")).hinted(hint)
    })
}

fn limit_value(name: &str, value: &Spanned<DeValue<'_>>) -> Result<LimitValue, Fault> {
    let found = match value.get_ref() {
        DeValue::String(text) => Some(LimitValue::Text(text.to_string())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(LimitValue::Integer),
        DeValue::Float(number) => number.as_str().parse().ok().map(LimitValue::Float),
        DeValue::Boolean(flag) => Some(LimitValue::Boolean(*flag)),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    };
    found.ok_or_else(|| wanted(name, "a number, text, or true or false", value))
}

/// Reads one assertion.
struct Reader<'a, 'i> {
    text: &'a str,
    whole: Range<usize>,
    entries: Vec<Entry<'a, 'i>>,
}

impl<'a, 'i> Reader<'a, 'i> {
    fn find(&self, key: &str) -> Option<&Entry<'a, 'i>> {
        self.entries.iter().find(|(name, ..)| *name == key)
    }

    /// The place of the assertion as a whole: its first line.
    fn head(&self) -> Range<usize> {
        let from = self.whole.start.min(self.text.len());
        let line = self.text.get(from..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        from..from + line.len()
    }

    fn string(&self, key: &str) -> Result<Option<(&'a str, Range<usize>)>, Fault> {
        let Some((_, _, value)) = self.find(key) else { return Ok(None) };
        match value.get_ref().as_str() {
            Some(text) => Ok(Some((text, value.span()))),
            None => Err(wanted(key, "text", value)),
        }
    }

    fn needed(&self, key: &str, why: &str) -> Result<(&'a str, Range<usize>), Fault> {
        self.string(key)?.ok_or_else(|| Fault::new(self.head(), format!("{why} needs the key \"{key}\"")))
    }

    fn filter(&self, key: &str, over: Over) -> Result<Option<Filter>, Fault> {
        let Some((text, span)) = self.string(key)? else { return Ok(None) };
        Filter::parse(text, &over).map(Some).map_err(|error| {
            let inner = error.range();
            let word = text.get(inner.clone()).unwrap_or_default().trim_start_matches('.');
            let other = over.field(word).is_none().then(|| elsewhere(word, over)).flatten();
            let hint = match (error.hint(), other) {
                (_, Some(other)) if other.contains("over = ") => Some(other),
                (Some(hint), _) => Some(hint.to_owned()),
                (None, other) => other.filter(|_| word.contains('.')),
            };
            let range = quoted::place(self.text, &span, &inner);
            Fault::new(range, format!("in the filter of {key}: {}", error.message())).hinted(hint)
        })
    }

    fn needed_filter(&self, key: &str, over: Over, why: &str) -> Result<Filter, Fault> {
        self.filter(key, over)?.ok_or_else(|| Fault::new(self.head(), format!("{why} needs the key \"{key}\"")))
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, Fault> {
        let Some((_, _, value)) = self.find(key) else { return Ok(None) };
        value.get_ref().as_bool().map(Some).ok_or_else(|| wanted(key, "true or false", value))
    }

    /// A text, or a list of texts.
    fn list(&self, key: &str) -> Result<Vec<(&'a str, Range<usize>)>, Fault> {
        let Some((_, _, value)) = self.find(key) else { return Ok(Vec::new()) };
        let one = |value: &'a Spanned<DeValue<'i>>| match value.get_ref().as_str() {
            Some(text) => Ok((text, value.span())),
            None => Err(wanted(key, "text, or a list of texts", value)),
        };
        match value.get_ref() {
            DeValue::Array(list) if list.is_empty() => Err(Fault::new(value.span(), format!("{key} is empty"))),
            DeValue::Array(list) => list.iter().map(one).collect(),
            _ => Ok(vec![one(value)?]),
        }
    }

    fn key_fields(&self, key: &str, over: Over) -> Result<Key, Fault> {
        let mut out = Key::default();
        for (name, span) in self.list(key)? {
            let Some((id, field)) = over.field(name) else {
                let message = format!("\"{name}\" is no field of {}", over.name());
                return Err(Fault::new(quoted::place(self.text, &span, &(0..name.len())), message)
                    .hinted(elsewhere(name, over)));
            };
            out.0.push((id, *field));
        }
        Ok(out)
    }

    fn expectations(&self, over: Over) -> Result<Vec<Expectation>, Fault> {
        let parsed = self.list("expect")?.into_iter().map(|(text, span)| {
            Expectation::parse(text, over).map_err(|(range, message, hint): Wrong| {
                Fault::new(quoted::place(self.text, &span, &range), message).hinted(hint)
            })
        });
        parsed.collect()
    }

    fn within(&self) -> Result<Option<Span>, Fault> {
        let Some((text, span)) = self.string("within")? else { return Ok(None) };
        match parse_duration(text) {
            Some(nanos) => Ok(Some(Span::from_nanos(nanos))),
            None => {
                Err(Fault::new(span, format!("\"{text}\" is no duration"))
                    .hint("such as \"500ms\", \"1.5s\" or \"2min\""))
            }
        }
    }

    fn over(&self) -> Result<Over, Fault> {
        let Some((text, span)) = self.string("over")? else { return Ok(Over::Messages) };
        Over::ALL.into_iter().find(|over| over.name() == text).ok_or_else(|| {
            let names = Over::ALL.map(Over::name);
            let near = nearest(text, names.into_iter());
            let hint = match near.first() {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("it is one of {}", names.join(", ")),
            };
            Fault::new(span, format!("over can't be \"{text}\"")).hint(hint)
        })
    }

    /// The one key that says what is asked.
    fn form(&self) -> Result<&'static str, Fault> {
        let mut found = self
            .entries
            .iter()
            .filter_map(|(name, span, _)| FORMS.iter().find(|form| *form == name).map(|form| (*form, span.clone())));
        let Some((form, _)) = found.next() else {
            let hint = format!("it has one of {}", FORMS.join(", "));
            return Err(Fault::new(self.head(), "this assertion asks nothing").hint(hint));
        };
        match found.next() {
            None => Ok(form),
            Some((other, span)) => {
                let message = format!("{other} can't stand beside {form}: an assertion asks one thing");
                Err(Fault::new(span, message).hint("write two assertions"))
            }
        }
    }

    /// Refuses keys that say nothing in this form.
    fn only(&self, form: &str, allowed: &[&str]) -> Result<(), Fault> {
        const ALWAYS: [&str; 9] =
            ["name", "over", "where", "at_least", "require", "severity", "message", NOTE, "expect"];
        for (name, span, _) in &self.entries {
            let known = *name == form || ALWAYS.contains(name) || allowed.contains(name);
            if !known {
                let hint = match (*name, form) {
                    ("same", _) => Some("same belongs to each and never; groups are made by per".to_owned()),
                    ("per", "each" | "never") => Some("what both have in common is named by same".to_owned()),
                    ("per", _) => Some("per belongs to any and expect".to_owned()),
                    ("then", "never") => Some("never goes with before or after".to_owned()),
                    ("before" | "after", "each") => Some("each goes with then".to_owned()),
                    ("before" | "after", "none") => Some("write never instead of none".to_owned()),
                    ("within", "never") => Some("within goes with after: it says for how long".to_owned()),
                    _ => None,
                };
                return Err(Fault::new(span.clone(), format!("{name} says nothing beside {form}")).hinted(hint));
            }
        }
        Ok(())
    }

    /// The rule; none where it is switched off.
    fn rule(&self, names: &mut BTreeMap<String, usize>) -> Result<Option<Rule>, Fault> {
        for (name, span, _) in &self.entries {
            if TOP_KEYS.contains(name) {
                let message = format!("{name} belongs to the file, not to an assertion");
                return Err(Fault::new(span.clone(), message).hint("write it before the first [[assert]]"));
            }
            if !KEYS.contains(name) && *name != NOTE {
                return Err(unknown(name, span.clone(), KEYS.into_iter().chain([NOTE])));
            }
        }
        let (name, name_span) = self.needed("name", "an assertion")?;
        let line = line_of(self.text, name_span.start);
        let slug = slug(name);
        if slug.is_empty() {
            return Err(Fault::new(name_span, "a name has letters or digits"));
        }
        if let Some(earlier) = names.insert(slug.clone(), line) {
            let message = format!("there is an assertion of this name already, in line {earlier}");
            return Err(Fault::new(name_span, message).hint("names are compared without case and punctuation"));
        }
        let form = self.form()?;
        let over = self.over()?;
        if matches!(form, "each" | "never") && !over.has_order() {
            let span = self.find("over").map_or_else(|| self.head(), |(_, _, value)| value.span());
            let message = format!("{form} asks for an order in time, which {} do not have", over.name());
            return Err(Fault::new(span, message).hint("it goes over messages or packets"));
        }
        let selection = self.filter("where", over)?;
        let mut per = Key::default();
        let ask = match form {
            "none" | "all" => {
                self.only(form, &[])?;
                let filter = self.needed_filter(form, over, form)?;
                if form == "none" { Ask::None(filter) } else { Ask::All(filter) }
            }
            "any" => {
                self.only(form, &["per"])?;
                per = self.key_fields("per", over)?;
                Ask::Any(self.needed_filter(form, over, form)?)
            }
            "expect" => {
                self.only(form, &["per", "within"])?;
                per = self.key_fields("per", over)?;
                let (expectations, within) = (self.expectations(over)?, self.within()?);
                if let (Some(_), Some(wrong)) = (within, expectations.iter().find(|one| one.most().is_none())) {
                    let span = self.find("within").map_or_else(|| self.head(), |(_, span, _)| span.clone());
                    let message = format!("within says how many there may be in a time, which \"{wrong}\" does not");
                    return Err(Fault::new(span, message).hint("such as expect = \"count <= 10\""));
                }
                Ask::Expect { expectations, within }
            }
            "each" => {
                self.only(form, &["then", "same", "within", "pairs"])?;
                let pairs = self.flag("pairs")?.unwrap_or(false);
                let each = self.needed_filter(form, over, form)?;
                let then = self.needed_filter("then", over, form)?;
                let sequence = Sequence::Follows { each, then, pairs };
                Ask::Order(Box::new(Order::new(sequence, self.key_fields("same", over)?, self.within()?)))
            }
            _ => {
                let never = self.needed_filter(form, over, form)?;
                let sequence = match (self.filter("before", over)?, self.filter("after", over)?) {
                    (Some(before), None) => {
                        self.only(form, &["before", "same"])?;
                        Sequence::NotBefore { never, before }
                    }
                    (None, Some(after)) => {
                        self.only(form, &["after", "same", "within"])?;
                        Sequence::NotAfter { never, after }
                    }
                    (Some(_), Some(_)) => {
                        let span = self.find("after").map_or_else(|| self.head(), |(_, span, _)| span.clone());
                        return Err(Fault::new(span, "after can't stand beside before").hint("write two assertions"));
                    }
                    (None, None) => {
                        return Err(Fault::new(self.head(), "never needs the key \"before\" or \"after\"")
                            .hint("what must not be at all is asked for by none"));
                    }
                };
                Ask::Order(Box::new(Order::new(sequence, self.key_fields("same", over)?, self.within()?)))
            }
        };
        let at_least = self.at_least()?;
        let level = match self.find("severity") {
            None => Some(Severity::Error),
            Some((key, _, value)) => severity(key, value)?,
        };
        let mut texts = ["message", NOTE].map(|key| self.string(key)).into_iter();
        let mut next = || texts.next().transpose().map(|text| text.flatten().map(|(text, _)| text.to_owned()));
        let (message, note) = (next()?, next()?);
        let Some(level) = level else { return Ok(None) };
        let mut report = Report::new(name.to_owned(), format!("assert.{slug}"), level, line);
        (report.message, report.note) = (message, note);
        Ok(Some(Rule::new(over, selection, ask, per, at_least, report)))
    }

    fn at_least(&self) -> Result<u64, Fault> {
        let required = self.flag("require")?;
        let Some((_, span, value)) = self.find("at_least") else { return Ok(u64::from(required == Some(true))) };
        if required.is_some() {
            return Err(Fault::new(span.clone(), "at_least can't stand beside require")
                .hint("require = true is the same as at_least = 1"));
        }
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        number.ok_or_else(|| wanted("at_least", "an integer that is not negative", value))
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// A name as a part of an identifier: lower case letters, digits and hyphens.
fn slug(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}
