//! Drafts: a reply to the customer, from the whole chat and the knowledge base.

use std::time::Instant;

use minijinja::{Value, context, value::Serde};
use uuid::Uuid;

use super::{
    Agent, ContextReceipt, Engine, Finished, Generation, Replies, ReplyError, Source, Tone, built_in,
    generation::{self, Made},
    interest, placeholder,
    prompt::{Task, fence, prompt},
};
use crate::{
    chats::{Channel, Chat, ChosenContext, ClassReceipt, NewEvent, Omission, OmissionReason, choose},
    config::Workspace,
    knowledge::{Audience, Document, Kind, Offer, OfferQuery, Reader, Term, Voice, Wanted},
    model::{ModelError, Prompt},
    text::{Id, Language, estimate_tokens},
};

/// Most documents that are looked at for a draft.
const MOST_OFFERS: usize = 8;
/// Under this confidence a document is no source.
const SOURCE_THRESHOLD: f64 = 0.15;
/// The share of the budget that sources may take.
const SOURCES_SHARE: f64 = 0.4;
/// Most terms of the glossary that every prompt carries; of a longer one, those that occur.
const MOST_TERMS: usize = 40;

/// One message or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    SingleMessage,
    SeveralMessages,
}

/// What to draft.
#[derive(Debug, Clone)]
pub struct Draft {
    pub chat_id: Id,
    pub agent: Agent,
    pub events: Vec<NewEvent>,
    pub instruction: String,
    pub previous_draft: String,
    /// `None`: the customer's.
    pub language: Option<Language>,
    /// `None`: the workspace's voice.
    pub tone: Option<Tone>,
    /// `None`: the workspace's voice.
    pub layout: Option<Layout>,
    pub use_notes: bool,
}

impl Replies {
    /// Drafts a reply. What the model is given is chosen here; what it writes streams.
    pub async fn draft(&self, workspace: &Workspace, draft: Draft) -> Result<Generation, ReplyError> {
        let started = Instant::now();
        let asks_more = !draft.instruction.is_empty() || !draft.previous_draft.is_empty();
        if asks_more && self.models.is_empty() {
            return Err(ReplyError::NotConfigured("follow an instruction or change a draft"));
        }
        let chat = self.chat_with(workspace, &draft.chat_id, draft.events.clone()).await?;
        let language = draft.language.as_ref().map_or_else(|| self.customer_language(&chat), |language| self.ours(language));
        let voice = self.knowledge.voice(workspace);
        let several = match draft.layout {
            Some(layout) => layout == Layout::SeveralMessages,
            None => voice.several_messages,
        };
        let wanted = match interest::wanted(Some(&chat), "") {
            Wanted::Opener(page) if draft.instruction.is_empty() => Wanted::Opener(page),
            Wanted::Conversation { mut pieces, mut clauses } => {
                pieces.push((draft.instruction.clone(), 1.0));
                clauses.extend(interest::clauses(&draft.instruction));
                Wanted::Conversation { pieces, clauses }
            }
            _ => Wanted::Conversation { pieces: vec![(draft.instruction.clone(), 1.0)], clauses: Vec::new() },
        };
        let reader = Reader::agent(draft.agent.agent_id.clone(), draft.agent.groups.clone());
        let query = OfferQuery {
            wanted,
            kinds: vec![Kind::CannedAnswer, Kind::Article],
            language: language.clone(),
            reader,
            limit: MOST_OFFERS,
            threshold: SOURCE_THRESHOLD,
        };
        let found = self.offers_for(workspace, query).await?;
        let offers = PublicOffers::of(found);

        let failed = if self.models.is_empty() {
            ModelError::NotConfigured
        } else {
            let (prompt, sources, receipt) = self.draft_prompt(workspace, &draft, &chat, &language, &voice, several, &offers).await?;
            match self.models.ask(&prompt).await {
                Ok(answer) => {
                    let finish = self.finish(workspace, &draft.chat_id, language, several, sources.clone(), receipt);
                    return Ok(generation::from_model(answer, sources.len(), started, finish));
                }
                Err(error) => error,
            }
        };
        let Some(answer) = built_in::draft(&draft, &chat, &language, &offers.found) else {
            return Err(match failed {
                ModelError::NotConfigured => ReplyError::NothingFits,
                error => ReplyError::Model { error, partial: false },
            });
        };
        let mut receipt = ContextReceipt { token_budget: self.desk.context_tokens, ..ContextReceipt::default() };
        let used = |kind: Kind| usize::from(answer.source.kind == kind);
        receipt.canned_answers = offers.receipt(Kind::CannedAnswer, used(Kind::CannedAnswer), OmissionReason::Irrelevant);
        receipt.articles = offers.receipt(Kind::Article, used(Kind::Article), OmissionReason::Irrelevant);
        receipt.notes = ClassReceipt::of(chat.notes.len(), 0, OmissionReason::Withheld);
        let finish = self.finish(workspace, &draft.chat_id, language, several, vec![answer.source], receipt);
        Ok(generation::built_in(answer.text, started, finish))
    }

    /// Makes the end of a draft: its sources, its messages, and its name for the outcome.
    fn finish(
        &self,
        workspace: &Workspace,
        chat_id: &Id,
        language: Language,
        several: bool,
        sources: Vec<Source>,
        context: ContextReceipt,
    ) -> impl FnOnce(Made) -> Finished + Send + 'static {
        let (offers, workspace, chat_id) = (self.offers.clone(), workspace.clone(), chat_id.clone());
        move |made| {
            let Made { text, cited, engine, warnings, usage } = made;
            let sources: Vec<Source> = (1..)
                .zip(sources)
                .filter(|(number, source)| {
                    engine == Engine::BuiltIn || cited.contains(number) || (!source.url.is_empty() && text.contains(&source.url))
                })
                .map(|(_, source)| source)
                .collect();
            let draft_id = Uuid::now_v7().to_string();
            offers.drafted(&workspace, chat_id.as_str(), &draft_id, &sources);
            let messages = if several { split(&text) } else { Vec::new() };
            // Several messages are joined by one blank line.
            let joined = messages.join("\n\n");
            let replaced = several && joined != text;
            Finished {
                text: if replaced { joined } else { text },
                replaced,
                messages,
                draft_id,
                language: Some(language),
                engine,
                sources,
                warnings,
                edits: Vec::new(),
                context,
                usage,
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is another part of the prompt")]
    async fn draft_prompt(
        &self,
        workspace: &Workspace,
        draft: &Draft,
        chat: &Chat,
        language: &Language,
        voice: &Voice,
        several: bool,
        offers: &PublicOffers,
    ) -> Result<(Prompt, Vec<Source>, ContextReceipt), ReplyError> {
        let budget = self.desk.context_tokens;
        let (earlier, earlier_total) = self.chats.earlier_chats(workspace, chat).await?;
        let (texts, sources, source_tokens) = offers.sources(chat, &draft.agent, (budget as f64 * SOURCES_SHARE) as usize);
        let glossary = self.knowledge.glossary(workspace);
        let terms = terms(&glossary, language, chat);
        let fixed = source_tokens
            + estimate_tokens(&voice.text)
            + terms.iter().map(|term| estimate_tokens(term)).sum::<usize>()
            + estimate_tokens(&draft.instruction)
            + estimate_tokens(&draft.previous_draft);
        let chosen = choose(chat, &earlier, earlier_total, draft.use_notes, budget.saturating_sub(fixed));
        let used = |kind: Kind| sources.iter().filter(|source| source.kind == kind).count();
        let receipt = ContextReceipt {
            canned_answers: offers.receipt(Kind::CannedAnswer, used(Kind::CannedAnswer), OmissionReason::Budget),
            articles: offers.receipt(Kind::Article, used(Kind::Article), OmissionReason::Budget),
            voice: ClassReceipt::of(usize::from(!voice.text.is_empty()), usize::from(!voice.text.is_empty()), OmissionReason::Budget),
            glossary: ClassReceipt::of(glossary.len(), terms.len(), OmissionReason::Irrelevant),
            ..receipt(&chosen, fixed, budget)
        };
        let (sign_off, _) = placeholder::fill(&voice.sign_off, Some(chat), &draft.agent.name);
        let values = context! {
            agent_name => draft.agent.name.as_str(),
            language => language.english_name(),
            fence => fence(),
            tone => draft.tone.map(Tone::words),
            several,
            channel => channel_words(chat.summary.channel),
            mail => matches!(chat.summary.channel, Channel::Email | Channel::ContactForm | Channel::Ticket),
            sign_off,
            voice => voice.text.as_str(),
            glossary => terms,
            sources => texts,
            topic => chat.summary.topic.as_str(),
            previous_draft => draft.previous_draft.as_str(),
            instruction => draft.instruction.as_str(),
            ..conversation(&chosen)
        };
        Ok((prompt(Task::Draft, values), sources, receipt))
    }
}

/// What of a chosen context every prompt about a chat shows.
pub(super) fn conversation(chosen: &ChosenContext) -> Value {
    context! {
        facts => Serde(&chosen.facts),
        form_answers => Serde(&chosen.form_answers),
        records => Serde(&chosen.records),
        pages => Serde(&chosen.pages),
        earlier => Serde(&chosen.earlier),
        notes => Serde(&chosen.notes),
        left_out => chosen.lines_left_out,
        lines => Serde(&chosen.lines),
    }
}

/// The receipt of a chosen context; `fixed` tokens went to what the chat does not hold.
pub(super) fn receipt(chosen: &ChosenContext, fixed: usize, budget: usize) -> ContextReceipt {
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
        tokens_used: chosen.tokens + fixed,
        token_budget: budget,
    }
}

/// Documents that may be shown to a customer; the others are counted.
struct PublicOffers {
    found: Vec<Offer>,
    withheld_articles: usize,
}

impl PublicOffers {
    fn of(found: Vec<Offer>) -> PublicOffers {
        let all = found.len();
        let found: Vec<Offer> = found.into_iter().filter(|offer| offer.document.audience() == Audience::Public).collect();
        PublicOffers { withheld_articles: all - found.len(), found }
    }

    /// The sources that fit, as the prompt shows them and as the draft cites them, and their tokens.
    fn sources(&self, chat: &Chat, agent: &Agent, budget: usize) -> (Vec<Value>, Vec<Source>, usize) {
        let (mut texts, mut sources, mut tokens) = (Vec::new(), Vec::new(), 0);
        for Offer { document, passage, .. } in &self.found {
            let (text, _) = match document.kind() {
                Kind::CannedAnswer => placeholder::fill(passage, Some(chat), &agent.name),
                // A short article is given whole: its best passage alone may lack the condition that counts.
                Kind::Article => match crate::text::plain(&document.body) {
                    long if estimate_tokens(&long) > budget / 3 => (passage.clone(), Vec::new()),
                    whole => (whole, Vec::new()),
                },
            };
            let cost = estimate_tokens(&text) + estimate_tokens(&document.title) + 8;
            if tokens + cost > budget {
                continue;
            }
            tokens += cost;
            texts.push(context! { title => document.title.as_str(), url => document.url(), text });
            sources.push(source(document));
        }
        (texts, sources, tokens)
    }

    fn receipt(&self, kind: Kind, used: usize, rest: OmissionReason) -> ClassReceipt {
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
    }
}

/// The glossary's lines for a prompt in `language`.
pub(super) fn terms(glossary: &[Term], language: &Language, chat: &Chat) -> Vec<String> {
    let occurs = |term: &Term| {
        let said = |word: &String| chat.turns.iter().any(|turn| turn.message.text.contains(word.as_str()));
        glossary.len() <= MOST_TERMS || said(&term.term) || term.words.values().any(said)
    };
    let line = |term: &Term| match term.words.get(language.primary()) {
        Some(word) => Some(format!("{} = {word}", term.term)),
        None if term.keep => Some(format!("{} (never translated)", term.term)),
        None => None,
    };
    glossary.iter().filter(|term| occurs(term)).filter_map(line).collect()
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

/// A text's messages: its blocks between blank lines.
fn split(text: &str) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            if !open.is_empty() {
                messages.push(std::mem::take(&mut open));
            }
        } else {
            if !open.is_empty() {
                open.push('\n');
            }
            open.push_str(line);
        }
    }
    if !open.is_empty() {
        messages.push(open);
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_part_messages() {
        assert_eq!(split("Hi Elif,\nyes.\n\n \nIt ships today.\n"), ["Hi Elif,\nyes.", "It ships today."]);
    }
}
