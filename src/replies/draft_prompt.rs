//! A draft's prompt: the chosen context of the chat, sources, voice and glossary, under a model's budget.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use minijinja::{Value, context, value::Serde};

use super::{
    Agent, ContextReceipt, Draft, ReplyError, Source,
    mask::{Masker, chats_of, first_name},
    placeholder,
    prompt::{Prompts, fence},
};
use crate::{
    chats::{Author, Channel, Chat, Choice, ChosenContext, ClassReceipt, EarlierChat, Internal, Omission, OmissionReason, Turn, choose},
    config::{PersonalData, Task},
    knowledge::{Audience, Document, Kind, Offer, Term, Voice},
    model::{Prompt, Window},
    text::{Language, Marks, estimate_tokens},
};

/// The share of the budget that sources may take.
const SOURCES_SHARE: f64 = 0.25;
/// The share of the budget that a glossary may take whole; of a longer one, the terms that occur in what was said last are taken.
const GLOSSARY_SHARE: f64 = 0.02;
/// How many messages that is.
const LATEST_MESSAGES: usize = 20;

/// What a prompt was made with, by which its answer is read.
pub struct Given {
    pub prompt: Prompt,
    /// What may be cited, by its number from 1.
    pub sources: Vec<Source>,
    /// Their texts.
    pub texts: Vec<SourceText>,
    /// The internal notes that the model was shown.
    pub notes: Vec<Internal>,
    pub receipt: ContextReceipt,
    pub marks: Arc<Marks>,
}

/// A source as a prompt shows it.
#[derive(Debug, Clone)]
pub struct SourceText {
    pub title: String,
    pub url: String,
    pub text: String,
}

/// What a draft is made from.
pub struct Material<'a> {
    pub draft: &'a Draft,
    pub chat: &'a Chat,
    pub earlier: &'a [EarlierChat],
    pub earlier_total: usize,
    pub language: &'a Language,
    /// The customer's.
    pub spoken: &'a Language,
    pub voice: &'a Voice,
    pub glossary: &'a [Term],
    pub several: bool,
    pub offers: &'a PublicOffers,
    pub personal_data: &'a PersonalData,
    pub prompts: &'a Prompts,
    pub now: Timestamp,
}

impl Material<'_> {
    /// The prompt for a model, with what its answer is read with.
    pub fn prompt(&self, window: Window) -> Result<(Prompt, Given), ReplyError> {
        let Material {
            draft,
            chat,
            earlier,
            earlier_total,
            language,
            spoken,
            voice,
            glossary,
            several,
            offers,
            personal_data,
            prompts,
            now,
        } = *self;
        let budget = window.budget();
        let (texts, sources, source_tokens) = offers.sources(chat, &draft.agent, (budget as f64 * SOURCES_SHARE) as usize);
        let others: Vec<&str> = sources.iter().map(|source| source.title.as_str()).chain([draft.instruction.as_str()]).collect();
        let terms = terms(glossary, language, chat, &others, budget);
        let fixed = source_tokens
            + estimate_tokens(&voice.text)
            + terms.iter().map(|term| estimate_tokens(term)).sum::<usize>()
            + estimate_tokens(&draft.instruction)
            + estimate_tokens(&draft.previous_draft);
        let mut chosen = choose(Choice {
            chat,
            earlier,
            earlier_total,
            language: language.primary(),
            use_notes: draft.use_notes,
            // However long the voice is, the chat has its part.
            budget: budget.saturating_sub(fixed).max(budget / 4),
            now,
        });
        let used = |kind: Kind| sources.iter().filter(|source| source.kind == kind).count();
        let notes = chosen.notes.clone();
        let mut masker = Masker::of(personal_data, chats_of(chat, earlier), spoken);
        masker.mask_context(&mut chosen);
        // Who is not called by the full name is greeted by the first.
        let first_name = first_name(chat, personal_data, spoken);
        if !first_name.is_empty() {
            chosen.facts.push(("first name".to_owned(), first_name));
        }
        let shown: Vec<Value> = texts
            .iter()
            .map(|SourceText { title, url, text }| context! { title => masker.mask_source(title), url, text => masker.mask_source(text) })
            .collect();
        let topic = masker.mask(&chat.summary.topic);
        let previous_draft = masker.mask(&draft.previous_draft);
        let instruction = masker.mask(&draft.instruction);
        let (masked, marks) = masker.marks();
        let receipt = ContextReceipt {
            masked,
            canned_answers: offers.receipt(Kind::CannedAnswer, used(Kind::CannedAnswer), OmissionReason::Budget),
            articles: offers.receipt(Kind::Article, used(Kind::Article), OmissionReason::Budget),
            voice: ClassReceipt::of(usize::from(!voice.text.is_empty()), usize::from(!voice.text.is_empty()), OmissionReason::Budget),
            glossary: ClassReceipt::of(glossary.len(), terms.len(), OmissionReason::Irrelevant),
            ..receipt(&chosen, fixed, window)
        };
        let (sign_off, _) = placeholder::fill(&voice.sign_off, Some(chat), &draft.agent.name);
        let values = context! {
            agent_name => draft.agent.name.as_str(),
            introduction => introduction(chat, &draft.agent),
            language => language.english_name(),
            fence => fence(),
            tone => draft.tone.map(|tone| tone.words(Some(language))),
            several,
            channel => channel_words(chat.summary.channel),
            mail => matches!(chat.summary.channel, Channel::Email | Channel::ContactForm | Channel::Ticket),
            sign_off,
            voice => voice.text.as_str(),
            glossary => terms,
            sources => shown,
            marks => !marks.all().is_empty(),
            topic,
            previous_draft,
            instruction,
            ..conversation(&chosen, Internal::for_checked_draft)
        };
        let prompt = prompts.both(Task::Draft, values)?;
        Ok((prompt.clone(), Given { prompt, sources, texts, notes, receipt, marks }))
    }
}

/// Whether the customer must be told who writes now: the chat was handed over, and whoever has it now never wrote to this customer here.
/// Who they are is told by their id; without one, nobody may have written since.
fn introduction(chat: &Chat, agent: &Agent) -> bool {
    chat.handed_over_at.is_some_and(|turns| {
        let by_agents = |turn: &&Turn| turn.message.author == Author::Agent;
        if agent.agent_id.is_empty() {
            !chat.turns.iter().skip(turns).any(|turn| by_agents(&turn))
        } else {
            !chat.turns.iter().filter(by_agents).any(|turn| turn.message.author_id == agent.agent_id)
        }
    })
}

/// What of a chosen context every prompt about a chat shows.
/// `reader` says for whom its notes are.
pub(super) fn conversation(chosen: &ChosenContext, reader: impl Fn(&Internal) -> &str) -> Value {
    let notes: Vec<&str> = chosen.notes.iter().map(reader).collect();
    context! {
        facts => Serde(&chosen.facts),
        form_answers => Serde(&chosen.form_answers),
        records => Serde(&chosen.records),
        pages => Serde(&chosen.pages),
        earlier => Serde(&chosen.earlier),
        notes => Serde(&notes),
        told => Serde(&chosen.told),
        promises => Serde(&chosen.promises),
        open_questions => Serde(&chosen.open_questions),
        lines => Serde(&chosen.lines),
    }
}

/// The receipt of a chosen context; `fixed` estimated tokens went to what the chat does not hold.
pub(super) fn receipt(chosen: &ChosenContext, fixed: usize, window: Window) -> ContextReceipt {
    ContextReceipt {
        messages: chosen.messages_receipt.clone(),
        records: chosen.records_receipt.clone(),
        notes: chosen.notes_receipt.clone(),
        visitor_facts: chosen.visitor_receipt.clone(),
        form_answers: chosen.form_receipt.clone(),
        earlier_chats: chosen.earlier_receipt.clone(),
        canned_answers: ClassReceipt::default(),
        articles: ClassReceipt::default(),
        voice: ClassReceipt::default(),
        glossary: ClassReceipt::default(),
        masked: BTreeMap::new(),
        tokens_used: window.tokens(chosen.tokens + fixed),
        token_budget: window.context_tokens,
    }
}

/// Documents that may be shown to a customer; the others are counted.
pub struct PublicOffers {
    pub found: Vec<Offer>,
    withheld_articles: usize,
}

impl PublicOffers {
    pub fn of(found: Vec<Offer>) -> PublicOffers {
        let (found, withheld): (Vec<Offer>, Vec<Offer>) =
            found.into_iter().partition(|offer| offer.document.audience() == Audience::Public);
        let withheld_articles = withheld.iter().filter(|offer| offer.document.kind() == Kind::Article).count();
        PublicOffers { withheld_articles, found }
    }

    /// The sources that fit, as the prompt shows them and as the draft cites them, and their tokens.
    fn sources(&self, chat: &Chat, agent: &Agent, budget: usize) -> (Vec<SourceText>, Vec<Source>, usize) {
        let (mut texts, mut sources, mut tokens) = (Vec::new(), Vec::new(), 0);
        for offer in &self.found {
            let document = &offer.document;
            let (text, _) = match document.kind() {
                Kind::CannedAnswer => placeholder::fill(&document.body, Some(chat), &agent.name),
                // A short article is given whole: its best passage alone may lack the condition that counts.
                Kind::Article => match crate::text::plain(&document.body) {
                    long if estimate_tokens(&long) > budget / 3 => (offer.passage(), Vec::new()),
                    whole => (whole, Vec::new()),
                },
            };
            let cost = estimate_tokens(&text) + estimate_tokens(&document.title) + 8;
            if tokens + cost > budget {
                continue;
            }
            tokens += cost;
            texts.push(SourceText { title: document.title.clone(), url: document.url().to_owned(), text });
            sources.push(source(document));
        }
        (texts, sources, tokens)
    }

    pub fn receipt(&self, kind: Kind, used: usize, rest: OmissionReason) -> ClassReceipt {
        let public = self.found.iter().filter(|offer| offer.document.kind() == kind).count();
        let withheld = if kind == Kind::Article { self.withheld_articles } else { 0 };
        let mut receipt = ClassReceipt::of(public, used, rest);
        if withheld > 0 {
            receipt.total += withheld;
            receipt.omissions.push(Omission { reason: OmissionReason::Withheld, count: withheld });
        }
        receipt
    }
}

/// A document as a text cites it.
pub(super) fn source(document: &Document) -> Source {
    Source {
        kind: document.kind(),
        id: document.id.to_string(),
        title: document.title.clone(),
        url: document.url().to_owned(),
        language: document.language.to_string(),
        excerpts: Vec::new(),
    }
}

/// The glossary's lines for a prompt in `language`: all of them if they take little of the budget, else those of terms that occur in
/// `others` or in what was said last.
pub(super) fn terms(glossary: &[Term], language: &Language, chat: &Chat, others: &[&str], budget: usize) -> Vec<String> {
    let line = |term: &Term| match term.words.get(language.primary()) {
        Some(word) => Some(format!("{} = {word}", term.term)),
        None if term.keep => Some(format!("{} (never translated)", term.term)),
        None => None,
    };
    let all: Vec<(&Term, String)> = glossary.iter().filter_map(|term| Some((term, line(term)?))).collect();
    let cost: usize = all.iter().map(|(_, line)| estimate_tokens(line)).sum();
    let whole = cost as f64 <= budget as f64 * GLOSSARY_SHARE;
    let latest = chat.turns.iter().rev().take(LATEST_MESSAGES).map(|turn| turn.message.text.as_str());
    let said = latest.chain(others.iter().copied()).collect::<Vec<_>>().join("\n").to_lowercase();
    let occurs = |term: &Term| {
        let word = |word: &String| said.contains(&word.to_lowercase());
        word(&term.term) || term.words.values().any(word)
    };
    all.into_iter().filter(|(term, _)| whole || occurs(term)).map(|(_, line)| line).collect()
}

fn channel_words(channel: Channel) -> Option<&'static str> {
    match channel {
        Channel::Unknown => None,
        Channel::WebChat => Some("a chat window on the shop's site"),
        Channel::Email => Some("e-mail"),
        Channel::ContactForm => Some("a contact form, answered by e-mail"),
        Channel::Whatsapp => Some("WhatsApp"),
        Channel::Messenger => Some("Facebook Messenger"),
        Channel::Instagram => Some("Instagram, at most 1,000 characters"),
        Channel::InApp => Some("a chat inside the shop's app"),
        Channel::Phone => Some("phone"),
        Channel::Ticket => Some("a ticket, answered by e-mail"),
    }
}
