//! Facts that stay relevant however old they are: stated facts, promises, questions that were put off.

use std::collections::{BTreeSet, HashSet};

use jiff::tz::TimeZone;

use crate::chats::{
    context::{
        DAY, author,
        budget::{Budget, cut},
        cues::Kinds,
        scan::{ReadTurn, ScannedChat, Sentence},
    },
    event::Author,
};

/// Most promises and open questions, and the longest quotation of one, in tokens.
const MAX_PROMISES: usize = 12;
const MAX_OPEN: usize = 5;
const QUOTATION: usize = 60;
/// Least cost of a fact, in tokens.
const MIN_TOKENS: usize = 8;
/// Words of context on either side of a fact, and the weight of a fact that the customer stated themselves.
const WORDS_AROUND: usize = 5;
const OWN_FACT: f32 = 4.0;

/// Returns facts stated once and needed later: numbers, addresses, contact details and days; those that the customer stated of themselves
/// and the days that the shop named take precedence; shown in chronological order, each once. Messages from `window` on are shown as written.
/// Adds the messages of which a part is shown to `excerpted`.
pub fn visitor_and_record_facts(scan: &ScannedChat, window: usize, excerpted: &mut BTreeSet<usize>, budget: &mut Budget) -> Vec<String> {
    let all = scan.turns.len() as f32;
    let mut ranked: Vec<(f32, usize, &ReadTurn, &Sentence)> = Vec::new();
    for (index, read) in scan.turns.iter().enumerate().take(window).skip(scan.before_customer) {
        let own = match read.turn.message.author {
            Author::Customer => Kinds::CODE | Kinds::PLACE | Kinds::CONTACT,
            Author::Agent | Author::Bot => Kinds::DAY,
        };
        let needed_later = Kinds::CODE | Kinds::PLACE | Kinds::CONTACT | Kinds::DAY;
        for sentence in
            read.sentences.iter().chain(&read.attached).filter(|sentence| !sentence.fact.is_empty() && sentence.kinds.has(needed_later))
        {
            let own = if sentence.kinds.has(own) { OWN_FACT } else { 0.0 };
            ranked.push((scan.sentence_relevance(sentence) + own + index as f32 / all, index, read, sentence));
        }
    }
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then(other.1.cmp(&one.1)));
    let mut seen = HashSet::new();
    let mut chosen: Vec<(usize, String)> = Vec::new();
    for (_, index, read, sentence) in ranked {
        if budget.left() < MIN_TOKENS {
            break;
        }
        if !seen.contains(sentence.fact) {
            let line = format!("{}: {}", author(read.turn.message.author), around(sentence.text, sentence.fact));
            if budget.take(&line) {
                seen.insert(sentence.fact);
                chosen.push((index, line));
            }
        }
    }
    chosen.sort_by_key(|(index, _)| *index);
    excerpted.extend(chosen.iter().map(|(index, _)| *index));
    chosen.into_iter().map(|(_, line)| line).collect()
}

/// Returns a fact with the words around it, and marks where its sentence continues.
fn around(sentence: &str, fact: &str) -> String {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let at = words.iter().position(|word| word.contains(fact)).unwrap_or(0);
    let (from, to) = (at.saturating_sub(WORDS_AROUND), (at + WORDS_AROUND + 1).min(words.len()));
    let before = if from > 0 { "[…] " } else { "" };
    let after = if to < words.len() { " […]" } else { "" };
    cut(&format!("{before}{}{after}", words[from..to].join(" ")), QUOTATION)
}

/// Returns the shop's promises: those with a day, relevant to the question, or made lately take precedence; shown in chronological order. Adds
/// their messages to `excerpted`.
pub fn promises(scan: &ScannedChat, time_zone: &TimeZone, excerpted: &mut BTreeSet<usize>, budget: &mut Budget) -> Vec<String> {
    let all = scan.turns.len() as f32;
    let mut ranked: Vec<(f32, usize, &ReadTurn, &Sentence)> = Vec::new();
    let by_shop = |(_, read): &(usize, &ReadTurn)| read.turn.message.author != Author::Customer;
    for (index, read) in scan.turns.iter().enumerate().skip(scan.before_customer).filter(by_shop) {
        for sentence in read.sentences.iter().filter(|sentence| sentence.kinds.has(Kinds::PROMISE) && !sentence.asks) {
            let dated = [(Kinds::DAY, 3.0), (Kinds::SOON, 1.5)]
                .iter()
                .find(|(kind, _)| sentence.kinds.has(*kind))
                .map_or(0.0, |(_, weight)| *weight);
            ranked.push((scan.sentence_relevance(sentence) + dated + index as f32 / all, index, read, sentence));
        }
    }
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then(other.1.cmp(&one.1)));
    ranked.truncate(MAX_PROMISES);
    let mut chosen: Vec<(usize, String)> = Vec::new();
    for (_, index, read, sentence) in ranked {
        let message = &read.turn.message;
        let who = if message.author_name.is_empty() { author(message.author) } else { &message.author_name };
        let line = format!("{}, {who}: {}", read.turn.at.to_zoned(time_zone.clone()).strftime(DAY), cut(sentence.text, QUOTATION));
        if budget.take(&line) {
            chosen.push((index, line));
        }
    }
    chosen.sort_by_key(|(index, _)| *index);
    excerpted.extend(chosen.iter().map(|(index, _)| *index));
    chosen.into_iter().map(|(_, line)| line).collect()
}

/// Returns questions of the customer that the next answer put off, the latest first; those of the last burst are included anyway.
pub fn open_questions(scan: &ScannedChat, budget: &mut Budget) -> Vec<String> {
    let mut open = Vec::new();
    let mut put_off = false;
    for read in scan.turns.iter().skip(scan.before_customer).rev() {
        match read.turn.message.author {
            Author::Agent => put_off = read.kinds.has(Kinds::LATER),
            Author::Bot => {}
            Author::Customer if put_off => {
                let asking = read.sentences.iter().filter(|sentence| sentence.asks).map(|sentence| cut(sentence.text, QUOTATION));
                open.extend(asking.filter(|line| budget.take(line)));
            }
            Author::Customer => {}
        }
        if open.len() >= MAX_OPEN {
            break;
        }
    }
    open.truncate(MAX_OPEN);
    open.reverse();
    open
}
