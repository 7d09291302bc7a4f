//! `deskhand eval-rewrites`: measures how well rewrites that change the meaning of their text are told from faithful ones.

use std::{collections::BTreeMap, process::ExitCode};

use clap::{ArgMatches, Command};
use serde::Deserialize;

use crate::{
    cli::eval::files::{self, Placed},
    replies::{Purpose, RewriteCheck},
};

const FORMAT: &str = "A file has one rewrite per line, as JSON:
  {\"language\", \"target\" (of a translation), \"tone\" (of a changed tone), \"text\", \"rewrite\", \"changed\": null or the kind of change}

A rewrite goes through the checks that a model's rewrites go through. A changed one counts as marked if there is any warning; a faithful one
with a warning is a false alarm.";

#[derive(Deserialize)]
struct Rewrite {
    language: String,
    target: Option<String>,
    tone: Option<String>,
    text: String,
    rewrite: String,
    changed: Option<String>,
}

pub fn command() -> Command {
    Command::new("eval-rewrites")
        .about("Measure how well rewrites that change the meaning of their text are told from faithful ones")
        .after_long_help(FORMAT)
        .arg(files::files("Files of rewrites, one per line").required(true))
        .arg(files::misses("Also print each misjudged rewrite"))
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    // By purpose and kind of change: how many there are, and how many are marked.
    let mut table: BTreeMap<(&str, String), (usize, usize)> = BTreeMap::new();
    for Placed { value: rewrite, .. } in files::given::<Rewrite>(matches, "rewrite")? {
        let (purpose, name) = match (&rewrite.target, &rewrite.tone) {
            (Some(_), _) => (Purpose::Translation, "translation"),
            (None, Some(_)) => (Purpose::Tone, "tone"),
            (None, None) => (Purpose::Correction, "correction"),
        };
        let target = rewrite.target.as_deref().unwrap_or(&rewrite.language);
        let check = RewriteCheck { text: &rewrite.text, language: &rewrite.language, rewrite: &rewrite.rewrite, target, purpose };
        let warnings = check.warnings();
        let kind = rewrite.changed.clone().unwrap_or_else(|| "faithful".to_owned());
        if matches.get_flag("misses") && warnings.is_empty() != rewrite.changed.is_none() {
            let told: Vec<String> =
                warnings.iter().map(|warning| format!("{:?} “{}” {}", warning.kind, warning.excerpt, warning.message)).collect();
            println!("{name} {kind} {}>{target}\n  {}\n  {}\n  {}\n", rewrite.language, rewrite.text, rewrite.rewrite, told.join("\n  "));
        }
        let counts = table.entry((name, kind)).or_default();
        counts.0 += 1;
        counts.1 += usize::from(!warnings.is_empty());
    }
    println!("{:<12} {:<12} {:>8} {:>7} {:>7}", "rewrite", "changed", "rewrites", "marked", "share");
    let share = |marked: usize, all: usize| marked as f64 / all.max(1) as f64;
    let mut sums: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for ((name, kind), (all, marked)) in &table {
        println!("{name:<12} {kind:<12} {all:>8} {marked:>7} {:>7.3}", share(*marked, *all));
        if kind != "faithful" {
            let sum = sums.entry(name).or_default();
            *sum = (sum.0 + all, sum.1 + marked);
        }
    }
    for (name, (all, marked)) in sums {
        println!("{name:<12} {:<12} {all:>8} {:>7} {:>7.3} silent", "all", all - marked, share(all - marked, all));
    }
    Ok(ExitCode::SUCCESS)
}
