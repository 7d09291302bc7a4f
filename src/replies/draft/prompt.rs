//! A draft's prompt: the chosen context of the chat, sources, voice and glossary, under a model's budget.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Value, context, value::Serde};

use crate::{
    chats::{
        Author, Channel, Chat, ChatLine, Choice, ChosenContext, ChosenRecord, ClassReceipt, EarlierChat, Internal, Omission,
        OmissionReason, RunningSummary, Turn, choose,
    },
    config::{DeskSettings, Task},
    facts::Marks,
    knowledge::{Audience, Document, Kind, RankedDocument, Term, Voice},
    model::{Prompt, Window},
    replies::{
        Agent,
        checks::{form_of_address, unanswered::questions},
        draft::{
            Draft,
            channel::{channel_words, length_words},
            fields::{in_words, with_weekday},
            now::{opening_words, time_words},
        },
        error::ReplyError,
        masking::{Masker, chats_of, first_name, found::FoundFacts, shown},
        placeholder,
        prompts::Prompts,
        stream::result::{ContextReceipt, Source},
    },
    text::{Language, estimate_tokens, lines, on_one_line, quoted, quoted_behind, readable},
};

/// Share of the token budget for sources; and beside a chat that does not fit.
const SOURCES_SHARE: f64 = 0.25;
const SOURCES_SHARE_OF_LONG: f64 = 0.18;
/// Share of the token budget up to which the whole glossary is included; of a longer one, only the terms that occur in the latest messages.
const GLOSSARY_SHARE: f64 = 0.02;
/// How many messages are the latest.
const LATEST_MESSAGES: usize = 20;

/// What a prompt was built from, needed to read its answer.
pub struct Given {
    pub prompt: Prompt,
    /// The sources that may be cited, numbered from 1.
    pub sources: Vec<Source>,
    /// Their texts.
    pub texts: Vec<SourceText>,
    /// The internal notes that the model was shown.
    pub notes: Vec<Internal>,
    pub receipt: ContextReceipt,
    /// Where in the chat the window of its latest messages begins.
    pub window_start: usize,
    pub marks: Arc<Marks>,
}

/// A source as a prompt shows it.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// The document's title.
    pub title: String,
    /// Where customers read it; empty if nowhere.
    pub url: String,
    /// The passages that are used, or a canned answer with its placeholders filled, as plain text.
    pub text: String,
    /// The same with its headings, lists and tables.
    pub markdown: String,
}

/// The inputs of a draft's prompt.
pub struct PromptInputs<'a> {
    pub draft: &'a Draft,
    pub chat: &'a Chat,
    pub earlier: &'a [EarlierChat],
    pub earlier_total: usize,
    pub language: &'a Language,
    /// The customer's.
    pub customer_language: &'a Language,
    pub voice: &'a Voice,
    pub glossary: &'a [Term],
    pub several: bool,
    pub offers: &'a PublicSources,
    pub settings: &'a DeskSettings,
    /// For each message how near it is in meaning to what the customer asks; empty if that is not known.
    pub nearness: &'a [f32],
    pub running_summary: Option<&'a RunningSummary>,
    pub prompts: &'a Prompts,
    /// Personal facts that earlier drafts found.
    pub found_facts: &'a FoundFacts,
    pub now: Timestamp,
}

impl PromptInputs<'_> {
    /// Builds the prompt for a model, with what is needed to read its answer.
    pub fn prompt(&self, window: Window) -> Result<(Prompt, Given), ReplyError> {
        let PromptInputs {
            draft,
            chat,
            earlier,
            earlier_total,
            language,
            customer_language,
            voice,
            glossary,
            several,
            offers,
            settings,
            nearness,
            running_summary,
            prompts,
            found_facts,
            now,
        } = *self;
        let personal_data = &settings.personal_data;
        let budget = window.budget();
        let is_long = chat.turns.iter().map(|turn| estimate_tokens(&turn.message.text)).sum::<usize>() > budget;
        let for_sources = budget as f64 * if is_long { SOURCES_SHARE_OF_LONG } else { SOURCES_SHARE };
        let (texts, sources, source_tokens) = offers.sources(chat, &draft.agent, for_sources as usize);
        let others: Vec<&str> = sources.iter().map(|source| source.title.as_str()).chain([draft.instruction.as_str()]).collect();
        let (terms, is_whole) = terms(glossary, language, chat, &others, budget);
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
            // However long the voice is, the chat gets a quarter.
            budget: budget.saturating_sub(fixed).max(budget / 4),
            context: budget,
            now,
            time_zone: &settings.time_zone,
            nearness,
            running_summary,
        });
        let used = |kind: Kind| sources.iter().filter(|source| source.kind == kind).count();
        let (notes, window_start) = (chosen.notes.clone(), chosen.window_start);
        let mut masker = Masker::of(personal_data, chats_of(chat, earlier), customer_language).keeping(found_facts);
        masker.mask_context(&mut chosen);
        // A customer who is not addressed by full name is greeted by first name.
        let first_name = first_name(chat, personal_data, customer_language);
        if !first_name.is_empty() {
            chosen.facts.push(("first name".to_owned(), first_name));
        }
        let sources_shown: Vec<Value> = texts
            .iter()
            .map(|SourceText { title, url, markdown, .. }| {
                let title = on_one_line(&masker.mask_source(title)).into_owned();
                context! { title, url => on_one_line(&shown(url)), text => quoted(&masker.mask_source(markdown)) }
            })
            .collect();
        let topic = masker.mask(&chat.summary.topic);
        let previous_draft = masker.mask(&draft.previous_draft);
        let instruction = masker.mask(&draft.instruction);
        // A sign-off's line breaks are the shop's; filled-in values have none.
        let sign_off: Vec<String> = lines(&voice.sign_off)
            .map(|line| on_one_line(&masker.mask_source(&placeholder::fill(line, Some(chat), &draft.agent.name, language).0)).into_owned())
            .collect();
        let agent_name = shown(&draft.agent.name);
        let asked = masker.mask(&chat.last_burst_text());
        let questions: Vec<String> = questions(&asked).map(|question| on_one_line(question).into_owned()).collect();
        let zoned_now = now.to_zoned(settings.time_zone.clone());
        let (masked, marks) = masker.marks();
        let receipt = ContextReceipt {
            masked,
            canned_answers: offers.receipt(Kind::CannedAnswer, used(Kind::CannedAnswer), OmissionReason::Budget),
            articles: offers.receipt(Kind::Article, used(Kind::Article), OmissionReason::Budget),
            voice: ClassReceipt::of(usize::from(!voice.text.is_empty()), usize::from(!voice.text.is_empty()), OmissionReason::Budget),
            glossary: ClassReceipt::of(glossary.len(), terms.len(), OmissionReason::Irrelevant),
            ..receipt(&chosen, fixed, window)
        };
        let values = context! {
            agent_name => on_one_line(&agent_name),
            introduction => introduction(chat, &draft.agent),
            language => language.english_name(),
            fence => prompts.fence(&chat.chat_id),
            now => time_words(&zoned_now),
            opening_hours => opening_words(&zoned_now, settings),
            questions => if questions.len() > 1 { questions } else { Vec::new() },
            tone => draft.tone.map(|tone| tone.words(Some(language))),
            several,
            channel => channel_words(&chat.summary),
            length => length_words(chat.summary.channel),
            mail => matches!(chat.summary.channel, Channel::Email | Channel::ContactForm | Channel::Ticket),
            form_of_address => form_of_address::asked_by(voice, language).map(|(name, _)| name),
            sign_off => sign_off.join("\n"),
            voice => shown(&voice.text),
            glossary_is_whole => is_whole,
            glossary => terms.iter().map(|term| on_one_line(&shown(term)).into_owned()).collect::<Vec<String>>(),
            sources => sources_shown,
            marks => !marks.all().is_empty(),
            topic => on_one_line(&topic),
            previous_draft => if previous_draft.is_empty() { String::new() } else { quoted(&previous_draft) },
            instruction => on_one_line(&instruction),
            ..conversation(&chosen, &settings.time_zone, Internal::for_checked_draft)
        };
        let prompt = prompts.both(Task::Draft, values)?;
        Ok((prompt.clone(), Given { prompt, sources, texts, notes, receipt, window_start, marks }))
    }
}

/// Returns whether the draft must introduce the agent: the chat was handed over, and its agent has never written to this customer here.
/// Agents are identified by id; without one, no agent may have written since the handover.
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

/// Returns the part of a chosen context that every prompt about a chat has, so that no line break in a text starts a line of the prompt:
/// what people wrote is in lines marked as quotations, everything else is on one line. `reader` returns a note's text for the prompt's
/// readers.
pub(crate) fn conversation(chosen: &ChosenContext, time_zone: &TimeZone, reader: impl Fn(&Internal) -> &str) -> Value {
    let one = |text: &String| on_one_line(text).into_owned();
    let each = |texts: &[String]| texts.iter().map(one).collect::<Vec<String>>();
    let pairs = |pairs: &[(String, String)]| pairs.iter().map(|(field, value)| (one(field), one(value))).collect::<Vec<_>>();
    let behind = |texts: &Vec<String>| texts.iter().map(|text| quoted_behind(text)).collect::<Vec<String>>().join("\n");
    let line = |line: &ChatLine| ChatLine { name: one(&line.name), text: with_beside(line), ..line.clone() };
    let lines = |lines: &[ChatLine]| Serde(lines.iter().map(line).collect::<Vec<ChatLine>>());
    let field = |(field, value): &(String, String)| format!("{}: {}", in_words(&one(field)), with_weekday(&one(value), time_zone));
    let record = |record: &ChosenRecord| {
        let fields: Vec<String> = record.values.iter().map(field).collect();
        format!("{}: {}", one(&record.title), fields.join("; "))
    };
    context! {
        facts => Serde(pairs(&chosen.facts)),
        form_answers => Serde(pairs(&chosen.form_answers)),
        records => chosen.records.iter().map(record).collect::<Vec<String>>(),
        pages => each(&chosen.pages),
        earlier => chosen.earlier.iter().map(behind).collect::<Vec<String>>(),
        notes => chosen.notes.iter().map(|note| quoted_behind(reader(note))).collect::<Vec<String>>(),
        running_summary => each(&chosen.running_summary),
        told => each(&chosen.stated_facts),
        promises => each(&chosen.promises),
        open_questions => each(&chosen.open_questions),
        lines => lines(&chosen.lines),
        older_lines => lines(&chosen.older_lines),
    }
}

/// Returns the text of a line with what stands beside it, each part behind words of ours that tell what it is. A quotation is nothing that
/// its author says.
fn with_beside(line: &ChatLine) -> String {
    let mut text = quoted_behind(&line.text);
    for (name, attached) in &line.attached {
        text.push_str(&format!("\n[text in the file {}] {}", on_one_line(name), quoted_behind(attached)));
    }
    if !line.signature.is_empty() {
        text.push_str(&format!("\n[signature] {}", quoted_behind(&line.signature)));
    }
    if !line.quoted.is_empty() {
        text.push_str(&format!(
            "\n[quoted here from an earlier message, not said by the {} now] {}",
            line.author,
            quoted_behind(&line.quoted)
        ));
    }
    text
}

/// Returns the receipt of a chosen context; `fixed` estimated tokens went to what is not from the chat.
pub(crate) fn receipt(chosen: &ChosenContext, fixed: usize, window: Window) -> ContextReceipt {
    ContextReceipt {
        messages: chosen.messages_receipt.clone(),
        records: chosen.records_receipt.clone(),
        notes: chosen.notes_receipt.clone(),
        visitor_facts: chosen.visitor_receipt.clone(),
        form_answers: chosen.form_receipt.clone(),
        earlier_chats: chosen.earlier_receipt.clone(),
        attachments: chosen.attached_receipt.clone(),
        quotations: chosen.quoted_receipt.clone(),
        signatures: chosen.signed_receipt.clone(),
        canned_answers: ClassReceipt::default(),
        articles: ClassReceipt::default(),
        voice: ClassReceipt::default(),
        glossary: ClassReceipt::default(),
        masked: BTreeMap::new(),
        tokens_used: window.tokens(chosen.tokens + fixed),
        token_budget: window.context_tokens,
        full_token_budget: window.full_context_tokens,
        summarized_messages: chosen.summarized_messages,
        reading_speed: window.reading_speed.map_or(0, |speed| speed as usize),
    }
}

/// Documents that may be shown to a customer, and the number of those withheld.
pub struct PublicSources {
    pub found: Vec<RankedDocument>,
    withheld_articles: usize,
}

impl PublicSources {
    pub fn of(found: Vec<RankedDocument>) -> PublicSources {
        let (found, withheld): (Vec<RankedDocument>, Vec<RankedDocument>) =
            found.into_iter().partition(|offer| offer.document.audience() == Audience::Public);
        let withheld_articles = withheld.iter().filter(|offer| offer.document.kind() == Kind::Article).count();
        PublicSources { withheld_articles, found }
    }

    /// Moves the document at this index to the front; the others keep their order.
    pub fn put_first(&mut self, index: usize) {
        self.found[..=index].rotate_right(1);
    }

    /// Returns the sources that fit the budget, as the prompt shows them and as the draft cites them, and their tokens.
    fn sources(&self, chat: &Chat, agent: &Agent, budget: usize) -> (Vec<SourceText>, Vec<Source>, usize) {
        let (mut texts, mut sources, mut tokens) = (Vec::new(), Vec::new(), 0);
        for offer in &self.found {
            let document = &offer.document;
            let (text, markdown) = match document.kind() {
                Kind::CannedAnswer => {
                    let (text, _) = placeholder::fill(&document.body, Some(chat), &agent.name, &document.language);
                    (text.clone(), text)
                }
                // A short article is included whole: its best passage alone may lack the condition that matters.
                Kind::Article => match readable(&document.body) {
                    long if estimate_tokens(&long) > budget / 3 => (offer.passage(), offer.passage()),
                    whole => (crate::text::plain(&document.body), whole),
                },
            };
            let cost = estimate_tokens(&quoted(&markdown)) + estimate_tokens(&document.title) + 8;
            if tokens + cost > budget {
                continue;
            }
            tokens += cost;
            texts.push(SourceText { title: document.title.clone(), url: document.url().to_owned(), text, markdown });
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

/// Converts a document to a citable source.
pub(crate) fn source(document: &Document) -> Source {
    Source {
        kind: document.kind(),
        id: document.id.to_string(),
        title: document.title.clone(),
        url: document.url().to_owned(),
        language: document.language.to_string(),
        excerpts: Vec::new(),
    }
}

/// Returns the glossary lines for a prompt in `language`: all of them if they take little of the budget, else those of terms that occur in
/// `others` or in the latest messages. And whether these are all.
pub(crate) fn terms(glossary: &[Term], language: &Language, chat: &Chat, others: &[&str], budget: usize) -> (Vec<String>, bool) {
    let line = |term: &Term| match term.words.get(language.primary()) {
        Some(word) => Some(format!("{} = {word}", term.term)),
        None if term.keep => Some(format!("{} (never translated)", term.term)),
        None => None,
    };
    let all: Vec<(&Term, String)> = glossary.iter().filter_map(|term| Some((term, line(term)?))).collect();
    let cost: usize = all.iter().map(|(_, line)| estimate_tokens(line)).sum();
    let whole = cost as f64 <= budget as f64 * GLOSSARY_SHARE;
    let latest = chat.turns.iter().rev().take(LATEST_MESSAGES).map(|turn| turn.message.text.as_str());
    let latest_text = latest.chain(others.iter().copied()).collect::<Vec<_>>().join("\n").to_lowercase();
    let occurs = |term: &Term| {
        let word = |word: &String| latest_text.contains(&word.to_lowercase());
        word(&term.term) || term.words.values().any(word)
    };
    (all.into_iter().filter(|(term, _)| whole || occurs(term)).map(|(_, line)| line).collect(), whole)
}
