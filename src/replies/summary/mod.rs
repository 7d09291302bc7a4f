//! Summaries: what a colleague needs at a handoff.

pub mod running;
pub mod without_model;

use std::{sync::Arc, time::Instant};

use async_stream::try_stream;
use jiff::{Timestamp, tz::TimeZone};
use minijinja::context;

use crate::{
    chats::{Chat, Choice, EarlierChat, Internal, RunningSummary, choose},
    config::Task,
    ids::Id,
    model::Window,
    replies::{
        Agent, Caller, Desk,
        checks::{Checked, DraftedFrom, Evidence, leaks::LeakCheck, other_language},
        draft::prompt::{conversation, receipt},
        error::ReplyError,
        masking::{Masker, chats_of},
        stream::{
            self, AnswerStream, GeneratedText, Generation, ask_again,
            exit::Exit,
            filter::{FilteredText, OutputFilter},
            result::{ContextReceipt, Finished, Progress},
        },
    },
    task,
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
    running_summary: Option<RunningSummary>,
    now: Timestamp,
}

impl Read {
    fn choice<'a>(&'a self, time_zone: &'a TimeZone) -> Choice<'a> {
        let Read { chat, earlier, earlier_total, customer_language, running_summary, now } = self;
        Choice {
            chat,
            earlier,
            earlier_total: *earlier_total,
            language: customer_language.primary(),
            use_notes: true,
            budget: 0,
            context: 0,
            now: *now,
            time_zone,
            nearness: &[],
            running_summary: running_summary.as_ref(),
        }
    }
}

/// What a model's summary is checked against.
struct SummaryCheck {
    read: Arc<Read>,
    exit: Exit,
    languages: Vec<Language>,
}

impl SummaryCheck {
    fn pass(&self, generated: GeneratedText, filtered: &FilteredText, language: &Language) -> GeneratedText {
        let mut passed = self.exit.pass(generated, filtered);
        let Read { chat, earlier, now, .. } = &*self.read;
        let from = DraftedFrom {
            chat,
            earlier,
            agent_name: "",
            instruction: "",
            previous_draft: "",
            sources: &[],
            voice: "",
            form_of_address: None,
            now: *now,
        };
        let Checked { text, warnings } = Evidence::of_summary(&from, language, &self.languages).check_summary(&passed.text);
        passed.warnings.extend(warnings);
        GeneratedText { text, ..passed }
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
        let running_summary = self.running_summary(&chat).await?;
        let read = Arc::new(Read { chat, earlier, earlier_total, customer_language, running_summary, now: Timestamp::now() });
        if !self.models.is_empty() {
            let summed = |desk: &Desk, read: &Read, language: &Language, window: Window| {
                let Read { chat, earlier, customer_language, .. } = read;
                let mut chosen =
                    choose(Choice { budget: window.budget(), context: window.budget(), ..read.choice(&desk.settings.time_zone) });
                let mut masker = Masker::of(&desk.settings.personal_data, chats_of(chat, earlier), customer_language);
                masker.mask_context(&mut chosen);
                let topic = masker.mask(&chat.summary.topic);
                let (masked, marks) = masker.marks();
                let values = context! {
                    language => language.english_name(),
                    headings => without_model::headings(language).to_vec(),
                    fence => desk.prompts.fence(&chat.chat_id),
                    marks => !marks.all().is_empty(),
                    topic => on_one_line(&topic),
                    ..conversation(&chosen, &desk.settings.time_zone, Internal::for_agents)
                };
                let prompt = desk.prompts.both(Task::Summarize, values)?;
                Ok::<_, ReplyError>((prompt.clone(), (prompt, ContextReceipt { masked, ..receipt(&chosen, 0, window) }, marks)))
            };
            let make = |window: Window| {
                let (desk, read, language) = (self.clone(), Arc::clone(&read), language.clone());
                self.chats.workers().work(move || summed(&desk, &read, &language, window))
            };
            let context = self.call_context(Task::Summarize, &caller);
            match self.models.ask(&context, make).await {
                Ok((answer, (prompt, receipt_of_summary, marks))) => {
                    let filter = move |language: &Language| OutputFilter::new(0, Arc::clone(&marks), language.primary());
                    let exit = Exit { original: String::new(), channel: None, secrets: LeakCheck::of(&self.instructions, &[], &[]) };
                    let mut check = SummaryCheck { read, exit, languages: self.settings.languages.clone() };
                    let (models, given) = (self.models.clone(), receipt_of_summary);
                    return Ok(Box::pin(try_stream! {
                        let mut answer_stream = AnswerStream::new(answer, filter(&language), started);
                        let mut shown = String::new();
                        while let Some(piece) = answer_stream.next().await? {
                            shown.push_str(&piece);
                            yield Progress::Delta(piece);
                        }
                        let (mut generated, mut filtered) = answer_stream.into_generated();
                        if other_language(&generated.text, &language, &check.languages).is_some() {
                            let correction = format!("Your last answer was in another language. Write in {}.", language.english_name());
                            if let Some((second, again)) = ask_again(&models, &context, &prompt, &correction, filter(&language), started).await {
                                check.exit.secrets.add_correction(&correction);
                                filtered = again;
                                generated = GeneratedText { usage: generated.usage.plus(second.usage), ..second };
                            }
                        }
                        let its_language = language.clone();
                        let generated = task::blocking("checking the summary", move || check.pass(generated, &filtered, &its_language)).await?;
                        let replaced = generated.text != shown;
                        yield Progress::Finished(Box::new(Finished { replaced, ..finish(language, given)(generated) }));
                    }));
                }
                // The facts need no model.
                Err(error) => {
                    let error = error.of_models()?;
                    tracing::warn!(error = %error, "no model summarized the chat; listing its facts");
                }
            }
        }
        let language = without_model::summary_language(&language);
        let (budget, customer_language, time_zone) = (self.settings.context_tokens, language.clone(), self.settings.time_zone.clone());
        let work = move || {
            let chosen = choose(Choice { budget, context: budget, ..read.choice(&time_zone) });
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
