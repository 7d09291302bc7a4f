//! Summaries: what a colleague needs at a handoff.

use std::time::Instant;

use minijinja::context;

use super::{
    Agent, ContextReceipt, Finished, Generation, Replies, ReplyError, built_in,
    draft::{conversation, receipt},
    generation::{self, Made},
    prompt::{Task, fence, prompt},
};
use crate::{
    chats::choose,
    config::Workspace,
    text::{Id, Language},
};

/// What to sum up.
#[derive(Debug, Clone)]
pub struct Summarize {
    pub chat_id: Id,
    pub agent: Agent,
    /// `None`: the agent's, else the workspace's.
    pub language: Option<Language>,
}

impl Replies {
    /// Sums a chat up, internal notes included: colleagues read it.
    pub async fn summarize(&self, workspace: &Workspace, summarize: Summarize) -> Result<Generation, ReplyError> {
        let started = Instant::now();
        let Summarize { chat_id, agent, language } = summarize;
        let chat = self.chats.chat(workspace, &chat_id).await?;
        let language = language.or(agent.language).map_or_else(|| self.desk.language.clone(), |language| self.ours(&language));
        let (earlier, earlier_total) = self.chats.earlier_chats(workspace, &chat).await?;
        let budget = self.desk.context_tokens;
        let chosen = choose(&chat, &earlier, earlier_total, true, budget);
        let account = receipt(&chosen, 0, budget);
        if !self.models.is_empty() {
            let values = context! {
                language => language.english_name(),
                headings => built_in::headings(&language).to_vec(),
                fence => fence(),
                topic => chat.summary.topic.as_str(),
                ..conversation(&chosen)
            };
            match self.models.ask(&prompt(Task::Summarize, values)).await {
                Ok(answer) => return Ok(generation::from_model(answer, 0, started, finish(language, account))),
                // The facts need no model.
                Err(error) => tracing::warn!(error = %error, "no model summed the chat up; its facts are listed"),
            }
        }
        let language = built_in::summary_language(&language);
        let text = built_in::summarize(&chat, earlier_total, &language);
        Ok(generation::built_in(text, started, finish(language, account)))
    }
}

fn finish(language: Language, context: ContextReceipt) -> impl FnOnce(Made) -> Finished + Send + 'static {
    move |made| Finished::of(made, Some(language), context)
}
