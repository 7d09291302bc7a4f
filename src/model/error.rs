//! Why a model gave no usable answer. Nothing of what its server said is passed on: it may hold the customer's text.

use std::time::Duration;

#[derive(Debug, thiserror::Error, Clone)]
pub enum ModelError {
    #[error("no model is configured")]
    NotConfigured,
    /// The client could not be made, as when the system has no root certificates.
    #[error("the model's client can't be made: {0}")]
    Client(String),
    /// No connection.
    #[error("the model's server can't be reached")]
    Unreachable,
    /// Its server refused with this HTTP status.
    #[error("the model's server answered with HTTP status {status}")]
    Refused { status: u16, retry_after: Option<Duration> },
    /// The stream held an error.
    #[error("the model's server reported an error in its stream")]
    Reported,
    /// What came is not the protocol.
    #[error("the model's server does not speak the chat completions protocol")]
    Garbled,
    /// It took longer than it may.
    #[error("the model took too long {0}")]
    TimedOut(&'static str),
    /// The caller has no more time for it, and it did not have long.
    #[error("the model did not begin within the caller's time for it")]
    NotInTime,
    /// Its text was its thoughts, as their end told.
    #[error(
        "the model's thoughts came as text, up to `</think>`; its server has a setting that keeps them apart, often called a reasoning parser"
    )]
    ThoughtAloud,
    /// The stream ended without an end.
    #[error("the model's answer was cut off")]
    CutOff,
    /// The answer is larger than an answer may be.
    #[error("the model's answer is larger than {0} bytes")]
    TooLarge(usize),
    /// It ended properly, with nothing in it.
    #[error("the model's answer is empty")]
    Empty,
    /// The provider's filter refused.
    #[error("the provider's content filter refused")]
    Filtered,
    /// It failed so often that it is not asked until it answers a probe.
    #[error("the model does not answer; it is tried again in {} ms", .0.as_millis())]
    Down(Duration),
    /// Too many calls are before this one to be served in time.
    #[error("too many calls wait for the model; one more would have its turn in {} ms", .0.as_millis())]
    Busy(Duration),
    /// The workspace has used its tokens.
    #[error("the workspace has used its tokens; there are more in {} s", .0.as_secs() + 1)]
    Spent(Duration),
    /// The prompt is larger than the model takes.
    #[error("the prompt has about {tokens} tokens; the model takes {most}")]
    PromptTooLarge { tokens: usize, most: usize },
    /// The caller's time was over before it could be asked.
    #[error("the caller's deadline passed")]
    DeadlinePassed,
}

impl ModelError {
    /// Whether another try of the same call may succeed: its server could not be reached, was busy, or broke off.
    pub fn is_transient(&self) -> bool {
        match self {
            ModelError::Unreachable | ModelError::CutOff | ModelError::Reported => true,
            ModelError::Refused { status, .. } => matches!(status, 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=529),
            _ => false,
        }
    }

    /// Whether it speaks against the model, rather than against this prompt or caller.
    pub fn is_fault(&self) -> bool {
        match self {
            ModelError::Refused { status, .. } => !matches!(status, 400 | 413 | 422),
            ModelError::Unreachable
            | ModelError::Reported
            | ModelError::Garbled
            | ModelError::TimedOut(_)
            | ModelError::CutOff
            | ModelError::TooLarge(_)
            | ModelError::Empty => true,
            _ => false,
        }
    }

    /// When the model's server says that it may be asked again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            ModelError::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Its word in metrics.
    pub fn word(&self) -> &'static str {
        match self {
            ModelError::NotConfigured => "not_configured",
            ModelError::Client(_) => "client",
            ModelError::Unreachable => "unreachable",
            ModelError::Refused { status: 429, .. } => "rate_limited",
            ModelError::Refused { .. } => "refused",
            ModelError::Reported => "reported",
            ModelError::Garbled => "garbled",
            ModelError::TimedOut(_) => "timed_out",
            ModelError::NotInTime => "not_in_time",
            ModelError::ThoughtAloud => "thought_aloud",
            ModelError::CutOff => "cut_off",
            ModelError::TooLarge(_) => "too_large",
            ModelError::Empty => "empty",
            ModelError::Filtered => "filtered",
            ModelError::Down(_) => "down",
            ModelError::Busy(_) => "busy",
            ModelError::Spent(_) => "spent",
            ModelError::PromptTooLarge { .. } => "prompt_too_large",
            ModelError::DeadlinePassed => "deadline_passed",
        }
    }
}
