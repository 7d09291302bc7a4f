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
}
