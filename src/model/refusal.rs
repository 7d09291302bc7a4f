//! What an error of a server means. Its codes and words are looked at and never passed on, since they may contain the customer's text.

use serde_json::Value;

use crate::model::error::ModelError;

/// Codes of errors that only the operator can end: nothing is left of what was paid for, or of a day's or month's allowance.
const QUOTA_CODES: [&str; 21] = [
    "insufficient_quota",
    "insufficient_user_quota",
    "insufficient_balance",
    "insufficient_credits",
    "insufficient_funds",
    "quota_exceeded",
    "exceeded_current_quota_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "payment_required",
    "credit_balance_too_low",
    "organization_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "project_spend_limit_exceeded",
    "spend_limit_exceeded",
    "budget_exceeded",
    "arrearage",
    "accountoverdueerror",
    // Zhipu's number for an empty account.
    "1113",
    "402",
];
/// The same in words, for servers that give it no code of its own.
const QUOTA_PHRASES: [&str; 12] = [
    "credit balance is too low",
    "insufficient balance",
    "insufficient credit",
    "insufficient funds",
    "insufficient quota",
    "exceeded your current quota",
    "exceeded your monthly",
    "out of credit",
    "all available credits",
    "spending limit",
    "billing hard limit",
    "余额不足",
];
/// How much of a message is looked at, in characters: what follows may repeat the prompt.
const MESSAGE_BEGIN: usize = 160;
/// Google's code of both a rate and a quota.
const GOOGLE_CODE: &str = "resource_exhausted";

/// What an error body says beyond its HTTP status; 0 for an error in a stream. `None`: nothing that is known. `asks_to_wait`: the server says after
/// how long a retry makes sense, so that a 402 is no empty account.
pub fn meaning(status: u16, asks_to_wait: bool, body: &Value) -> Option<ModelError> {
    // Google's comes in a list.
    let body = body.get(0).unwrap_or(body);
    let error = if body["error"].is_object() { &body["error"] } else { body };
    let codes = [&error["code"], &error["type"], &error["status"], &body["code"], &body["type"]].map(|code| match code {
        Value::String(code) => code.to_lowercase(),
        Value::Number(code) => code.to_string(),
        _ => String::new(),
    });
    let has = |code: &str| codes.iter().any(|known| known == code);
    if has("content_filter") {
        return Some(ModelError::Filtered);
    }
    let message =
        [&error["message"], &body["error"], &body["message"], &body["detail"]].into_iter().find_map(Value::as_str).unwrap_or_default();
    let is_used_up = match status {
        500.. => false,
        _ if has(GOOGLE_CODE) => google_quota_is_used_up(status, error, message),
        402 => !asks_to_wait,
        _ => {
            let begin: String = message.chars().take(MESSAGE_BEGIN).collect::<String>().to_lowercase();
            QUOTA_CODES.iter().any(|code| has(code)) || QUOTA_PHRASES.iter().any(|phrase| begin.contains(phrase))
        }
    };
    is_used_up.then_some(ModelError::QuotaUsedUp)
}

/// Google names the limit that was met and often a delay; a limit by the minute is a rate, whatever the message says of quota and billing.
fn google_quota_is_used_up(status: u16, error: &Value, message: &str) -> bool {
    let details = || error["details"].as_array().into_iter().flatten();
    let limits: Vec<&str> = details()
        .flat_map(|detail| detail["violations"].as_array().into_iter().flatten())
        .filter_map(|limit| limit["quotaId"].as_str())
        .collect();
    let is_rate = limits.iter().any(|limit| limit.contains("PerMinute"))
        || details().any(|detail| !detail["retryDelay"].is_null())
        || message.contains("retry in");
    // A plan without this model has the limit 0, and the delay that is named with it is of no use.
    status == 402
        || limits.iter().any(|limit| limit.contains("PerDay"))
        || message.contains("limit: 0")
        || (!is_rate && message.contains("billing"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_quota(status: u16, body: Value) -> bool {
        matches!(meaning(status, false, &body), Some(ModelError::QuotaUsedUp))
    }

    #[test]
    fn a_used_up_quota_is_told_from_a_rate_as_each_provider_says_it() {
        let google = |message: &str, details: Value| json!([{"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}}]);
        let limit = |id: &str| json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": id}]});
        let delay = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "18s"});
        let billing = "You exceeded your current quota, please check your plan and billing details.";
        for (status, body) in [
            (429, json!({"error": {"message": "x", "type": "insufficient_quota", "param": null, "code": "insufficient_quota"}})),
            (429, json!({"error": {"message": "x", "type": "insufficient_quota", "code": null}})),
            (400, json!({"error": {"message": "x", "code": "billing_hard_limit_reached"}})),
            (403, json!({"error": {"message": "x", "type": "insufficient_user_quota", "code": ""}})),
            (400, json!({"error": {"message": "x", "type": "budget_exceeded", "code": "400"}})),
            (
                400,
                json!({"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access the API."}}),
            ),
            (402, json!({"error": {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"}})),
            (402, json!({"error": {"code": 402, "message": "x"}})),
            (402, Value::Null),
            (429, json!({"code": "Arrearage", "message": "x"})),
            (429, json!({"error": {"code": "1113", "message": "x"}})),
            (403, json!({"error": "Your team has used all available credits"})),
            (0, json!({"error": {"code": 402, "message": "x"}})),
            (0, json!({"error": {"code": "insufficient_quota"}})),
            (429, google(billing, json!([limit("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), delay]))),
            (429, google(&format!("{billing} limit: 0. Please retry in 45s."), json!([delay]))),
            (429, google(billing, Value::Null)),
            (402, google("x", Value::Null)),
        ] {
            assert!(is_quota(status, body.clone()), "{status} {body}");
        }
        for (status, body) in [
            (429, json!({"error": {"message": "x", "type": "tokens", "code": "rate_limit_exceeded"}})),
            (429, json!({"error": {"code": "429", "message": "Please retry after 6 seconds"}})),
            (429, Value::Null),
            (500, json!({"error": {"code": "insufficient_quota"}})),
            (400, json!({"error": {"message": format!("Invalid message: {}credit balance is too low", "x".repeat(MESSAGE_BEGIN))}})),
            (401, json!({"error": {"code": "invalid_api_key"}})),
            (429, google(billing, json!([limit("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), delay]))),
            (429, google(&format!("{billing} Please retry in 18s."), json!([delay]))),
            (429, google("Resource has been exhausted (e.g. check quota).", Value::Null)),
        ] {
            assert!(!is_quota(status, body.clone()), "{status} {body}");
        }
        assert!(meaning(402, true, &json!({"error": {"code": 402, "message": "x"}})).is_none(), "a delay makes it a rate");
        assert!(matches!(meaning(400, false, &json!({"error": {"code": "content_filter"}})), Some(ModelError::Filtered)));
    }
}
