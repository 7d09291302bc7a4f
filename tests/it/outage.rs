//! Models that are down, busy or out of budget: agents learn it at once, another model or the built-in engine takes over, and abandoned
//! calls are closed.

use std::time::{Duration, Instant};

use deskhand::{
    api::pb::{self, reply_service_client::ReplyServiceClient},
    config::{Config, ModelConfig, Task, TokenLimits},
};
use tokio::runtime::Handle;
use tonic::{Code, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_types::StatusExt;

use crate::support::{
    desk::{Desk, Opening, eventually, refused},
    model::{Answer, ScriptedModel},
    raw_model::{RawModel, Step},
};

fn model(name: &str, base_url: String) -> ModelConfig {
    ModelConfig { name: name.into(), base_url, ..ModelConfig::default() }
}

async fn desk_with(set: impl FnOnce(&mut Config)) -> Desk {
    Opening { with_model: false, with_shop: false, change: |_| {} }.open_set(set).await
}

fn retone() -> pb::RetoneReplyRequest {
    pb::RetoneReplyRequest { text: "Wait.".into(), tone: pb::Tone::Formal.into(), ..pb::RetoneReplyRequest::default() }
}

fn correction() -> pb::CorrectReplyRequest {
    pb::CorrectReplyRequest { text: "We recieved it.".into(), language: "en".into(), ..pb::CorrectReplyRequest::default() }
}

#[tokio::test]
async fn a_model_that_is_down_costs_no_time_and_is_back_soon() {
    let server = ScriptedModel::start().await;
    let mut desk = desk_with(|config| config.models = vec![model("one", server.base_url())]).await;
    server.always(Some(Answer::refuses(503, "")));
    // Three tries each: the second call sees the fifth failure.
    for _ in 0..2 {
        refused(&desk.retone("Wait.", pb::Tone::Formal).await.unwrap_err(), Code::Unavailable, "MODEL_UNAVAILABLE");
    }
    let mut waits: Vec<Duration> = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        let status = desk.retone("Wait.", pb::Tone::Formal).await.unwrap_err();
        waits.push(began.elapsed());
        refused(&status, Code::Unavailable, "MODEL_UNAVAILABLE");
        assert!(status.get_error_details().retry_info().is_some());
    }
    waits.sort_unstable();
    assert!(waits[100] < Duration::from_millis(50), "the median refusal took {:?}", waits[100]);
    assert!(server.asked().len() < 5 + 20, "probes alone ask it: {}", server.asked().len());
    // What needs no model goes on.
    let result = desk.correct(correction()).await.unwrap();
    assert_eq!((result.finished.engine(), result.finished.text.as_str()), (pb::Engine::BuiltIn, "We received it."));
    let channel = desk.channel.clone();
    let health = move || {
        let mut client = HealthClient::new(channel.clone());
        async move { client.check(HealthCheckRequest { service: "model/one".into() }).await.map(|reply| reply.into_inner().status()) }
    };
    eventually("its health says that it is down", async || health().await.is_ok_and(|status| status == ServingStatus::NotServing)).await;

    server.always(None);
    let back = Instant::now();
    while desk.retone("Wait.", pb::Tone::Formal).await.is_err() {
        assert!(back.elapsed() < Duration::from_secs(5), "a model that is back is in use within five seconds");
        tokio::task::yield_now().await;
    }
    eventually("its health says that it is up", async || health().await.is_ok_and(|status| status == ServingStatus::Serving)).await;
    desk.close().await;
}

#[tokio::test]
async fn the_next_model_takes_over_and_says_so() {
    let (first, second) = (ScriptedModel::start().await, ScriptedModel::start().await);
    let mut desk = desk_with(|config| {
        config.models = vec![model("first", first.base_url()), model("second", second.base_url())];
        config.models[1].tasks = vec![Task::Retone, Task::Summarize];
    })
    .await;
    assert_eq!(desk.retone("Wait.", pb::Tone::Formal).await.unwrap().finished.model, "first");
    first.always(Some(Answer::refuses(401, "")));
    let result = desk.retone("Wait.", pb::Tone::Formal).await.unwrap().finished;
    assert_eq!((result.engine(), result.model.as_str()), (pb::Engine::Model, "second"));
    // The second one is not asked to correct: the built-in engine does.
    let result = desk.correct(correction()).await.unwrap().finished;
    assert_eq!((result.engine(), second.asked().len()), (pb::Engine::BuiltIn, 1));
    // After the first text nobody takes over: the text would begin anew.
    first.always(Some(Answer::cut_after(&["Half a"])));
    refused(&desk.retone("Wait.", pb::Tone::Formal).await.unwrap_err(), Code::Unavailable, "MODEL_CUT_OFF");
    assert_eq!(second.asked().len(), 1);

    let metrics = reqwest::get(format!("http://{}/metrics", desk.address())).await.unwrap().text().await.unwrap();
    for line in [
        "deskhand_model_answers_total{model=\"first\",task=\"retone\"} 2",
        "deskhand_model_fallbacks_total{model=\"second\",task=\"retone\"} 1",
        "deskhand_model_failures_total{model=\"first\",task=\"retone\",reason=\"refused\"} 1",
        "deskhand_model_failures_total{model=\"first\",task=\"retone\",reason=\"cut_off\"} 1",
        "deskhand_model_first_token_seconds_count{model=\"second\",task=\"retone\"} 1",
        "deskhand_model_prompt_tokens_total{model=\"second\",task=\"retone\"} 120",
        "deskhand_model_up{model=\"first\"} 1",
    ] {
        assert!(metrics.contains(&format!("{line}\n")), "{line} in {metrics}");
    }
    assert!(!metrics.contains("Wait") && !metrics.contains("recieved"), "no text is in metrics");
    desk.close().await;
}

#[tokio::test]
async fn a_fault_before_the_first_token_is_tried_again() {
    let server = ScriptedModel::start().await;
    let mut desk = desk_with(|config| config.models = vec![model("one", server.base_url())]).await;
    for answer in [Answer::refuses(503, ""), Answer::refuses(429, "{}").with_header("retry-after", "0"), Answer::stops_after(&[])] {
        server.will(answer);
        server.will(Answer::says(&["fine"]));
        let asked = server.asked().len();
        assert_eq!(desk.retone("Wait.", pb::Tone::Formal).await.unwrap().finished.text, "fine");
        assert_eq!(server.asked().len() - asked, 2);
    }
    desk.close().await;
}

#[tokio::test]
async fn calls_that_cannot_be_served_in_time_are_rejected_at_once() {
    let server = ScriptedModel::start().await;
    let mut desk = desk_with(|config| {
        config.models = vec![model("one", server.base_url())];
        config.models[0].most_calls = 1;
    })
    .await;
    server.will(Answer::hangs_after(&["Half"]));
    let mut held = desk.replies.retone_reply(retone()).await.unwrap().into_inner();
    assert!(held.message().await.unwrap().is_some());
    // Four may wait; the fifth is refused.
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let mut replies = desk.replies.clone();
        waiting.spawn(async move {
            let stream = replies.retone_reply(retone()).await;
            match stream {
                Ok(stream) => stream.into_inner().message().await.map(drop),
                Err(status) => Err(status),
            }
        });
    }
    let busy = waiting.join_next().await.unwrap().unwrap().unwrap_err();
    refused(&busy, Code::ResourceExhausted, "MODEL_BUSY");
    assert!(busy.get_error_details().retry_info().is_some());
    drop(held);
    let mut served = 0;
    while let Some(ended) = waiting.join_next().await {
        match ended.unwrap() {
            Ok(()) => served += 1,
            Err(status) => refused(&status, Code::ResourceExhausted, "MODEL_BUSY"),
        }
    }
    assert_eq!(served, 4, "who waited is served");
    desk.close().await;
}

#[tokio::test]
async fn fifty_callers_never_overspend_the_tokens_of_a_workspace() {
    let server = ScriptedModel::start().await;
    let desk = desk_with(|config| {
        config.models = vec![model("one", server.base_url())];
        config.models[0].max_tokens = 100;
        config.models[0].most_calls = 50;
        config.desk.token_limits = TokenLimits { per_minute: Some(3000), per_day: None };
    })
    .await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let mut replies = desk.replies.clone();
        calls.spawn(async move {
            let mut stream = replies.retone_reply(retone()).await?.into_inner();
            while stream.message().await?.is_some() {}
            Ok::<(), tonic::Status>(())
        });
    }
    let (mut served, mut spent) = (0, 0);
    while let Some(ended) = calls.join_next().await {
        match ended.unwrap() {
            Ok(()) => served += 1,
            Err(status) => {
                refused(&status, Code::ResourceExhausted, "TOKENS_SPENT");
                spent += 1;
            }
        }
    }
    // Each answer costs 127 tokens by the model's count.
    assert!(served * 127 <= 3000 + 127 && served > 0 && spent > 0, "{served} served, {spent} refused");
    desk.close().await;
}

/// What a model did before it failed, or before its caller left, is used.
#[tokio::test]
async fn tokens_are_spent_also_where_nothing_came_of_them() {
    let server = ScriptedModel::start().await;
    let mut open = desk_with(|config| config.models = vec![model("one", server.base_url())]).await;
    let prompt = open.retone("Wait.", pb::Tone::Formal).await.unwrap().finished.context.unwrap().tokens_used as u64;
    open.close().await;
    for (answer, code) in [(Answer::says_and_counts(&[], 10_000), Code::Unavailable), (Answer::hangs_after(&[]), Code::DeadlineExceeded)] {
        let mut desk = desk_with(|config| {
            config.models = vec![model("one", server.base_url())];
            config.models[0].max_tokens = 1000;
            config.desk.token_limits = TokenLimits { per_minute: Some(1000 + prompt + prompt / 2), per_day: None };
        })
        .await;
        server.will(answer);
        assert_eq!(desk.fails_within("ReplyService/RetoneReply", &retone(), "400m").await.code(), code);
        refused(&desk.retone("Wait.", pb::Tone::Formal).await.unwrap_err(), Code::ResourceExhausted, "TOKENS_SPENT");
        desk.close().await;
    }
}

#[tokio::test]
async fn a_rewrite_made_again_does_not_wait_for_itself() {
    let server = ScriptedModel::start().await;
    let mut desk = desk_with(|config| {
        config.models = vec![model("one", server.base_url())];
        config.models[0].most_calls = 1;
    })
    .await;
    server.will(Answer::says(&["It is sent."]));
    server.will(Answer::says(&["⟦CODE_1⟧ is sent."]));
    let request = pb::RetoneReplyRequest { text: "KE-204815 is sent.".into(), tone: pb::Tone::Formal.into(), ..Default::default() };
    let mut request = tonic::Request::new(request);
    request.metadata_mut().insert("grpc-timeout", "20S".parse().unwrap());
    let result = desk.retone_with(request).await.unwrap().finished;
    assert_eq!((result.text.as_str(), result.warnings.len(), server.asked().len()), ("KE-204815 is sent.", 0, 2));
    desk.close().await;
}

#[tokio::test]
async fn a_model_that_is_silent_for_longer_than_callers_wait_is_found_out() {
    let server = ScriptedModel::start().await;
    server.always(Some(Answer::hangs()));
    let desk = desk_with(|config| {
        config.models = vec![model("one", server.base_url())];
        config.models[0].first_token_timeout = Duration::from_secs(1);
    })
    .await;
    let asked = || server.asked().len();
    // Who waits for less than a fifth of what the model has says nothing of it.
    for wait in [["50m"; 5], ["300m"; 5]].concat() {
        let before = asked();
        let status = desk.fails_within("ReplyService/RetoneReply", &retone(), wait).await;
        assert_eq!((status.code(), asked()), (Code::DeadlineExceeded, before + 1), "{wait}");
    }
    let status = desk.fails_within("ReplyService/RetoneReply", &retone(), "30S").await;
    refused(&status, Code::Unavailable, "MODEL_UNAVAILABLE");
    assert!(status.message().contains("is down"), "{status:?}");
    desk.close().await;
}

#[tokio::test]
async fn a_silent_model_leaves_the_next_its_part_of_the_callers_time() {
    let (silent, second) = (ScriptedModel::start().await, ScriptedModel::start().await);
    silent.always(Some(Answer::hangs()));
    let mut desk = desk_with(|config| config.models = vec![model("silent", silent.base_url()), model("second", second.base_url())]).await;
    let mut request = tonic::Request::new(retone());
    request.metadata_mut().insert("grpc-timeout", "3S".parse().unwrap());
    assert_eq!(desk.retone_with(request).await.unwrap().finished.model, "second");
    desk.close().await;
}

#[tokio::test]
async fn a_prompt_that_is_too_large_is_not_sent() {
    let server = ScriptedModel::start().await;
    let mut desk = desk_with(|config| {
        config.models = vec![model("one", server.base_url())];
        config.models[0].context_tokens = Some(500);
    })
    .await;
    let long = "çok uzun bir cümle daha yazıyorum burada. ".repeat(190);
    let status = desk.retone(&long, pb::Tone::Formal).await.unwrap_err();
    refused(&status, Code::ResourceExhausted, "PROMPT_TOO_LARGE");
    assert!(server.asked().is_empty());
    desk.close().await;
}

/// However a caller leaves, the model's connection is closed, and nothing is left that a next call would miss.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_who_leave_leave_nothing_behind() {
    const AT_ONCE: usize = 25;
    let chunk =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"Half\"}}]}\n\n".to_vec();
    let server = RawModel::start(vec![vec![Step::Write(chunk), Step::Hang]]).await;
    let desk = desk_with(|config| {
        config.models = vec![model("one", server.base_url())];
        config.models[0].most_calls = AT_ONCE;
    })
    .await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let mut slowest = Duration::ZERO;
    let mut after_one_round = None;
    for round in 0..1000 / AT_ONCE {
        let mut held = Vec::new();
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            // Every third round each has a connection of its own, which ends with the call.
            let channel = match round % 3 {
                1 => Endpoint::from_shared(format!("http://{}", desk.address())).unwrap().connect().await.unwrap(),
                _ => desk.channel.clone(),
            };
            let mut replies = ReplyServiceClient::new(channel);
            callers.spawn(async move {
                let mut request = tonic::Request::new(retone());
                // Every third round the deadline ends the calls.
                let wait = if round % 3 == 0 { "300m" } else { "30S" };
                request.metadata_mut().insert("grpc-timeout", wait.parse().unwrap());
                let mut stream = replies.retone_reply(request).await.unwrap().into_inner();
                assert!(stream.message().await.unwrap().is_some());
                stream
            });
        }
        while let Some(stream) = callers.join_next().await {
            held.push(stream.unwrap());
        }
        assert_eq!(server.open(), AT_ONCE, "round {round}");
        if round % 3 == 0 {
            for stream in &mut held {
                assert_eq!(stream.message().await.unwrap_err().code(), Code::DeadlineExceeded);
            }
        }
        let left = Instant::now();
        drop(held);
        eventually("the model's connections are closed", async || server.open() == 0).await;
        slowest = slowest.max(left.elapsed());
        after_one_round.get_or_insert_with(tasks);
    }
    eventually("no task is left", async || Some(tasks()) <= after_one_round).await;
    assert!(slowest < Duration::from_secs(2), "it took {slowest:?}");
    desk.close().await;
}
