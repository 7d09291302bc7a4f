//! Errors as gRPC tells them: the one place that builds a `Status`, always with an `ErrorInfo` whose reason never changes.

use std::{collections::HashMap, error::Error, sync::Arc, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{
    chats::ChatError,
    keys::{KeyError, Scope},
    knowledge::{Kind, KnowledgeError},
    model::ModelError,
    replies::ReplyError,
    store::StoreError,
    task::TaskError,
};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "deskhand";
/// When a caller may come again who was refused for a passing reason.
const SOON: Duration = Duration::from_secs(1);
/// When a failed model is worth another try.
const MODEL_RETRY: Duration = Duration::from_secs(5);
/// No caller is told to wait longer than this.
const MAX_RETRY: Duration = Duration::from_secs(60);

/// Fields that are missing, too long or malformed: each one's path and what is wrong.
/// `unnamed` counts those that there was no room for.
pub fn invalid(violations: &[(String, String)], unnamed: usize) -> Status {
    let fields: Vec<FieldViolation> = violations.iter().map(|(field, problem)| FieldViolation::new(field, problem)).collect();
    let details = ErrorDetails::with_bad_request(fields);
    let first = violations.first().map(|(field, problem)| format!(": `{field}` {problem}")).unwrap_or_default();
    let more = match (violations.len() - 1 + unnamed, unnamed) {
        (0, _) => String::new(),
        (more, 0) => format!(" (and {more} more)"),
        (more, unnamed) => format!(" (and {more} more, {unnamed} of which are not named here)"),
    };
    status(Code::InvalidArgument, "INVALID_FIELD", format!("the request has invalid fields{first}{more}"), details)
}

/// The caller's deadline passed; `partial` tells whether something was sent before.
pub fn deadline_exceeded(partial: bool) -> Status {
    let message = "the caller's deadline passed".to_owned();
    with_metadata(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", message, ErrorDetails::new(), told_partial(partial))
}

/// A request did not arrive in time.
pub fn request_unfinished() -> Status {
    let message = "the request was not whole in time".to_owned();
    status(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", message, ErrorDetails::new())
}

/// The bytes of a request are not what the protocol says.
pub fn malformed(problem: &str) -> Status {
    invalid(&[("request".to_owned(), problem.to_owned())], 0)
}

/// A request is larger than its method takes.
pub fn request_too_large(max_bytes: usize) -> Status {
    let size = if max_bytes >= 1 << 20 { format!("{} MiB", max_bytes >> 20) } else { format!("{} KiB", max_bytes >> 10) };
    exhausted("REQUEST_TOO_LARGE", "request", format!("the request is larger than {size}, the most that this method takes"), None)
}

/// The server, or the caller's part of it, has as much to do as it may have at once.
pub fn busy() -> Status {
    let message = "too many calls or bytes are in flight; try again soon, or with fewer at once".to_owned();
    exhausted("SERVER_BUSY", "calls and bytes in flight", message, Some(SOON))
}

/// The server stops, and the call did not end before.
pub fn stopping(partial: bool) -> Status {
    let message = "the server is stopping; try again, another may serve".to_owned();
    with_metadata(Code::Unavailable, "SERVER_STOPPING", message, ErrorDetails::with_retry_info(Some(SOON)), told_partial(partial))
}

/// A handler broke.
pub fn broken(partial: bool) -> Status {
    let message = "the call failed unexpectedly; the server's log has more".to_owned();
    with_metadata(Code::Internal, "INTERNAL", message, ErrorDetails::new(), told_partial(partial))
}

/// The key's scopes do not cover a call; one of `scopes` would.
pub fn scope_missing(scopes: &[Scope], what_for: &str) -> Status {
    let words: Vec<String> = scopes.iter().map(|scope| format!("`{}`", scope.word())).collect();
    let message = format!("the key lacks the scope {} {what_for}", words.join(" or "));
    status(Code::PermissionDenied, "SCOPE_MISSING", message, ErrorDetails::new())
}

/// A web page may not call with this key, or not at all.
pub fn origin_refused() -> Status {
    let message = "pages from this origin may not call with this key; `deskhand keys create --origin` allows them".to_owned();
    status(Code::PermissionDenied, "ORIGIN_NOT_ALLOWED", message, ErrorDetails::new())
}

/// A key stands in an address that may do more than search.
pub fn key_in_address() -> Status {
    let message = "only a key whose one scope is `search` may stand in an address; revoke this one, it may have been seen".to_owned();
    status(Code::PermissionDenied, "KEY_NOT_PUBLISHABLE", message, ErrorDetails::new())
}

/// There is no such method.
pub fn method_unknown() -> Status {
    status(Code::Unimplemented, "METHOD_UNKNOWN", "there is no such method".to_owned(), ErrorDetails::new())
}

fn told_partial(partial: bool) -> HashMap<String, String> {
    if partial { HashMap::from([("partial".to_owned(), "true".to_owned())]) } else { HashMap::new() }
}

/// A status that the transport made gets its details; others stay.
pub fn enriched(told: &Status) -> Option<Status> {
    if !told.details().is_empty() {
        return None;
    }
    let message = told.message().to_owned();
    let mut enriched = match told.code() {
        Code::OutOfRange => {
            let message = "the request is larger than 4 MiB (8 MiB for a Put)".to_owned();
            exhausted("REQUEST_TOO_LARGE", "request", message, None)
        }
        Code::Unimplemented if message.contains("compressed") => {
            let message = "requests must not be compressed".to_owned();
            status(Code::Unimplemented, "COMPRESSION_UNKNOWN", message, ErrorDetails::new())
        }
        Code::Unimplemented => method_unknown(),
        Code::Ok => return None,
        // No message, half a message, or one whose frame is none: tonic takes it for its own fault.
        Code::Internal if BAD_FRAMES.iter().any(|known| message.contains(known)) => {
            invalid(&[("request".to_owned(), "must be one whole message, framed as gRPC does".to_owned())], 0)
        }
        code => status(code, "TRANSPORT", message, ErrorDetails::new()),
    };
    // With a refused coding come those that are taken.
    if let Some(taken) = told.metadata().get(ACCEPTED_CODINGS) {
        enriched.metadata_mut().insert(ACCEPTED_CODINGS, taken.clone());
    }
    Some(enriched)
}

const ACCEPTED_CODINGS: &str = "grpc-accept-encoding";
/// What tonic says of requests whose frames are not what they should be. A compressed frame without a coding stays INTERNAL: gRPC says so.
const BAD_FRAMES: [&str; 3] = ["Missing request message", "Unexpected EOF", "invalid compression flag"];

fn status(code: Code, reason: &str, message: String, details: ErrorDetails) -> Status {
    with_metadata(code, reason, message, details, HashMap::new())
}

fn with_metadata(code: Code, reason: &str, message: String, mut details: ErrorDetails, metadata: HashMap<String, String>) -> Status {
    details.set_error_info(reason, DOMAIN, metadata);
    Status::with_error_details(code, message, details)
}

/// A status whose cause stays on this side, for the log at the edge.
fn caused(mut status: Status, cause: impl Error + Send + Sync + 'static) -> Status {
    status.set_source(Arc::new(cause));
    status
}

fn not_found(kind: &str, id: &str, reason: &str, message: String) -> Status {
    status(Code::NotFound, reason, message, ErrorDetails::with_resource_info(kind, id, "", "it does not exist in this workspace"))
}

fn exists(kind: &str, id: &str, reason: &str, message: String) -> Status {
    status(Code::AlreadyExists, reason, message, ErrorDetails::with_resource_info(kind, id, "", "it exists with other content"))
}

fn precondition(reason: &str, subject: &str, message: String) -> Status {
    let details = ErrorDetails::with_precondition_failure_violation(reason, subject, &message);
    status(Code::FailedPrecondition, reason, message, details)
}

fn exhausted(reason: &str, subject: &str, message: String, retry: Option<Duration>) -> Status {
    let mut details = ErrorDetails::with_quota_failure_violation(subject, &message);
    if retry.is_some() {
        details.set_retry_info(retry);
    }
    status(Code::ResourceExhausted, reason, message, details)
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Status {
        let message = error.to_string();
        match error {
            StoreError::Full => exhausted("STORE_FULL", "disk", format!("{message}; free some space, reads go on"), Some(MODEL_RETRY)),
            StoreError::Busy | StoreError::Conflict => exhausted("STORE_BUSY", "writes", message, Some(SOON)),
            StoreError::Broken(_) => {
                let mut details = ErrorDetails::new();
                details.set_retry_info(Some(SOON));
                caused(status(Code::Unavailable, "STORE_UNAVAILABLE", message, details), error)
            }
            StoreError::TooLong => caused(status(Code::DeadlineExceeded, "STORE_TIMED_OUT", message, ErrorDetails::new()), error),
            StoreError::Newer(_)
            | StoreError::Older
            | StoreError::Absent(_)
            | StoreError::ReadOnly
            | StoreError::Damaged(_)
            | StoreError::Corrupt(..)
            | StoreError::Emptied(_)
            | StoreError::Failed(_)
            | StoreError::Unreadable(_) => caused(status(Code::Internal, "STORE_FAILED", message, ErrorDetails::new()), error),
        }
    }
}

impl From<TaskError> for Status {
    fn from(error: TaskError) -> Status {
        let message = error.to_string();
        match error {
            TaskError::Panicked(_) => caused(status(Code::Internal, "INTERNAL", message, ErrorDetails::new()), error),
            TaskError::Cancelled(_) => status(Code::Unavailable, "SERVER_STOPPING", message, ErrorDetails::with_retry_info(Some(SOON))),
        }
    }
}

impl From<KeyError> for Status {
    fn from(error: KeyError) -> Status {
        let message = error.to_string();
        match error {
            KeyError::Missing | KeyError::Unknown => status(Code::Unauthenticated, "KEY_UNKNOWN", message, ErrorDetails::new()),
            KeyError::RateExceeded(wait) => exhausted("RATE_EXCEEDED", "calls of the key", message, Some(wait)),
            KeyError::Unavailable => status(Code::Unavailable, "STORE_UNAVAILABLE", message, ErrorDetails::with_retry_info(Some(SOON))),
        }
    }
}

impl From<ChatError> for Status {
    fn from(error: ChatError) -> Status {
        let message = error.to_string();
        match error {
            ChatError::NotFound(id) => not_found("chat", &id, "CHAT_NOT_FOUND", message),
            ChatError::EventNotFound(id) => not_found("event", &id, "EVENT_NOT_FOUND", message),
            ChatError::CustomerNotFound(id) => not_found("customer", &id, "CUSTOMER_NOT_FOUND", message),
            ChatError::EventExists(id) => exists("event", &id, "EVENT_EXISTS", message),
            ChatError::TopicMissing => precondition("TOPIC_MISSING", "topic", message),
            ChatError::NotRedactable(_) => invalid(&[("events.redaction.event_id".to_owned(), message)], 0),
            ChatError::PageToken => invalid(&[("page_token".to_owned(), message)], 0),
            ChatError::TimeZone(_) => invalid(&[("time_zone".to_owned(), message)], 0),
            ChatError::Full => exhausted("CHAT_FULL", "events of a chat", message, None),
            ChatError::TooLarge(_) => exhausted("REPLY_TOO_LARGE", "reply", message, None),
            ChatError::Store(error) => error.into(),
            ChatError::Task(error) => error.into(),
        }
    }
}

impl From<KnowledgeError> for Status {
    fn from(error: KnowledgeError) -> Status {
        let message = error.to_string();
        let word = |kind| if kind == Kind::Article { "article" } else { "canned_answer" };
        match error {
            KnowledgeError::NotFound { kind, id } => not_found(word(kind), &id, "DOCUMENT_NOT_FOUND", message),
            KnowledgeError::SearchNotFound(id) => not_found("search", &id, "SEARCH_NOT_FOUND", message),
            KnowledgeError::FolderDocument { kind, id } => precondition("FOLDER_DOCUMENT", &format!("{}/{id}", word(kind)), message),
            KnowledgeError::DayUsedUp(wait) => exhausted("RATE_EXCEEDED", "what visitors write in a day", message, Some(wait)),
            KnowledgeError::PageToken => invalid(&[("page_token".to_owned(), message)], 0),
            KnowledgeError::IndexBehind => status(Code::Unavailable, "INDEX_BEHIND", message, ErrorDetails::with_retry_info(Some(SOON))),
            KnowledgeError::Index(error) => caused(status(Code::Internal, "INDEX_FAILED", message, ErrorDetails::new()), error),
            KnowledgeError::Store(error) => error.into(),
            KnowledgeError::Task(error) => error.into(),
        }
    }
}

impl From<ReplyError> for Status {
    fn from(error: ReplyError) -> Status {
        let message = error.to_string();
        match error {
            ReplyError::Chat(error) => error.into(),
            ReplyError::Knowledge(error) => error.into(),
            ReplyError::NotConfigured(_) | ReplyError::NoDictionary { .. } => precondition("MODEL_NOT_CONFIGURED", "models", message),
            ReplyError::NothingFits => precondition("NOTHING_FITS", "models", message),
            ReplyError::Model { error, partial } => model(error, partial, message),
            ReplyError::Missing { field, problem } => invalid(&[(field.to_owned(), format!("is required here: {problem}"))], 0),
            ReplyError::MessageNotFound(id) => not_found("message", &id, "MESSAGE_NOT_FOUND", message),
            ReplyError::DraftNotFound(id) => not_found("draft", &id, "DRAFT_NOT_FOUND", message),
            ReplyError::SuggestionNotFound(id) => not_found("suggestion", &id, "SUGGESTION_NOT_FOUND", message),
            ReplyError::OutcomeExists(id) => exists("outcome", &id, "OUTCOME_EXISTS", message),
            ReplyError::Prompt(error) => {
                let message = "the prompt's template can't be rendered for this call; the server's log has the place in it".to_owned();
                caused(status(Code::Internal, "PROMPT_FAILED", message, ErrorDetails::new()), error)
            }
            ReplyError::Task(error) => error.into(),
        }
    }
}

fn model(error: ModelError, partial: bool, message: String) -> Status {
    let unavailable = |reason: &str, retry: Duration| {
        // Whatever breaks a stream that has begun cuts it off, but for the provider's filter.
        let (reason, retry) = if partial && reason == "MODEL_UNAVAILABLE" { ("MODEL_CUT_OFF", SOON) } else { (reason, retry) };
        let details = ErrorDetails::with_retry_info(Some(retry));
        with_metadata(Code::Unavailable, reason, message.clone(), details, told_partial(partial))
    };
    let status = match &error {
        ModelError::DeadlinePassed => return deadline_exceeded(partial),
        ModelError::Busy(wait) => return exhausted("MODEL_BUSY", "calls to the model", message, Some((*wait).clamp(SOON, MAX_RETRY))),
        ModelError::Spent(wait) => return exhausted("TOKENS_SPENT", "tokens of the workspace or key", message, Some(*wait)),
        ModelError::PromptTooLarge { .. } => return exhausted("PROMPT_TOO_LARGE", "tokens of a prompt", message, None),
        ModelError::Filtered => unavailable("CONTENT_FILTERED", MODEL_RETRY),
        ModelError::CutOff => unavailable("MODEL_CUT_OFF", SOON),
        ModelError::Down(wait) => unavailable("MODEL_UNAVAILABLE", (*wait).max(SOON)),
        ModelError::Refused { retry_after, .. } => {
            unavailable("MODEL_UNAVAILABLE", retry_after.map_or(MODEL_RETRY, |wait| wait.min(MAX_RETRY)))
        }
        ModelError::NotConfigured
        | ModelError::Client(_)
        | ModelError::Unreachable
        | ModelError::Reported
        | ModelError::Garbled
        | ModelError::TimedOut(_)
        | ModelError::NotInTime
        | ModelError::ReasoningInText
        | ModelError::TooLarge(_)
        | ModelError::Empty => unavailable("MODEL_UNAVAILABLE", MODEL_RETRY),
    };
    caused(status, error)
}

/// A code as gRPC and its documents write it.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_is_told_at_once() {
        let status = invalid(&[("chat_id".into(), "is required".into()), ("events[0].at".into(), "is absurd".into())], 0);
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations.len(), 2);
        assert_eq!(details.error_info().unwrap().reason, "INVALID_FIELD");
        assert_eq!(details.error_info().unwrap().domain, DOMAIN);
    }

    #[test]
    fn a_stream_that_broke_says_that_it_is_partial() {
        let status: Status = ReplyError::Model { error: ModelError::TimedOut("for a token"), partial: true }.into();
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "MODEL_CUT_OFF");
        assert_eq!(details.error_info().unwrap().metadata["partial"], "true");
        assert!(details.retry_info().is_some());
    }
}
