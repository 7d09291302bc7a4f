//! `deskhand eval-replies`: asks each configured model for the same replies, and measures what they say, for choosing a model.

pub mod answer;
pub mod candidates;
pub mod case;
pub mod chat;
pub mod judge;
pub mod page;
pub mod report;
pub mod service;
pub mod verdict;

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{IsTerminal, Write, stderr},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use futures::{StreamExt, stream};
use jiff::Zoned;

use crate::{
    cli::{
        eval::{
            files,
            replies::{
                answer::Answer,
                candidates::{Candidate, Candidates, Prices},
                case::{Case, CaseTask},
                judge::Judge,
                service::MeasuredService,
                verdict::Verdict,
            },
        },
        model_metrics::Failure,
        sample_shop, scratch_folder,
        serve::{config_flag, config_of},
    },
    config::{self, Config, Task},
    telemetry,
    text::Language,
};

const DETAILS: &str = "A file has one case per line, as JSON:
  {\"id\", \"language\", \"task\": \"draft\", \"correct\", \"retone\", \"translate\" or \"summarize\", \"channel\": \"WEB_CHAT\", \"EMAIL\", …, \"agent\", \"customer\",
   \"form\": {…}, \"records\": [{\"source\", \"reference\", \"values\": {…}}], \"messages\": [{\"author\": \"CUSTOMER\", \"AGENT\" or \"BOT\", \"text\"}],
   \"instruction\" (of a draft), \"text\" (of a rewrite), \"tone\" (of a changed tone), \"target\" (of a translation, a language),
   \"must\": [[\"one wording\", \"another\"], …], \"must_not\": [\"…\"], \"why\": \"what makes an answer good\"}
Without files the set that comes with the program is asked: 60 chats of the sample shop in English, German, Turkish and Hungarian, on the sample
shop's knowledge base. Files are asked on the configured knowledge base, if there is one. --knowledge-base names another.

The service runs in this process, on loopback, in a temporary folder, with each model alone. Each case's chat is appended, its events a minute
apart and the last one now, and the same call is made that a console makes. A model is asked for the tasks that its setting `tasks` has.
A requirement of `must` is met if any of its wordings occurs, whatever its case, accents and white space; none of `must_not` may occur. An
answer passes if all that holds, the model wrote it, and it came whole: finished, not refused by a check, not cut off at a length limit.

The columns: whole; by model (the built-in engine answers where a model fails); pass; requirements met and forbidden texts said, in what the
models wrote; warnings that Deskhand gave; answers in the right language, of those of which that can be told; the mean of the judgements; the
median times to the first token and to the end; tokens as the model reports them, and what they cost.

With --judge another model reads each answer with its case, as they are, and grades it from 1 to 5; what is no such number counts as no
judgement. Ctrl-C ends the run with what there is so far.";

pub fn command() -> Command {
    Command::new("eval-replies")
        .about("Ask each configured model for the same replies and measure what they say, to choose a model")
        .after_long_help(DETAILS)
        .arg(files::files("Files of cases, one per line [default: the set that comes with the program]"))
        .arg(
            Arg::new("only_model")
                .long("model")
                .value_name("NAME")
                .action(ArgAction::Append)
                .help("Only this model; may be repeated. A name that is not configured is another model of the first one's server"),
        )
        .arg(Arg::new("only_language").long("language").value_name("TAG").help("Only cases in this language"))
        .arg(
            Arg::new("task")
                .long("task")
                .value_name("TASK")
                .value_parser(CaseTask::ALL.map(CaseTask::word))
                .help("Only cases of this task"),
        )
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("NUMBER")
                .value_parser(value_parser!(u32).range(1..))
                .help("At most so many cases, taken from each language and task in turn"),
        )
        .arg(
            Arg::new("parallel")
                .long("parallel")
                .value_name("NUMBER")
                .default_value("1")
                .value_parser(value_parser!(u8).range(1..=64))
                .help("How many cases a model is asked at once; times grow with it"),
        )
        .arg(
            Arg::new("judge")
                .long("judge")
                .value_name("NAME")
                .help("Model that grades each answer; it is not asked itself unless --model names it"),
        )
        .arg(price("price_in", "Price of a million tokens that a model reads; may be repeated"))
        .arg(price("price_out", "Price of a million tokens that a model writes; may be repeated"))
        .arg(output("page", "Also write a page with the answers of all models side by side"))
        .arg(output("json", "Also write each answer with all that is known of it, as a line of JSON"))
        .arg(config_flag())
        .args(settings())
}

fn price(name: &'static str, help: &'static str) -> Arg {
    let long = name.replace('_', "-");
    Arg::new(name).long(long).value_name("NAME=PRICE").action(ArgAction::Append).value_parser(Prices::parse).help(help)
}

fn output(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
}

/// The settings that bear on an answer. Two have other flags than elsewhere: `--model` and `--language` choose here.
fn settings() -> Vec<Arg> {
    let renamed = |flag: Arg| match flag.get_id().as_str() {
        "model" => flag.long("model-name"),
        "language" => flag.long("default-language"),
        _ => flag,
    };
    config::desk_flags().into_iter().chain(config::model_flags()).chain(config::embedding_flags()).map(renamed).collect()
}

/// What is asked of each model.
struct Run {
    config: Config,
    knowledge_base: PathBuf,
    languages: Vec<Language>,
    cases: Vec<Case>,
    parallel: usize,
    judge: Option<Judge>,
}

/// All that came of it.
#[derive(Default)]
struct Answers<'a> {
    given: Vec<Answer<'a>>,
    /// Why each model's own calls failed, by its label.
    reasons: BTreeMap<String, BTreeMap<Failure, u64>>,
    is_stopped: bool,
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    telemetry::start("error");
    let config = config_of(matches)?;
    let Candidates { asked: candidates, judge } = Candidates::of(&config, matches)?;
    let prices = Prices::of(matches, &candidates)?;
    let cases = chosen(matches)?;
    let scratch = scratch_folder()?;
    let own = own_knowledge_base(matches, &config);
    let about = about(&cases, own.as_deref());
    let knowledge_base = match own {
        Some(folder) => folder,
        None => sample_shop::unpack(scratch.path())?,
    };
    // What can't be written is told before the models are asked, which takes time and money.
    let mut json = created(matches, "json")?;
    let mut page = created(matches, "page")?;
    let judge = judge.as_ref().map(Judge::new).transpose().context("can't prepare the judging model")?;
    let parallel = usize::from(*matches.get_one::<u8>("parallel").expect("it has a default"));
    let mut languages = config.desk.languages.clone();
    for language in cases.iter().flat_map(|case| [&case.language, case.answer_language()]) {
        if !languages.contains(language) {
            languages.push(language.clone());
        }
    }
    let run = Run { config, knowledge_base, languages, cases, parallel, judge };
    let answers = crate::cli::block_on(run.ask_all(&candidates, json.as_mut()))??;

    let models: Vec<String> = candidates.into_iter().map(|candidate| candidate.label).collect();
    let table = report::table(&answers.given, &models, &prices);
    print!("{about}\n\n{table}");
    let failures = report::failures(&answers.given, &models, &answers.reasons);
    if !failures.is_empty() {
        print!("\n{failures}");
    }
    if let Some(file) = &mut page {
        file.write_all(page::page(&answers.given, &models, &about, &table).as_bytes()).context("can't write the page")?;
    }
    Ok(if answers.is_stopped { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Run {
    /// Asks the models one after the other, so that none takes another's time.
    async fn ask_all(&self, candidates: &[Candidate], mut json: Option<&mut File>) -> anyhow::Result<Answers<'_>> {
        let mut answers = Answers::default();
        for candidate in candidates {
            self.ask(candidate, json.as_deref_mut(), &mut answers).await?;
            if answers.is_stopped {
                break;
            }
        }
        Ok(answers)
    }

    async fn ask<'a>(&'a self, candidate: &Candidate, mut json: Option<&mut File>, answers: &mut Answers<'a>) -> anyhow::Result<()> {
        let handles = |case: &&Case| Task::ALL.iter().any(|task| task.word() == case.task().word() && candidate.model.handles(*task));
        let cases: Vec<&Case> = self.cases.iter().filter(handles).collect();
        if cases.len() < self.cases.len() {
            eprintln!("{}: {} cases left out, of tasks that its setting `tasks` lacks", candidate.label, self.cases.len() - cases.len());
        }
        let service = MeasuredService::start(&self.config, candidate, &self.knowledge_base, &self.languages).await?;
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let mut asking = stream::iter(cases.iter().map(|case| self.answer(&service, candidate, case))).buffered(self.parallel);
        let mut done = 0;
        loop {
            show_progress(&candidate.label, done, cases.len());
            let answer = tokio::select! {
                biased;
                signal = &mut interrupted => {
                    signal?;
                    answers.is_stopped = true;
                    break;
                }
                next = asking.next() => match next {
                    Some(answer) => answer,
                    None => break,
                },
            };
            if let Some(file) = &mut json {
                writeln!(file, "{}", answer.json()).context("can't write the results")?;
            }
            answers.given.push(answer);
            done += 1;
        }
        drop(asking);
        clear_progress();
        if answers.is_stopped {
            eprintln!("{}: stopped after {done} of {} cases", candidate.label, cases.len());
        }
        answers.reasons.insert(candidate.label.clone(), service.failures().await);
        service.stop().await;
        Ok(())
    }

    async fn answer<'a>(&self, service: &MeasuredService, candidate: &Candidate, case: &'a Case) -> Answer<'a> {
        let generated = service.answer(case).await;
        let verdict = Verdict::of(case, &generated.end, &self.languages);
        let mut answer = Answer { case, model: candidate.label.clone(), generated, verdict, judged: None };
        if let Some(judge) = &self.judge {
            answer.judged = judge.judge(&answer).await;
        }
        answer
    }
}

/// The cases that the arguments choose.
fn chosen(matches: &ArgMatches) -> anyhow::Result<Vec<Case>> {
    let given: Vec<&PathBuf> = matches.get_many("file").into_iter().flatten().collect();
    let mut cases = case::read(&given)?;
    let language = matches.get_one::<String>("only_language").map(|tag| Language::parse(tag)).transpose();
    let language = language.map_err(|problem| anyhow::anyhow!("--language {problem}"))?;
    let task = matches.get_one::<String>("task");
    cases.retain(|case| {
        language.as_ref().is_none_or(|language| language.covers(&case.language)) && task.is_none_or(|task| case.task().word() == *task)
    });
    ensure!(!cases.is_empty(), "no case is in that language and of that task");
    if let Some(limit) = matches.get_one::<u32>("limit") {
        cases = in_turn(cases, *limit as usize);
    }
    Ok(cases)
}

/// At most so many cases: the first of each language and task, then the second of each, and so on. They stay in their order.
fn in_turn(cases: Vec<Case>, limit: usize) -> Vec<Case> {
    let mut seen: HashMap<(Language, CaseTask), usize> = HashMap::new();
    let mut ranked: Vec<(usize, usize, Case)> = cases
        .into_iter()
        .enumerate()
        .map(|(place, case)| {
            let before = seen.entry((case.language.clone(), case.task())).or_default();
            *before += 1;
            (*before, place, case)
        })
        .collect();
    ranked.sort_by_key(|(rank, place, _)| (*rank, *place));
    ranked.truncate(limit);
    ranked.sort_by_key(|(_, place, _)| *place);
    ranked.into_iter().map(|(_, _, case)| case).collect()
}

/// The knowledge base that was named, or for cases of one's own the configured one. `None`: the sample shop.
fn own_knowledge_base(matches: &ArgMatches, config: &Config) -> Option<PathBuf> {
    let named = matches.get_one::<String>("knowledge_base").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let configured = || config.knowledge_base.clone().filter(|folder| matches.contains_id("file") && folder.is_dir());
    named.or_else(configured)
}

fn created(matches: &ArgMatches, name: &str) -> anyhow::Result<Option<File>> {
    let Some(path) = matches.get_one::<PathBuf>(name) else { return Ok(None) };
    Ok(Some(File::create(path).with_context(|| format!("can't write `{}`", path.display()))?))
}

/// What was asked, on which knowledge base, and when.
fn about(cases: &[Case], knowledge_base: Option<&Path>) -> String {
    let shop = knowledge_base.map_or_else(|| "the sample shop".to_owned(), |folder| format!("`{}`", folder.display()));
    format!("{} cases, knowledge base: {shop}, {}", cases.len(), Zoned::now().strftime("%Y-%m-%d %H:%M"))
}

fn show_progress(model: &str, done: usize, all: usize) {
    if stderr().is_terminal() {
        eprint!("\r{model}: {done} of {all} cases\x1b[K");
    }
}

fn clear_progress() {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_from_each_language_and_task_in_turn() {
        let cases = case::read(&[]).unwrap();
        let places: HashMap<String, usize> = cases.iter().enumerate().map(|(place, case)| (case.id.clone(), place)).collect();
        let some = in_turn(cases, 20);
        let kinds: std::collections::HashSet<(&str, CaseTask)> = some.iter().map(|case| (case.language.as_str(), case.task())).collect();
        assert_eq!((some.len(), kinds.len()), (20, 20), "four languages, five tasks");
        assert!(some.is_sorted_by_key(|case| places[&case.id]));
    }
}
