//! Keys for one agent: whose calls they are, which chats they reach, how they end; and keys that end by themselves.

use std::{process::Command, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use deskhand::{
    api::pb::{self, event::Body, reported::What},
    config::{Config, Limits},
    keys::{self, Scope},
    store::Store,
};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use tonic::{Code, Status};

use crate::{
    keys::{key_for, three_workspaces},
    support::{
        desk::{Desk, Kept, Opening, agent_says, customer_says, event, eventually, refused, refused_fields},
        postgres,
    },
};

const MINT: &str = "KeyService/MintAgentKey";

fn selin() -> pb::MintAgentKeyRequest {
    pb::MintAgentKeyRequest { agent_id: "agent-selin".into(), name: "Selin".into(), groups: vec!["orders".into()], ..Default::default() }
}

impl Desk {
    async fn mint(&self, request: &pb::MintAgentKeyRequest, parent: &str) -> Result<pb::MintAgentKeyResponse, Status> {
        let reply = self.call(MINT, &request.encode_to_vec(), Some(parent)).await?;
        Ok(pb::MintAgentKeyResponse::decode(reply.as_slice()).unwrap())
    }

    async fn lists(&self, key: &str) -> Result<Vec<u8>, Status> {
        self.call("ChatService/ListChats", &[], Some(key)).await
    }

    async fn append_with(&self, chat_id: &str, events: Vec<pb::Event>, key: &str) -> Result<Vec<u8>, Status> {
        let request = pb::AppendEventsRequest { chat_id: chat_id.into(), events };
        self.call("ChatService/AppendEvents", &request.encode_to_vec(), Some(key)).await
    }

    async fn chat_with(&self, chat_id: &str, key: &str) -> pb::GetChatResponse {
        let request = pb::GetChatRequest { chat_id: chat_id.into(), after_sequence: 0, page_size: 100 };
        let reply = self.call("ChatService/GetChat", &request.encode_to_vec(), Some(key)).await.unwrap();
        pb::GetChatResponse::decode(reply.as_slice()).unwrap()
    }
}

/// A desk on a database that another one may share, where there is one that can be shared.
async fn beside(desk: &Desk) -> Option<Desk> {
    let url = postgres::wanted().then(|| desk.database_url())?;
    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    Some(opening.open_in(Kept::new(tempfile::tempdir().unwrap(), Some(url))).await)
}

#[tokio::test]
async fn what_the_key_says_of_its_agent_wins() {
    let desk = three_workspaces().await;
    let console = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let minted = desk.mint(&selin(), &console).await.unwrap();
    let until = minted.expires_at.unwrap().seconds - Timestamp::now().as_second();
    assert!((3590..=3600).contains(&until), "an hour: {until}");

    // What is written in an agent's name is the key's agent's; what others say stays theirs.
    let note = event("3", Body::Note(pb::Note { agent_id: "agent-mert".into(), agent_name: "Mert".into(), text: "Called.".into() }));
    let transfer = pb::Transfer { from_agent_id: "agent-mert".into(), to_agent_id: "agent-ada".into(), ..Default::default() };
    let mut foreign = agent_says("2", "I look into it.");
    if let Some(Body::Message(message)) = &mut foreign.body {
        (message.author_id, message.author_name) = ("agent-mert".into(), "Mert".into());
    }
    let events = vec![customer_says("1", "Where is my parcel?"), foreign, note, event("4", Body::Transfer(transfer))];
    desk.append_with("chat-1", events, &minted.key).await.unwrap();
    let chat = desk.chat_with("chat-1", &console).await;
    let bodies: Vec<Body> = chat.events.into_iter().filter_map(|event| event.body).collect();
    let [Body::Message(asked), Body::Message(said), Body::Note(note), Body::Transfer(transfer)] = bodies.as_slice() else {
        panic!("{bodies:?}")
    };
    assert_eq!((asked.author_id.as_str(), asked.author()), ("", pb::Author::Customer));
    assert_eq!((said.author_id.as_str(), said.author_name.as_str()), ("agent-selin", "Selin"));
    assert_eq!((note.agent_id.as_str(), note.agent_name.as_str()), ("agent-selin", "Selin"));
    assert_eq!((transfer.from_agent_id.as_str(), transfer.to_agent_id.as_str()), ("agent-selin", "agent-ada"));

    // A draft is signed by the key's agent, whoever the request names, and in the language that it names.
    let named = pb::Agent { agent_id: "agent-mert".into(), name: "Mert".into(), groups: vec!["returns".into()], language: "en".into() };
    let draft = pb::DraftReplyRequest { chat_id: "chat-1".into(), agent: Some(named.clone()), ..Default::default() };
    desk.call("ReplyService/DraftReply", &draft.encode_to_vec(), Some(&minted.key)).await.unwrap();
    let (system, user) = desk.model.last_messages();
    let prompt = format!("{system}{user}");
    assert!(prompt.contains("Selin") && !prompt.contains("Mert"), "{prompt}");
    desk.close().await;
}

#[tokio::test]
async fn what_is_reported_keeps_its_writers_name_and_is_the_same_from_every_agents_page() {
    let desk = three_workspaces().await;
    let console = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let page_of = async |id: &str, name: &str| {
        let agent = pb::MintAgentKeyRequest { agent_id: id.into(), name: name.into(), ..Default::default() };
        desk.mint(&agent, &console).await.unwrap().key
    };
    let (selins, adas) = (page_of("agent-selin", "Selin").await, page_of("agent-ada", "Ada").await);
    let reported = |id: &str, what: What| event(id, Body::Reported(pb::Reported { what: Some(what) }));
    let written = |author: pb::Author, text: &str| pb::Message {
        author: author.into(),
        author_id: "user-9".into(),
        author_name: "Mert".into(),
        text: text.into(),
        ..Default::default()
    };
    let note = pb::Note { agent_id: "user-9".into(), agent_name: "Mert".into(), text: "Called.".into() };
    let told = || {
        vec![
            reported("1", What::Message(written(pb::Author::Customer, "Where is my parcel?"))),
            reported("2", What::Message(written(pb::Author::Agent, "I look into it."))),
            reported("3", What::Note(note.clone())),
        ]
    };
    desk.append_with("chat-1", told(), &selins).await.unwrap();
    let again = desk.append_with("chat-1", told(), &adas).await.unwrap();
    let again = pb::AppendEventsResponse::decode(again.as_slice()).unwrap();
    assert_eq!((again.appended, again.duplicates), (0, 3));
    let read = desk.chat_with("chat-1", &console).await;
    assert_eq!(read.chat.unwrap().agent_id, "", "who reports is not who answers");
    let bodies: Vec<Body> = read.events.into_iter().filter_map(|event| event.body).collect();
    let [Body::Message(asked), Body::Message(said), Body::Note(noted)] = bodies.as_slice() else { panic!("{bodies:?}") };
    assert_eq!((asked.author_id.as_str(), asked.author_name.as_str()), ("user-9", "Mert"));
    assert_eq!((said.author_id.as_str(), said.author_name.as_str()), ("", "Mert"));
    assert_eq!((noted.agent_id.as_str(), noted.agent_name.as_str(), noted.text.as_str()), ("", "Mert", "Called."));

    // The console's own key may name the writers.
    desk.append_with("chat-2", told(), &console).await.unwrap();
    let bodies: Vec<Body> = desk.chat_with("chat-2", &console).await.events.into_iter().filter_map(|event| event.body).collect();
    assert!(matches!(&bodies[1], Body::Message(said) if said.author_id == "user-9"), "{bodies:?}");
    let nothing = event("4", Body::Reported(pb::Reported { what: None }));
    refused_fields(&desk.append_with("chat-1", vec![nothing], &selins).await.unwrap_err(), &["events[0].reported.what"]);
    let empty = reported("5", What::Note(pb::Note { text: String::new(), ..note.clone() }));
    refused_fields(&desk.append_with("chat-1", vec![empty], &selins).await.unwrap_err(), &["events[0].reported.note.text"]);
    desk.close().await;
}

#[tokio::test]
async fn canned_answers_of_other_agents_and_teams_are_neither_shown_nor_changed() {
    let desk = three_workspaces().await;
    let author = desk.make_key(key_for("default", &[Scope::Author, Scope::Agent])).await;
    let minted = desk.mint(&selin(), &author).await.unwrap().key;
    let answer = |id: &str, agent: &str, group: &str| pb::CannedAnswer {
        id: id.into(),
        language: "en".into(),
        title: "Thanks".into(),
        body: "Thank you for your patience!".into(),
        visibility: match (agent, group) {
            ("", "") => pb::Visibility::Everyone.into(),
            ("", _) => pb::Visibility::Group.into(),
            _ => pb::Visibility::Agent.into(),
        },
        owner_agent_id: agent.into(),
        owner_group: group.into(),
        ..Default::default()
    };
    let put = |answers: Vec<pb::CannedAnswer>| pb::PutCannedAnswersRequest { canned_answers: answers }.encode_to_vec();
    let all = vec![
        answer("everyones", "", ""),
        answer("orders", "", "orders"),
        answer("returns", "", "returns"),
        answer("mine", "agent-selin", ""),
        answer("merts", "agent-mert", ""),
    ];
    desk.call("KnowledgeService/PutCannedAnswers", &put(all), Some(&author)).await.unwrap();
    let listed = desk.call("KnowledgeService/ListCannedAnswers", &[], Some(&minted)).await.unwrap();
    let listed = pb::ListCannedAnswersResponse::decode(listed.as_slice()).unwrap().canned_answers;
    assert_eq!(listed.into_iter().map(|answer| answer.id).collect::<Vec<_>>(), ["everyones", "mine", "orders"]);
    // Neither are they suggested, whichever agent the request names.
    let named = pb::Agent { agent_id: "agent-mert".into(), groups: vec!["returns".into()], ..Default::default() };
    let suggest =
        pb::SuggestAnswersRequest { query: "thanks".into(), agent: Some(named), limit: 10, language: "en".into(), ..Default::default() };
    let suggested = desk.call("ReplyService/SuggestAnswers", &suggest.encode_to_vec(), Some(&minted)).await.unwrap();
    let suggested = pb::SuggestAnswersResponse::decode(suggested.as_slice()).unwrap().suggestions;
    let mut ids: Vec<String> = suggested.into_iter().map(|suggestion| suggestion.id).collect();
    ids.sort();
    assert_eq!(ids, ["everyones", "mine", "orders"]);

    desk.call("KnowledgeService/PutCannedAnswers", &put(vec![answer("mine", "agent-selin", "")]), Some(&minted)).await.unwrap();
    // Its scope is `agent`, though the key that made it has `author`, too. Taking over another's is a change of it.
    for answers in [vec![answer("new", "", "")], vec![answer("new", "agent-mert", "")], vec![answer("merts", "agent-selin", "")]] {
        let refusal = desk.call("KnowledgeService/PutCannedAnswers", &put(answers), Some(&minted)).await;
        refused(&refusal.unwrap_err(), Code::PermissionDenied, "SCOPE_MISSING");
    }
    let delete = |id: &str| pb::DeleteCannedAnswersRequest { ids: vec![id.into()], language: String::new() }.encode_to_vec();
    let refusal = desk.call("KnowledgeService/DeleteCannedAnswers", &delete("merts"), Some(&minted)).await;
    refused(&refusal.unwrap_err(), Code::PermissionDenied, "SCOPE_MISSING");
    desk.call("KnowledgeService/DeleteCannedAnswers", &delete("mine"), Some(&minted)).await.unwrap();
    desk.close().await;
}

#[tokio::test]
async fn a_chat_that_is_not_the_keys_is_refused_by_every_call_that_names_one() {
    let desk = three_workspaces().await;
    let console = desk.make_key(key_for("default", &[Scope::Agent])).await;
    for chat in ["mine", "others"] {
        desk.append_with(chat, vec![customer_says("1", "Where is my parcel?")], &console).await.unwrap();
    }
    let minted =
        desk.mint(&pb::MintAgentKeyRequest { chat_ids: vec!["mine".into(), "new".into()], ..selin() }, &console).await.unwrap().key;
    let pool = DescriptorPool::decode(deskhand::api::DESCRIPTORS).unwrap();
    let mut named = 0;
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let name = format!("{}/{}", method.parent_service().name(), method.name());
        if method.input().get_field_by_name("chat_id").is_none() {
            continue;
        }
        named += 1;
        let with = |chat: &str| {
            let mut request = DynamicMessage::new(method.input());
            request.set_field_by_name("chat_id", Value::String(chat.to_owned()));
            request.encode_to_vec()
        };
        for chat in ["others", "no-such", "mine ", "MINE", "mine\0"] {
            refused(&desk.call(&name, &with(chat), Some(&minted)).await.unwrap_err(), Code::PermissionDenied, "CHAT_NOT_ALLOWED");
        }
        for chat in ["mine", "new"] {
            let result = desk.call(&name, &with(chat), Some(&minted)).await;
            assert!(!result.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied), "{name} of {chat}: {result:?}");
        }
    }
    assert_eq!(named, 12, "each call that names a chat was looked at");
    for name in ["ChatService/ListChats", "ChatService/ListPromises"] {
        refused(&desk.call(name, &[], Some(&minted)).await.unwrap_err(), Code::PermissionDenied, "CHAT_NOT_ALLOWED");
    }
    desk.append_with("new", vec![customer_says("1", "Hello?")], &minted).await.unwrap();
    assert_eq!(desk.chat_with("mine", &minted).await.events.len(), 1);
    // Nothing was written elsewhere.
    assert_eq!(desk.chat_with("others", &console).await.events.len(), 1);
    // Over JSON, too.
    let url = format!("http://{}/deskhand.v1.ChatService/GetChat", desk.address());
    let request =
        reqwest::Client::new().post(url).header("content-type", "application/json").header("authorization", format!("Bearer {minted}"));
    let response = request.body(r#"{"chatId": "others"}"#).send().await.unwrap();
    assert_eq!(response.status(), 403);
    desk.close().await;
}

#[tokio::test]
async fn a_key_for_an_agent_does_an_agents_work_and_makes_no_keys() {
    let desk = three_workspaces().await;
    let all = desk.make_key(key_for("rose", &Scope::ALL)).await;
    let minted = desk.mint(&selin(), &all).await.unwrap().key;
    desk.lists(&minted).await.unwrap();
    for method in [
        "ChatService/EraseCustomer",
        "ChatService/ExportCustomer",
        "KnowledgeService/PutArticles",
        "KnowledgeService/GetSearchReport",
        "KnowledgeService/GetHelpReport",
        "ReplyService/GetReplyReport",
    ] {
        refused(&desk.call(method, &[], Some(&minted)).await.unwrap_err(), Code::PermissionDenied, "SCOPE_MISSING");
    }
    refused(&desk.mint(&selin(), &minted).await.unwrap_err(), Code::PermissionDenied, "SCOPE_MISSING");
    // It works in the workspace of the key that made it.
    desk.append_with("chat-rose", vec![customer_says("1", "Hello?")], &minted).await.unwrap();
    let other = desk.make_key(key_for("oak", &[Scope::Agent])).await;
    let get = pb::GetChatRequest { chat_id: "chat-rose".into(), ..Default::default() }.encode_to_vec();
    refused(&desk.call("ChatService/GetChat", &get, Some(&other)).await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    desk.call("ChatService/GetChat", &get, Some(&all)).await.unwrap();
    // Not in an address, which is logged.
    let url = format!("http://{}/help/search?q=refund&key={minted}", desk.address());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 403);
    // Keys of other scopes make none.
    for scope in [Scope::Search, Scope::Author, Scope::Admin] {
        let key = desk.make_key(key_for("default", &[scope])).await;
        refused(&desk.mint(&selin(), &key).await.unwrap_err(), Code::PermissionDenied, "SCOPE_MISSING");
    }
    desk.close().await;
}

#[tokio::test]
async fn the_fields_of_a_key_are_checked() {
    let desk = three_workspaces().await;
    // Without keys there is nothing that it could end with.
    let result = pb::key_service_client::KeyServiceClient::new(desk.channel.clone()).mint_agent_key(selin()).await;
    refused(&result.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    let console = desk.make_key(key_for("default", &[Scope::Agent])).await;
    refused_fields(&desk.mint(&pb::MintAgentKeyRequest::default(), &console).await.unwrap_err(), &["agent_id", "name"]);
    for (request, fields) in [
        (pb::MintAgentKeyRequest { lifetime_seconds: -1, ..selin() }, &["lifetime_seconds"][..]),
        (pb::MintAgentKeyRequest { lifetime_seconds: 43_201, ..selin() }, &["lifetime_seconds"]),
        (pb::MintAgentKeyRequest { agent_id: "a\n".into(), ..selin() }, &["agent_id"]),
        (pb::MintAgentKeyRequest { groups: vec!["a".into(), String::new()], ..selin() }, &["groups[1]"]),
        (pb::MintAgentKeyRequest { groups: vec!["a".into(); 101], ..selin() }, &["groups"]),
        (pb::MintAgentKeyRequest { chat_ids: vec!["a".into(); 101], ..selin() }, &["chat_ids"]),
        (pb::MintAgentKeyRequest { chat_ids: vec!["a".repeat(200); 30], ..selin() }, &["chat_ids"]),
    ] {
        refused_fields(&desk.mint(&request, &console).await.unwrap_err(), fields);
    }
    let longest = pb::MintAgentKeyRequest { lifetime_seconds: 43_200, chat_ids: vec!["c".repeat(190); 20], ..selin() };
    let minted = desk.mint(&longest, &console).await.unwrap();
    let get = pb::GetChatRequest { chat_id: "c".repeat(190), ..Default::default() }.encode_to_vec();
    refused(&desk.call("ChatService/GetChat", &get, Some(&minted.key)).await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    desk.close().await;
}

#[tokio::test]
async fn a_forged_key_is_unknown() {
    let desk = three_workspaces().await;
    let console = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let minted = desk.mint(&pb::MintAgentKeyRequest { chat_ids: vec!["mine".into()], ..selin() }, &console).await.unwrap().key;
    let signed = BASE64_URL_SAFE_NO_PAD.decode(minted.strip_prefix("dha_").unwrap()).unwrap();
    let content = String::from_utf8(signed[..signed.len() - 16].to_vec()).unwrap();
    assert!(content.contains("agent-selin") && content.contains("mine"), "what it says can be read: {content}");
    // Another agent, other chats, a later end, another parent: each with the signature of what was signed.
    for (from, to) in [
        ("agent-selin", "agent-mert"),
        ("[\"mine\"]", "[]"),
        ("\"mine\"", "\"else\""),
        ("\"e\":1", "\"e\":9"),
        ("\"g\":[\"orders\"]", "\"g\":[]"),
    ] {
        assert!(content.contains(from), "{from} in {content}");
        let tampered = [content.replace(from, to).as_bytes(), &signed[signed.len() - 16..]].concat();
        let tampered = format!("dha_{}", BASE64_URL_SAFE_NO_PAD.encode(tampered));
        refused(&desk.lists(&tampered).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    }
    let unsigned = format!("dha_{}", BASE64_URL_SAFE_NO_PAD.encode([content.as_bytes(), &[0; 16]].concat()));
    let cut = &minted[..minted.len() - 4];
    for forged in ["dha_", "dha_x", &unsigned, cut, &format!("{minted}AAAA"), &minted.replace("dha_", "dh_"), &minted.to_uppercase()] {
        refused(&desk.lists(forged).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    }
    // Another database's, made for a key of the same id, is unknown here.
    let other = three_workspaces().await;
    let others = other.make_key(key_for("default", &[Scope::Agent])).await;
    let others = other.mint(&selin(), &others).await.unwrap().key;
    refused(&desk.lists(&others).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    other.lists(&others).await.unwrap();
    other.close().await;
    desk.close().await;
}

#[tokio::test]
async fn a_key_ends_with_its_time_and_with_the_key_that_made_it() {
    let desk = three_workspaces().await;
    let store = Store::open(&desk.database_url()).await.unwrap();
    let (console, keeps) =
        (desk.make_key(key_for("default", &[Scope::Agent])).await, desk.make_key(key_for("default", &[Scope::Agent])).await);
    let short = desk.mint(&pb::MintAgentKeyRequest { lifetime_seconds: 1, ..selin() }, &console).await.unwrap();
    let long = desk.mint(&selin(), &console).await.unwrap().key;
    let others = desk.mint(&selin(), &keeps).await.unwrap().key;
    eventually("a second is over", || async { desk.lists(&short.key).await.is_err() }).await;
    refused(&desk.lists(&short.key).await.unwrap_err(), Code::Unauthenticated, "KEY_EXPIRED");
    assert!(Timestamp::now().as_second() >= short.expires_at.unwrap().seconds);
    desk.lists(&long).await.unwrap();

    assert!(keys::revoke(&store, console.split('_').nth(1).unwrap()).await.unwrap());
    eventually("the key that made it is revoked", || async { desk.lists(&long).await.is_err() }).await;
    refused(&desk.lists(&long).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    desk.lists(&others).await.unwrap();
    store.close().await;

    // After a restart, too: the database's signer stays.
    let kept = desk.close_and_keep().await;
    let desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_in(kept).await;
    desk.lists(&others).await.unwrap();
    refused(&desk.lists(&long).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    if let Some(second) = beside(&desk).await {
        second.lists(&others).await.unwrap();
        second.mint(&selin(), &keeps).await.unwrap();
        second.close().await;
    }
    desk.close().await;
}

#[tokio::test]
async fn a_stored_key_may_end_by_itself() {
    let desk = three_workspaces().await;
    let store = Store::open(&desk.database_url()).await.unwrap();
    // The server knows of the first key from here on.
    desk.make_key(key_for("default", &[Scope::Agent])).await;
    let soon = Timestamp::now() + SignedDuration::from_secs(2);
    let (_, short) = keys::create_until(&store, key_for("default", &[Scope::Agent]), Some(soon)).await.unwrap();
    eventually("the server knows the key", || async { desk.lists(&short).await.is_ok() }).await;
    let minted = desk.mint(&pb::MintAgentKeyRequest { lifetime_seconds: 43_200, ..selin() }, &short).await.unwrap();
    assert!(minted.expires_at.unwrap().seconds <= soon.as_second(), "it ends with the key that made it at the latest");
    eventually("its time is over", || async { desk.lists(&short).await.is_err() }).await;
    refused(&desk.lists(&short).await.unwrap_err(), Code::Unauthenticated, "KEY_EXPIRED");
    refused(&desk.lists(&minted.key).await.unwrap_err(), Code::Unauthenticated, "KEY_EXPIRED");
    // With a wrong secret it is as unknown as any.
    let guessed = format!("{}{}", &short[..short.len() - 1], if short.ends_with('0') { '1' } else { '0' });
    refused(&desk.lists(&guessed).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    store.close().await;
    desk.close().await;
}

/// Many agents come with keys of their own: none is looked up in the database, and they share the rate of the key that made them.
#[tokio::test]
async fn keys_of_agents_are_not_looked_up_and_share_one_rate() {
    let desk = Opening { with_model: false, with_shop: false, change: |_| {} }
        .open_set(|config: &mut Config| config.limits = Limits { write_timeout: Duration::from_secs(30), ..Limits::default() })
        .await;
    let admin = desk.make_key(key_for("default", &[Scope::Admin])).await;
    let console = desk.make_key(keys::NewKey { calls_per_second: Some(20), ..key_for("default", &[Scope::Agent]) }).await;
    let look_ups = async || {
        let request =
            reqwest::Client::new().get(format!("http://{}/metrics", desk.address())).header("authorization", format!("Bearer {admin}"));
        let metrics = request.send().await.unwrap().text().await.unwrap();
        metrics.lines().find_map(|line| line.strip_prefix("deskhand_key_look_ups_total ")).unwrap().to_owned()
    };
    let mut minted = Vec::new();
    for agent in 0..10 {
        let request = pb::MintAgentKeyRequest { agent_id: format!("agent-{agent}"), ..selin() };
        minted.push(desk.mint(&request, &console).await.unwrap().key);
    }
    let before = look_ups().await;
    let mut refusals = 0;
    for key in minted.iter().cycle().take(200) {
        if let Err(status) = desk.lists(key).await {
            refused(&status, Code::ResourceExhausted, "RATE_EXCEEDED");
            refusals += 1;
        }
    }
    assert!(refusals > 0, "two hundred calls at once are more than forty");
    assert_eq!(look_ups().await, before);
    desk.close().await;
}

#[test]
fn the_command_makes_keys_that_end() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_deskhand")).arg("keys").args(arguments).arg("--data").arg(folder.path()).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (made, shown, _) = run(&["create", "--scope", "agent", "--expires", "30d"]);
    assert!(made && shown.starts_with("dh_"));
    assert!(run(&["create", "--scope", "agent", "--expires", "1s"]).0 && run(&["create", "--scope", "agent"]).0);
    let (_, listed, _) = run(&["list"]);
    let lines: Vec<&str> = listed.lines().collect();
    let day = (Timestamp::now() + SignedDuration::from_hours(30 * 24)).to_string()[..10].to_owned();
    assert!(lines[0].contains(&format!("expires {day}")), "{listed}");
    assert!(lines[1].contains("expires ") || lines[1].contains("EXPIRED "), "{listed}");
    assert!(!lines[2].contains("expires"), "{listed}");
    for bad in ["0s", "-1d", "soon", "3651d", "30"] {
        let (made, _, told) = run(&["create", "--scope", "agent", &format!("--expires={bad}")]);
        assert!(!made && told.contains("such as 30d"), "{bad}: {told}");
    }
}
