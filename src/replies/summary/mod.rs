//! Summaries: what a colleague needs at a handoff.

pub mod without_model;

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;
use minijinja::context;

use crate::{
    chats::{Chat, Choice, EarlierChat, Internal, choose},
    config::Task,
    ids::Id,
    model::Window,
    replies::{
        Agent, Caller, Desk,
        draft::prompt::{conversation, receipt},
        error::ReplyError,
        masking::{Masker, chats_of},
        prompts::fence,
        stream::{
            self, AnswerStream, GeneratedText, Generation,
            filter::OutputFilter,
            result::{ContextReceipt, Finished},
        },
    },
    text::{Language, on_one_line},
};

/// What to summarize.
#[derive(Debug, Clone)]
pub struct Summarize {
    /// The chat.
    pub chat_id: Id,
    /// Who reads it.
    pub agent: Agent,
    /// `None`: the agent's, else the workspace's.
    pub language: Option<Language>,
    /// Its deadline and token budget.
    pub caller: Caller,
}

/// The inputs of a summary.
struct Read {
    chat: Chat,
    earlier: Vec<EarlierChat>,
    earlier_total: usize,
    /// The customer's language.
    customer_language: Language,
    now: Timestamp,
}

impl Read {
    fn choice(&self) -> Choice<'_> {
        let Read { chat, earlier, earlier_total, customer_language, now } = self;
        Choice {
            chat,
            earlier,
            earlier_total: *earlier_total,
            language: customer_language.primary(),
            use_notes: true,
            budget: 0,
            now: *now,
        }
    }
}

impl Desk {
    /// Summarizes a chat, internal notes included: colleagues read it.
    pub async fn summarize(&self, summarize: Summarize) -> Result<Generation, ReplyError> {
        let started = Instant::now();
        let Summarize { chat_id, agent, language, caller } = summarize;
        let chat = self.chats.chat(&chat_id).await?;
        let language = language.or(agent.language).map_or_else(|| self.settings.language.clone(), |language| self.ours(&language));
        let (earlier, earlier_total) = self.chats.earlier_chats(&chat).await?;
        let customer_language = self.customer_language(&chat);
        let now = Timestamp::now();
        let read = Arc::new(Read { chat, earlier, earlier_total, customer_language, now });
        if !self.models.is_empty() {
            let summed = |desk: &Desk, read: &Read, language: &Language, window: Window| {
                let Read { chat, earlier, customer_language, .. } = read;
                let mut chosen = choose(Choice { budget: window.budget(), ..read.choice() });
                let mut masker = Masker::of(&desk.settings.personal_data, chats_of(chat, earlier), customer_language);
                masker.mask_context(&mut chosen);
                let topic = masker.mask(&chat.summary.topic);
                let (masked, marks) = masker.marks();
                let values = context! {
                    language => language.english_name(),
                    headings => without_model::headings(language).to_vec(),
                    fence => fence(),
                    marks => !marks.all().is_empty(),
                    topic => on_one_line(&topic),
                    ..conversation(&chosen, Internal::for_agents)
                };
                let prompt = desk.prompts.both(Task::Summarize, values)?;
                Ok::<_, ReplyError>((prompt, (ContextReceipt { masked, ..receipt(&chosen, 0, window) }, marks)))
            };
            let make = |window: Window| {
                let (desk, read, language) = (self.clone(), Arc::clone(&read), language.clone());
                self.chats.workers().work(move || summed(&desk, &read, &language, window))
            };
            let context = self.call_context(Task::Summarize, &caller);
            match self.models.ask(&context, make).await {
                Ok((answer, (receipt_of_summary, marks))) => {
                    let filter = OutputFilter::new(0, marks, language.primary());
                    return Ok(stream::from_model(AnswerStream::new(answer, filter, started), finish(language, receipt_of_summary)));
                }
                // The facts need no model.
                Err(error) => {
                    let error = error.of_models()?;
                    tracing::warn!(error = %error, "no model summarized the chat; listing its facts");
                }
            }
        }
        let language = without_model::summary_language(&language);
        let (budget, customer_language) = (self.settings.context_tokens, language.clone());
        let work = move || {
            let chosen = choose(Choice { budget, ..read.choice() });
            let text = without_model::summarize(&read.chat, &chosen, earlier_total, &customer_language);
            (text, without_model::summary_account(&read.chat, &chosen, earlier_total))
        };
        let (text, receipt_of_summary) = self.chats.workers().work(work).await;
        Ok(stream::built_in(text, started, finish(language, receipt_of_summary)))
    }
}

fn finish(language: Language, context: ContextReceipt) -> impl FnOnce(GeneratedText) -> Finished + Send + 'static {
    move |generated| Finished { context, ..Finished::of(generated, Some(language), ContextReceipt::default()) }
}
