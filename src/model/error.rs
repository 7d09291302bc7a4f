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
    ReasoningInText,
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

/// What a failure means for further tries, for the model, for those after it, and for what was sent.
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
    /// What each failure means. Every kind is listed: a new one does not compile until it is decided.
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
                    // Some servers say 500 to what is too long.
                    less_input_may_do: is_refused_input || *status == 500,
                    ..nothing
                }
            }
            ModelError::Garbled => Policy { less_input_may_do: true, ..fault },
            ModelError::Filtered => Policy { less_input_may_do: true, ..nothing },
            ModelError::TimedOut(_) | ModelError::TooLarge(_) | ModelError::Empty => fault,
            ModelError::Spent(_) | ModelError::DeadlinePassed => Policy { ends_the_chain: true, ..nothing },
            ModelError::NotConfigured
            | ModelError::Client(_)
            | ModelError::NotInTime
            | ModelError::ReasoningInText
            | ModelError::Down(_)
            | ModelError::Busy(_)
            | ModelError::PromptTooLarge { .. } => nothing,
        }
    }

    /// Whether another try of the same call may succeed: its server could not be reached, was busy, or broke off.
    pub fn is_transient(&self) -> bool {
        self.policy().is_transient
    }

    /// Whether it speaks against the model, rather than against this prompt or caller.
    pub fn is_fault(&self) -> bool {
        self.policy().is_fault
    }

    /// When the model's server says that it may be asked again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.policy().retry_after
    }

    /// Whether the models after this one are not asked: what a workspace or key has used up, it has for none of them.
    pub fn ends_the_chain(&self) -> bool {
        self.policy().ends_the_chain
    }

    /// Whether its server refused what was sent, and may take something else.
    pub fn is_refused_input(&self) -> bool {
        self.policy().is_refused_input
    }

    /// Whether less of what was sent may be taken.
    pub fn less_input_may_do(&self) -> bool {
        self.policy().less_input_may_do
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
            ModelError::ReasoningInText => "thought_aloud",
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
    fn only_what_passes_is_tried_again() {
        let refused = |status| ModelError::Refused { status, retry_after: None };
        let second = Duration::from_secs(1);
        for (error, transient, fault, ends) in [
            (ModelError::Unreachable, true, true, false),
            (ModelError::CutOff, true, true, false),
            (refused(503), true, true, false),
            (refused(401), false, true, false),
            (refused(422), false, false, false),
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
