//! Drafts: a reply to the customer, from the whole chat and the knowledge base.

pub mod channel;
pub mod check_with_model;
pub mod choose_source;
pub mod fields;
pub mod finish;
pub mod nearness;
pub mod now;
pub mod prompt;
pub mod without_model;

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;

use crate::{
    chats::{Chat, ClassReceipt, EarlierChat, NewEvent, OmissionReason, RunningSummary},
    config::Task,
    ids::Id,
    knowledge::{Conversation, Kind, QueryKind, Reader, SuggestionQuery, Term, Utterance, Voice},
    model::{ModelError, Prompt, Window},
    replies::{
        Agent, Caller, Desk,
        checks::{DraftedFrom, Evidence, form_of_address, leaks::LeakCheck, repetition::EarlierStatements},
        draft::{
            check_with_model::ModelCheck,
            finish::{DraftChecks, DraftEnd},
            prompt::{Given, PromptInputs, PublicSources},
        },
        error::ReplyError,
        rewrite::tone::Tone,
        stream::{Generation, result::ContextReceipt},
        suggest::query,
    },
    task::{self, TaskError},
    text::Language,
};

/// Most documents considered as sources of a draft.
const MAX_SOURCES: usize = 8;
/// Least chance that one of the first three documents fits, for a draft to have sources.
const SOURCE_THRESHOLD: f64 = 0.3;

/// One message or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One message.
    SingleMessage,
    /// Several short ones, as people write in chats.
    SeveralMessages,
}

/// What to draft.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The chat. It must exist unless `events` create it.
    pub chat_id: Id,
    /// Who asks for the draft and will send it.
    pub agent: Agent,
    /// Events to append first; they are kept even if no draft can be made.
    pub events: Vec<NewEvent>,
    /// What the draft should say, in free words, up to 8,000 characters; empty if nothing. Only a model follows it.
    pub instruction: String,
    /// A draft to change, up to 8,000 characters; empty if none. Only a model changes it.
    pub previous_draft: String,
    /// `None`: the customer's.
    pub language: Option<Language>,
    /// `None`: the workspace's voice.
    pub tone: Option<Tone>,
    /// `None`: the workspace's voice.
    pub layout: Option<Layout>,
    /// Whether the prompt may have internal notes. Then nothing of the draft is shown before its check.
    pub use_notes: bool,
    /// Its deadline and token budget.
    pub caller: Caller,
}

/// The inputs of a draft.
struct Prepared {
    chat: Arc<Chat>,
    earlier: Vec<EarlierChat>,
    earlier_total: usize,
    language: Language,
    /// The customer's.
    customer_language: Language,
    voice: Arc<Voice>,
    glossary: Arc<Vec<Term>>,
    several: bool,
    offers: PublicSources,
    /// For each message how near it is in meaning to what the customer asks; empty if that is not known.
    nearness: Vec<f32>,
    running_summary: Option<RunningSummary>,
    now: Timestamp,
}

impl Prepared {
    /// How much text of the chat was read.
    fn bytes(&self) -> usize {
        self.chat.turns.iter().map(|turn| turn.message.text.len()).sum()
    }
}

impl Desk {
    /// Drafts a reply: chooses the model's context, and streams what it writes.
    pub async fn draft(&self, draft: Draft) -> Result<Generation, ReplyError> {
        let started = Instant::now();
        let needs_model = !draft.instruction.is_empty() || !draft.previous_draft.is_empty();
        if needs_model && self.models.is_empty() {
            return Err(ReplyError::NotConfigured("follow an instruction or change a draft"));
        }
        let draft = Arc::new(draft);
        let prepared = Box::pin(self.prepared(&draft)).await?;
        // Only now are the events that came along durable: what is refused is shown to no model.
        let prepared = self.with_chosen_source_first(&draft, prepared).await;
        let Prepared { chat, earlier, earlier_total, language, several, offers, .. } = &*prepared;
        let end = DraftEnd {
            chats: self.chats.clone(),
            outcomes: self.outcomes.clone(),
            workspace: self.workspace.clone(),
            chat_id: draft.chat_id.clone(),
            last_sequence: chat.summary.last_sequence,
            agent_id: draft.agent.agent_id.clone(),
            channel: chat.summary.channel,
            language: language.clone(),
            several: *several,
            earlier_statements: EarlierStatements::of(chat, earlier),
        };
        let failed = if self.models.is_empty() {
            ModelError::NotConfigured
        } else {
            let context = self.call_context(Task::Draft, &draft.caller);
            match self.models.ask(&context, |window| self.prompt(&draft, &prepared, window)).await {
                Ok((answer, given)) => {
                    self.summarize_later(&draft.chat_id, chat, &chat.turns[..given.window_start]);
                    let evidence = self.evidence_and_secrets(&draft, &prepared, &given);
                    // The prompt's data, without the task behind it.
                    let fence = self.prompts.fence(draft.chat_id.as_str());
                    let shown = given.prompt.user.rsplit_once(&fence).map(|(data, _)| format!("{data}{fence}"));
                    let model_check = ModelCheck {
                        models: self.models.clone(),
                        prompts: self.prompts.clone(),
                        context: self.call_context(Task::Check, &draft.caller),
                        time: self.settings.check_with_model,
                        given: shown.unwrap_or_default(),
                        marks: Arc::clone(&given.marks),
                    };
                    let checks = DraftChecks { models: self.models.clone(), context, model_check };
                    return Ok(finish::from_model(answer, given, evidence, checks, end, started));
                }
                Err(error) => error.of_models()?,
            }
        };
        let Some(answer) = without_model::draft(&draft, chat, language, &offers.found) else {
            return Err(match failed {
                ModelError::NotConfigured => ReplyError::NothingFits,
                error => ReplyError::Model { error, partial: false },
            });
        };
        let mut receipt = ContextReceipt {
            token_budget: self.settings.context_tokens,
            full_token_budget: self.settings.context_tokens,
            ..ContextReceipt::default()
        };
        let used = |kind: Kind| usize::from(answer.source.kind == kind);
        receipt.canned_answers = offers.receipt(Kind::CannedAnswer, used(Kind::CannedAnswer), OmissionReason::Irrelevant);
        receipt.articles = offers.receipt(Kind::Article, used(Kind::Article), OmissionReason::Irrelevant);
        receipt.notes = ClassReceipt::of(chat.notes.len(), 0, OmissionReason::Withheld);
        // An approved text is sent unchanged: the chat was only used to find it.
        let unused = |count: usize| ClassReceipt::of(count, 0, OmissionReason::Irrelevant);
        receipt.messages = unused(chat.messages());
        receipt.records = unused(chat.records.len());
        receipt.form_answers = unused(chat.form_answers.len());
        receipt.earlier_chats = unused(*earlier_total);
        let beside = chat.beside_messages();
        (receipt.attachments, receipt.quotations) = (unused(beside.attachments), unused(beside.quotations));
        receipt.signatures = unused(beside.signatures);
        Ok(finish::built_in(&answer.text, answer.source, receipt, end, started))
    }

    /// Returns the prompt of a draft, for the first model's window or the workspace's default.
    pub async fn draft_prompt(&self, draft: Draft) -> Result<Prompt, ReplyError> {
        let prepared = Arc::new(Box::pin(self.prepared(&draft)).await?);
        Ok(self.prompt(&Arc::new(draft), &prepared, self.models.window(self.settings.context_tokens)).await?.0)
    }

    /// Builds the prompt for a model, off the serving threads: choosing from a long chat takes time.
    async fn prompt(&self, draft: &Arc<Draft>, prepared: &Arc<Prepared>, window: Window) -> Result<(Prompt, Given), ReplyError> {
        let (desk, draft, prepared) = (self.clone(), Arc::clone(draft), Arc::clone(prepared));
        self.chats.workers().work_on(prepared.bytes(), move || desk.prompt_inputs(&draft, &prepared).prompt(window)).await
    }

    /// Collects what a draft may state, and what it must not leak, while the draft is streamed.
    fn evidence_and_secrets(
        &self,
        draft: &Arc<Draft>,
        prepared: &Arc<Prepared>,
        given: &Given,
    ) -> impl Future<Output = Result<(Evidence, LeakCheck), TaskError>> + Send + use<> {
        let (desk, draft, prepared, workers) = (self.clone(), Arc::clone(draft), Arc::clone(prepared), self.chats.workers().clone());
        let (texts, notes, bytes) = (given.texts.clone(), given.notes.clone(), prepared.bytes());
        let work = move || {
            let Prepared { chat, earlier, language, voice, now, .. } = &*prepared;
            let from = DraftedFrom {
                chat,
                earlier,
                agent_name: &draft.agent.name,
                instruction: &draft.instruction,
                previous_draft: &draft.previous_draft,
                sources: &texts,
                voice: &format!("{}\n{}", voice.text, voice.sign_off),
                form_of_address: form_of_address::asked_by(voice, language).map(|(_, form)| form),
                now: *now,
            };
            let evidence = Evidence::of(&from, language, &desk.settings.languages, &desk.settings.allowed_links);
            let secrets = LeakCheck::of(&desk.instructions, &notes, &evidence.open());
            (evidence, secrets)
        };
        task::started("collecting what a draft may state", async move { workers.work_on(bytes, work).await })
    }

    async fn prepared(&self, draft: &Draft) -> Result<Prepared, ReplyError> {
        self.with_events(&draft.chat_id, &draft.events, |chat| self.prepare(draft, chat)).await
    }

    /// Finds the documents that may answer a chat.
    async fn prepare(&self, draft: &Draft, chat: Chat) -> Result<Prepared, ReplyError> {
        let customer_language = self.customer_language(&chat);
        let language = draft.language.as_ref().map_or_else(|| customer_language.clone(), |language| self.ours(language));
        let voice = self.knowledge.voice();
        let several = match draft.layout {
            Some(layout) => layout == Layout::SeveralMessages,
            None => voice.several_messages,
        };
        let mut query_kind = match query::query_kind(Some(&chat), "") {
            QueryKind::Opener(page) if draft.instruction.is_empty() => QueryKind::Opener(page),
            QueryKind::Conversation(conversation) if draft.instruction.is_empty() => QueryKind::Conversation(conversation),
            QueryKind::Conversation(mut conversation) => {
                conversation.pieces.push(Utterance { text: draft.instruction.clone(), burst: None, recent: 1.0, whole: 1.0 });
                QueryKind::Conversation(conversation)
            }
            _ => {
                let pieces = vec![Utterance { text: draft.instruction.clone(), burst: None, recent: 1.0, whole: 1.0 }];
                QueryKind::Conversation(Conversation { pieces, ..Conversation::default() })
            }
        };
        if let QueryKind::Conversation(conversation) = &mut query_kind {
            conversation.votes = self.votes(&chat, &language).await?;
            conversation.facts = self.chat_facts(&chat);
        }
        let reader = Reader::agent(draft.agent.agent_id.clone(), draft.agent.groups.clone());
        let meaning = self.meaning(&query_kind, Some(&chat), &draft.instruction, &language, &reader).await?;
        let query = SuggestionQuery {
            query_kind,
            kinds: vec![Kind::CannedAnswer, Kind::Article],
            language: language.clone(),
            reader,
            limit: MAX_SOURCES,
            meaning,
            threshold: SOURCE_THRESHOLD,
        };
        let found = self.knowledge.run_cpu_bound(move |knowledge| Ok(PublicSources::of(knowledge.suggestions(&query)?)));
        let chat = Arc::new(chat);
        let (offers, (earlier, earlier_total), nearness, running_summary) = tokio::try_join!(
            async { Ok::<_, ReplyError>(found.await?) },
            async { Ok(self.chats.earlier_chats(&chat).await?) },
            async { Ok(self.nearness(&chat, &customer_language).await) },
            self.running_summary(&chat),
        )?;
        Ok(Prepared {
            glossary: self.knowledge.glossary(),
            chat,
            earlier,
            earlier_total,
            language,
            customer_language,
            voice,
            several,
            offers,
            nearness,
            running_summary,
            now: Timestamp::now(),
        })
    }

    fn prompt_inputs<'a>(&'a self, draft: &'a Draft, prepared: &'a Prepared) -> PromptInputs<'a> {
        let Prepared { chat, earlier, earlier_total, language, customer_language, voice, glossary, several, offers, .. } = prepared;
        PromptInputs {
            draft,
            chat,
            earlier,
            earlier_total: *earlier_total,
            language,
            customer_language,
            voice,
            glossary,
            several: *several,
            offers,
            settings: &self.settings,
            nearness: &prepared.nearness,
            running_summary: prepared.running_summary.as_ref(),
            prompts: &self.prompts,
            found_facts: &self.found_facts,
            now: prepared.now,
        }
    }
}
