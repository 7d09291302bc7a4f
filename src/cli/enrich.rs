//! `deskhand enrich`: proposes how customers would ask for each document of a knowledge base, by a model.

use std::{
    io::{IsTerminal, stderr},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, ensure};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use similar::TextDiff;

use crate::{
    cli::serve::{config_flag, config_of},
    config::{self, Task},
    knowledge::{AskedEdit, Audience, DocumentFile, documents_in},
    model::Models,
    replies::Enricher,
    telemetry,
    text::Language,
};

const DETAILS: &str = "Customers rarely use a document's own words. What they type instead can stand in its front matter as `asked`, which search and suggestions
find it by, and which customers never see. This command asks the configured model for such phrases, one call per document, and prints them
as a diff. Read it: the phrases are a model's. Nothing is written without --write.

  deskhand enrich knowledge-base                                  show what would be added
  deskhand enrich knowledge-base --language hu --write            add it to the Hungarian documents
  deskhand enrich knowledge-base --only returns --more --limit 5  up to five more for one document

The model gets the title, tags, text and phrases of each document as they are; nothing is masked. Articles for agents (`audience: agents`)
are left out unless --agents-articles is given; canned answers are written for customers, and are sent. A document that has phrases is skipped unless --more is given. A document has at most 50
phrases of 200 characters.

With --write each file is replaced whole, after its new text was read again; all its other bytes stay. A server that follows the folder
takes the change in. If the model fails on a document, the others go on, and the exit code is 1. Ctrl-C ends between two files.

It is the models of the workspace `default` that are asked; those with `tasks` only if `enrich` is one of them. Their tokens don't count
against a server's limits.";

pub fn command() -> Command {
    let folder = value_parser!(PathBuf);
    Command::new("enrich")
        .about("Propose how customers would ask for each document of a knowledge base, by a model")
        .after_long_help(DETAILS)
        .arg(Arg::new("folder").value_name("FOLDER").default_value("knowledge-base").value_parser(folder).help("Knowledge base folder"))
        .arg(Arg::new("write").long("write").action(ArgAction::SetTrue).help("Write the phrases into the files"))
        // The setting `language` is another thing.
        .arg(Arg::new("only_language").long("language").value_name("TAG").help("Only documents in this language"))
        .arg(
            Arg::new("only")
                .long("only")
                .value_name("ID")
                .action(ArgAction::Append)
                .help("Only the document with this id; may be repeated"),
        )
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("NUMBER")
                .default_value("12")
                .value_parser(value_parser!(u8).range(1..=50))
                .help("Most phrases per document"),
        )
        .arg(Arg::new("more").long("more").action(ArgAction::SetTrue).help("Add to documents that have phrases already, too"))
        .arg(
            Arg::new("agents_articles")
                .long("agents-articles")
                .action(ArgAction::SetTrue)
                .help("Send articles for agents to the model, too"),
        )
        .arg(config_flag())
        .args(config::model_flags())
}

/// What became of a document.
enum Outcome {
    Proposed(AskedEdit),
    NothingNew,
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    telemetry::start("error");
    let config = config_of(matches)?;
    let root = matches.get_one::<PathBuf>("folder").expect("it has a default");
    if !root.is_dir() {
        eprintln!("error: `{}` is not a folder; name the knowledge base to enrich", root.display());
        return Ok(ExitCode::from(crate::cli::BAD_ARGUMENTS));
    }
    ensure!(
        config.models.iter().any(|model| model.handles(Task::Enrich)),
        "no model is configured for this; set OPENAI_BASE_URL, OPENAI_API_KEY and DESKHAND_MODEL, or [[models]] in the configuration, where \
         `tasks` must have `enrich` if it is set"
    );
    let documents = chosen(matches, root)?;
    let models = Models::new(&config.models, config.desk.context_limits()).context("can't prepare the models")?;
    let enricher = Enricher::new(models, config.desk.prompts.as_deref())?;
    let limit = usize::from(*matches.get_one::<u8>("limit").expect("it has a default"));
    crate::cli::block_on(enrich(&enricher, root, &documents, limit, matches.get_flag("write")))?
}

/// Reads the folder and returns the documents to enrich. What is left out, and why, is printed.
fn chosen(matches: &ArgMatches, root: &Path) -> anyhow::Result<Vec<DocumentFile>> {
    let language = matches.get_one::<String>("only_language").map(|tag| Language::parse(tag)).transpose();
    let language = language.map_err(|problem| anyhow::anyhow!("--language {problem}"))?;
    let only: Vec<&String> = matches.get_many("only").into_iter().flatten().collect();
    let (mut documents, problems) = documents_in(root).with_context(|| format!("can't read `{}`", root.display()))?;
    if !problems.is_empty() {
        eprintln!("{} problems with files, which may be left out: see `deskhand check {}`", problems.len(), root.display());
    }
    if let Some(unknown) = only.iter().find(|id| !documents.iter().any(|found| found.document.id.as_str() == id.as_str())) {
        anyhow::bail!("no document has the id `{unknown}`; an id is the name of the file, without `.md`");
    }
    documents.retain(|DocumentFile { document, .. }| {
        language.as_ref().is_none_or(|language| document.language == *language)
            && (only.is_empty() || only.iter().any(|id| document.id.as_str() == id.as_str()))
    });
    if !matches.get_flag("agents_articles") {
        let all = documents.len();
        documents.retain(|found| found.document.audience() == Audience::Public);
        if documents.len() < all {
            eprintln!("left out: {} for agents; --agents-articles sends them to the model, too", all - documents.len());
        }
    }
    if !matches.get_flag("more") {
        let all = documents.len();
        documents.retain(|found| found.document.asked.is_empty());
        if documents.len() < all {
            eprintln!("skipped: {} with phrases; --more adds to them", all - documents.len());
        }
    }
    Ok(documents)
}

/// Asks for each document in turn, and prints or writes what is proposed.
async fn enrich(enricher: &Enricher, root: &Path, documents: &[DocumentFile], limit: usize, write: bool) -> anyhow::Result<ExitCode> {
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let (mut proposed, mut failed) = (0, 0);
    for (done, found) in documents.iter().enumerate() {
        show_progress(done, documents.len());
        let result = tokio::select! {
            biased;
            signal = &mut interrupted => {
                signal?;
                clear_progress();
                eprintln!("stopped after {done} of {} documents", documents.len());
                return Ok(ExitCode::FAILURE);
            }
            result = proposal(enricher, root, found, limit) => result,
        };
        clear_progress();
        let file = found.file.display().to_string();
        let result = result.and_then(|outcome| match outcome {
            Outcome::Proposed(edit) => {
                print!("{}", TextDiff::from_lines(&edit.before, &edit.after).unified_diff().context_radius(1).header(&file, &file));
                proposed += 1;
                if write { edit.write(&root.join(&found.file)) } else { Ok(()) }
            }
            Outcome::NothingNew => {
                eprintln!("{file}: no new phrases");
                Ok(())
            }
        });
        if let Err(problem) = result {
            eprintln!("{file}: {problem}");
            failed += 1;
        }
    }
    let end = if write { "" } else { "; nothing was written, --write does that" };
    eprintln!("{} documents: {proposed} with proposals, {failed} failed{end}", documents.len());
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks for the phrases of one document and adds them to the text of its file.
async fn proposal(enricher: &Enricher, root: &Path, found: &DocumentFile, limit: usize) -> Result<Outcome, String> {
    let DocumentFile { file, document } = found;
    let phrases = enricher.phrases(document, limit).await.map_err(|error| error.to_string())?;
    if phrases.is_empty() {
        return Ok(Outcome::NothingNew);
    }
    AskedEdit::of(&root.join(file), &document.key(), &phrases).map(Outcome::Proposed)
}

fn show_progress(done: usize, all: usize) {
    if stderr().is_terminal() {
        eprint!("\r{done} of {all} documents\x1b[K");
    }
}

fn clear_progress() {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}
