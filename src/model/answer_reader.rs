//! Reads a model's streamed answer, chunk by chunk: enforces the timeouts and accepts only a proper end.

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
    task::coop::{consume_budget, unconstrained},
    time::{Instant, error::Elapsed, timeout_at},
};

use crate::model::{
    Ending, TokensUsed,
    chunk::Chunk,
    error::{ModelError, Timeout},
    finish::Finish,
    reasoning::{ReasoningFilter, UnopenedReasoning},
    said::Said,
    stream_state::StreamState,
    surrogates::Joiner,
    token_budget::TokenMeter,
};

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// The next text, never empty, without reasoning.
    Text(String),
    /// The answer ended properly. Nothing follows.
    End {
        /// Why the model ended it.
        ending: Ending,
        /// The tokens that it used.
        used: TokensUsed,
    },
}

/// Reads a stream of chunks.
pub struct AnswerReader {
    pub chunks: std::pin::Pin<Box<dyn Stream<Item = Result<Value, OpenAIError>> + Send>>,
    pub state: Arc<StreamState>,
    /// When the request was sent.
    pub started: Instant,
    pub first_token: Duration,
    pub token_gap: Duration,
    /// Deadline of the whole answer.
    pub until: Instant,
    /// Deadline of the next token, of text or reasoning; before the first text, any sign of life extends it.
    pub next_by: Instant,
    /// Until when the caller waits for the first text; another model gets the time after that.
    pub begin_by: Option<Instant>,
    /// When the last token, of text or reasoning, or the last report of progress arrived.
    pub alive_at: Instant,
    /// Silence of this length counts against the model.
    pub long_silence: Duration,
    /// Since when nobody reads: that time does not count against the model's timeouts.
    pub paused_at: Option<Instant>,
    pub reasoning: ReasoningFilter,
    /// Whether this model's reasoning comes first, without an opening tag.
    pub reasoning_first: Arc<AtomicBool>,
    pub said: Said,
    pub joiner: Joiner,
    pub finish: Finish,
    /// How it ended, once only the end is left to report.
    pub ending: Option<Ending>,
    pub used: TokensUsed,
    /// Tokens of the prompt that were read anew, and the time for it, if the server says so.
    pub read: Option<(usize, Duration)>,
    /// Bytes of text and reasoning that came.
    pub bytes: usize,
    /// How long nobody read: that time is not the model's.
    pub paused_for: Duration,
    /// Whether any text was returned.
    pub has_text: bool,
    pub meter: TokenMeter,
}

impl AnswerReader {
    /// The next delta. Don't call it again after the end or an error.
    pub async fn next(&mut self) -> Result<Delta, ModelError> {
        if let Some(since) = self.paused_at.take() {
            let paused = since.elapsed();
            self.until += paused;
            self.next_by += paused;
            self.paused_for += paused;
        }
        let delta = self.read().await;
        self.paused_at = Some(Instant::now());
        delta
    }

    pub async fn read(&mut self) -> Result<Delta, ModelError> {
        if let Some(ending) = self.ending {
            return Ok(Delta::End { ending, used: self.used });
        }
        loop {
            let by = self.deadline();
            let begin_by = self.begin_by.filter(|begin_by| !self.has_text && *begin_by < by);
            let chunk = match self.wait(begin_by.unwrap_or(by)).await {
                // After the end any ending is fine: some servers leave the connection open, others reset it.
                Err(_) | Ok(Some(Err(_))) if self.finish.holds() => return self.end(),
                Err(_) if begin_by.is_none() && self.deadline() > by => continue,
                Err(_) if begin_by.is_some() && self.alive_at.elapsed() < self.long_silence => return Err(ModelError::NotInTime),
                Err(_) if by == self.until => return Err(ModelError::TimedOut(Timeout::Total)),
                Err(_) => return Err(ModelError::TimedOut(if self.has_text { Timeout::TokenGap } else { Timeout::FirstToken })),
                Ok(None) => return self.end(),
                Ok(Some(Ok(value))) => Chunk::read(&value),
                Ok(Some(Err(OpenAIError::JSONDeserialize(_, content)))) => Chunk::parse(&content).ok_or(ModelError::Garbled)?,
                Ok(Some(Err(error))) => return Err(failure(error)),
            };
            if let Some(text) = self.take(chunk)? {
                return Ok(Delta::Text(text));
            }
        }
    }

    /// The new text of a chunk.
    fn take(&mut self, chunk: Chunk) -> Result<Option<String>, ModelError> {
        if let Some(error) = chunk.error {
            return Err(error);
        }
        let text = self.said.new_text(chunk.delta, chunk.message)?;
        let text = self.joiner.join(text, chunk.has_stand_ins);
        let bytes = text.len() + chunk.reasoning;
        self.bytes += bytes;
        self.finish.read(bytes > 0, &chunk.finish_reason);
        let text = self.strip(text)?;
        if bytes > 0 || chunk.has_progress {
            self.alive_at = Instant::now();
            // A report of progress counts as little as anything can: it shows that the model is alive.
            self.meter.received(bytes);
        }
        if bytes > 0 {
            // Before the first text, each reasoning token restarts the first-token timeout.
            let wait = if self.has_text || !text.is_empty() { self.token_gap } else { self.first_token };
            self.next_by = if text.is_empty() { self.next_by.max(self.alive_at + wait) } else { self.alive_at + wait };
        }
        if let Some(used) = chunk.used {
            self.used = used;
        }
        self.read = chunk.read.or(self.read);
        self.has_text |= !text.is_empty();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// How long the model has worked for the answer.
    pub fn worked_for(&self) -> Duration {
        self.started.elapsed().saturating_sub(self.paused_for)
    }

    fn strip(&mut self, text: String) -> Result<String, ModelError> {
        self.reasoning.strip(text).map_err(|UnopenedReasoning| {
            self.reasoning_first.store(true, Ordering::Relaxed);
            ModelError::ReasoningInText
        })
    }

    /// Until when to wait. Before the first text, whatever arrives restarts the first-token timeout: a report of how far the prompt has been read,
    /// an empty delta, a comment of the server or of a proxy in front of it. `until` bounds that.
    fn deadline(&self) -> Instant {
        let by = if self.has_text { self.next_by } else { self.next_by.max(self.state.heard_at() + self.first_token) };
        by.min(self.until)
    }

    /// Waits for the next chunk until `by`. The transport reads on only while somebody waits here (backpressure).
    pub async fn wait(&mut self, by: Instant) -> Result<Option<Result<Value, OpenAIError>>, Elapsed> {
        consume_budget().await;
        // Under tokio's coop budget a channel may report empty when it is not: then more would be requested than was read.
        if let Some(chunk) = unconstrained(self.chunks.next()).now_or_never() {
            return Ok(chunk);
        }
        self.state.demand.notify_one();
        timeout_at(by, self.chunks.next()).await
    }

    /// Ends the answer. Without a finish reason and without `[DONE]` it was cut off, unless it was one whole JSON.
    pub fn end(&mut self) -> Result<Delta, ModelError> {
        if self.used != TokensUsed::default() {
            self.meter.reported(self.used);
        }
        let is_whole = self.state.is_done() || (self.state.is_one_document() && !self.said.has_deltas);
        let ending = match self.finish.reason().as_str() {
            "content_filter" | "safety" => return Err(ModelError::Filtered),
            "error" | "insufficient_system_resource" => return Err(ModelError::CutOff),
            "" if !is_whole => return Err(ModelError::CutOff),
            "length" | "max_length" | "max_tokens" | "model_length" => Ending::Truncated,
            _ => Ending::Done,
        };
        let assumed = self.reasoning.is_assumed();
        let half = self.joiner.rest();
        let mut rest = if half.is_empty() { half } else { self.strip(half)? };
        rest.push_str(&self.reasoning.rest());
        // Reasoning that was cut off is not text. Otherwise what was assumed to be reasoning was text.
        if rest.is_empty() || (assumed && ending == Ending::Truncated) {
            return Ok(Delta::End { ending, used: self.used });
        }
        if assumed {
            self.reasoning_first.store(false, Ordering::Relaxed);
        }
        self.ending = Some(ending);
        Ok(Delta::Text(rest))
    }
}

/// Converts async-openai's errors, whose messages contain the server's text.
pub fn failure(error: OpenAIError) -> ModelError {
    match error {
        OpenAIError::Boxed(error) => error.downcast_ref::<ModelError>().cloned().unwrap_or(ModelError::Unreachable),
        OpenAIError::StreamError(_) => ModelError::CutOff,
        OpenAIError::Reqwest(_) => ModelError::Unreachable,
        _ => ModelError::Garbled,
    }
}
