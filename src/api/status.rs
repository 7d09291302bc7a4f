//! gRPC statuses of errors: the one place that builds a `Status`, always with an `ErrorInfo` whose reason never changes.

use std::{collections::HashMap, error::Error, sync::Arc, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{
    chats::ChatError,
    keys::{KeyError, Scope},
    knowledge::{Kind, KnowledgeError},
    lexicon::errors::error_text,
    model::ModelError,
    replies::ReplyError,
    store::StoreError,
    task::TaskError,
    text::Language,
};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "deskhand";
/// Retry delay after a refusal for a transient reason.
const SOON: Duration = Duration::from_secs(1);
/// Retry delay after a model failure.
const MODEL_RETRY: Duration = Duration::from_secs(5);
/// Longest retry delay that is sent.
const MAX_RETRY: Duration = Duration::from_secs(60);

/// Invalid fields: each one's path and problem. `unnamed` counts further ones that did not fit into the details.
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

/// The caller's deadline passed; `partial`: part of the reply was sent before.
pub fn deadline_exceeded(partial: bool) -> Status {
    let message = "the caller's deadline passed".to_owned();
    with_metadata(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", message, ErrorDetails::new(), partial_metadata(partial))
}

/// A request did not arrive in time.
pub fn request_unfinished() -> Status {
    let message = "the request was not complete in time".to_owned();
    status(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", message, ErrorDetails::new())
}

/// The bytes of a request violate the protocol.
pub fn malformed(problem: &str) -> Status {
    invalid(&[("request".to_owned(), problem.to_owned())], 0)
}

/// A request is larger than its method allows.
pub fn request_too_large(max_bytes: usize) -> Status {
    let size = if max_bytes >= 1 << 20 { format!("{} MiB", max_bytes >> 20) } else { format!("{} KiB", max_bytes >> 10) };
    exhausted("REQUEST_TOO_LARGE", "request", format!("the request is larger than {size}, the limit of this method"), None)
}

/// Overload: the server, or the caller's share of it, is at its limit of calls or bytes in flight.
pub fn busy() -> Status {
    let message = "too many calls or bytes in flight; retry soon, or make fewer calls at once".to_owned();
    exhausted("SERVER_BUSY", "calls and bytes in flight", message, Some(SOON))
}

/// The server, or the caller's key, is at its limit of open watches.
pub fn too_many_watches() -> Status {
    let message = "too many streams of Watch are open; end some, or ask the operator for more (`max_watches`)".to_owned();
    exhausted("TOO_MANY_WATCHES", "streams of Watch", message, Some(MODEL_RETRY))
}

/// The server is stopping, and the call did not finish before.
pub fn stopping(partial: bool) -> Status {
    let message = "the server is stopping; retry, possibly on another server".to_owned();
    with_metadata(Code::Unavailable, "SERVER_STOPPING", message, ErrorDetails::with_retry_info(Some(SOON)), partial_metadata(partial))
}

/// A handler panicked, or failed unexpectedly.
pub fn broken(partial: bool) -> Status {
    let message = "the call failed unexpectedly; see the server's log".to_owned();
    with_metadata(Code::Internal, "INTERNAL", message, ErrorDetails::new(), partial_metadata(partial))
}

/// The key lacks a scope: any of `scopes` would do.
pub fn scope_missing(scopes: &[Scope], what_for: &str) -> Status {
    let words: Vec<String> = scopes.iter().map(|scope| format!("`{}`", scope.word())).collect();
    let message = format!("the key lacks the scope {} {what_for}", words.join(" or "));
    status(Code::PermissionDenied, "SCOPE_MISSING", message, ErrorDetails::new())
}

/// The caller's key is for one agent, which may not do this.
pub fn refused_to_agent_key(what: &str) -> Status {
    status(Code::PermissionDenied, "SCOPE_MISSING", format!("a key for one agent may not {what}"), ErrorDetails::new())
}

/// The caller's key is for other chats.
pub fn chat_refused() -> Status {
    let message = "the key is not for this chat; make one that names it, or one for all chats".to_owned();
    status(Code::PermissionDenied, "CHAT_NOT_ALLOWED", message, ErrorDetails::new())
}

/// The calling web page's origin is not allowed (CORS).
pub fn origin_refused() -> Status {
    let message = "this origin is not allowed for this key; create a key for it with `deskhand keys create --origin`".to_owned();
    status(Code::PermissionDenied, "ORIGIN_NOT_ALLOWED", message, ErrorDetails::new())
}

/// A secret key was sent in a URL.
pub fn key_in_address() -> Status {
    let message = "only a key whose only scope is `search` may be sent in a URL; revoke this key, since URLs are logged".to_owned();
    status(Code::PermissionDenied, "KEY_NOT_PUBLISHABLE", message, ErrorDetails::new())
}

/// Unknown method.
pub fn method_unknown() -> Status {
    status(Code::Unimplemented, "METHOD_UNKNOWN", "unknown method".to_owned(), ErrorDetails::new())
}

/// A compressed request.
pub fn compression_unknown() -> Status {
    let message = "requests must not be compressed; the only supported encoding is `identity`".to_owned();
    status(Code::Unimplemented, "COMPRESSION_UNKNOWN", message, ErrorDetails::new())
}

fn partial_metadata(partial: bool) -> HashMap<String, String> {
    if partial { HashMap::from([("partial".to_owned(), "true".to_owned())]) } else { HashMap::new() }
}

/// Adds details to a status made by the transport. `None`: the status has details already.
pub fn enriched(reported: &Status) -> Option<Status> {
    if !reported.details().is_empty() {
        return None;
    }
    let message = reported.message().to_owned();
    let mut enriched = match reported.code() {
        Code::OutOfRange => {
            let message = "the request is larger than 4 MiB (8 MiB for a Put)".to_owned();
            exhausted("REQUEST_TOO_LARGE", "request", message, None)
        }
        Code::Unimplemented if message.contains("compressed") => compression_unknown(),
        Code::Unimplemented => method_unknown(),
        Code::Ok => return None,
        // No message, a truncated one, or an invalid frame: tonic reports these as INTERNAL, but the caller sent them.
        Code::Internal if BAD_FRAMES.iter().any(|known| message.contains(known)) => {
            invalid(&[("request".to_owned(), "must be one complete gRPC message".to_owned())], 0)
        }
        code => status(code, "TRANSPORT", message, ErrorDetails::new()),
    };
    // A refused compression comes with the supported ones.
    if let Some(taken) = reported.metadata().get(ACCEPTED_CODINGS) {
        enriched.metadata_mut().insert(ACCEPTED_CODINGS, taken.clone());
    }
    Some(enriched)
}

/// The same status with a text for the agent, in the first of the wanted languages that there are texts in. Its message stays the operator's.
pub fn localized<'a>(status: &Status, wanted: impl Iterator<Item = &'a Language>) -> Status {
    let mut details = status.get_error_details();
    let Some((language, text)) = details.error_info().and_then(|info| error_text(wanted, &info.reason)) else { return status.clone() };
    details.set_localized_message(language.as_str(), text);
    Status::with_error_details_and_metadata(status.code(), status.message(), details, status.metadata().clone())
}

const ACCEPTED_CODINGS: &str = "grpc-accept-encoding";
/// tonic's messages about requests with invalid frames. A compressed frame without a declared encoding stays INTERNAL, as gRPC specifies.
const BAD_FRAMES: [&str; 3] = ["Missing request message", "Unexpected EOF", "invalid compression flag"];

fn status(code: Code, reason: &str, message: String, details: ErrorDetails) -> Status {
    with_metadata(code, reason, message, details, HashMap::new())
}

fn with_metadata(code: Code, reason: &str, message: String, mut details: ErrorDetails, metadata: HashMap<String, String>) -> Status {
    details.set_error_info(reason, DOMAIN, metadata);
    Status::with_error_details(code, message, details)
}

/// A status with its cause, for the log. The cause is never sent.
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
            StoreError::Full => {
                exhausted("STORE_FULL", "disk", format!("{message}; free some disk space; reads still work"), Some(MODEL_RETRY))
            }
            StoreError::Busy | StoreError::Conflict => exhausted("STORE_BUSY", "writes", message, Some(SOON)),
            StoreError::Broken(_) => {
                let mut details = ErrorDetails::new();
                details.set_retry_info(Some(SOON));
                caused(status(Code::Unavailable, "STORE_UNAVAILABLE", message, details), error)
            }
            StoreError::TimedOut => caused(status(Code::DeadlineExceeded, "STORE_TIMED_OUT", message, ErrorDetails::new()), error),
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
            KeyError::Expired => status(Code::Unauthenticated, "KEY_EXPIRED", message, ErrorDetails::new()),
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
            ChatError::ResumeToken => {
                invalid(&[("resume_token".to_owned(), "was not issued by this service for such a watch".to_owned())], 0)
            }
            ChatError::ResumeTooOld => precondition("RESUME_TOO_OLD", "resume_token", message),
            ChatError::WatchTooSlow => exhausted("WATCH_TOO_SLOW", "changes that were not read", message, Some(SOON)),
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
            KnowledgeError::FolderWording { what, id, file: _ } => precondition("FOLDER_WORDING", &format!("{what}/{id}"), message),
            KnowledgeError::WordingFull { what } => exhausted("WORDING_FULL", what, message, None),
            KnowledgeError::DayUsedUp(wait) => exhausted("RATE_EXCEEDED", "bytes that visitors write in a day", message, Some(wait)),
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
                let message = "can't render the prompt template for this call; see the server's log for the line".to_owned();
                caused(status(Code::Internal, "PROMPT_FAILED", message, ErrorDetails::new()), error)
            }
            ReplyError::Task(error) => error.into(),
        }
    }
}

fn model(error: ModelError, partial: bool, message: String) -> Status {
    let unavailable = |reason: &str, retry: Duration| {
        // A failure after the first token cuts the stream off, except for the provider's content filter.
        let (reason, retry) = if partial && reason == "MODEL_UNAVAILABLE" { ("MODEL_CUT_OFF", SOON) } else { (reason, retry) };
        let details = ErrorDetails::with_retry_info(Some(retry));
        with_metadata(Code::Unavailable, reason, message.clone(), details, partial_metadata(partial))
    };
    let status = match &error {
        ModelError::DeadlinePassed => return deadline_exceeded(partial),
        ModelError::Busy(wait) => return exhausted("MODEL_BUSY", "calls to the model", message, Some((*wait).clamp(SOON, MAX_RETRY))),
        ModelError::Spent(wait) => return exhausted("TOKENS_SPENT", "tokens of the workspace or key", message, Some(*wait)),
        ModelError::PromptTooLarge { .. } => return exhausted("PROMPT_TOO_LARGE", "tokens of a prompt", message, None),
        // Nothing says when a retry makes sense: the operator has to act.
        ModelError::QuotaUsedUp => {
            let details = ErrorDetails::with_quota_failure_violation("the account at the model's provider", &message);
            with_metadata(Code::ResourceExhausted, "MODEL_QUOTA", message, details, partial_metadata(partial))
        }
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
        | ModelError::NoRoom
        | ModelError::TooLarge(_)
        | ModelError::Empty => unavailable("MODEL_UNAVAILABLE", MODEL_RETRY),
    };
    caused(status, error)
}

/// The name of a code, as in the gRPC documentation.
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
    use std::collections::BTreeSet;

    use super::*;
    use crate::{lexicon::errors::languages, model::Timeout};

    #[test]
    fn every_violation_is_reported_at_once() {
        let status = invalid(&[("chat_id".into(), "is required".into()), ("events[0].at".into(), "is out of range".into())], 0);
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations.len(), 2);
        assert_eq!(details.error_info().unwrap().reason, "INVALID_FIELD");
        assert_eq!(details.error_info().unwrap().domain, DOMAIN);
    }

    /// Reasons stand as texts in this file, above the names of codes.
    #[test]
    fn each_reason_has_a_text_for_the_agent_in_each_language() {
        let source = include_str!("status.rs").split_once("/// The name of a code").unwrap().0;
        let is_reason = |text: &&str| text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let reasons: BTreeSet<&str> = source.split('"').filter(is_reason).collect();
        assert!(reasons.len() > 40 && reasons.contains("MODEL_UNAVAILABLE") && reasons.contains("INTERNAL"), "{reasons:?}");
        for language in languages() {
            for reason in &reasons {
                let details = ErrorDetails::with_error_info(*reason, DOMAIN, HashMap::new());
                let status = localized(&Status::with_error_details(Code::Internal, "x", details), std::iter::once(language));
                let details = status.get_error_details();
                let message = details.localized_message().unwrap_or_else(|| panic!("{language}: {reason} has no text"));
                assert_eq!(message.locale, language.as_str());
                assert_eq!((status.message(), details.error_info().unwrap().reason.as_str()), ("x", *reason));
            }
        }
    }

    #[test]
    fn a_stream_that_was_cut_off_is_marked_as_partial() {
        let status: Status = ReplyError::Model { error: ModelError::TimedOut(Timeout::TokenGap), partial: true }.into();
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "MODEL_CUT_OFF");
        assert_eq!(details.error_info().unwrap().metadata["partial"], "true");
        assert!(details.retry_info().is_some());
    }
}
