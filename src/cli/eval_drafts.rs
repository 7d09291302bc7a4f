//! `deskhand eval-drafts`: measures how well the draft checks find claims that no source supports.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Context as _;
use clap::{ArgMatches, Command};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;

use crate::{
    chats::{Aside, Author, Chat, Customer, Message, Record, Turn},
    cli::eval::files::{self, Placed},
    config::Config,
    replies::{DraftedFrom, Evidence, SourceText, WarningKind},
    text::Language,
};

const FORMAT: &str = "A file has one context per line, as JSON:
  {\"context\", \"language\", \"today\", \"agent\", \"customer\", \"form\": {…}, \"records\": [{\"source\", \"reference\", \"values\": {…}}],
   \"messages\": [{\"author\": \"CUSTOMER\" or \"AGENT\", \"name\", \"text\"}], \"instruction\", \"sources\": [{\"title\", \"url\", \"text\"}],
   \"drafts\": [{\"text\", \"flaw\": null or LINK, AMOUNT, NUMBER, DATE, PROMISE, NAME, LANGUAGE, \"excerpt\"}]}

Each draft goes through the checks that a model's drafts go through. A flaw counts as marked if there is any warning other than the one
about repetition; \"as its kind\" if one of the matching kind is there. A clean draft with a warning is a false alarm.";

/// A chat, and drafts for it.
#[derive(Deserialize)]
struct Case {
    context: String,
    language: String,
    today: Date,
    #[serde(default)]
    agent: String,
    #[serde(default)]
    customer: String,
    #[serde(default)]
    form: BTreeMap<String, String>,
    #[serde(default)]
    records: Vec<GivenRecord>,
    messages: Vec<GivenMessage>,
    #[serde(default)]
    instruction: String,
    #[serde(default)]
    sources: Vec<GivenSource>,
    drafts: Vec<GivenDraft>,
}

#[derive(Deserialize)]
struct GivenRecord {
    source: String,
    reference: String,
    #[serde(default)]
    values: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct GivenMessage {
    author: String,
    #[serde(default)]
    name: String,
    text: String,
}

#[derive(Deserialize)]
struct GivenSource {
    title: String,
    #[serde(default)]
    url: String,
    text: String,
}

#[derive(Deserialize)]
struct GivenDraft {
    text: String,
    flaw: Option<String>,
}

/// Drafts of one kind of flaw: how many there are, how many are marked, and how many are marked as that kind.
#[derive(Default)]
struct Counts {
    drafts: usize,
    marked: usize,
    as_its_kind: usize,
}

pub fn command() -> Command {
    Command::new("eval-drafts")
        .about("Measure how well the draft checks find links, amounts, dates, promises and names that no source supports")
        .after_long_help(FORMAT)
        .arg(files::files("Files of contexts with drafts, one context per line").required(true))
        .arg(files::misses("Also print each misjudged draft"))
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let languages = Config::default().desk.languages;
    let mut table: BTreeMap<String, Counts> = BTreeMap::new();
    for Placed { place, value: context } in files::given::<Case>(matches, "context")? {
        let evidence = evidence(&context, &languages).with_context(|| place)?;
        for draft in &context.drafts {
            let warnings: Vec<(WarningKind, String)> =
                evidence.check(&draft.text).warnings.into_iter().map(|warning| (warning.kind, warning.excerpt)).collect();
            let kind = draft.flaw.clone().unwrap_or_else(|| "clean".to_owned());
            let counts = table.entry(kind.clone()).or_default();
            let marked = !warnings.is_empty();
            counts.drafts += 1;
            counts.marked += usize::from(marked);
            counts.as_its_kind += usize::from(warnings.iter().any(|(warned, _)| fits(&kind, *warned)));
            if matches.get_flag("misses") && marked != draft.flaw.is_some() {
                println!("{} {kind}: {warnings:?}\n{}\n", context.context, draft.text);
            }
        }
    }
    let clean = table.remove("clean").unwrap_or_default();
    let all = table.values().fold((0, 0), |(drafts, marked), counts| (drafts + counts.drafts, marked + counts.marked));
    println!("{:<10} {:>7} {:>7} {:>7} {:>12}", "flaw", "drafts", "marked", "share", "as its kind");
    let share = |some: usize, all: usize| some as f64 / all.max(1) as f64;
    for (kind, Counts { drafts, marked, as_its_kind }) in &table {
        println!("{kind:<10} {drafts:>7} {marked:>7} {:>7.3} {as_its_kind:>12}", share(*marked, *drafts));
    }
    println!("{:<10} {:>7} {:>7} {:>7.3}", "all", all.0, all.1, share(all.1, all.0));
    println!("{:<10} {:>7} {:>7} {:>7.3} false alarms", "clean", clean.drafts, clean.marked, share(clean.marked, clean.drafts));
    Ok(ExitCode::SUCCESS)
}

/// Whether a warning is of the kind that a flaw should raise.
fn fits(flaw: &str, warned: WarningKind) -> bool {
    let kind = match flaw {
        "LINK" => WarningKind::UngroundedLink,
        "AMOUNT" | "NUMBER" => WarningKind::UngroundedAmount,
        "DATE" => WarningKind::UngroundedDate,
        "PROMISE" => WarningKind::UngroundedPromise,
        "NAME" => WarningKind::WrongName,
        _ => WarningKind::LanguageMismatch,
    };
    kind == warned
}

fn evidence(context: &Case, languages: &[Language]) -> anyhow::Result<Evidence> {
    let language = Language::parse(&context.language).map_err(anyhow::Error::msg)?;
    let at: Timestamp = context.today.to_zoned(TimeZone::UTC)?.timestamp();
    let turn = |given: &GivenMessage| Turn {
        event_id: String::new(),
        at,
        message: Message {
            author: if given.author == "CUSTOMER" { Author::Customer } else { Author::Agent },
            author_id: String::new(),
            author_name: given.name.clone(),
            text: given.text.clone(),
            language: None,
            attachments: Vec::new(),
            quoted_text: String::new(),
        },
        aside: Aside::default(),
    };
    let record = |given: &GivenRecord| Record {
        source: given.source.clone(),
        reference: given.reference.clone(),
        values: given.values.clone(),
        url: String::new(),
    };
    let chat = Chat {
        customer: Customer { name: context.customer.clone(), ..Customer::default() },
        form_answers: context.form.clone(),
        records: context.records.iter().map(record).collect(),
        turns: context.messages.iter().map(turn).collect(),
        ..Chat::default()
    };
    let source = |given: &GivenSource| SourceText {
        title: given.title.clone(),
        url: given.url.clone(),
        text: given.text.clone(),
        markdown: given.text.clone(),
    };
    let sources: Vec<SourceText> = context.sources.iter().map(source).collect();
    let from = DraftedFrom {
        chat: &chat,
        earlier: &[],
        agent_name: &context.agent,
        instruction: &context.instruction,
        previous_draft: "",
        sources: &sources,
        voice: "",
        form_of_address: None,
        now: at,
    };
    Ok(Evidence::of(&from, &language, languages, &[]))
}
