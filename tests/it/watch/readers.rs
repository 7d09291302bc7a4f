//! Who is told what: keys, agents, redaction and erasure.

use deskhand::{
    api::pb::{self, chat_service_client::ChatServiceClient, event::Body, watch_response::What},
    keys::{self, NewKey, Scope},
    store::Store,
};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use tonic::Code;

use super::{Watching, append, of_chat, resumed, sha256};
use crate::{
    keys::{key_for, three_workspaces},
    support::desk::{Desk, agent_says, customer_says, event, refused, refused_fields},
};

#[tokio::test]
async fn a_watch_ends_with_its_key() {
    let desk = three_workspaces().await;
    let key = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let watching = Watching::open(&desk.channel, pb::WatchRequest::default(), Some(&key)).await.unwrap().caught_up().await;
    let minted = mint(&desk, &key, &[]).await;
    let of_agent = Watching::open(&desk.channel, pb::WatchRequest::default(), Some(&minted)).await.unwrap().caught_up().await;
    let store = Store::open(&desk.database_url()).await.unwrap();
    assert!(keys::revoke(&store, key.split('_').nth(1).unwrap()).await.unwrap());
    for watching in [watching, of_agent] {
        refused(&watching.end().await.0, Code::Unauthenticated, "KEY_UNKNOWN");
    }
    let new: NewKey = key_for("default", &[Scope::Agent]);
    let until = Timestamp::now() + SignedDuration::from_secs(3);
    let (_, ending) = keys::create_until(&store, new, Some(until)).await.unwrap();
    store.close().await;
    let watching = Watching::open(&desk.channel, pb::WatchRequest::default(), Some(&ending)).await.unwrap().caught_up().await;
    refused(&watching.end().await.0, Code::Unauthenticated, "KEY_EXPIRED");
    desk.close().await;
}

async fn mint(desk: &Desk, parent: &str, chat_ids: &[&str]) -> String {
    let request = pb::MintAgentKeyRequest {
        agent_id: "agent-selin".into(),
        name: "Selin".into(),
        groups: vec!["orders".into()],
        chat_ids: chat_ids.iter().map(|id| (*id).to_owned()).collect(),
        ..Default::default()
    };
    let reply = desk.call("KeyService/MintAgentKey", &request.encode_to_vec(), Some(parent)).await.unwrap();
    pb::MintAgentKeyResponse::decode(reply.as_slice()).unwrap().key
}

fn opened(group: &str) -> pb::Event {
    let channel = pb::Channel::WebChat.into();
    event("o", Body::Opened(pb::Opened { channel, group: group.into(), ..Default::default() }))
}

#[tokio::test]
async fn an_agent_is_told_of_their_chats_and_a_key_for_some_of_those_alone() {
    let desk = three_workspaces().await;
    let console = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let other_workspace = desk.make_key(key_for("rose", &[Scope::Agent])).await;
    let open = async |request: pb::WatchRequest, key: &str| Watching::open(&desk.channel, request, Some(key)).await;
    let (of_selin, of_some) = (mint(&desk, &console, &[]).await, mint(&desk, &console, &["hers", "foreign"]).await);
    let asked = pb::WatchRequest { agent_id: "agent-selin".into(), groups: vec!["orders".into()], ..Default::default() };
    let mut streams = [
        open(asked.clone(), &console).await.unwrap().caught_up().await,
        open(pb::WatchRequest::default(), &of_selin).await.unwrap().caught_up().await,
        // The key's agent counts, not another that the request names.
        open(pb::WatchRequest { agent_id: "agent-mert".into(), ..Default::default() }, &of_selin).await.unwrap().caught_up().await,
    ];
    let mut limited = open(pb::WatchRequest::default(), &of_some).await.unwrap().caught_up().await;
    let mut rose = open(pb::WatchRequest::default(), &other_workspace).await.unwrap().caught_up().await;
    refused(&open(of_chat("teams"), &of_some).await.err().unwrap(), Code::PermissionDenied, "CHAT_NOT_ALLOWED");

    let append = async |chat_id: &str, events: Vec<pb::Event>, key: &str| {
        let request = pb::AppendEventsRequest { chat_id: chat_id.into(), events };
        desk.call("ChatService/AppendEvents", &request.encode_to_vec(), Some(key)).await.unwrap();
    };
    let transfer = |id: &str, to: &str| event(id, Body::Transfer(pb::Transfer { to_agent_id: to.into(), ..Default::default() }));
    append("foreign", vec![opened("returns"), transfer("t", "agent-mert")], &console).await;
    append("hers", vec![opened("returns"), agent_says("a", "Hello")], &console).await;
    append("teams", vec![opened("orders"), transfer("t", "agent-mert")], &console).await;
    append("nobodys", vec![customer_says("c", "Hello")], &console).await;
    append(
        "hers",
        vec![transfer("t", "agent-mert"), event("n", Body::Note(pb::Note { text: "For you.".into(), ..Default::default() }))],
        &console,
    )
    .await;
    append("hers", vec![customer_says("c", "Thanks")], &console).await;
    append("teams", vec![customer_says("last", "Thanks")], &console).await;
    append("in-rose", vec![customer_says("c", "Hello")], &other_workspace).await;
    for stream in &mut streams {
        let mut told = Vec::new();
        while told.last().is_none_or(|(_, last): &(String, String)| last != "last") {
            let change = stream.change().await;
            told.push((change.chat.unwrap().chat_id, change.events.last().unwrap().event_id.clone()));
        }
        let told: Vec<(&str, &str)> = told.iter().map(|(chat, last)| (chat.as_str(), last.as_str())).collect();
        // That it was handed over is told to whom it was taken from; what follows is not.
        assert_eq!(told, [("hers", "a"), ("teams", "t"), ("nobodys", "c"), ("hers", "n"), ("teams", "last")]);
    }
    for expected in ["foreign", "hers", "hers", "hers"] {
        assert_eq!(limited.change().await.chat.unwrap().chat_id, expected);
    }
    assert_eq!(rose.change().await.chat.unwrap().chat_id, "in-rose");
    // A token of one workspace is none in another.
    let status = open(resumed(&rose.token), &console).await.err().unwrap();
    refused_fields(&status, &["resume_token"]);
    desk.close().await;
}

#[tokio::test]
async fn what_was_redacted_or_erased_is_told_and_never_its_text() {
    const SECRET: &str = "4111 1111 1111 1111";
    let desk = Desk::empty().await;
    let (mut all, begin) = {
        let all = desk.watch_all().await;
        let begin = all.token.clone();
        (all, begin)
    };
    let customer = pb::Customer { customer_id: "ayse".into(), name: "Ayşe".into(), ..Default::default() };
    append(&desk.channel, "hers", vec![event("c", Body::Customer(customer)), customer_says("card", SECRET)]).await;
    assert_eq!(all.change().await.events.len(), 2);
    let mut one = desk.watch(of_chat("hers")).await;
    assert_eq!(one.change().await.events.len(), 2);
    let mut one = one.caught_up().await;
    append(&desk.channel, "hers", vec![event("r", Body::Redaction(pb::Redaction { event_id: "card".into() }))]).await;
    for stream in [&mut all, &mut one] {
        let change = stream.change().await;
        assert!(matches!(change.events[0].body, Some(Body::Redaction(_))) && change.events.len() == 1);
        let [redacted] = change.redacted.as_slice() else { panic!("{change:?}") };
        assert!(redacted.redacted && redacted.event_id == "card" && redacted.sequence == 2);
        assert!(!format!("{change:?}").contains(SECRET));
    }
    // Whoever comes later, from before the redaction on, gets what GetChat shows now.
    for request in [resumed(&begin), of_chat("hers")] {
        let mut later = desk.watch(request).await;
        let mut events = Vec::new();
        while events.len() < 3 {
            events.extend(later.change().await.events);
        }
        assert!(events[1].redacted && !format!("{events:?}").contains(SECRET), "{events:?}");
    }
    let before_erasure = one.token.clone();
    ChatServiceClient::new(desk.channel.clone()).erase_customer(pb::EraseCustomerRequest { customer_id: "ayse".into() }).await.unwrap();
    for stream in [&mut all, &mut one] {
        let What::Erased(erased) = stream.next().await.unwrap() else { panic!("it was erased") };
        assert_eq!(erased.chat_id_sha256, sha256("hers"));
    }
    refused(&one.next().await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    // The chat's earlier events are gone for those who were away, too.
    let mut later = desk.watch(resumed(&begin)).await;
    assert!(matches!(later.next().await.unwrap(), What::Erased(_)));
    let mut later = later.caught_up().await;
    let mut away = desk.watch(pb::WatchRequest { resume_token: before_erasure, ..of_chat("hers") }).await;
    assert!(matches!(away.next().await.unwrap(), What::Erased(_)));
    // Another chat may begin under the same id.
    append(&desk.channel, "hers", vec![customer_says("new", "Hello")]).await;
    assert_eq!(later.change().await.chat.unwrap().last_sequence, 1);
    desk.close().await;
}
