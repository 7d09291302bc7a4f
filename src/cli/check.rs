//! `deskhand check`: validates a knowledge base, or the words of languages.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::{
    knowledge::{Findings, check},
    lexicon::lacking::lacking,
};

pub fn command() -> Command {
    Command::new("check")
        .about("Check a knowledge base: front matter, ids, shortcuts, placeholders, links, translations, unused files")
        .after_help("Prints a line per finding, with its file and line. Exits with 0 if there are no errors, with 1 if there are; missing translations, and files that don't belong to a knowledge base, are warnings.")
        .arg(Arg::new("folder").value_name("FOLDER").default_value("knowledge-base").value_parser(value_parser!(PathBuf)).help("Knowledge base folder"))
        .arg(
            Arg::new("lexicon")
                .long("lexicon")
                .action(ArgAction::SetTrue)
                .conflicts_with("folder")
                .help("Check the words of languages that are built in instead: which keys a language lacks"),
        )
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    if matches.get_flag("lexicon") {
        return Ok(check_lexicon());
    }
    let folder = matches.get_one::<PathBuf>("folder").expect("it has a default");
    if !folder.is_dir() {
        eprintln!("error: `{}` is not a folder; name the knowledge base to check", folder.display());
        return Ok(ExitCode::from(crate::cli::BAD_ARGUMENTS));
    }
    let findings = check(folder).with_context(|| format!("can't read `{}`", folder.display()))?;
    let Findings { documents, errors, warnings } = findings;
    for (findings, word) in [(&errors, "error"), (&warnings, "warning")] {
        for finding in findings {
            println!("{}:{}: {word}: {}", folder.join(&finding.file).display(), finding.line, finding.message);
        }
    }
    println!("{documents} documents, {} errors, {} warnings", errors.len(), warnings.len());
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check_lexicon() -> ExitCode {
    let lacking = lacking();
    for lack in &lacking {
        println!("{lack}");
    }
    println!("{} keys lack in the words of languages", lacking.len());
    if lacking.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
