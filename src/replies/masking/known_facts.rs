//! What a chat and a glossary know as facts.

use crate::{
    chats::{Author, Chat},
    facts::{FactKind, Known},
    knowledge::Term,
    text::{Language, fold},
};

/// Most words of a greeting, and of a name in it.
const MAX_GREETING: usize = 8;
const MAX_GREETED: usize = 3;
/// Longest name or code that is looked for, in characters.
const MAX_NAME: usize = 60;

/// Words by which fields of forms and records are known that hold a person's name, an address, a phone number; without accents.
const NAMES: [&str; 16] = [
    "name",
    "firstname",
    "lastname",
    "fullname",
    "surname",
    "recipient",
    "ad",
    "adi",
    "isim",
    "soyad",
    "soyadi",
    "nev",
    "vezeteknev",
    "keresztnev",
    "vorname",
    "nachname",
];
const ADDRESSES: [&str; 16] = [
    "address",
    "street",
    "city",
    "adres",
    "adresi",
    "sehir",
    "ilce",
    "mahalle",
    "sokak",
    "cim",
    "utca",
    "varos",
    "adresse",
    "anschrift",
    "strasse",
    "stadt",
];
const PHONES: [&str; 10] = ["phone", "mobile", "telephone", "tel", "telefon", "telefonu", "gsm", "mobil", "handy", "telefonszam"];

/// Whether a field of this name holds a person's name.
pub fn is_name(field: &str) -> bool {
    is_field(field, &NAMES)
}

pub fn is_address(field: &str) -> bool {
    is_field(field, &ADDRESSES)
}

pub fn is_phone(field: &str) -> bool {
    is_field(field, &PHONES)
}

fn is_field(field: &str, names: &[&str]) -> bool {
    fold(field).split(|letter: char| !letter.is_alphabetic()).any(|word| names.contains(&word))
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

/// The names that a text greets in its first line: `Hi Elif,`, `Sehr geehrte Frau Weber`, `Kedves Szabó Gergely!`.
pub fn add_greeted(known: &mut Known, text: &str) {
    const GREETINGS: [&str; 18] = [
        "dear",
        "hi",
        "hello",
        "hey",
        "merhaba",
        "merhabalar",
        "selam",
        "sayin",
        "sevgili",
        "kedves",
        "tisztelt",
        "szia",
        "hallo",
        "liebe",
        "lieber",
        "geehrte",
        "geehrter",
        "moin",
    ];
    const TITLES: [&str; 11] = ["mr", "mrs", "ms", "miss", "dr", "prof", "frau", "herr", "sehr", "prof.", "dr."];
    // Beginnings of words that greet nobody by name.
    const NOBODY: [&str; 29] = [
        "there", "all", "team", "every", "customer", "sir", "madam", "valued", "friend", "again", "kund", "damen", "herren", "zusammen",
        "hanim", "bey", "efend", "musteri", "ugyfel", "vasarlo", "holgy", "uram", "uraim", "cim", "asszony", "partner", "support",
        "service", "uzlet",
    ];
    let line = text.trim_start().lines().next().unwrap_or_default();
    let mut words = line.split(' ').take(MAX_GREETING).skip_while(|word| TITLES.contains(&fold(word).as_str())).peekable();
    if !words.next().is_some_and(|word| GREETINGS.contains(&fold(word).as_str())) {
        return;
    }
    let mut name: Vec<&str> = Vec::new();
    for word in words {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        let folded = fold(bare);
        if TITLES.contains(&folded.as_str()) && name.is_empty() {
            continue;
        }
        let named = bare.starts_with(char::is_uppercase) && bare.chars().any(char::is_lowercase) && bare.chars().count() > 1;
        if !named || NOBODY.iter().any(|begins| folded.starts_with(begins)) {
            break;
        }
        name.push(bare);
        if word.ends_with([',', '!', '.', ':', '-']) {
            break;
        }
    }
    if !name.is_empty() && name.len() <= MAX_GREETED {
        add_person(known, &name.join(" "), FactKind::Person);
    }
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
