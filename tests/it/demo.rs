//! `deskhand demo`: whatever a model does is shown as a console gets it, and the walk goes on to its end.

use crate::support::{
    command::{deskhand, text},
    model::{Answer, ScriptedModel},
};

/// What stands at the end of every walk.
const LAST_STEP: &str = "KnowledgeService/Search";

/// Runs the demo with a model that always does this; the walk must reach its end and be a success.
async fn walk(answer: Answer, settings: &'static [&'static str]) -> String {
    let server = ScriptedModel::start().await;
    server.always(Some(answer));
    let url = server.base_url();
    let run = move || {
        let mut arguments = vec!["demo", "--once", "--listen", "127.0.0.1:0", "--model", "scripted", "--model-base-url", &url];
        arguments.extend(settings);
        deskhand(&arguments, "")
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let printed = text(&output.stdout);
    assert!(output.status.success() && printed.contains(LAST_STEP), "{printed}{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    // Lines are wrapped.
    printed.split_whitespace().collect::<Vec<&str>>().join(" ")
}

#[test]
fn without_a_model_it_shows_what_the_built_in_engine_does_and_a_recorded_stream() {
    let output = deskhand(&["demo", "--once", "--listen", "127.0.0.1:0"], "");
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    // In this order: an answer from the knowledge base comes first, then what a model would write, then the harder chat.
    let mut rest = printed.as_str();
    for part in [
        "6 chats",
        "Jana asks",
        "Hallo Jana",
        "built-in engine",
        "recorded with SmolLM2-135M-Instruct",
        "not written now",
        "The refund takes 5 working days",
        "warning UNGROUNDED_AMOUNT",
        "recorded with SmolLM2-135M-Instruct",
        "Selin opens Elif's chat",
        "SuggestAnswers",
        "A harder one",
        "Haklısınız",
        "CorrectReply",
        "received",
        "RetoneReply",
        "MODEL_NOT_CONFIGURED",
        "TranslateReply",
        "Merhaba Elif",
        "SummarizeChat",
        LAST_STEP,
        " ms",
    ] {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part} in {rest}"));
        rest = &rest[at..];
    }
    assert_eq!(text(&output.stderr), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_refuses_everything_ends_nothing() {
    let printed = walk(Answer::refuses(401, "{\"error\":\"SECRET\"}"), &[]).await;
    for part in [
        "the model failed (refused), so the built-in engine answered",
        "the console gets: UNAVAILABLE (MODEL_UNAVAILABLE): the model is down",
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    assert!(!printed.contains("SECRET") && !printed.contains("recorded with"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_is_shown_with_its_error() {
    let printed = walk(Answer::cut_after(&["Hello, your parcel ", "left our ware"]), &[]).await;
    for part in ["Hello, your parcel", "the stream broke off; what came of it is no reply", "the console gets: UNAVAILABLE (MODEL_CUT_OFF)"]
    {
        assert!(printed.contains(part), "{part} in {printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_check_refused_is_shown_with_what_the_agent_gets_instead() {
    let printed = walk(Answer::says(&["Please pay here: ", "http://evil.example/pay", " and wait."]), &[]).await;
    for part in [
        "replaced: a check changed or refused what was streamed; the agent gets this instead:",
        "Please pay here: […] and wait.",
        "warning UNGROUNDED_LINK",
        // A rewrite of other words is refused: its text stands.
        "warning FACT_CHANGED",
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_shown_as_the_console_gets_it() {
    let printed = walk(Answer::serves("text/html", "<html>SECRET</html>"), &[]).await;
    assert!(printed.contains("the console gets: UNAVAILABLE (MODEL_UNAVAILABLE)") && !printed.contains("SECRET"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_too_slow_comes_with_what_to_change() {
    let printed = walk(Answer::hangs(), &["--model-first-token-timeout", "200ms"]).await;
    let advice = "raise `first_token_timeout`, or lower `context_tokens` or `first_token_goal`";
    assert!(printed.contains("the model failed (timed out), so the built-in engine answered") && printed.contains(advice), "{printed}");
}
