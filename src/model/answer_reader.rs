//! AnswerReader a model's answer: chunk by chunk, within the times that were set, up to an end that is one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_openai::error::OpenAIError;
use futures::{FutureExt, Stream, StreamExt};
use serde_json::Value;
use tokio::{
    sync::Notify,
    task::coop::{consume_budget, unconstrained},
    time::{Instant, error::Elapsed, timeout_at},
};

use crate::model::{
    Ending, TokensUsed,
    chunk::Chunk,
    error::ModelError,
    reasoning::{ReasoningFilter, UnopenedReasoning},
    token_budget::TokenMeter,
};

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    Text(String),
    End { ending: Ending, used: TokensUsed },
}

/// A stream of chunks that is being read.
pub struct AnswerReader {
    pub chunks: std::pin::Pin<Box<dyn Stream<Item = Result<Value, OpenAIError>> + Send>>,
    pub done: Arc<AtomicBool>,
    /// Tells the wire whether more is waited for.
    pub demand: Arc<Notify>,
    pub asked: Instant,
    pub first_token: Duration,
    pub gap: Duration,
    /// No token may come after this.
    pub until: Instant,
    /// Until when the next sign of life must come.
    pub next_by: Instant,
    /// Until when the caller waits for the first text.
    pub begin_by: Option<Instant>,
    /// When there was a sign of life last.
    pub alive: Instant,
    /// How long it may be silent until it is for long.
    pub long: Duration,
    /// Since when nobody reads: that time is not the model's.
    pub away: Option<Instant>,
    pub thoughts: ReasoningFilter,
    pub thinks_first: Arc<AtomicBool>,
    pub finish_reason: String,
    /// How it ended, when all but that was told.
    pub ending: Option<Ending>,
    pub used: TokensUsed,
    /// Whether text was given out.
    pub begun: bool,
    pub meter: TokenMeter,
}

impl AnswerReader {
    /// The next piece. After the end or an error there is no more to ask for.
    pub async fn next(&mut self) -> Result<Delta, ModelError> {
        if let Some(since) = self.away.take() {
            self.until += since.elapsed();
            self.next_by += since.elapsed();
        }
        let piece = self.read().await;
        self.away = Some(Instant::now());
        piece
    }

    pub async fn read(&mut self) -> Result<Delta, ModelError> {
        if let Some(ending) = self.ending {
            return Ok(Delta::End { ending, used: self.used });
        }
        loop {
            let by = self.next_by.min(self.until);
            let begin_by = self.begin_by.filter(|begin_by| !self.begun && *begin_by < by);
            let chunk = match self.wait(begin_by.unwrap_or(by)).await {
                // Whatever comes of a server that has said why it ends: some leave the connection open, others break it off.
                Err(_) | Ok(Some(Err(_))) if !self.finish_reason.is_empty() => return self.end(),
                Err(_) if begin_by.is_some() && self.alive.elapsed() < self.long => return Err(ModelError::NotInTime),
                Err(_) => return Err(ModelError::TimedOut(if by == self.until { "in all" } else { "for a token" })),
                Ok(None) => return self.end(),
                Ok(Some(Ok(value))) => Chunk::read(&value),
                Ok(Some(Err(OpenAIError::JSONDeserialize(_, content)))) => match content.trim() {
                    "" => continue,
                    // The library knows it without spaces alone.
                    "[DONE]" => return self.end(),
                    _ => return Err(ModelError::Garbled),
                },
                Ok(Some(Err(error))) => return Err(failure(error)),
            };
            if chunk.error {
                return Err(ModelError::Reported);
            }
            let told = chunk.text.len() + chunk.reasoning;
            let text = self.thoughts.without(chunk.text).map_err(|UnopenedReasoning| {
                self.thinks_first.store(true, Ordering::Relaxed);
                ModelError::ReasoningInText
            })?;
            if told > 0 {
                self.alive = Instant::now();
                self.meter.made(told);
                // Before the first text a model that thinks has as long again as for its first token.
                let wait = if self.begun || !text.is_empty() { self.gap } else { self.first_token };
                self.next_by = if text.is_empty() { self.next_by.max(self.alive + wait) } else { self.alive + wait };
            }
            if let Some(used) = chunk.used {
                self.used = used;
            }
            if !chunk.finish_reason.is_empty() {
                self.finish_reason = chunk.finish_reason;
            }
            if !text.is_empty() {
                self.begun = true;
                return Ok(Delta::Text(text));
            }
        }
    }

    /// The next chunk, which must come by then. The wire reads on only while somebody waits here.
    pub async fn wait(&mut self, by: Instant) -> Result<Option<Result<Value, OpenAIError>>, Elapsed> {
        consume_budget().await;
        // Under tokio's budget a channel may say that it is empty when it is not: then more would be asked for than was read.
        if let Some(came) = unconstrained(self.chunks.next()).now_or_never() {
            return Ok(came);
        }
        self.demand.notify_one();
        timeout_at(by, self.chunks.next()).await
    }

    /// An end without a finish reason and without `[DONE]` is no end.
    pub fn end(&mut self) -> Result<Delta, ModelError> {
        if self.used != TokensUsed::default() {
            self.meter.told(self.used);
        }
        let ending = match self.finish_reason.to_lowercase().as_str() {
            "content_filter" | "safety" => return Err(ModelError::Filtered),
            "error" | "insufficient_system_resource" => return Err(ModelError::CutOff),
            "" if !self.done.load(Ordering::Relaxed) => return Err(ModelError::CutOff),
            "length" | "max_length" | "max_tokens" | "model_length" => Ending::Truncated,
            _ => Ending::Done,
        };
        let assumed = self.thoughts.is_assumed();
        let rest = self.thoughts.rest();
        // A thought that was cut off is no text; else what was taken for one was none.
        if rest.is_empty() || (assumed && ending == Ending::Truncated) {
            return Ok(Delta::End { ending, used: self.used });
        }
        if assumed {
            self.thinks_first.store(false, Ordering::Relaxed);
        }
        self.ending = Some(ending);
        Ok(Delta::Text(rest))
    }
}

/// What async-openai says, in our words: its own hold the server's text.
pub fn failure(error: OpenAIError) -> ModelError {
    match error {
        OpenAIError::Boxed(error) => error.downcast_ref::<ModelError>().cloned().unwrap_or(ModelError::Unreachable),
        OpenAIError::StreamError(_) => ModelError::CutOff,
        OpenAIError::Reqwest(_) => ModelError::Unreachable,
        _ => ModelError::Garbled,
    }
}
