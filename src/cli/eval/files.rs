//! The arguments of the commands that measure on files, and the files themselves: one case a line, as JSON.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use serde::de::DeserializeOwned;

/// A case of a file, and where it stands there: `FILE:LINE`.
pub struct Placed<T> {
    pub place: String,
    pub value: T,
}

/// The argument `FILE…`. A command without a set of its own requires it.
pub fn files(help: &'static str) -> Arg {
    Arg::new("file").value_name("FILE").num_args(1..).action(ArgAction::Append).value_parser(value_parser!(PathBuf)).help(help)
}

/// The flag that prints what was judged wrong, too.
pub fn misses(help: &'static str) -> Arg {
    Arg::new("misses").long("misses").action(ArgAction::SetTrue).help(help)
}

/// Reads all cases of the files that were given; `what` names one in errors, such as `context`.
pub fn given<T: DeserializeOwned>(matches: &ArgMatches, what: &str) -> anyhow::Result<Vec<Placed<T>>> {
    let mut cases = Vec::new();
    for file in matches.get_many::<PathBuf>("file").into_iter().flatten() {
        cases.extend(read(file, what)?);
    }
    Ok(cases)
}

/// Reads one file.
pub fn read<T: DeserializeOwned>(file: &Path, what: &str) -> anyhow::Result<Vec<Placed<T>>> {
    let text = fs::read_to_string(file).with_context(|| format!("can't read `{}`", file.display()))?;
    parse(&file.display().to_string(), &text, what)
}

/// Parses the text of a file of this name. Empty lines are skipped.
pub fn parse<T: DeserializeOwned>(name: &str, text: &str, what: &str) -> anyhow::Result<Vec<Placed<T>>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines.map(|(number, line)| {
        let place = format!("{name}:{number}");
        let value = serde_json::from_str(line).with_context(|| format!("{place}: not a valid {what}"))?;
        Ok(Placed { place, value })
    });
    parsed.collect()
}
