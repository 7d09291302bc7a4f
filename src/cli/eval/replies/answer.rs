//! An answer of a model to a case, with all that is known of it.

use serde_json::{Value, json};
use tonic_types::StatusExt;

use crate::{
    api::{pb, status::code_name},
    cli::{
        eval::replies::{case::Case, verdict::Verdict},
        generate::Generated,
    },
};

/// What came of asking one model for one case.
pub struct Answer<'a> {
    pub case: &'a Case,
    /// The model's label.
    pub model: String,
    pub generated: Generated,
    pub verdict: Verdict,
    /// From 1 to 5; `None` if no model judged it.
    pub judged: Option<u8>,
}

impl Answer<'_> {
    /// The final text, if the call finished.
    pub fn finished(&self) -> Option<&pb::Finished> {
        self.generated.end.as_ref().ok()
    }

    /// What Deskhand warns of.
    pub fn warnings(&self) -> &[pb::Warning] {
        self.finished().map_or(&[], |finished| &finished.warnings)
    }

    /// Tokens that the model read and wrote, as it reports them.
    pub fn tokens(&self) -> (u64, u64) {
        let usage = self.finished().and_then(|finished| finished.usage).unwrap_or_default();
        let count = |tokens: i32| u64::try_from(tokens).unwrap_or_default();
        (count(usage.prompt_tokens), count(usage.completion_tokens))
    }

    /// Why the call failed, on one line: code, reason and message.
    pub fn failure(&self) -> Option<String> {
        let status = self.generated.end.as_ref().err()?;
        let reason = status.get_error_details().error_info().map(|info| format!(" ({})", info.reason)).unwrap_or_default();
        Some(format!("{}{reason}: {}", code_name(status.code()), status.message()))
    }

    /// Everything, for programs.
    pub fn json(&self) -> Value {
        let Answer { case, model, generated, verdict, judged } = self;
        let must: Vec<Value> =
            case.must.iter().zip(&verdict.met).map(|(alternatives, met)| json!({ "any_of": alternatives, "met": met })).collect();
        let must_not: Vec<Value> =
            case.must_not.iter().zip(&verdict.said).map(|(text, said)| json!({ "text": text, "said": said })).collect();
        let warning =
            |warning: &pb::Warning| json!({ "kind": kind_word(warning.kind()), "excerpt": warning.excerpt, "message": warning.message });
        let warnings: Vec<Value> = self.warnings().iter().map(warning).collect();
        let (read, written) = self.tokens();
        json!({
            "case": case.id,
            "language": case.language.as_str(),
            "task": case.task().word(),
            "model": model,
            "whole": verdict.whole,
            "refused": verdict.refused,
            "by_model": verdict.by_model,
            "passes": verdict.passes(),
            "must": must,
            "must_not": must_not,
            "language_right": verdict.language_right,
            "judged": judged,
            "text": self.finished().map(|finished| finished.text.as_str()),
            "replaced": self.finished().is_some_and(|finished| finished.replaced),
            "streamed": generated.streamed,
            "warnings": warnings,
            "failure": self.failure(),
            "first_token_ms": generated.first_delta.map(|time| time.as_millis() as u64),
            "total_ms": generated.total.as_millis() as u64,
            "tokens_read": read,
            "tokens_written": written,
        })
    }
}

/// A warning's kind, as in the contract but without its prefix.
pub fn kind_word(kind: pb::WarningKind) -> &'static str {
    kind.as_str_name().trim_start_matches("WARNING_KIND_")
}
