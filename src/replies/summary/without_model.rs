//! A summary without a model: the chat's facts, listed.

use crate::{
    chats::{Author, Chat, ChosenContext, ClassReceipt, OmissionReason, Status},
    lexicon::{lexicon, lexicon_or_english},
    replies::stream::result::ContextReceipt,
    text::{Language, on_one_line},
};

/// Longest value of a line, in characters, and longest summary.
const MAX_VALUE: usize = 1500;
const MAX_BYTES: usize = 32_000;

/// The language that a summary without a model has: the one asked for if there are words for it, else English.
pub fn summary_language(asked: &Language) -> Language {
    match lexicon(asked.primary()) {
        Some(_) => asked.clone(),
        None => Language::parse("en").expect("a constant tag"),
    }
}

/// The headings of a summary: asked, tried, promised, open, next.
pub fn headings(language: &Language) -> &'static [String] {
    &lexicon_or_english(language).words.summary.headings
}

/// Lists a chat's facts in words of `language`; what people wrote stays in theirs. `chosen` says what was promised and put off.
pub fn summarize(chat: &Chat, chosen: &ChosenContext, earlier_chats: usize, language: &Language) -> String {
    let labels = &lexicon_or_english(language).words.summary;
    let [_, _, promised, open, _] = &labels.headings;
    let summary = &chat.summary;
    let status = match summary.status {
        Status::Open => &labels.open,
        Status::Resolved => &labels.resolved,
        Status::Ticket => &labels.ticket,
    };
    let waits = chat.turns.last().is_some_and(|turn| turn.message.author == Author::Customer) && summary.status == Status::Open;
    let mut lines = Vec::new();
    let mut say = |label: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("- {label}: {}", cut(&on_one_line(&value))));
        }
    };
    say(
        &labels.customer,
        [summary.customer_name.as_str(), summary.customer_id.as_str()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
    );
    let topic = if summary.topic.is_empty() { &summary.subject } else { &summary.topic };
    let state = if waits { format!("{status}, {}", labels.unanswered) } else { status.to_owned() };
    say(&labels.topic, if topic.is_empty() { format!("({state})") } else { format!("{topic} ({state})") });
    say(&labels.form, pairs(chat.form_answers.iter()));
    for record in &chat.records {
        say(&labels.records, format!("{} {} ({})", record.source, record.reference, pairs(record.values.iter())));
    }
    let mut agents: Vec<&str> = Vec::new();
    for turn in chat.turns.iter().filter(|turn| turn.message.author == Author::Agent) {
        let name = if turn.message.author_name.is_empty() { &turn.message.author_id } else { &turn.message.author_name };
        if !name.is_empty() && !agents.contains(&name.as_str()) {
            agents.push(name);
        }
    }
    say(&labels.agents, agents.join(", "));
    say(&labels.messages, chat.messages().to_string());
    say(&labels.earlier, if earlier_chats == 0 { String::new() } else { earlier_chats.to_string() });
    for note in &chat.notes {
        say(&labels.notes, one_line(note.text.for_agents()));
    }
    for promise in &chosen.promises {
        say(promised, one_line(promise));
    }
    for question in &chosen.open_questions {
        say(open, one_line(question));
    }
    let answer = chat.turns.iter().rev().find(|turn| turn.message.author == Author::Agent);
    say(&labels.last_answered, answer.map(|turn| one_line(&turn.message.text)).unwrap_or_default());
    say(&labels.last_asked, one_line(&chat.last_burst_text()));
    bounded(lines)
}

/// What the list was made from: the messages that it quotes, and all that is kept beside them.
pub fn summary_account(chat: &Chat, chosen: &ChosenContext, earlier_chats: usize) -> ContextReceipt {
    let whole = |count: usize| ClassReceipt::of(count, count, OmissionReason::Irrelevant);
    let unused = |count: usize| ClassReceipt::of(count, 0, OmissionReason::Irrelevant);
    let beside = chat.beside_messages();
    let answered = usize::from(chat.turns.iter().any(|turn| turn.message.author == Author::Agent));
    let quoted = (chat.last_burst().len() + answered + chosen.promises.len() + chosen.open_questions.len()).min(chat.turns.len());
    ContextReceipt {
        messages: ClassReceipt::of(chat.messages(), quoted, OmissionReason::Irrelevant),
        records: whole(chat.records.len()),
        notes: whole(chat.notes.len()),
        form_answers: whole(chat.form_answers.len()),
        earlier_chats: unused(earlier_chats),
        attachments: unused(beside.attachments),
        quotations: unused(beside.quotations),
        signatures: unused(beside.signatures),
        ..ContextReceipt::default()
    }
}

/// Joins lines as far as a summary may go; what is left out is counted.
fn bounded(lines: Vec<String>) -> String {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if text.len() + line.len() > MAX_BYTES {
            text.push_str(&format!("\n… (+{})", lines.len() - index));
            break;
        }
        if index > 0 {
            text.push('\n');
        }
        text.push_str(line);
    }
    text
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    pairs.map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join("; ")
}

/// A value of bounded length, with a mark where it was cut.
fn cut(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{} …", &value[..end]),
        None => value.to_owned(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
