//! How a generating call ended, as its console sees it: what the checks say of the text, what was put in its place, or the error.

use anyhow::{anyhow, ensure};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    api::pb,
    cli::{call::describe, demo::page, generate::Generated},
    model::{ModelError, Timeout},
};

/// Reasons of errors that are about the model, besides those that begin with `MODEL_`: the walk goes on after one.
const OF_MODELS: [&str; 5] = ["NOTHING_FITS", "CONTENT_FILTERED", "TOKENS_SPENT", "PROMPT_TOO_LARGE", "DEADLINE_EXCEEDED"];

/// What to change where a model does not begin in time.
const FOR_FIRST_TOKEN: &str = "raise `first_token_timeout`, or lower `context_tokens` or `first_token_goal`";

/// What is known of the model's own calls.
#[derive(Default)]
pub struct ModelTrouble {
    /// Why those of this call failed, in words such as `timed out`.
    pub reasons: Vec<String>,
    /// Whether it failed since it is too slow.
    pub is_slow: bool,
}

/// Prints how a call ended, after its deltas, and returns its end. `Err`: not the model failed but Deskhand.
pub fn show(generated: Generated, trouble: &ModelTrouble) -> anyhow::Result<Option<pb::Finished>> {
    let Generated { streamed, first_delta, total, end } = generated;
    match end {
        Ok(finished) => {
            show_text(&streamed, &finished)?;
            let by_model = finished.engine() == pb::Engine::Model;
            if !by_model && !trouble.reasons.is_empty() {
                let why = trouble.reasons.join(", ");
                page::block(&page::yellow(&format!("the model failed ({why}), so the built-in engine answered")));
                if trouble.is_slow {
                    page::block(&page::yellow(&advised(FOR_FIRST_TOKEN)));
                }
            }
            show_warnings(&finished.warnings, by_model);
            let by = if by_model { finished.model.as_str() } else { "built-in engine" };
            let first = first_delta.unwrap_or(total).as_millis();
            page::took(total, &format!("first token after {first} ms · {by}"));
            Ok(Some(finished))
        }
        Err(status) if is_about_models(&status) => {
            if !streamed.is_empty() {
                page::block(&page::yellow("the stream broke off; what came of it is no reply"));
            }
            page::block(&page::yellow(&format!("the console gets: {}", describe(&status))));
            if let Some(change) = advice(&status, trouble) {
                page::block(&page::yellow(&advised(change)));
            }
            page::took(total, "");
            Ok(None)
        }
        Err(status) => Err(failed(&status)),
    }
}

/// A failure of Deskhand itself.
pub fn failed(status: &Status) -> anyhow::Error {
    anyhow!("a call of the demo failed: {}", describe(status))
}

/// Shows the final text where it is another than what was streamed.
fn show_text(streamed: &str, finished: &pb::Finished) -> anyhow::Result<()> {
    if finished.text == streamed {
        return Ok(());
    }
    ensure!(finished.replaced, "the final text is not the deltas joined, and is not marked as replaced");
    page::block(&page::yellow("replaced: a check changed or refused what was streamed; the agent gets this instead:"));
    page::block(&finished.text);
    Ok(())
}

fn show_warnings(warnings: &[pb::Warning], by_model: bool) {
    for warning in warnings {
        let kind = warning.kind().as_str_name().trim_start_matches("WARNING_KIND_");
        let excerpt = if warning.excerpt.is_empty() { String::new() } else { format!(" “{}”", warning.excerpt) };
        page::block(&page::yellow(&format!("warning {kind}{excerpt}: {}", warning.message)));
    }
    if warnings.is_empty() && by_model {
        page::block(&page::dim("checked: nothing doubtful was found"));
    }
}

fn is_about_models(status: &Status) -> bool {
    let details = status.get_error_details();
    let by_reason = |reason: &str| reason.starts_with("MODEL_") || OF_MODELS.contains(&reason);
    details.error_info().map_or(status.code() == Code::DeadlineExceeded, |info| by_reason(&info.reason))
}

/// What to change where the model is too slow; `None` for other errors.
fn advice(status: &Status, trouble: &ModelTrouble) -> Option<&'static str> {
    let is = |error: ModelError| status.message().contains(&error.to_string());
    let timed_out = |timeout: Timeout| is(ModelError::TimedOut(timeout));
    if timed_out(Timeout::FirstToken) || is(ModelError::NotInTime) {
        Some(FOR_FIRST_TOKEN)
    } else if timed_out(Timeout::TokenGap) {
        Some("raise `token_gap_timeout`, or take a faster model")
    } else if timed_out(Timeout::Total) {
        Some("raise `total_timeout`, or lower `max_tokens`")
    } else if status.code() == Code::DeadlineExceeded {
        Some("lower `max_tokens`, `context_tokens` or `first_token_goal`, or take a faster model")
    } else if trouble.is_slow {
        Some(FOR_FIRST_TOKEN)
    } else {
        None
    }
}

fn advised(change: &str) -> String {
    format!("the model is too slow: {change}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic_types::ErrorDetails;

    use super::*;

    fn status(code: Code, reason: &str, message: &str) -> Status {
        Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, "deskhand", std::collections::HashMap::new()))
    }

    #[test]
    fn a_slow_model_comes_with_what_to_change() {
        let advice = |error: ModelError, is_slow: bool| {
            let status = status(Code::Unavailable, "MODEL_UNAVAILABLE", &error.to_string());
            assert!(is_about_models(&status));
            advice(&status, &ModelTrouble { reasons: Vec::new(), is_slow }).unwrap_or_default()
        };
        assert_eq!(advice(ModelError::TimedOut(Timeout::FirstToken), true), FOR_FIRST_TOKEN);
        assert_eq!(advice(ModelError::NotInTime, true), FOR_FIRST_TOKEN);
        assert_eq!(advice(ModelError::Down(Duration::from_secs(1)), true), FOR_FIRST_TOKEN);
        assert!(advice(ModelError::TimedOut(Timeout::Total), true).contains("raise `total_timeout`"));
        assert_eq!(advice(ModelError::Unreachable, false), "");
    }

    #[test]
    fn only_errors_about_models_let_the_walk_go_on() {
        assert!(is_about_models(&Status::deadline_exceeded("the call took longer")));
        assert!(is_about_models(&status(Code::FailedPrecondition, "NOTHING_FITS", "")));
        for (code, reason) in
            [(Code::Internal, "INTERNAL"), (Code::InvalidArgument, "INVALID_FIELD"), (Code::Unavailable, "STORE_UNAVAILABLE")]
        {
            assert!(!is_about_models(&status(code, reason, "")), "{reason}");
        }
        assert!(!is_about_models(&Status::unavailable("the connection broke")), "the server is gone");
    }

    #[test]
    fn a_final_text_that_is_not_what_was_streamed_must_be_marked() {
        let finished = |replaced: bool| pb::Finished { text: "b".into(), replaced, ..pb::Finished::default() };
        assert!(show_text("a", &finished(true)).is_ok() && show_text("b", &finished(false)).is_ok());
        assert!(show_text("a", &finished(false)).is_err());
    }
}
