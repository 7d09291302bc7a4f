//! Decodes and encodes the voice, the glossary and the synonyms, and encodes findings.

use std::collections::{BTreeMap, HashSet};

use crate::{
    api::{
        convert::{
            document::{encode_kind, encode_status},
            event::encode_time,
            fields::Fields,
        },
        pb,
    },
    ids::Id,
    knowledge::{Finding, Listed, PutStatus, Rule, SynonymGroup, Term, Voice},
    text::{CommentFlaw, Language, words},
};

const MAX_ITEMS: usize = 1000;
const MAX_VOICE: usize = 20_000;
const MAX_SIGN_OFF: usize = 1000;
const MAX_LANGUAGES: usize = 50;
const MAX_WORD: usize = 200;
const MIN_SYNONYMS: usize = 2;
const MAX_SYNONYMS: usize = 50;
const MAX_SYNONYM: usize = 100;
/// As many as search compares.
const MAX_SYNONYM_WORDS: usize = 4;

/// Decodes a voice and the etag that it replaces.
pub fn voice(fields: &mut Fields, voice: Option<pb::Voice>) -> (Voice, String) {
    if voice.is_none() {
        fields.invalid("voice", "is required");
    }
    let pb::Voice { text, sign_off, several_messages, updated_at: _, from_folder: _, etag } = voice.unwrap_or_default();
    let text = fields.text("voice.text", text, MAX_VOICE);
    let sign_off = fields.text("voice.sign_off", sign_off, MAX_SIGN_OFF);
    (Voice { text, several_messages, sign_off }, fields.short("voice.etag", etag))
}

/// Decodes terms and the etags that they replace.
pub fn terms(fields: &mut Fields, terms: Vec<pb::GlossaryTerm>) -> Vec<(Term, String)> {
    let mut known: HashSet<String> = HashSet::new();
    let mut decoded = Vec::new();
    for (index, term) in counted(fields, "terms", terms).into_iter().enumerate() {
        let pb::GlossaryTerm { term, keep, words, updated_at: _, from_folder: _, etag } = term;
        let path = format!("terms[{index}]");
        let name = fields.id(&format!("{path}.term"), term).to_string();
        if name.trim() != name {
            fields.invalid(&format!("{path}.term"), "must not begin or end with a space");
        } else if !known.insert(name.clone()) {
            fields.invalid(&format!("{path}.term"), "is twice in this call");
        }
        if words.len() > MAX_LANGUAGES {
            fields.invalid(&format!("{path}.words"), format!("must have at most {MAX_LANGUAGES} languages"));
        } else if words.is_empty() && !keep {
            fields.invalid(&format!("{path}.words"), "is required unless `keep`");
        }
        let mut by_language: BTreeMap<String, String> = BTreeMap::new();
        for (tag, word) in words.into_iter().take(MAX_LANGUAGES).collect::<BTreeMap<String, String>>() {
            match Language::parse(&tag) {
                Err(problem) => fields.invalid(&format!("{path}.words"), format!("has a language that {problem}")),
                Ok(language) => {
                    let word = on_one_line(fields, &format!("{path}.words.{language}"), &word, MAX_WORD);
                    by_language.insert(language.to_string(), word);
                }
            }
        }
        let etag = fields.short(&format!("{path}.etag"), etag);
        decoded.push((Term { term: name, keep, words: by_language }, etag));
    }
    decoded
}

/// Decodes groups of synonyms and the etags that they replace.
pub fn groups(fields: &mut Fields, groups: Vec<pb::SynonymGroup>) -> Vec<(SynonymGroup, String)> {
    let mut known: HashSet<Id> = HashSet::new();
    let mut decoded = Vec::new();
    for (index, group) in counted(fields, "groups", groups).into_iter().enumerate() {
        let pb::SynonymGroup { id, language, words, updated_at: _, from_folder: _, etag } = group;
        let path = format!("groups[{index}]");
        let id = fields.id(&format!("{path}.id"), id);
        if !known.insert(id.clone()) {
            fields.invalid(&format!("{path}.id"), "is twice in this call");
        }
        let language = fields.language(&format!("{path}.language"), &language);
        if !(MIN_SYNONYMS..=MAX_SYNONYMS).contains(&words.len()) {
            fields.invalid(&format!("{path}.words"), format!("must have {MIN_SYNONYMS} to {MAX_SYNONYMS} words"));
        }
        let words = words.iter().take(MAX_SYNONYMS).enumerate();
        let words = words.map(|(place, word)| synonym(fields, &format!("{path}.words[{place}]"), word, &language)).collect();
        let etag = fields.short(&format!("{path}.etag"), etag);
        decoded.push((SynonymGroup { id, language, words }, etag));
    }
    decoded
}

fn synonym(fields: &mut Fields, path: &str, word: &str, language: &Language) -> String {
    let word = on_one_line(fields, path, word, MAX_SYNONYM);
    if word.contains(',') {
        fields.invalid(path, "must not contain commas");
    } else if !word.is_empty() && word.len() <= 4 * MAX_SYNONYM {
        let count = words(&word, language.primary()).len();
        if !(1..=MAX_SYNONYM_WORDS).contains(&count) {
            fields.invalid(path, format!("must have 1 to {MAX_SYNONYM_WORDS} words, and has {count}"));
        }
    }
    word
}

/// A required text on one line, without spaces around it.
fn on_one_line(fields: &mut Fields, path: &str, text: &str, max: usize) -> String {
    let text = fields.required_text(path, text.trim().to_owned(), max);
    if text.chars().any(char::is_control) {
        fields.invalid(path, "must not contain line breaks or other control characters");
    }
    text
}

/// Decodes what a deletion names.
pub fn ids(fields: &mut Fields, path: &str, ids: Vec<String>) -> Vec<String> {
    let ids = counted(fields, path, ids).into_iter().enumerate();
    ids.map(|(index, id)| fields.id(&format!("{path}[{index}]"), id).to_string()).collect()
}

fn counted<T>(fields: &mut Fields, path: &str, items: Vec<T>) -> Vec<T> {
    if items.is_empty() || items.len() > MAX_ITEMS {
        fields.invalid(path, format!("must have 1 to {MAX_ITEMS} items"));
        return Vec::new();
    }
    items
}

/// Encodes the voice.
pub fn encode_voice(voice: Listed<Voice>) -> pb::Voice {
    let Listed { content: Voice { text, several_messages, sign_off }, updated_at, from_folder, etag } = voice;
    pb::Voice { text, sign_off, several_messages, updated_at: updated_at.map(encode_time), from_folder, etag }
}

/// Encodes a term.
pub fn encode_term(term: Listed<Term>) -> pb::GlossaryTerm {
    let Listed { content: Term { term, keep, words }, updated_at, from_folder, etag } = term;
    pb::GlossaryTerm { term, keep, words: words.into_iter().collect(), updated_at: updated_at.map(encode_time), from_folder, etag }
}

/// Encodes a group of synonyms.
pub fn encode_group(group: Listed<SynonymGroup>) -> pb::SynonymGroup {
    let Listed { content: SynonymGroup { id, language, words }, updated_at, from_folder, etag } = group;
    let (id, language) = (id.to_string(), language.to_string());
    pb::SynonymGroup { id, language, words, updated_at: updated_at.map(encode_time), from_folder, etag }
}

/// Encodes what became of each entry; `written`: the id and language of each.
pub fn encode_results(written: Vec<(String, String)>, results: Vec<(PutStatus, String)>) -> Vec<pb::PutResult> {
    let results = written.into_iter().zip(results);
    let encode = |((id, language), (status, etag))| {
        let status = encode_status(status).into();
        pb::PutResult { id, language, status, unknown_placeholders: Vec::new(), etag }
    };
    results.map(encode).collect()
}

/// Encodes what a check found.
pub fn encode_finding(finding: Finding) -> pb::Finding {
    let Finding { key, rule, field, line } = finding;
    let (is_warning, message) = (rule.is_warning(), rule.to_string());
    let (rule, subject) = match rule {
        Rule::UnknownPlaceholder(name) => (pb::FindingRule::UnknownPlaceholder, name),
        Rule::BrokenLink(address) => (pb::FindingRule::BrokenLink, address),
        Rule::ShortcutTaken { shortcut: _, by } => (pb::FindingRule::ShortcutTaken, by.trim_matches('`').to_owned()),
        Rule::MissingTranslation(languages) => (pb::FindingRule::MissingTranslation, languages.join(", ")),
        Rule::Comment(CommentFlaw::Unclosed) => (pb::FindingRule::UnclosedComment, String::new()),
        Rule::Comment(CommentFlaw::Nested) => (pb::FindingRule::NestedComment, String::new()),
    };
    pb::Finding {
        kind: encode_kind(key.kind).into(),
        id: key.id.to_string(),
        language: key.language.to_string(),
        is_warning,
        rule: rule.into(),
        subject,
        field: field.to_owned(),
        line: i32::try_from(line).unwrap_or(i32::MAX),
        message,
    }
}
