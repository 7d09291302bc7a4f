//! `deskhand eval-personal`: measures how much personal data a prompt still has, and how much of what is none is masked.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Context as _;
use clap::{ArgMatches, Command};
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;

use crate::{
    chats::{Aside, Author, Chat, Choice, ChosenContext, Customer, Message, Record, Turn, choose},
    cli::eval::files::{self, Placed},
    config::PersonalData,
    replies::Masker,
    text::{Language, visible},
};

const FORMAT: &str = "A file has one message or one record per line, as JSON:
  {\"language\", \"customer\": {\"name\", \"email\", \"phone\", \"attributes\": {…}}, \"text\", \"mask\": […], \"keep\": […]}
  {\"source\", \"values\": {…}, \"mask\": […], \"keep\": […]}

A message is the only one of a chat with that customer, a record the only one of a chat without messages. What is chosen of the chat for a
prompt is masked as for any prompt; first names are masked too. An entry of `mask` is missed if it still stands in what the model would get,
and left in part if a word of it does; one of `keep` is lost if it doesn't stand there whole.";

/// More tokens than any chat of a file needs: nothing is left out of a prompt.
const BUDGET: usize = 100_000;
/// Fewest letters and digits of a word that is left.
const MIN_WORD: usize = 3;

/// A message of a chat, or a record.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    language: String,
    #[serde(default)]
    customer: GivenCustomer,
    #[serde(default)]
    text: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    values: BTreeMap<String, String>,
    #[serde(default)]
    mask: Vec<String>,
    #[serde(default)]
    keep: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenCustomer {
    name: String,
    email: String,
    phone: String,
    attributes: BTreeMap<String, String>,
}

/// What is to be masked and kept in texts of one language, or in records, and how much of it is not.
#[derive(Default)]
struct Counts {
    to_mask: usize,
    missed: usize,
    in_part: usize,
    to_keep: usize,
    lost: usize,
}

/// Entries of a case that are not as they should be.
struct Misses<'a> {
    missed: Vec<&'a str>,
    in_part: Vec<&'a str>,
    lost: Vec<&'a str>,
}

pub fn command() -> Command {
    Command::new("eval-personal")
        .about("Measure how much personal data a model would get, and how much else is masked")
        .after_long_help(FORMAT)
        .arg(files::files("Files of messages and records, one per line").required(true))
        .arg(files::misses("Also print what is missed and lost, with the masked text"))
}

pub fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let mut table: BTreeMap<String, Counts> = BTreeMap::new();
    measure(&files::given(matches, "case")?, matches.get_flag("misses"), &mut table)?;
    println!("{:<8} {:>8} {:>7} {:>8} {:>7} {:>8} {:>7} {:>7}", "", "to mask", "missed", "in part", "masked", "to keep", "lost", "kept");
    table.iter().for_each(|(row, counts)| print_row(row, counts));
    print_row("all", &total(&table));
    Ok(ExitCode::SUCCESS)
}

/// Counts cases by language, and records apart.
fn measure(cases: &[Placed<Case>], print_misses: bool, table: &mut BTreeMap<String, Counts>) -> anyhow::Result<()> {
    for Placed { place, value: case } in cases {
        let (given, masked) = case.prompt().with_context(|| place.clone())?;
        let Misses { missed, in_part, lost } = case.misses(&given, &masked);
        let row = if case.values.is_empty() { case.language.clone() } else { "record".to_owned() };
        let counts = table.entry(row).or_default();
        counts.to_mask += case.mask.len();
        counts.missed += missed.len();
        counts.in_part += in_part.len();
        counts.to_keep += case.keep.len();
        counts.lost += lost.len();
        if print_misses && !(missed.is_empty() && in_part.is_empty() && lost.is_empty()) {
            println!("{place}: missed {missed:?}, left in part {in_part:?}, lost {lost:?}\n{masked}\n");
        }
    }
    Ok(())
}

fn total(table: &BTreeMap<String, Counts>) -> Counts {
    table.values().fold(Counts::default(), |all, counts| Counts {
        to_mask: all.to_mask + counts.to_mask,
        missed: all.missed + counts.missed,
        in_part: all.in_part + counts.in_part,
        to_keep: all.to_keep + counts.to_keep,
        lost: all.lost + counts.lost,
    })
}

fn print_row(row: &str, Counts { to_mask, missed, in_part, to_keep, lost }: &Counts) {
    let share = |some: usize, all: usize| (all - some) as f64 / all.max(1) as f64;
    let (masked, kept) = (share(*missed, *to_mask), share(*lost, *to_keep));
    println!("{row:<8} {to_mask:>8} {missed:>7} {in_part:>8} {masked:>7.3} {to_keep:>8} {lost:>7} {kept:>7.3}");
}

impl Case {
    /// What is chosen of the chat for a prompt, and what a model would get of it.
    fn prompt(&self) -> anyhow::Result<(String, String)> {
        let language = if self.language.is_empty() { "en" } else { &self.language };
        let language = Language::parse(language).map_err(anyhow::Error::msg)?;
        let chat = self.chat();
        let mut chosen = choose(Choice {
            chat: &chat,
            earlier: &[],
            earlier_total: 0,
            language: language.primary(),
            use_notes: false,
            budget: BUDGET,
            context: BUDGET,
            now: Timestamp::UNIX_EPOCH,
            time_zone: &TimeZone::UTC,
            nearness: &[],
            running_summary: None,
        });
        let given = text_of(&chosen);
        let settings = PersonalData { first_names: true, ..PersonalData::default() };
        Masker::of(&settings, std::iter::once(&chat), &language).mask_context(&mut chosen);
        Ok((given, text_of(&chosen)))
    }

    fn chat(&self) -> Chat {
        let GivenCustomer { name, email, phone, attributes } = &self.customer;
        let customer = Customer {
            name: name.clone(),
            email: email.clone(),
            phone: phone.clone(),
            attributes: attributes.clone(),
            ..Customer::default()
        };
        let turn = Turn {
            event_id: String::new(),
            at: Timestamp::UNIX_EPOCH,
            message: Message {
                author: Author::Customer,
                author_id: String::new(),
                author_name: String::new(),
                text: self.text.clone(),
                language: None,
                attachments: Vec::new(),
                quoted_text: String::new(),
            },
            aside: Aside::default(),
        };
        let record = Record { source: self.source.clone(), reference: String::new(), values: self.values.clone(), url: String::new() };
        let turns = if self.text.is_empty() { Vec::new() } else { vec![turn] };
        let records = if self.values.is_empty() { Vec::new() } else { vec![record] };
        Chat { customer, turns, records, ..Chat::default() }
    }

    fn misses(&self, given: &str, masked: &str) -> Misses<'_> {
        let missed: Vec<&str> = self.mask.iter().map(String::as_str).filter(|entry| masked.contains(*entry)).collect();
        // A word may also stand where it is no personal data.
        let count = |text: &str, word: &str| text.split(|letter: char| !letter.is_alphanumeric()).filter(|other| *other == word).count();
        let left = |word: &str| {
            let personal = self.mask.iter().filter(|entry| !self.mask.iter().any(|other| other != *entry && other.contains(*entry)));
            let inside: usize = personal.map(|entry| count(entry, word) * given.matches(entry.as_str()).count()).sum();
            let standing = count(masked, word);
            standing > 0 && standing + inside > count(given, word)
        };
        let in_part = |entry: &&str| {
            let words = entry.split(|letter: char| !letter.is_alphanumeric());
            !missed.contains(entry) && words.filter(|word| word.chars().count() >= MIN_WORD).any(left)
        };
        let in_part = self.mask.iter().map(String::as_str).filter(in_part).collect();
        let lost = self.keep.iter().map(String::as_str).filter(|entry| !masked.contains(*entry)).collect();
        Misses { missed, in_part, lost }
    }
}

/// The texts of a chosen context, a line for each.
fn text_of(chosen: &ChosenContext) -> String {
    let lines = chosen.lines.iter().flat_map(|line| [&line.text, &line.quoted, &line.signature]);
    let records = chosen.records.iter();
    let fields = chosen.facts.iter().chain(&chosen.form_answers).chain(records.clone().flat_map(|record| &record.values));
    let facts = fields.map(|(field, value)| format!("{field}: {value}"));
    let texts = records.map(|record| &record.title).chain(lines).filter(|text| !text.is_empty()).map(|text| visible(text));
    texts.chain(facts).collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn counts(file: &str) -> Counts {
        let mut table = BTreeMap::new();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/personal").join(file);
        measure(&files::read(&file, "case").unwrap(), true, &mut table).unwrap();
        total(&table)
    }

    /// At most so many of a thousand entries are missed, and lost.
    #[track_caller]
    fn holds(file: &str, missed: usize, lost: usize) {
        let counts = counts(file);
        assert!(counts.missed * 1000 <= counts.to_mask * missed, "{file}: {} of {} missed", counts.missed, counts.to_mask);
        assert!(counts.lost * 1000 <= counts.to_keep * lost, "{file}: {} of {} lost", counts.lost, counts.to_keep);
    }

    #[test]
    fn personal_data_of_messages_and_records_are_masked_and_the_rest_stays() {
        holds("first/messages.jsonl", 10, 10);
        holds("first/records.jsonl", 15, 10);
    }

    #[test]
    fn published_identifiers_are_masked_and_invalid_ones_mostly_stay() {
        holds("presidio.jsonl", 20, 260);
    }

    #[test]
    fn what_is_left_in_part_is_told_from_what_stands_elsewhere() {
        let case: Case = serde_json::from_str(r#"{"mask": ["Daniel Black", "14 Rose Lane"], "keep": ["Black sofa"]}"#).unwrap();
        let given = "Black sofa for Daniel Black, 14 Rose Lane";
        let misses = case.misses(given, "Black sofa for ⟦NAME_1⟧, ⟦ADDRESS_2⟧ Lane");
        assert_eq!((misses.missed, misses.in_part, misses.lost), (vec![], vec!["14 Rose Lane"], vec![]));
        let misses = case.misses(given, "⟦NAME_1⟧ sofa for Daniel Black, ⟦ADDRESS_2⟧");
        assert_eq!((misses.missed, misses.lost), (vec!["Daniel Black"], vec!["Black sofa"]));
    }
}
