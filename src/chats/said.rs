//! What an event says beside its words: promises, what became of them, and codes. It is prepared before the event is written.

use std::collections::BTreeSet;

use crate::{
    chats::{
        codes::codes_of,
        event::{Author, Channel, EventBody, Message},
        mail::tell_apart,
    },
    lexicon::{Lexicon, lexica_of, lexicon},
    promises::{Candidate, Claim, candidates, claims, may_promise, record_state},
    text::{Language, detect},
};

/// What an event says.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Sentences of an agent's message that may promise.
    pub candidates: Vec<Candidate>,
    /// Whether it may say what became of a promise.
    pub settles: bool,
    /// The codes by which its customer is known.
    pub codes: BTreeSet<String>,
}

impl Said {
    /// `languages` are those that a message without a reported language may be in.
    pub fn of(body: &EventBody, languages: &[Language]) -> Said {
        let (mut promised, mut settles) = (Vec::new(), false);
        match body {
            EventBody::Message(message) if message.author == Author::Agent => {
                let written = written_now(message);
                // Most messages promise nothing: then their language is not asked for.
                if may_promise(&written) {
                    let language = language_of(message, &written, languages);
                    promised = candidates(&written, language.as_ref().map_or("", Language::primary));
                }
                settles = !claims_in(message, &written, languages).is_empty();
            }
            EventBody::Record(record) => settles = record_state(record.values.values().map(String::as_str)).is_some(),
            _ => {}
        }
        Said { candidates: promised, settles, codes: codes_of(body) }
    }

    /// Its approximate size in the queue.
    pub fn bytes(&self) -> usize {
        let codes: usize = self.codes.iter().map(|code| code.len() + 64).sum();
        codes + self.candidates.iter().map(|candidate| candidate.text.len() + 64).sum::<usize>()
    }
}

/// What an agent's message says became of something.
pub fn claims_of(message: &Message, languages: &[Language]) -> Vec<Claim> {
    claims_in(message, &written_now(message), languages)
}

fn claims_in(message: &Message, written: &str, languages: &[Language]) -> Vec<Claim> {
    let own = |lexicon: &Lexicon| claims(written, lexicon);
    match &message.language {
        Some(language) => lexicon(language.primary()).map(own).unwrap_or_default(),
        // Most messages claim nothing in any language: then theirs is not asked for.
        None if lexica_of(languages.iter()).into_iter().all(|lexicon| own(lexicon).is_empty()) => Vec::new(),
        None => language_of(message, written, languages).and_then(|language| lexicon(language.primary())).map(own).unwrap_or_default(),
    }
}

fn language_of(message: &Message, written: &str, languages: &[Language]) -> Option<Language> {
    match languages {
        _ if message.language.is_some() => message.language.clone(),
        [only] => Some(only.clone()),
        _ => detect(written, languages).or_else(|| languages.first().cloned()),
    }
}

/// What a message says without what it quotes and its signature. The chat's channel may not be known yet, so it is read as an e-mail.
fn written_now(message: &Message) -> String {
    let mut message = message.clone();
    tell_apart(&mut message, Channel::Email);
    message.text
}
