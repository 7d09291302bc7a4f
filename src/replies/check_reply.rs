//! A check of a text that an agent is about to send: as drafts are checked, and for what only people forget.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    chats::{Chat, EarlierChat, Internal, end_of_day},
    facts::{FactKind, Known, facts},
    ids::Id,
    promises::promises,
    replies::{
        Agent, Desk,
        checks::{
            DraftedFrom, Evidence, TAKEN_OUT, form_of_address,
            leaks::{Instructions, LeakCheck},
            other_customer::{self, UnknownCode, unknown_codes},
            other_language,
            unanswered::unanswered,
            unfilled::unfilled,
        },
        error::ReplyError,
        rewrite::{
            compare::compared,
            meaning::{Purpose, Version},
            structure::structure_warning,
        },
        stream::result::{Warning, WarningKind},
    },
    text::{Language, detect, sentences},
};

/// Most warnings of one text.
const MAX_WARNINGS: usize = 60;

/// What to check.
#[derive(Debug, Clone)]
pub struct CheckReply {
    /// The text, 1 to 8,000 characters.
    pub text: String,
    /// The chat it is for; without one, only what the text says by itself is checked.
    pub chat_id: Option<Id>,
    /// Who is about to send it.
    pub agent: Agent,
    /// What it was made from, up to 8,000 characters; empty if nothing. What the text says differently is marked.
    pub previous_text: String,
    /// The language it should be in. `None`: the customer's; without a chat, none is expected.
    pub language: Option<Language>,
}

/// What is doubtful about a text, and what it promises.
#[derive(Debug, Clone, Default)]
pub struct ReplyCheck {
    /// At most 60. Each excerpt stands in the text.
    pub warnings: Vec<Warning>,
    /// At most 20, in the text's order.
    pub promises: Vec<CheckedPromise>,
}

/// A promise that a text makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPromise {
    /// The sentence as it stands in the text.
    pub text: String,
    /// The last second, in UTC, of the day by which it is to be kept, if it says one.
    pub due_at: Option<Timestamp>,
}

impl Desk {
    /// Checks a text. No source grounds it but what the chat says: documents are not searched.
    pub async fn check_reply(&self, check: CheckReply) -> Result<ReplyCheck, ReplyError> {
        let CheckReply { text, previous_text, chat_id, agent, language } = check;
        let now = Timestamp::now();
        let today = now.to_zoned(TimeZone::UTC).date();
        let Some(chat_id) = chat_id else {
            let (desk, bytes) = (self.clone(), text.len());
            let work = move || {
                let mut checked = desk.checked_alone(&text, language.as_ref(), today);
                checked.warnings.extend(desk.changed(&previous_text, &text, None, &agent));
                checked.warnings.truncate(MAX_WARNINGS);
                checked
            };
            return Ok(self.chats.workers().work_on(bytes, work).await);
        };
        let chat = self.chats.chat(&chat_id).await?;
        let (earlier, _) = self.chats.earlier_chats(&chat).await?;
        let language = language.map_or_else(|| self.customer_language(&chat), |language| self.ours(&language));
        let bytes = chat.turns.iter().map(|turn| turn.message.text.len()).sum::<usize>() + text.len();
        let (desk, checked_text) = (self.clone(), text.clone());
        let work = move || {
            let mut found = desk.found_in(&checked_text, &chat, &earlier, &agent, &language, now);
            found.warnings.extend(desk.changed(&previous_text, &checked_text, Some(&chat), &agent));
            let promises = checked_promises(&checked_text, &language, today);
            (chat, found, promises)
        };
        let (chat, Found { mut warnings, unknown }, promises) = self.chats.workers().work_on(bytes, work).await;
        let codes: BTreeSet<String> = unknown.iter().map(|unknown| unknown.code.clone()).collect();
        let of_another = self.chats.codes_of_another(&chat, &codes).await?;
        warnings.extend(other_customer::warnings(&text, &unknown, &of_another));
        warnings.truncate(MAX_WARNINGS);
        Ok(ReplyCheck { warnings, promises })
    }

    /// Checks what a text says by itself.
    fn checked_alone(&self, text: &str, language: Option<&Language>, today: Date) -> ReplyCheck {
        let languages = &self.settings.languages;
        let expected = language.map(|language| self.ours(language));
        let mut warnings = unfilled(text);
        warnings.extend(expected.as_ref().and_then(|expected| other_language(text, expected, languages)));
        warnings.truncate(MAX_WARNINGS);
        let language = expected.or_else(|| detect(text, languages)).unwrap_or_else(|| self.settings.language.clone());
        ReplyCheck { warnings, promises: checked_promises(text, &language, today) }
    }

    /// What a text says differently than the one it was made from.
    fn changed(&self, previous: &str, text: &str, chat: Option<&Chat>, agent: &Agent) -> Vec<Warning> {
        if previous.trim().is_empty() {
            return Vec::new();
        }
        let detected = |text: &str| detect(text, &self.settings.languages);
        let (before, after) = (detected(previous), detected(text));
        let primary = |language: &Option<Language>| language.as_ref().map_or_else(String::new, |language| language.primary().to_owned());
        let (its_language, language) = (primary(&before), primary(&after));
        let translated = before.is_some() && after.is_some() && its_language != language;
        let purpose = if translated { Purpose::Translation } else { Purpose::Tone };
        let known = self.known(previous, chat, agent, &self.knowledge.glossary(), before.as_ref(), after.as_ref());
        let one = Version { text: previous, language: &its_language };
        let mut warnings = compared(one, Version { text, language: &language }, &known, purpose);
        warnings.extend(structure_warning(previous, text, purpose));
        // What is said of the text before stands in the message.
        for warning in warnings.iter_mut().filter(|warning| !text.contains(&warning.excerpt)) {
            warning.excerpt.clear();
        }
        warnings
    }

    fn found_in(&self, text: &str, chat: &Chat, earlier: &[EarlierChat], agent: &Agent, language: &Language, now: Timestamp) -> Found {
        let voice = self.knowledge.voice();
        let from = DraftedFrom {
            chat,
            earlier,
            agent_name: &agent.name,
            instruction: "",
            previous_draft: "",
            sources: &[],
            voice: &format!("{}\n{}", voice.text, voice.sign_off),
            form_of_address: form_of_address::asked_by(&voice, language).map(|(_, form)| form),
            now,
        };
        let evidence = Evidence::of(&from, language, &self.settings.languages, &self.settings.allowed_links);
        let open = evidence.open();
        let mut warnings = leaked_notes(text, &chat.notes, &open);
        let unknown = unknown_codes(text, &open);
        let asked = chat.last_burst_text();
        warnings.extend(unfilled(text));
        // In another language no word is shared.
        if other_language(text, language, &self.settings.languages).is_none() {
            warnings.extend(unanswered(text, &asked, language, now.to_zoned(TimeZone::UTC).date()));
        }
        warnings.extend(ungrounded(text, evidence));
        Found { warnings, unknown }
    }
}

/// What was found before the database was asked.
struct Found {
    warnings: Vec<Warning>,
    unknown: Vec<UnknownCode>,
}

/// What nothing grounds. A draft loses its links; here each stays, and is named.
fn ungrounded(text: &str, mut evidence: Evidence) -> Vec<Warning> {
    let is_link = |kind: FactKind| matches!(kind, FactKind::Link | FactKind::Email);
    let links: Vec<&str> = facts(text, &Known::default(), is_link).into_iter().map(|fact| &text[fact.range]).collect();
    let mut warnings = Vec::new();
    if !links.is_empty() {
        let left = evidence.check(&links.join("\n")).text;
        let foreign = links.iter().zip(left.lines()).filter(|(_, left)| *left == TAKEN_OUT).map(|(link, _)| *link);
        warnings.extend(foreign.map(|link| Warning {
            kind: WarningKind::UngroundedLink,
            excerpt: link.to_owned(),
            message: "no message, record or setting has this link".to_owned(),
        }));
        evidence.allowed_links.extend(links.into_iter().map(str::to_owned));
    }
    let found = evidence.check(text).warnings.into_iter().filter(|warning| warning.kind != WarningKind::UngroundedLink);
    warnings.extend(found.map(|warning| {
        // The check reads an image as its words.
        if text.contains(&warning.excerpt) { warning } else { Warning { excerpt: String::new(), ..warning } }
    }));
    warnings
}

/// The sentences that say what only internal notes say.
fn leaked_notes(text: &str, notes: &[crate::chats::Note], open: &[&str]) -> Vec<Warning> {
    let notes: Vec<Internal> = notes.iter().map(|note| note.text.clone()).collect();
    let Some((left, _)) = LeakCheck::of(&Instructions::default(), &notes, open).purged(text) else { return Vec::new() };
    let warning = |excerpt: &str| Warning {
        kind: WarningKind::NoteLeaked,
        excerpt: excerpt.to_owned(),
        message: "this says what only internal notes say".to_owned(),
    };
    let leaked: Vec<Warning> = sentences(text).filter(|sentence| !left.contains(sentence)).map(warning).collect();
    if leaked.is_empty() { vec![warning("")] } else { leaked }
}

fn checked_promises(text: &str, language: &Language, today: Date) -> Vec<CheckedPromise> {
    let found = promises(text, language.primary(), today);
    found.into_iter().map(|promise| CheckedPromise { text: promise.text, due_at: promise.due.and_then(end_of_day) }).collect()
}
