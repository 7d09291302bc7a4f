//! `deskhand eval`: measures how well search and suggestions find what they should.

pub mod measure;
pub mod run;
pub mod task;

use std::{
    io::{IsTerminal, stderr},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::{
    cli::eval::{measure::Measures, run::TaskRun, task::Task},
    config::{self, Config},
    telemetry,
};

const FORMAT: &str = "A task is a folder of three files:
  corpus.jsonl   a document a line: {\"id\", \"title\", \"body\", \"lang\"}, and optionally \"category\" and \"tags\"; or one line with the path of
                 another task's corpus, seen from this folder
  queries.jsonl  a query a line: {\"id\", \"text\", \"lang\"} for a search, or {\"id\", \"turns\": [{\"role\": \"customer\" or \"agent\", \"text\"}], \"lang\"} for
                 a chat, whose last turn is the customer's; \"oos\": true marks one that nothing answers
  qrels.tsv      query id, tab, id of a document that answers it, tab, 1

Searches go the way of Search, with documents as articles; chats that of SuggestAnswers, with documents as canned answers (--articles: as
articles). With --suggest a search's text is a chat's one message. With --learn a part of the chats is first appended as a history in
which an agent wrote the text of a document that answers; chats whose ids differ after the last dash alone are parts of one conversation,
which teaches or measures as a whole. With --embedding-model (and its --embedding-base-url) documents are embedded first, and what gets no answer in time is answered by words alone,
as in service; a last line tells how often that was so.

The columns: success@1, recall@5, MRR@10 and nDCG@10, each with its standard error; AUROC of the first suggestion's score, answered queries
against those that nothing answers; the median and the 99th percentile of the time in process, in milliseconds.";

pub fn command() -> Command {
    Command::new("eval")
        .about("Measure how well search and suggestions find what they should, on your own documents and questions")
        .after_long_help(FORMAT)
        .arg(
            Arg::new("task")
                .value_name("TASK")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help("Folders, each a task"),
        )
        .arg(
            Arg::new("suggest")
                .long("suggest")
                .action(ArgAction::SetTrue)
                .help("Ask for suggestions where a query is a text, as a chat of one message"),
        )
        .arg(Arg::new("articles").long("articles").action(ArgAction::SetTrue).help("Suggest articles, not canned answers"))
        .arg(
            Arg::new("learn")
                .long("learn")
                .value_name("PERCENT")
                .value_parser(value_parser!(u8).range(1..=99))
                .help("Let so many of a hundred chats teach what answered them, and measure the others"),
        )
        .arg(
            Arg::new("misses")
                .long("misses")
                .action(ArgAction::SetTrue)
                .help("Also print each query that was not answered first: what was found, and what answers it"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON object a task, instead of a table"))
        .args(config::embedding_flags())
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    telemetry::start("error");
    let config = Config::read(None, matches)?;
    let (suggest, articles, json) = (matches.get_flag("suggest"), matches.get_flag("articles"), matches.get_flag("json"));
    let learns = matches.contains_id("learn");
    let folders = matches.get_many::<PathBuf>("task").expect("it is required");
    let tasks = folders.map(|folder| Task::read(folder)).collect::<anyhow::Result<Vec<Task>>>()?;
    if !json {
        println!("{}", Measures::HEAD);
    }
    for task in tasks {
        let (measures, misses, unanswered) = crate::cli::block_on(async {
            let tell = |done, all| tell_progress(&task.name, done, all, "documents embedded");
            let desk = TaskRun::open(&config, &task, suggest || learns || task.has_chats(), articles, tell).await?;
            let measured = match matches.get_one::<u8>("learn") {
                Some(percent) => desk.teach(&task, *percent).await?,
                None => task.queries.iter().collect(),
            };
            let measures = desk
                .measure(&task, &measured, |done: usize, all| {
                    if done.is_multiple_of(20) {
                        tell_progress(&task.name, done, all, "queries")
                    }
                })
                .await;
            let unanswered = desk.unanswered();
            desk.close().await;
            measures.map(|(measures, misses)| (measures, misses, unanswered))
        })??;
        if stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
        if matches.get_flag("misses") {
            for miss in misses {
                println!("{miss}");
            }
        }
        if json {
            println!("{}", measures.json(&task.name));
        } else {
            println!("{}", measures.line(&task.name));
        }
        if unanswered > 0 {
            eprintln!("{}: {unanswered} times the embeddings endpoint gave no answer in time, and words alone were searched", task.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_progress(name: &str, done: usize, all: usize, what: &str) {
    if stderr().is_terminal() {
        eprint!("\r{name}: {done} of {all} {what}\x1b[K");
    }
}
