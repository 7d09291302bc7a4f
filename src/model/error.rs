//! Why a model gave no usable answer. Its server's messages are not passed on, since they may contain the customer's text.

use std::{fmt, time::Duration};

/// Why a model gave no usable answer.
#[derive(Debug, thiserror::Error, Clone)]
pub enum ModelError {
    /// No model is configured for the task.
    #[error("no model is configured")]
    NotConfigured,
    /// The client could not be created, for example without root certificates on the system.
    #[error("can't create the model's client: {0}")]
    Client(String),
    /// No connection.
    #[error("can't reach the model's server")]
    Unreachable,
    /// Its server refused with this HTTP status.
    #[error("the model's server answered with HTTP status {status}")]
    Refused {
        /// The status, such as 429.
        status: u16,
        /// How long the server asks to wait, if it does.
        retry_after: Option<Duration>,
    },
    /// The provider's account has no quota or credit left; no retry helps.
    #[error("the provider's quota or credit for this model is used up; top it up or change the plan at the provider")]
    QuotaUsedUp,
    /// The stream contained an error.
    #[error("the model's server reported an error in its stream")]
    Reported,
    /// The answer violates the protocol.
    #[error("the model's server does not speak the chat completions protocol")]
    Garbled,
    /// A timeout.
    #[error("the model timed out: no {0} in time; {advice}", advice = .0.advice())]
    TimedOut(Timeout),
    /// The caller's deadline left it too little time to count this against it.
    #[error("the model did not begin before the caller's deadline for it")]
    NotInTime,
    /// Its reasoning came as text, as the closing tag showed.
    #[error("the model's reasoning came as text, up to `</think>`; set up its server to separate it, often with a reasoning parser")]
    ReasoningInText,
    /// All that it may write went to hidden reasoning.
    #[error("the model used up its tokens before its text began")]
    NoRoom,
    /// The stream ended without a finish reason or `[DONE]`.
    #[error("the model's answer was cut off")]
    CutOff,
    /// The answer exceeds the size limit.
    #[error("the model's answer is larger than {0} bytes")]
    TooLarge(usize),
    /// It ended properly, but without text.
    #[error("the model's answer is empty")]
    Empty,
    /// The provider's content filter refused.
    #[error("the provider's content filter refused the prompt or the answer")]
    Filtered,
    /// Its circuit breaker is open: it is not called until it answers a probe.
    #[error("the model is down; retrying in {} ms", .0.as_millis())]
    Down(Duration),
    /// The admission queue is too long to serve this call in time.
    #[error("too many calls are queued for the model; the estimated wait is {} ms", .0.as_millis())]
    Busy(Duration),
    /// The token limit of the workspace or key is used up.
    #[error("the token limit is used up; it resets in {} s", .0.as_secs() + 1)]
    Spent(Duration),
    /// The prompt is larger than the model takes.
    #[error("the prompt has about {tokens} tokens; the model takes {max}")]
    PromptTooLarge {
        /// The prompt's estimated tokens.
        tokens: usize,
        /// How many the model takes.
        max: usize,
    },
    /// The caller's deadline passed before it could be called.
    #[error("the caller's deadline passed")]
    DeadlinePassed,
}

/// Which timeout passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// The wait for the first token: `first_token_timeout`.
    FirstToken,
    /// The wait between two tokens: `token_gap_timeout`.
    TokenGap,
    /// The whole answer: `total_timeout`.
    Total,
    /// The wait for an embedding.
    Embedding,
}

impl Timeout {
    /// What to change.
    fn advice(self) -> &'static str {
        match self {
            Timeout::FirstToken => "lower `context_tokens` or `first_token_goal`, or raise `first_token_timeout`",
            Timeout::TokenGap => "raise `token_gap_timeout`",
            Timeout::Total => "lower `max_tokens` or raise `total_timeout`",
            Timeout::Embedding => "raise `suggest_timeout` of `[embedding]`",
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Timeout::FirstToken => "first token",
            Timeout::TokenGap => "next token",
            Timeout::Total => "complete answer",
            Timeout::Embedding => "embedding",
        })
    }
}

/// What a failure means: for retries, for the circuit breaker, for the fallback chain, and for the input.
#[derive(Clone, Copy)]
struct Policy {
    is_transient: bool,
    is_fault: bool,
    retry_after: Option<Duration>,
    ends_the_chain: bool,
    is_refused_input: bool,
    less_input_may_do: bool,
}

impl ModelError {
    /// What each failure means. Every variant is listed, so that a new one does not compile until this is decided.
    fn policy(&self) -> Policy {
        let nothing = Policy {
            is_transient: false,
            is_fault: false,
            retry_after: None,
            ends_the_chain: false,
            is_refused_input: false,
            less_input_may_do: false,
        };
        let fault = Policy { is_fault: true, ..nothing };
        match self {
            ModelError::Unreachable | ModelError::CutOff | ModelError::Reported => Policy { is_transient: true, ..fault },
            ModelError::Refused { status, retry_after } => {
                let is_refused_input = matches!(status, 400 | 413 | 422);
                Policy {
                    is_transient: matches!(status, 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=529),
                    is_fault: !is_refused_input,
                    retry_after: *retry_after,
                    is_refused_input,
                    // Some servers answer 500 to input that is too long.
                    less_input_may_do: is_refused_input || *status == 500,
                    ..nothing
                }
            }
            ModelError::Garbled => Policy { less_input_may_do: true, ..fault },
            ModelError::Filtered => Policy { less_input_may_do: true, ..nothing },
            ModelError::QuotaUsedUp | ModelError::TimedOut(_) | ModelError::TooLarge(_) | ModelError::Empty => fault,
            ModelError::Spent(_) | ModelError::DeadlinePassed => Policy { ends_the_chain: true, ..nothing },
            ModelError::NotConfigured
            | ModelError::Client(_)
            | ModelError::NotInTime
            | ModelError::ReasoningInText
            | ModelError::NoRoom
            | ModelError::Down(_)
            | ModelError::Busy(_)
            | ModelError::PromptTooLarge { .. } => nothing,
        }
    }

    /// Whether a retry of the same call may succeed: the server was unreachable or busy, or cut the answer off.
    pub fn is_transient(&self) -> bool {
        self.policy().is_transient
    }

    /// Whether it counts against the model in its circuit breaker, rather than against this prompt or caller.
    pub fn is_fault(&self) -> bool {
        self.policy().is_fault
    }

    /// The server's `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        self.policy().retry_after
    }

    /// Whether the fallback chain ends here: a used-up token limit or a passed deadline holds for all models.
    pub fn ends_the_chain(&self) -> bool {
        self.policy().ends_the_chain
    }

    /// Whether the server refused this input, and may accept another.
    pub fn is_refused_input(&self) -> bool {
        self.policy().is_refused_input
    }

    /// Whether the server may accept less input.
    pub fn less_input_may_do(&self) -> bool {
        self.policy().less_input_may_do
    }

    /// Its label value in metrics.
    pub fn word(&self) -> &'static str {
        match self {
            ModelError::NotConfigured => "not_configured",
            ModelError::Client(_) => "client",
            ModelError::Unreachable => "unreachable",
            ModelError::Refused { status: 429, .. } => "rate_limited",
            ModelError::Refused { .. } => "refused",
            ModelError::QuotaUsedUp => "quota_used_up",
            ModelError::Reported => "reported",
            ModelError::Garbled => "garbled",
            ModelError::TimedOut(_) => "timed_out",
            ModelError::NotInTime => "not_in_time",
            ModelError::ReasoningInText => "thought_aloud",
            ModelError::NoRoom => "no_room",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transient_failures_are_retried() {
        let refused = |status| ModelError::Refused { status, retry_after: None };
        let second = Duration::from_secs(1);
        for (error, transient, fault, ends) in [
            (ModelError::Unreachable, true, true, false),
            (ModelError::CutOff, true, true, false),
            (refused(503), true, true, false),
            (refused(401), false, true, false),
            (refused(422), false, false, false),
            (ModelError::QuotaUsedUp, false, true, false),
            (ModelError::Garbled, false, true, false),
            (ModelError::Filtered, false, false, false),
            (ModelError::Busy(second), false, false, false),
            (ModelError::Spent(second), false, false, true),
            (ModelError::DeadlinePassed, false, false, true),
        ] {
            assert_eq!((error.is_transient(), error.is_fault(), error.ends_the_chain()), (transient, fault, ends), "{error}");
        }
        assert_eq!(ModelError::Refused { status: 429, retry_after: Some(second) }.retry_after(), Some(second));
        assert_eq!(ModelError::Down(second).retry_after(), None);
    }
}
