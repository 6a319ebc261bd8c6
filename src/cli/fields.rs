//! `mqttsniff fields`: the fields that filters and columns may name.

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use mqttsniff::field::{Names as _, Registry};

use super::args::ColorArgument;
use super::failure::Failure;
use super::output::{STDOUT, style_of};

/// Columns of most names.
const NAME: usize = 36;

/// The arguments of the command.
#[derive(Debug, Args)]
pub(super) struct Fields {
    /// Only fields with this in their name, label or description
    #[arg(value_name = "WORD")]
    word: Option<String>,
}

pub(super) fn run(arguments: &Fields) -> anyhow::Result<ExitCode> {
    let word = arguments.word.as_deref().unwrap_or_default().to_ascii_lowercase();
    let style = style_of(ColorArgument::Never, false);
    let mut out = BufWriter::new(io::stdout());
    let mut found = false;
    for (_, field) in Registry::fields() {
        let texts = [field.name, field.label, field.description];
        if !texts.iter().any(|text| text.to_ascii_lowercase().contains(&word)) {
            continue;
        }
        found = true;
        let kind = format!("{:?}", field.kind).to_ascii_lowercase();
        let name = format!("{:<NAME$} {kind:<14} ", field.name);
        let told = if field.description.is_empty() || field.description == field.label {
            style.hang(field.label, name.len(), NAME + 1)
        } else {
            style.hang(&format!("{}: {}", field.label, field.description), name.len(), NAME + 1)
        };
        writeln!(out, "{name}{told}").context(STDOUT)?;
    }
    out.flush().context(STDOUT)?;
    if !found {
        let near = Registry.nearest(&word);
        let hint = (!near.is_empty()).then(|| format!("near it are {}", near.join(", ")));
        bail!(Failure::new(format!("no field has '{word}' in it"), hint));
    }
    Ok(ExitCode::SUCCESS)
}
