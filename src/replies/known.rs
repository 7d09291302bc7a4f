//! What a chat and a glossary know as facts.

use crate::{
    chats::{Author, Chat},
    knowledge::Term,
    text::{FactKind, Known, Language},
};

/// Longest name or code that is looked for, in characters.
const MOST_NAME: usize = 60;

/// The names and codes of a chat that a rewrite leaves alone.
pub fn add_chat(known: &mut Known, chat: &Chat) {
    let customer = &chat.customer.name;
    known.add_name(customer, FactKind::Person);
    for part in customer.split_whitespace() {
        known.add_name(part, FactKind::Person);
    }
    let written = chat.turns.iter().map(|turn| (turn.message.author, turn.message.author_name.as_str()));
    for (author, name) in written.chain([(Author::Agent, chat.summary.agent_name.as_str())]) {
        add_person(known, name, if author == Author::Customer { FactKind::Person } else { FactKind::Name });
    }
    for record in &chat.records {
        add_code(known, &record.reference);
    }
    for answer in chat.form_answers.values().filter(|answer| answer.bytes().any(|byte| byte.is_ascii_digit())) {
        add_code(known, answer);
    }
}

/// A full name and each of its parts.
pub fn add_person(known: &mut Known, name: &str, kind: FactKind) {
    if name.chars().count() > MOST_NAME {
        return;
    }
    known.add_name(name, kind);
    for part in name.split_whitespace().filter(|part| part.chars().count() > 2) {
        known.add_name(part, kind);
    }
}

fn add_code(known: &mut Known, code: &str) {
    if (3..=MOST_NAME).contains(&code.chars().count())
        && code.split_whitespace().count() <= 4
        && code.bytes().any(|byte| byte.is_ascii_digit())
    {
        known.add_value(code, FactKind::Code);
    }
}

/// The terms of a glossary: kept, or in a translation mapped to the words of its language.
pub fn add_glossary(known: &mut Known, glossary: &[Term], source: Option<&Language>, target: Option<&Language>) {
    for term in glossary {
        let own = source.and_then(|source| term.words.get(source.primary()));
        let becomes = target.and_then(|target| term.words.get(target.primary()));
        let translated = source.map(Language::primary) != target.map(Language::primary);
        for word in [Some(&term.term), own].into_iter().flatten() {
            match becomes {
                Some(becomes) if translated && !term.keep => known.add_term(word, Some(becomes)),
                _ if term.keep || !translated => known.add_term(word, None),
                _ => {}
            }
        }
    }
}
