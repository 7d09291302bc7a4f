//! Rewrites: an agent's text corrected, retoned or translated.

pub mod compare;
pub mod correct_without_model;
pub mod edits;
pub mod fidelity;
pub mod meaning;
pub mod structure;
pub mod tone;
pub mod translate_without_model;

use std::{collections::BTreeMap, time::Instant};

use async_stream::try_stream;
use minijinja::{Value, context};

use crate::{
    chats::{Author, Chat, ClassReceipt, OmissionReason},
    config::Task,
    facts::{FactKind, Known},
    ids::Id,
    knowledge::Term,
    model::{CallContext, ModelError},
    replies::{
        Agent, Caller, Desk,
        checks::{leaks::LeakCheck, other_language},
        draft::prompt::terms,
        error::ReplyError,
        masking::{
            known_facts::{add_chat, add_glossary, add_greeted, add_person},
            personal,
        },
        rewrite::{
            correct_without_model::ShopVocabulary,
            edits::edits,
            fidelity::Protected,
            meaning::Purpose,
            structure::{excess_warning, structure_warning},
            tone::Tone,
        },
        stream::{
            self, AnswerStream, GeneratedText, Generation, ask_again,
            exit::Exit,
            result::{ContextReceipt, Finished, Progress},
        },
    },
    task,
    text::{Language, detect, estimate_tokens},
};

/// Longest name or code that a correction leaves alone, in characters, and most of them.
const MAX_NAME: usize = 60;
const MAX_NAMES: usize = 50;

/// What to correct.
#[derive(Debug, Clone)]
pub struct Correct {
    /// Checked: not empty, and not too long.
    pub text: String,
    /// The chat that it is for, whose names and codes are left alone.
    pub chat_id: Option<Id>,
    /// `None`: detected.
    pub language: Option<Language>,
    /// Its deadline and token budget.
    pub caller: Caller,
}

/// What to retone.
#[derive(Debug, Clone)]
pub struct Retone {
    /// Checked: not empty, and not too long.
    pub text: String,
    /// The tone to give it.
    pub tone: Tone,
    /// The chat that it is for, whose facts are protected.
    pub chat_id: Option<Id>,
    /// `None`: detected.
    pub language: Option<Language>,
    /// Its deadline and token budget.
    pub caller: Caller,
}

/// What to translate.
#[derive(Debug, Clone)]
pub struct Translate {
    /// What to translate.
    pub what: TranslateWhat,
    /// The chat that it is for; `None` only for a text.
    pub chat_id: Option<Id>,
    /// Who asks, and reads a customer's message.
    pub agent: Agent,
    /// `None`: the customer's for a text, the agent's for a customer's message.
    pub target: Option<Language>,
    /// `None`: detected.
    pub source: Option<Language>,
    /// Its deadline and token budget.
    pub caller: Caller,
}

/// A text, or a message of the chat.
#[derive(Debug, Clone)]
pub enum TranslateWhat {
    /// A text of the agent's, checked: not empty, and not too long.
    Text(String),
    /// The message of the chat with this event id.
    Message(Id),
}

impl Desk {
    /// Corrects spelling and grammar, and nothing else.
    pub async fn correct(&self, correct: Correct) -> Result<Generation, ReplyError> {
        let started = Instant::now();
        let Correct { text, chat_id, language, caller } = correct;
        let chat = self.chat_of(chat_id.as_ref()).await?;
        let language = language.map(|language| self.ours(&language)).or_else(|| detect(&text, &self.settings.languages));
        let glossary = self.knowledge.glossary();
        let known = self.known(&text, chat.as_ref(), &Agent::default(), &glossary, language.as_ref(), language.as_ref());
        let values = context! { language => language.as_ref().map(Language::english_name) };
        let rewrite = Rewrite {
            asking: self.call_context(Task::Correct, &caller),
            shorter: false,
            protected: Protected::of(text.clone(), &known, language.as_ref(), language.as_ref()),
            source: language.clone(),
            language: language.clone(),
            receipt: ContextReceipt::default(),
            started,
        };
        let failed = match self.ask_rewrite(rewrite, values).await {
            Ok(generation) => return Ok(generation),
            Err(error) => error.of_models()?,
        };
        let Some(language) = language else {
            return Err(refusal(failed, "correct a text whose language can't be detected; set `language`"));
        };
        if let Err(package) = self.corrector.knows(&language) {
            return Err(match (failed, package) {
                (ModelError::NotConfigured, Some(package)) => ReplyError::NoDictionary { package },
                (failed, _) => refusal(failed, "correct a text in this language"),
            });
        }
        let names = chat.as_ref().map(names).unwrap_or_default();
        let shop = ShopVocabulary { names, glossary, knowledge: self.knowledge.clone() };
        let corrected = self.corrector.correct(text.clone(), language.clone(), shop).await?;
        let language = Some(language);
        Ok(stream::built_in(corrected, started, finish(text, language, ContextReceipt::default())))
    }

    /// Rewrites a text in another tone without changing what it says.
    pub async fn retone(&self, retone: Retone) -> Result<Generation, ReplyError> {
        let started = Instant::now();
        let Retone { text, tone, chat_id, language, caller } = retone;
        let chat = self.chat_of(chat_id.as_ref()).await?;
        let language = language.map(|language| self.ours(&language)).or_else(|| detect(&text, &self.settings.languages));
        let (voice, glossary) = (self.knowledge.voice(), self.knowledge.glossary());
        let receipt = ContextReceipt { voice: whole(usize::from(!voice.text.is_empty())), ..ContextReceipt::default() };
        let known = self.known(&text, chat.as_ref(), &Agent::default(), &glossary, language.as_ref(), language.as_ref());
        let values = context! { tone => tone.words(language.as_ref()), language => language.as_ref().map(Language::english_name), voice => voice.text.as_str() };
        let rewrite = Rewrite {
            asking: self.call_context(Task::Retone, &caller),
            shorter: tone == Tone::Concise,
            protected: Protected::of(text, &known, language.as_ref(), language.as_ref()),
            source: language.clone(),
            language,
            receipt,
            started,
        };
        match self.ask_rewrite(rewrite, values).await {
            Ok(generation) => Ok(generation),
            Err(error) => Err(refusal(error.of_models()?, "change a text's tone")),
        }
    }

    /// Translates a text for the customer, or a customer's message for the agent.
    pub async fn translate(&self, translate: Translate) -> Result<Generation, ReplyError> {
        let started = Instant::now();
        let Translate { what, chat_id, agent, target, source, caller } = translate;
        let chat = self.chat_of(chat_id.as_ref()).await?;
        let (text, by_customer, reported) = match (what, &chat) {
            (TranslateWhat::Text(text), _) => (text, false, None),
            (TranslateWhat::Message(event_id), Some(chat)) => {
                let turn = chat.turns.iter().find(|turn| turn.event_id == event_id.as_str());
                let turn = turn.ok_or_else(|| ReplyError::MessageNotFound(event_id.to_string()))?;
                (turn.message.asked().into_owned(), turn.message.author == Author::Customer, turn.message.language.clone())
            }
            (TranslateWhat::Message(_), None) => {
                return Err(ReplyError::Missing { field: "chat_id", problem: "an event id refers to a message of a chat" });
            }
        };
        let default = if by_customer { agent.language.clone() } else { chat.as_ref().map(|chat| self.customer_language(chat)) };
        let target = target.or(default).map(|language| self.ours(&language)).ok_or(ReplyError::Missing {
            field: "target_language",
            problem: "neither the chat nor the agent has a language to translate to",
        })?;
        let source = source.or(reported).map(|language| self.ours(&language)).or_else(|| detect(&text, &self.settings.languages));

        let glossary = self.knowledge.glossary();
        let (terms, _) =
            terms(&glossary, &target, chat.as_ref().unwrap_or(&Chat::default()), &[text.as_str()], self.settings.context_tokens);
        let receipt = ContextReceipt {
            glossary: ClassReceipt::of(glossary.len(), terms.len(), OmissionReason::Irrelevant),
            ..ContextReceipt::default()
        };
        let values = context! { source => source.as_ref().map(Language::english_name), target => target.english_name(), glossary => terms };
        let known = self.known(&text, chat.as_ref(), &agent, &glossary, source.as_ref(), Some(&target));
        let rewrite = Rewrite {
            asking: self.call_context(Task::Translate, &caller),
            shorter: false,
            protected: Protected::of(text.clone(), &known, source.as_ref(), Some(&target)),
            source: source.clone(),
            language: Some(target.clone()),
            receipt: receipt.clone(),
            started,
        };
        let failed = match self.ask_rewrite(rewrite, values).await {
            Ok(generation) => return Ok(generation),
            Err(error) => error.of_models()?,
        };
        match translate_without_model::translate(&self.knowledge, &text, source.as_ref(), &target).await? {
            Some(approved) => {
                let made_from = approved.source;
                let finish = finish(text, Some(target), receipt);
                Ok(stream::built_in(approved.text, started, move |generated| Finished { sources: vec![made_from], ..finish(generated) }))
            }
            None => Err(refusal(failed, "translate a text that is not an approved one")),
        }
    }

    /// Asks the models for a rewrite: its user message is the text alone, with marks in place of facts.
    ///
    /// A rewrite that changed facts is retried once, with the loss explained, if there is time; if that fails too, the original text is
    /// returned.
    async fn ask_rewrite(&self, rewrite: Rewrite, values: Value) -> Result<Generation, ReplyError> {
        let Rewrite { asking, shorter, protected, source, language, receipt, started } = rewrite;
        let task = asking.task;
        if self.models.is_empty() {
            return Err(ModelError::NotConfigured.into());
        }
        let prompt = self.prompts.rewrite(task, values, &protected.marked)?;
        let receipt = ContextReceipt {
            tokens_used: estimate_tokens(&prompt.system) + estimate_tokens(&prompt.user),
            token_budget: self.settings.context_tokens,
            full_token_budget: self.settings.context_tokens,
            masked: masked(&protected.masked()),
            ..receipt
        };
        let (answer, ()) = self.models.ask(&asking, |_| std::future::ready(Ok::<_, ModelError>((prompt.clone(), ())))).await?;
        let (models, languages) = (self.models.clone(), self.settings.languages.clone());
        let mut exit = Exit {
            original: protected.text.clone(),
            channel: None,
            secrets: LeakCheck::of_rewrite(&self.instructions, &self.knowledge.voice().text, &protected.text),
        };
        let target = language.clone();
        let mismatch = move |text: &str| target.as_ref().and_then(|target| other_language(text, target, &languages));
        let purpose = match task {
            Task::Correct => Purpose::Correction,
            Task::Retone => Purpose::Tone,
            _ => Purpose::Translation,
        };
        Ok(Box::pin(try_stream! {
            let mut answer_stream = AnswerStream::new(answer, protected.output_filter(), started);
            let mut streamed = String::new();
            while let Some(shown) = answer_stream.next().await? {
                streamed.push_str(&shown);
                yield Progress::Delta(shown);
            }
            let (mut generated, mut filtered) = answer_stream.into_generated();
            let correction = {
                let loss = protected.loss(&filtered);
                if protected.refuses(&loss) {
                    Some(protected.correction(&loss))
                } else if mismatch(&generated.text).is_some() {
                    Some("Your last answer was in another language.".to_owned())
                } else {
                    protected.changed_meaning(&filtered, purpose)
                }
            };
            // If it fails, the first answer is checked.
            if let Some(correction) = correction
                && let Some((second, again)) = ask_again(&models, &asking, &prompt, &correction, protected.output_filter(), started).await
            {
                exit.secrets.add_correction(&correction);
                filtered = again;
                generated = GeneratedText { usage: generated.usage.plus(second.usage), ..second };
            }
            // Comparing long texts takes time.
            let end = move || {
                let loss = protected.loss(&filtered);
                if protected.refuses(&loss) {
                    let warnings = protected.warning(&loss).into_iter().collect();
                    let kept = GeneratedText { text: protected.text.clone(), warnings, ..generated };
                    let replaced = kept.text != streamed;
                    // What is shown is the text itself, in its own language.
                    return Finished { replaced, ..finish(protected.text, source, receipt)(kept) };
                }
                let mut passed = exit.pass(generated, &filtered);
                // Lines end as they do in the text.
                if protected.text.contains("\r\n") {
                    passed.text = passed.text.replace("\r\n", "\n").replace('\n', "\r\n");
                }
                passed.warnings.extend(protected.warning(&loss));
                passed.warnings.extend(protected.meaning_warnings(&filtered, purpose));
                passed.warnings.extend(structure_warning(&protected.text, &passed.text, purpose));
                passed.warnings.extend(mismatch(&passed.text));
                passed.warnings.extend(excess_warning(shorter, &protected.text, &passed.text));
                let replaced = passed.text != streamed;
                Finished { replaced, ..finish(protected.text, language, receipt)(passed) }
            };
            let finished = task::blocking("comparing the rewrite with its text", end).await?;
            yield Progress::Finished(Box::new(finished));
        }))
    }

    /// Returns the facts that a rewrite must leave alone.
    pub(super) fn known(
        &self,
        text: &str,
        chat: Option<&Chat>,
        agent: &Agent,
        glossary: &[Term],
        source: Option<&Language>,
        target: Option<&Language>,
    ) -> Known {
        let customer_language = chat.map_or_else(|| self.settings.language.clone(), |chat| self.customer_language(chat));
        let mut known = personal(chat.into_iter(), false, &customer_language);
        if let Some(chat) = chat {
            add_chat(&mut known, chat);
        }
        add_person(&mut known, &agent.name, FactKind::Name);
        add_greeted(&mut known, text);
        add_glossary(&mut known, glossary, source, target);
        known
    }

    async fn chat_of(&self, chat_id: Option<&Id>) -> Result<Option<Chat>, ReplyError> {
        match chat_id {
            Some(chat_id) => Ok(Some(self.chats.chat(chat_id).await?)),
            None => Ok(None),
        }
    }
}

/// A requested rewrite.
struct Rewrite {
    asking: CallContext,
    /// Whether it should be shorter than the text.
    shorter: bool,
    protected: Protected,
    /// The text's language, and the rewrite's.
    source: Option<Language>,
    language: Option<Language>,
    receipt: ContextReceipt,
    started: Instant,
}

/// Counts facts by kind, for a receipt.
pub(crate) fn masked(kinds: &[FactKind]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind.word()).or_default() += 1;
    }
    counts
}

/// Returns the error for a task that no model answered and the built-in engine can't do.
pub(crate) fn refusal(error: ModelError, what: &'static str) -> ReplyError {
    match error {
        ModelError::NotConfigured => ReplyError::NotConfigured(what),
        error => ReplyError::Model { error, partial: false },
    }
}

fn whole(count: usize) -> ClassReceipt {
    ClassReceipt::of(count, count, OmissionReason::Budget)
}

/// Builds the result of a rewrite, with its edits.
fn finish(before: String, language: Option<Language>, context: ContextReceipt) -> impl FnOnce(GeneratedText) -> Finished + Send + 'static {
    move |generated| Finished { edits: edits(&before, &generated.text), ..Finished::of(generated, language, context) }
}

/// Returns the names and codes of a chat that a correction leaves alone.
fn names(chat: &Chat) -> Vec<String> {
    let mut names = vec![chat.customer.name.clone(), chat.summary.agent_name.clone()];
    names.extend(chat.turns.iter().map(|turn| turn.message.author_name.clone()));
    names.extend(chat.records.iter().map(|record| record.reference.clone()));
    names.extend(chat.form_answers.values().filter(|answer| answer.bytes().any(|byte| byte.is_ascii_digit())).cloned());
    // They are among the prompt's instructions, so anything as long as a sentence is not a name.
    names.retain(|name| !name.is_empty() && name.chars().count() <= MAX_NAME && name.split_whitespace().count() <= 4);
    names.sort();
    names.dedup();
    names.truncate(MAX_NAMES);
    names
}
