//! `deskhand eval`: measures the relevance of search and suggestions.

pub mod files;
pub mod measure;
pub mod replies;
pub mod run;
pub mod shop;
pub mod task;

use std::{
    io::{IsTerminal, stderr},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::{
    cli::eval::{
        measure::Measures,
        run::TaskRun,
        shop::{ShopRun, files::Shop, report::Report},
        task::Task,
    },
    config::{self, Config},
    telemetry,
};

const FORMAT: &str = "A task is a folder of three files:
  corpus.jsonl   one document per line: {\"id\", \"title\", \"body\", \"lang\"}, and optionally \"category\" and \"tags\"; or one line with the path of
                 another task's corpus, relative to this folder
  queries.jsonl  one query per line: {\"id\", \"text\", \"lang\"} for a search, or {\"id\", \"turns\": [{\"role\": \"customer\" or \"agent\", \"text\"}], \"lang\"} for
                 a chat, whose last turn is the customer's; \"oos\": true marks an out-of-scope query, which no document answers
  qrels.tsv      query id, tab, id of a document that answers it, tab, 1

Search queries run through Search, with documents as articles; chats run through SuggestAnswers, with documents as canned answers
(--articles: as articles). With --suggest a search query becomes a chat of one message. With --learn part of the chats is first appended as
history in which an agent replied with the text of a relevant document; chats whose ids differ only after the last dash belong to one
conversation, which is used for learning or measuring as a whole. With --embedding-model (and --embedding-base-url) documents are embedded
first. A query whose embedding does not arrive in time falls back to keywords, as in service; a last line counts these.

A shop is a folder with a knowledge-base folder and these files:
  chats.jsonl    one chat per line: {\"id\", \"lang\", \"channel\", \"subject\", \"turns\": [{\"role\", \"text\"}], \"record\": {\"source\", \"reference\", \"values\": {…}},
                 \"good\": [documents that an agent would take], \"best\": [those that an agent wants first]}; a document is a:ID (article) or c:ID (canned
                 answer); a value {-3} is the date three days ago
  nothing.jsonl  the same for chats that no document answers, with \"harmless\" documents
  typed.jsonl    searches of help pages: {\"id\", \"lang\", \"kind\", \"query\", \"good\", \"best\"}
Its chats run through SuggestAnswers (5) and DraftReply without a model, its searches through Search. What a score means is shown as a
reliability diagram with the expected calibration error over all suggestions.

The columns: success@1, recall@5, MRR@10 and nDCG@10, each with its standard error; AUROC of the first suggestion's score, in-scope
against out-of-scope queries; the median and the 99th percentile of the in-process latency, in milliseconds.";

pub fn command() -> Command {
    Command::new("eval")
        .about("Measure the relevance of search and suggestions on your own documents and questions")
        .after_long_help(FORMAT)
        .arg(Arg::new("task").value_name("TASK").required(true).num_args(1..).value_parser(value_parser!(PathBuf)).help("Task folders"))
        .arg(
            Arg::new("suggest")
                .long("suggest")
                .action(ArgAction::SetTrue)
                .help("Run text queries as suggestions for a chat of one message"),
        )
        .arg(Arg::new("articles").long("articles").action(ArgAction::SetTrue).help("Suggest articles instead of canned answers"))
        .arg(
            Arg::new("learn")
                .long("learn")
                .value_name("PERCENT")
                .value_parser(value_parser!(u8).range(1..=99))
                .help("Learn from this percentage of the chats, and measure the others"),
        )
        .arg(files::misses("Also print each query whose first hit is not relevant, with what was found and what was expected"))
        .arg(
            Arg::new("shop-knowledge-base")
                .long("shop-knowledge-base")
                .value_name("FOLDER")
                .value_parser(value_parser!(PathBuf))
                .help("Serve this folder to the chats of a shop, instead of its own `knowledge-base`"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON object per task instead of a table"))
        .args(config::embedding_flags())
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    telemetry::start("error");
    let config = Config::read(None, matches)?;
    let (suggest, articles, json) = (matches.get_flag("suggest"), matches.get_flag("articles"), matches.get_flag("json"));
    let learns = matches.contains_id("learn");
    let folders = matches.get_many::<PathBuf>("task").expect("it is required");
    let (shops, folders): (Vec<&PathBuf>, Vec<&PathBuf>) = folders.partition(|folder| Shop::is_at(folder));
    for folder in shops {
        let shop = Shop::read(folder, matches.get_one::<PathBuf>("shop-knowledge-base"))?;
        run_shop(&config, &shop, matches.get_flag("misses"))?;
    }
    let tasks = folders.into_iter().map(|folder| Task::read(folder)).collect::<anyhow::Result<Vec<Task>>>()?;
    if !json && !tasks.is_empty() {
        println!("{}", Measures::HEAD);
    }
    for task in tasks {
        let (measures, misses, unanswered) = crate::cli::block_on(async {
            let progress = |done, all| print_progress(&task.name, done, all, "documents embedded");
            let desk = TaskRun::open(&config, &task, suggest || learns || task.has_chats(), articles, progress).await?;
            let measured = match matches.get_one::<u8>("learn") {
                Some(percent) => desk.teach(&task, *percent).await?,
                None => task.queries.iter().collect(),
            };
            let measures = desk
                .measure(&task, &measured, |done: usize, all| {
                    if done.is_multiple_of(20) {
                        print_progress(&task.name, done, all, "queries")
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
            eprintln!("{}: {unanswered} times the embedding did not arrive in time, and the search fell back to keywords", task.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures a shop, and prints its tables.
fn run_shop(config: &Config, shop: &Shop, misses: bool) -> anyhow::Result<()> {
    let (report, unanswered) = crate::cli::block_on(async {
        let run = ShopRun::open(config, shop, |done, all| print_progress(&shop.name, done, all, "documents embedded")).await?;
        let mut report = Report { chats: Vec::new(), nothing: Vec::new(), searches: Vec::new() };
        let all = shop.chats.len() + shop.nothing.len();
        for (number, chat) in shop.chats.iter().chain(&shop.nothing).enumerate() {
            print_progress(&shop.name, number, all, "chats");
            let answered = run.chat(chat, number).await?;
            if number < shop.chats.len() { &mut report.chats } else { &mut report.nothing }.push((chat, answered));
        }
        for search in &shop.searches {
            report.searches.push((search, run.search(search).await?));
        }
        let unanswered = run.unanswered();
        run.close().await;
        anyhow::Ok((report, unanswered))
    })??;
    if stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    if misses {
        report.misses().iter().for_each(|miss| println!("{miss}"));
    }
    println!("{}", report.text(shop));
    if unanswered > 0 {
        eprintln!("{}: {unanswered} times the embedding did not arrive in time, and words alone ranked", shop.name);
    }
    Ok(())
}

fn print_progress(name: &str, done: usize, all: usize, what: &str) {
    if stderr().is_terminal() {
        eprint!("\r{name}: {done} of {all} {what}\x1b[K");
    }
}
