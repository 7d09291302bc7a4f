//! Slow readers, limits, drain, heartbeats, many listeners.

use std::time::Duration;

use deskhand::{
    api::pb::{self, event::Body, watch_response::What},
    config::{Config, Limits},
};
use futures::StreamExt;
use prost::Message;
use tokio::time::Instant;
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

use super::{OPENING, Seen, Watching, append, long_note, resumed};
use crate::support::desk::{Desk, customer_says, event, eventually, refused};

#[tokio::test]
async fn who_reads_too_slowly_ends_and_goes_on_later_and_holds_nobody_up() {
    const CALLS: usize = 24;
    // It is not the time for which it reads nothing that counts here.
    let desk = OPENING.open_set(|config| config.limits.write_timeout = Duration::from_secs(600)).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", desk.address())).unwrap();
    let narrow = endpoint.initial_stream_window_size(64 << 10).initial_connection_window_size(64 << 10).connect().await.unwrap();
    let slow = Watching::open(&narrow, pb::WatchRequest::default(), None).await.unwrap().caught_up().await;
    let mut quick = desk.watch_all().await;
    let (mut seen, begin) = (Seen::default(), slow.token.clone());
    for call in 0..CALLS {
        let events = (0..20).map(|number| long_note(&format!("{call}-{number}"))).collect();
        append(&desk.channel, "chat", events).await;
        seen.add(&quick.change().await);
    }
    assert_eq!(seen.count(), CALLS * 20, "the other one has all at once");
    let (mut slow, mut seen) = (slow, Seen::default());
    let status = loop {
        match slow.next().await {
            Ok(What::Changed(change)) => seen.add(&change),
            Ok(other) => panic!("{other:?}"),
            Err(status) => break status,
        }
    };
    refused(&status, Code::ResourceExhausted, "WATCH_TOO_SLOW");
    assert!((1..CALLS * 20).contains(&seen.count()), "{}", seen.count());
    assert_ne!(slow.token, begin);
    let mut again = desk.watch(resumed(&slow.token)).await;
    while seen.count() < CALLS * 20 {
        seen.add(&again.change().await);
    }
    seen.is_whole();
    let metrics = desk.page("/metrics").await;
    assert!(metrics.contains("deskhand_watch_slow_ends_total{database=\"main\"} 1"), "{metrics}");
    assert!(metrics.contains("deskhand_watches{database=\"main\"} 2"), "{metrics}");
    desk.close().await;
}

#[tokio::test]
async fn a_server_that_stops_ends_its_watches_at_once() {
    let desk = Desk::empty().await;
    let all = desk.watch_all().await;
    append(&desk.channel, "chat", vec![customer_says("1", "Hello")]).await;
    let began = Instant::now();
    let (kept, (status, token)) = tokio::join!(desk.close_and_keep(), all.end());
    refused(&status, Code::Unavailable, "SERVER_STOPPING");
    assert!(began.elapsed() < Limits::default().drain_timeout, "it does not wait for them: {:?}", began.elapsed());

    // The same at the age of a connection; and what was missed is told after the next start.
    let age = Duration::from_secs(2);
    let desk = OPENING.open_with(kept, |config| config.limits.max_connection_age = age).await;
    append(&desk.channel, "chat", vec![customer_says("2", "Are you there?")]).await;
    let mut again = desk.watch(resumed(&token)).await;
    let mut events = Vec::new();
    while events.last() != Some(&"2".to_owned()) {
        events.extend(again.change().await.events.into_iter().map(|event| event.event_id));
    }
    assert!(events == ["1", "2"] || events == ["2"], "{events:?}");
    refused(&again.end().await.0, Code::Unavailable, "SERVER_STOPPING");
    desk.close().await;
}

#[tokio::test]
async fn heartbeats_come_and_their_tokens_are_good() {
    let interval = Duration::from_millis(30);
    let desk = OPENING.open_set(|config| config.limits.watch_heartbeat = interval).await;
    let mut all = desk.watch_all().await;
    for _ in 0..3 {
        let What::Heartbeat(heartbeat) = all.any().await.unwrap() else { panic!("nothing else happens") };
        assert_eq!(heartbeat.interval_milliseconds, 30);
    }
    append(&desk.channel, "elsewhere", vec![customer_says("1", "Hello")]).await;
    append(&desk.channel, "chat", vec![customer_says("1", "Hello")]).await;
    let mut again = desk.watch(resumed(&all.token)).await;
    assert_eq!(again.change().await.chat.unwrap().chat_id, "elsewhere");
    assert_eq!(again.change().await.chat.unwrap().chat_id, "chat");
    desk.close().await;
}

#[tokio::test]
async fn watches_are_limited_and_are_no_other_calls() {
    let limits = |config: &mut Config| (config.limits.max_watches, config.limits.max_calls) = (40, 8);
    let desk = OPENING.open_set(limits).await;
    // More than calls may run at once, by a caller who has half of all.
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(desk.watch_all().await);
    }
    let status = Watching::open(&desk.channel, pb::WatchRequest::default(), None).await.err().unwrap();
    refused(&status, Code::ResourceExhausted, "TOO_MANY_WATCHES");
    append(&desk.channel, "chat", vec![customer_says("1", "Hello")]).await;
    drop(streams);
    let all = || async { Watching::open(&desk.channel, pb::WatchRequest::default(), None).await.is_ok() };
    eventually("places are given back", all).await;
    desk.close().await;
}

#[tokio::test]
async fn more_than_a_connection_may_have_in_flight_is_told_one_after_the_other() {
    let desk = Desk::empty().await;
    let mut all = desk.watch_all().await;
    let mut bytes = 0;
    // An eighth of `max_bytes_in_flight` is 12 MiB.
    for call in 0..16 {
        let events = (0..33).map(|number| long_note(&format!("{call}-{number}"))).collect();
        append(&desk.channel, "chat", events).await;
        bytes += all.change().await.encoded_len();
    }
    assert!(bytes > 14 << 20, "{bytes}");
    desk.close().await;
}

#[tokio::test]
async fn many_listeners_are_all_told() {
    const LISTENERS: usize = 300;
    let desk = Desk::empty().await;
    let endpoint = Endpoint::from_shared(format!("http://{}", desk.address())).unwrap();
    let channels: Vec<Channel> = futures::stream::iter(0..4).then(|_| endpoint.connect()).map(Result::unwrap).collect().await;
    let open = |number: usize| {
        let request = pb::WatchRequest { agent_id: format!("agent-{number}"), ..Default::default() };
        let channel = &channels[number % channels.len()];
        async move { Watching::open(channel, request, None).await.unwrap().caught_up().await }
    };
    // While they open they are calls, of which one address without a key may make 256 at once.
    let mut streams: Vec<Watching> = futures::stream::iter((0..LISTENERS).map(open)).buffered(100).collect().await;
    for number in 0..LISTENERS {
        let transfer = pb::Transfer { to_agent_id: format!("agent-{number}"), ..Default::default() };
        append(&desk.channel, &format!("chat-{number}"), vec![event("t", Body::Transfer(transfer))]).await;
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        assert_eq!(stream.change().await.chat.unwrap().chat_id, format!("chat-{number}"));
    }
    assert!(desk.page("/metrics").await.contains(&format!("deskhand_watch_changes_total{{database=\"main\"}} {LISTENERS}")));
    desk.close().await;
}
