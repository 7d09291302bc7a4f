//! What a chat and a glossary know as facts.

use crate::{
    chats::{Author, Chat},
    facts::{FactKind, Known},
    knowledge::Term,
    lexicon,
    replies::masking::fields::{Held, held},
    text::{Language, fold},
};

/// Most words of a greeting, and of a name in it.
const MAX_GREETING: usize = 8;
const MAX_GREETED: usize = 3;
/// Longest name or code that is looked for, in characters.
const MAX_NAME: usize = 60;

/// Whether a field of a form or a record holds a person's name, by what it is called.
pub fn is_name(field: &str) -> bool {
    held(field) == Held::Personal(FactKind::Person)
}

/// Whether it holds a postal address.
pub fn is_address(field: &str) -> bool {
    held(field) == Held::Personal(FactKind::Address)
}

/// The names and codes of a chat that a rewrite leaves alone, beside what it knows of the customer.
pub fn add_chat(known: &mut Known, chat: &Chat) {
    add_person(known, &chat.customer.name, FactKind::Person);
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

/// The names that a text greets in its first line: `Hi Elif,`, `Guten Tag Frau Weber`, `Kedves Szabó Gergely!`.
pub fn add_greeted(known: &mut Known, text: &str) {
    let line = text.trim_start().lines().next().unwrap_or_default();
    let mut words = line.split(' ').take(MAX_GREETING).map(|word| (word, bare(word))).peekable();
    let is_title = |word: &str| lexicon::any(|lexicon| lexicon.titles.before.contains(&fold(word)));
    while words.next_if(|(_, bare)| is_title(bare)).is_some() {}
    let Some((first, greeting)) = words.next().filter(|(_, bare)| lexicon::any(|lexicon| lexicon.greetings.begin(&fold(bare)))) else {
        return;
    };
    // `Guten Tag`, `Sehr geehrte`: a greeting of two words.
    let mut last = first;
    if !ends_part(first)
        && let Some((word, _)) =
            words.next_if(|(_, bare)| lexicon::any(|lexicon| lexicon.greetings.words.contains(&fold(&format!("{greeting} {bare}")))))
    {
        last = word;
    }
    // After `Hello,` a sentence begins.
    if ends_part(last) {
        return;
    }
    // `Merhaba Sayın Kaya`: one greeting after another, with a name behind.
    words.next_if(|(word, bare)| !ends_part(word) && lexicon::any(|lexicon| lexicon.greetings.words.contains(&fold(bare))));
    let mut name: Vec<&str> = Vec::new();
    for (word, bare) in words {
        if name.is_empty() && is_title(bare) {
            continue;
        }
        let named = bare.starts_with(char::is_uppercase) && bare.chars().any(char::is_lowercase) && bare.chars().count() > 1;
        let folded = fold(bare);
        if !named || lexicon::any(|lexicon| lexicon.greetings.nobody.begin(&folded) || lexicon.follows_name(&folded)) {
            break;
        }
        name.push(bare);
        if ends_part(word) {
            break;
        }
    }
    if !name.is_empty() && name.len() <= MAX_GREETED {
        add_person(known, &name.join(" "), FactKind::Person);
    }
}

/// A word without what stands around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|letter: char| !letter.is_alphanumeric())
}

/// Whether what a word belongs to ends with it.
fn ends_part(word: &str) -> bool {
    word.ends_with([',', '!', '.', ':', '-'])
}

/// A full name and each of its parts.
pub fn add_person(known: &mut Known, name: &str, kind: FactKind) {
    if name.chars().count() > MAX_NAME {
        return;
    }
    known.add_name(name, kind, true);
    for part in name.split_whitespace().filter(|part| part.chars().count() > 2) {
        known.add_name(part, kind, true);
    }
}

fn add_code(known: &mut Known, code: &str) {
    if (3..=MAX_NAME).contains(&code.chars().count())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::facts;

    #[test]
    fn the_name_that_a_text_greets_is_known() {
        for (text, name) in [
            ("Hi Elif,", Some("Elif")),
            ("Hi Jo,", Some("Jo")),
            ("Guten Tag Frau Weber,", Some("Weber")),
            ("Sehr geehrte Frau Dr. Weber", Some("Weber")),
            ("Good morning Ms Kaya!", Some("Kaya")),
            ("Kedves Szabó Gergely!", Some("Szabó Gergely")),
            ("Jó napot Szabó úr!", Some("Szabó")),
            ("Merhaba Sayın Kaya,", Some("Kaya")),
            ("Merhaba Beyza Hanım,", Some("Beyza")),
            ("Bonjour Mme Dupont,", Some("Dupont")),
            ("Estimado Sr. García:", Some("García")),
            ("Buenos días, Lucía", None),
            ("Guten Tag,", None),
            ("Dear Sir or Madam,", None),
            ("Sehr geehrte Damen und Herren", None),
            ("Bonjour Madame,", None),
            ("Estimados señores:", None),
            ("Where is Elif?", None),
        ] {
            let mut known = Known::default();
            add_greeted(&mut known, text);
            let found: Vec<&str> = facts(text, &known, |_| true).into_iter().map(|fact| &text[fact.range]).collect();
            assert_eq!(found, name.into_iter().collect::<Vec<&str>>(), "{text}");
        }
    }
}
