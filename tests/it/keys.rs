//! Keys, scopes, rates, workspaces: who may call what, and that workspaces are isolated.

use std::collections::HashMap;

use deskhand::{
    api::pb::{self, event::Body},
    config::{TokenLimits, WorkspaceConfig},
    ids::Workspace,
    keys::{self, NewKey, Scope},
    store::Store,
};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value};
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::desk::{Desk, Opening, agent_says, customer_says, event, eventually, refused, selin};

pub const WORKSPACES: [&str; 3] = ["default", "rose", "oak"];

/// A key without origins, rate and budget.
pub fn key_for(workspace: &str, scopes: &[Scope]) -> NewKey {
    NewKey {
        workspace: Workspace::new(workspace).unwrap(),
        scopes: scopes.to_vec(),
        origins: Vec::new(),
        calls_per_second: None,
        token_limits: TokenLimits::default(),
    }
}

impl Desk {
    /// Makes a key, and waits until the server knows it.
    pub async fn make_key(&self, new: NewKey) -> String {
        let store = Store::open(&self.database_url()).await.unwrap();
        let (key, shown) = keys::create(&store, new).await.unwrap();
        store.close().await;
        eventually("the server knows the key", || async {
            let result = self.call("KnowledgeService/Search", &pb::SearchRequest::default().encode_to_vec(), Some(&shown)).await;
            let result = result.unwrap_err();
            result.code() != Code::Unauthenticated && key.is_valid()
        })
        .await;
        shown
    }
}

pub async fn three_workspaces() -> Desk {
    let opening = Opening { with_model: true, with_shop: false, change: |_| {} };
    let desk = opening
        .open_set(|config| {
            config.workspaces = WORKSPACES[1..]
                .iter()
                .map(|name| WorkspaceConfig {
                    name: Workspace::new(name).unwrap(),
                    knowledge_base: None,
                    desk: config.desk.clone(),
                    models: None,
                    embedding: config.embedding.clone(),
                })
                .collect();
        })
        .await;
    desk.model.answers_with(|_| "Thank you, we will look into it.".to_owned());
    desk
}

fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(deskhand::api::DESCRIPTORS).unwrap();
    pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

fn name_of(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().name(), method.name())
}

#[tokio::test]
async fn each_call_needs_a_key_with_its_scope() {
    let desk = three_workspaces().await;
    let mut shown = HashMap::new();
    for scope in Scope::ALL {
        shown.insert(scope.word(), desk.make_key(key_for("default", &[scope])).await);
    }
    let allowed = |method: &str| match method {
        "Search" | "GetArticle" | "RecordOpen" | "RateArticle" => &["search", "agent"][..],
        "PutCannedAnswers" | "DeleteCannedAnswers" => &["author", "agent"],
        "PutArticles" | "DeleteArticles" | "GetSearchReport" | "GetHelpReport" | "GetReplyReport" => &["author"],
        "CheckDocuments" | "PutVoice" | "PutGlossaryTerms" | "DeleteGlossaryTerms" | "PutSynonyms" | "DeleteSynonyms" => &["author"],
        "GetVoice" | "ListGlossaryTerms" | "ListSynonyms" => &["agent", "author"],
        "ExportCustomer" | "EraseCustomer" => &["admin"],
        _ => &["agent"],
    };
    for method in methods() {
        let name = name_of(&method);
        for (word, key) in &shown {
            let result = desk.call(&name, &[], Some(key)).await;
            let authorize = !result.as_ref().is_err_and(|status| matches!(status.code(), Code::PermissionDenied | Code::Unauthenticated));
            assert_eq!(authorize, allowed(method.name()).contains(word), "{name} with {word}: {result:?}");
            if !authorize {
                refused(&result.unwrap_err(), Code::PermissionDenied, "SCOPE_MISSING");
            }
        }
        refused(&desk.call(&name, &[], None).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    }
    let one = &shown["agent"];
    let (head, tail) = one.split_at(one.len() - 1);
    let other_end = format!("{head}{}", if tail == "0" { "1" } else { "0" });
    for wrong in ["dh_", "x", "dh_abc_def", &other_end, &one[..one.len() - 1], &format!("{one}0"), &one.to_uppercase()] {
        let status = desk.call("ChatService/ListChats", &[], Some(wrong)).await.unwrap_err();
        refused(&status, Code::Unauthenticated, "KEY_UNKNOWN");
        assert!(!status.message().contains(wrong) || wrong.len() < 4, "a key is not said again");
    }
    desk.close().await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_while_the_server_serves() {
    let desk = three_workspaces().await;
    let (mine, other) = (desk.make_key(key_for("default", &[Scope::Agent])).await, desk.make_key(key_for("rose", &[Scope::Agent])).await);
    desk.call("ChatService/ListChats", &[], Some(&mine)).await.unwrap();
    let store = Store::open(&desk.database_url()).await.unwrap();
    let key_id = mine.split('_').nth(1).unwrap();
    assert!(keys::revoke(&store, key_id).await.unwrap());
    assert!(!keys::revoke(&store, key_id).await.unwrap(), "only once");
    let began = std::time::Instant::now();
    eventually("the key is refused", || async { desk.call("ChatService/ListChats", &[], Some(&mine)).await.is_err() }).await;
    assert!(began.elapsed().as_secs_f64() < 2.5, "{:?}", began.elapsed());
    desk.call("ChatService/ListChats", &[], Some(&other)).await.unwrap();
    keys::revoke(&store, other.split('_').nth(1).unwrap()).await.unwrap();
    eventually("the last key is refused", || async { desk.call("ChatService/ListChats", &[], Some(&other)).await.is_err() }).await;
    // Where there was a key, none is not enough again.
    refused(&desk.call("ChatService/ListChats", &[], None).await.unwrap_err(), Code::Unauthenticated, "KEY_UNKNOWN");
    let kept = std::fs::read_dir(desk.folder.path().join("data")).unwrap().map(|file| file.unwrap().path());
    for file in kept.filter(|file| file.is_file()) {
        let bytes = std::fs::read(&file).unwrap();
        let secret = mine.rsplit('_').next().unwrap().as_bytes();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret), "the secret is in {}", file.display());
    }
    store.close().await;
    desk.close().await;
}

#[tokio::test]
async fn a_key_has_its_own_rate_and_budget() {
    let desk = three_workspaces().await;
    let slow = desk.make_key(NewKey { calls_per_second: Some(5), ..key_for("default", &[Scope::Search]) }).await;
    let free = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let search = pb::SearchRequest { query: "refund".into(), ..pb::SearchRequest::default() }.encode_to_vec();
    let mut refusal = None;
    for _ in 0..30 {
        if let Err(status) = desk.call("KnowledgeService/Search", &search, Some(&slow)).await {
            refusal = Some(status);
        }
        desk.call("KnowledgeService/Search", &search, Some(&free)).await.unwrap();
    }
    let refusal = refusal.expect("thirty calls are more than ten at once");
    refused(&refusal, Code::ResourceExhausted, "RATE_EXCEEDED");
    assert!(refusal.get_details_retry_info().unwrap().retry_delay.unwrap().as_secs_f64() <= 0.2);

    let limits = TokenLimits { per_minute: Some(2500), per_day: None };
    let poor = desk.make_key(NewKey { token_limits: limits, ..key_for("default", &[Scope::Agent]) }).await;
    let rich = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let retone = |text: &str| {
        let request = pb::RetoneReplyRequest { text: text.into(), tone: pb::Tone::Formal.into(), ..pb::RetoneReplyRequest::default() };
        request.encode_to_vec()
    };
    let mut spent = None;
    for _ in 0..40 {
        if let Err(status) = desk.call("ReplyService/RetoneReply", &retone("Thanks, we look into it."), Some(&poor)).await {
            spent = Some(status);
            break;
        }
    }
    refused(&spent.expect("forty rewrites are more than 2,500 tokens"), Code::ResourceExhausted, "TOKENS_SPENT");
    desk.call("ReplyService/RetoneReply", &retone("Thanks, we look into it."), Some(&rich)).await.unwrap();
    desk.close().await;
}

#[tokio::test]
async fn a_publishable_key_finds_public_articles_alone_and_an_agents_key_those_for_agents() {
    let desk = three_workspaces().await;
    let (author, agent, public) = (
        desk.make_key(key_for("default", &[Scope::Author])).await,
        desk.make_key(key_for("default", &[Scope::Agent])).await,
        desk.make_key(key_for("default", &[Scope::Search])).await,
    );
    let article = |id: &str, audience: pb::Audience| pb::Article {
        id: id.into(),
        language: "en".into(),
        title: "Refunds of gift cards".into(),
        body: "How refunds are done.".into(),
        audience: audience.into(),
        asked: vec!["can i have my money back".into()],
        ..pb::Article::default()
    };
    let articles = vec![article("open", pb::Audience::Public), article("inside", pb::Audience::Agents)];
    desk.call("KnowledgeService/PutArticles", &pb::PutArticlesRequest { articles }.encode_to_vec(), Some(&author)).await.unwrap();
    let search = pb::SearchRequest { query: "refunds".into(), language: "en".into(), ..pb::SearchRequest::default() }.encode_to_vec();
    for (key, expected) in [(&public, vec!["open"]), (&agent, vec!["inside", "open"])] {
        let result = desk.call("KnowledgeService/Search", &search, Some(key)).await.unwrap();
        let mut ids: Vec<String> = pb::SearchResponse::decode(result.as_slice()).unwrap().hits.into_iter().map(|hit| hit.id).collect();
        ids.sort();
        assert_eq!(ids, expected);
        let get = pb::GetArticleRequest { id: "inside".into(), language: "en".into() }.encode_to_vec();
        let result = desk.call("KnowledgeService/GetArticle", &get, Some(key)).await;
        assert_eq!(result.is_ok(), expected.len() == 2, "{result:?}");
        if let Err(status) = result {
            refused(&status, Code::NotFound, "DOCUMENT_NOT_FOUND");
        }
        let get = pb::GetArticleRequest { id: "open".into(), language: "en".into() }.encode_to_vec();
        let told = desk.call("KnowledgeService/GetArticle", &get, Some(key)).await.unwrap();
        let asked = pb::GetArticleResponse::decode(told.as_slice()).unwrap().article.unwrap().asked;
        assert_eq!(asked.len(), expected.len() - 1, "only agents are told how customers ask");
    }
    desk.close().await;
}

#[tokio::test]
async fn an_agents_key_writes_agents_own_canned_answers_and_no_others() {
    let desk = three_workspaces().await;
    let (author, agent) =
        (desk.make_key(key_for("default", &[Scope::Author])).await, desk.make_key(key_for("default", &[Scope::Agent])).await);
    let answer = |id: &str, visibility: pb::Visibility| pb::CannedAnswer {
        id: id.into(),
        language: "en".into(),
        title: "Thanks".into(),
        body: "Thank you!".into(),
        visibility: visibility.into(),
        owner_agent_id: if visibility == pb::Visibility::Agent { "agent-selin".into() } else { String::new() },
        owner_group: if visibility == pb::Visibility::Group { "orders".into() } else { String::new() },
        ..pb::CannedAnswer::default()
    };
    let put = |answers: Vec<pb::CannedAnswer>| pb::PutCannedAnswersRequest { canned_answers: answers }.encode_to_vec();
    let delete = |id: &str| pb::DeleteCannedAnswersRequest { ids: vec![id.into()], language: String::new() }.encode_to_vec();
    let shared = put(vec![answer("shared", pb::Visibility::Everyone)]);
    desk.call("KnowledgeService/PutCannedAnswers", &shared, Some(&author)).await.unwrap();
    desk.call("KnowledgeService/PutCannedAnswers", &put(vec![answer("own", pb::Visibility::Agent)]), Some(&agent)).await.unwrap();
    for refusal in [
        desk.call("KnowledgeService/PutCannedAnswers", &put(vec![answer("new", pb::Visibility::Everyone)]), Some(&agent)).await,
        desk.call("KnowledgeService/PutCannedAnswers", &put(vec![answer("new", pb::Visibility::Group)]), Some(&agent)).await,
        // One of two is not theirs: neither is written. And what is everyone's does not become one's own.
        desk.call(
            "KnowledgeService/PutCannedAnswers",
            &put(vec![answer("second", pb::Visibility::Agent), answer("shared", pb::Visibility::Agent)]),
            Some(&agent),
        )
        .await,
        desk.call("KnowledgeService/DeleteCannedAnswers", &delete("shared"), Some(&agent)).await,
    ] {
        refused(&refusal.unwrap_err(), Code::PermissionDenied, "SCOPE_MISSING");
    }
    desk.call("KnowledgeService/DeleteCannedAnswers", &delete("own"), Some(&agent)).await.unwrap();
    let listed = desk.call("KnowledgeService/ListCannedAnswers", &[], Some(&agent)).await.unwrap();
    let listed = pb::ListCannedAnswersResponse::decode(listed.as_slice()).unwrap();
    let ids: Vec<String> = listed.canned_answers.into_iter().map(|answer| answer.id).collect();
    assert_eq!(ids, ["shared"]);
    desk.close().await;
}

/// What a workspace holds, each of it with the workspace's canary.
async fn fill(desk: &Desk, workspace: &str, key: &str) -> HashMap<&'static str, String> {
    let canary = canary(workspace);
    let call = async |method: &str, message: Vec<u8>| desk.call(method, &message, Some(key)).await.unwrap();
    let chat_id = format!("chat-{workspace}");
    let customer = pb::Customer {
        customer_id: format!("customer-{workspace}"),
        name: format!("{canary} Name"),
        email: format!("{canary}@example.com"),
        attributes: [("plan".to_owned(), canary.clone())].into(),
        ..pb::Customer::default()
    };
    let record = pb::Record {
        source: "order".into(),
        reference: format!("{canary}-1"),
        values: [("state".to_owned(), canary.clone())].into(),
        ..pb::Record::default()
    };
    let events = vec![
        event(
            "e-open",
            Body::Opened(pb::Opened {
                channel: pb::Channel::WebChat.into(),
                subject: canary.clone(),
                group: canary.clone(),
                ..pb::Opened::default()
            }),
        ),
        event("e-customer", Body::Customer(customer)),
        event("e-form", Body::Form(pb::Form { answers: [("order".to_owned(), canary.clone())].into() })),
        event("e-record", Body::Record(record)),
        event("e-page", Body::PageView(pb::PageView { url: format!("https://x.example/{canary}"), title: canary.clone(), seconds: 1 })),
        customer_says(&format!("message-{workspace}"), &format!("where is my refund of {canary}?")),
        event("e-note", Body::Note(pb::Note { agent_id: "a".into(), agent_name: "A".into(), text: canary.clone() })),
        agent_says("e-agent", &format!("The refund of {canary} is on its way.")),
        event("e-topic", Body::Topic(pb::Topic { topic: canary.clone() })),
        event("e-resolved", Body::Resolved(pb::Resolved {})),
        event("e-rating", Body::Rating(pb::Rating { score: 5, comment: canary.clone() })),
    ];
    call("ChatService/AppendEvents", pb::AppendEventsRequest { chat_id: chat_id.clone(), events }.encode_to_vec()).await;
    let article = pb::Article {
        id: format!("article-{workspace}"),
        language: "en".into(),
        title: format!("Refund of {canary}"),
        body: format!("A refund of {canary} takes five days. {canary} again."),
        category: canary.clone(),
        tags: vec![canary.clone()],
        asked: vec![format!("where is {canary}")],
        url: format!("https://x.example/{canary}"),
        audience: pb::Audience::Public.into(),
        ..pb::Article::default()
    };
    call("KnowledgeService/PutArticles", pb::PutArticlesRequest { articles: vec![article] }.encode_to_vec()).await;
    let answer = pb::CannedAnswer {
        id: format!("answer-{workspace}"),
        language: "en".into(),
        title: format!("Refund {canary}"),
        body: format!("Your refund of {canary} is on its way."),
        shortcut: canary.clone(),
        asked: vec![format!("where is {canary}")],
        when: vec![format!("form.{canary} missing")],
        visibility: pb::Visibility::Everyone.into(),
        ..pb::CannedAnswer::default()
    };
    call("KnowledgeService/PutCannedAnswers", pb::PutCannedAnswersRequest { canned_answers: vec![answer] }.encode_to_vec()).await;
    let voice = Some(pb::Voice { text: format!("We write like {canary}."), ..pb::Voice::default() });
    call("KnowledgeService/PutVoice", pb::PutVoiceRequest { voice }.encode_to_vec()).await;
    let words = [("tr".to_owned(), canary.clone())].into();
    let terms = vec![pb::GlossaryTerm { term: canary.clone(), words, ..pb::GlossaryTerm::default() }];
    call("KnowledgeService/PutGlossaryTerms", pb::PutGlossaryTermsRequest { terms }.encode_to_vec()).await;
    let words = vec![canary.clone(), "refund".to_owned()];
    let groups = vec![pb::SynonymGroup { id: canary.clone(), language: "en".into(), words, ..pb::SynonymGroup::default() }];
    call("KnowledgeService/PutSynonyms", pb::PutSynonymsRequest { groups }.encode_to_vec()).await;
    let search = pb::SearchRequest { query: format!("refund {canary}"), language: "en".into(), ..pb::SearchRequest::default() };
    let found = call("KnowledgeService/Search", search.encode_to_vec()).await;
    let search_id = pb::SearchResponse::decode(found.as_slice()).unwrap().search_id;
    let rating = pb::RateArticleRequest {
        id: format!("article-{workspace}"),
        reason: canary.clone(),
        rating_id: "rating".into(),
        ..pb::RateArticleRequest::default()
    };
    call("KnowledgeService/RateArticle", rating.encode_to_vec()).await;
    let suggest = pb::SuggestAnswersRequest { chat_id: chat_id.clone(), agent: selin(), ..pb::SuggestAnswersRequest::default() };
    let suggested = call("ReplyService/SuggestAnswers", suggest.encode_to_vec()).await;
    let suggested = pb::SuggestAnswersResponse::decode(suggested.as_slice()).unwrap().suggestions;
    let suggestion_id = suggested.first().expect("the workspace's own is suggested").suggestion_id.clone();
    HashMap::from([
        ("chat_id", chat_id),
        ("event_id", format!("message-{workspace}")),
        ("customer_id", format!("customer-{workspace}")),
        ("id", format!("article-{workspace}")),
        ("ids", format!("answer-{workspace}")),
        ("search_id", search_id),
        ("suggestion_id", suggestion_id),
        ("query", format!("refund {canary}")),
        ("topic", canary.clone()),
        ("group", canary.clone()),
        ("category", canary),
    ])
}

fn canary(workspace: &str) -> String {
    format!("zanary{}", workspace.chars().rev().collect::<String>())
}

/// A request that asks for what another workspace has, in every field that can name something.
fn asking_for(descriptor: &MessageDescriptor, has: &HashMap<&'static str, String>, filters: bool) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        if field.containing_oneof().is_some() && field.name() == "text" {
            continue;
        }
        if let Some(value) = value_of(&field, has, filters) {
            message.set_field(&field, value);
        }
    }
    message
}

fn value_of(field: &FieldDescriptor, has: &HashMap<&'static str, String>, filters: bool) -> Option<Value> {
    let named = match field.name() {
        "topic" | "group" | "category" | "query" if !filters => None,
        // The canned answer's id stands in a list of ids alone, where there is one.
        name => has.get(name).map(String::as_str),
    };
    let text = named.or(match field.name() {
        "text" | "final_text" => Some("Thank you very much."),
        "outcome_id" | "rating_id" => Some("o-1"),
        _ => None,
    });
    match (field.name(), field.kind()) {
        ("agent", Kind::Message(agent)) => {
            let mut message = DynamicMessage::new(agent);
            message.set_field_by_name("agent_id", Value::String("agent-selin".into()));
            message.set_field_by_name("language", Value::String("tr".into()));
            Some(Value::Message(message))
        }
        ("tone" | "action", Kind::Enum(_)) => Some(Value::EnumNumber(1)),
        (_, Kind::String) if field.is_list() => text.map(|text| Value::List(vec![Value::String(text.to_owned())])),
        (_, Kind::String) => text.map(|text| Value::String(text.to_owned())),
        _ => None,
    }
}

#[tokio::test]
async fn nothing_of_a_workspace_is_seen_in_another() {
    let desk = three_workspaces().await;
    let all: Vec<String> = {
        let mut all = Vec::new();
        for workspace in WORKSPACES {
            all.push(desk.make_key(key_for(workspace, &Scope::ALL)).await);
        }
        all
    };
    let mut has = Vec::new();
    for (workspace, key) in WORKSPACES.iter().zip(&all) {
        has.push(fill(&desk, workspace, key).await);
    }
    // What a chat taught is learned at once, of each workspace apart.
    let mut roles: Vec<(usize, String)> = all.iter().cloned().enumerate().collect();
    for (place, workspace) in WORKSPACES.iter().enumerate() {
        for scope in Scope::ALL {
            roles.push((place, desk.make_key(key_for(workspace, &[scope])).await));
        }
    }
    let report = async |key: &str| desk.call("KnowledgeService/GetSearchReport", &[], Some(key)).await.unwrap();
    eventually("each report has its own", || async { contains(&report(&all[0]).await, canary(WORKSPACES[0]).as_bytes()) }).await;
    for (own, key) in all.iter().enumerate() {
        let result = report(key).await;
        assert!(WORKSPACES.iter().enumerate().all(|(other, name)| other == own || !contains(&result, canary(name).as_bytes())));
    }
    let mut calls = 0;
    for (own, key) in &roles {
        for (other, foreign) in has.iter().enumerate().filter(|(other, _)| other != own) {
            for method in methods() {
                for filters in [false, true] {
                    let name = name_of(&method);
                    let request = asking_for(&method.input(), foreign, filters);
                    let result = desk.call(&name, &request.encode_to_vec(), Some(key)).await;
                    let bytes = match &result {
                        Ok(bytes) => bytes.clone(),
                        Err(status) => [status.message().as_bytes(), status.details()].concat(),
                    };
                    // What this walk itself searched for, a workspace's own report has.
                    let seen = contains(&bytes, canary(WORKSPACES[other]).as_bytes())
                        && !["GetSearchReport", "GetHelpReport"].contains(&method.name());
                    assert!(!seen, "{name} of {} shows {}", WORKSPACES[*own], WORKSPACES[other]);
                    if !filters && let Err(status) = &result {
                        assert!(!matches!(status.code(), Code::Internal | Code::Unknown), "{name}: {status:?}");
                    }
                    calls += 1;
                }
            }
        }
    }
    assert_eq!(calls, 15 * 2 * 39 * 2);
    // The other's chat is none here, its documents are none, its offers are none.
    let request = pb::GetChatRequest { chat_id: "chat-oak".into(), ..pb::GetChatRequest::default() }.encode_to_vec();
    refused(&desk.call("ChatService/GetChat", &request, Some(&all[1])).await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    let request = pb::GetArticleRequest { id: "article-oak".into(), ..pb::GetArticleRequest::default() }.encode_to_vec();
    refused(&desk.call("KnowledgeService/GetArticle", &request, Some(&all[1])).await.unwrap_err(), Code::NotFound, "DOCUMENT_NOT_FOUND");
    let request = pb::RecordOpenRequest { search_id: has[2]["search_id"].clone(), id: "article-oak".into() }.encode_to_vec();
    refused(&desk.call("KnowledgeService/RecordOpen", &request, Some(&all[1])).await.unwrap_err(), Code::NotFound, "SEARCH_NOT_FOUND");
    let request = pb::ExportCustomerRequest { customer_id: "customer-oak".into() }.encode_to_vec();
    refused(&desk.call("ChatService/ExportCustomer", &request, Some(&all[1])).await.unwrap_err(), Code::NotFound, "CUSTOMER_NOT_FOUND");
    // The walk erased and deleted by the others' names: all of it is still there for whom it is.
    for (place, key) in all.iter().enumerate() {
        let request = pb::GetChatRequest { chat_id: has[place]["chat_id"].clone(), ..pb::GetChatRequest::default() }.encode_to_vec();
        let result = desk.call("ChatService/GetChat", &request, Some(key)).await.unwrap();
        assert!(contains(&result, canary(WORKSPACES[place]).as_bytes()));
        for (other, _) in has.iter().enumerate().filter(|(other, _)| *other != place) {
            assert!(!contains(&result, canary(WORKSPACES[other]).as_bytes()));
        }
        let request = pb::GetArticleRequest { id: has[place]["id"].clone(), ..pb::GetArticleRequest::default() }.encode_to_vec();
        desk.call("KnowledgeService/GetArticle", &request, Some(key)).await.unwrap();
        // A draft of one's own chat is made from one's own alone.
        let draft = pb::DraftReplyRequest { chat_id: has[place]["chat_id"].clone(), agent: selin(), ..pb::DraftReplyRequest::default() };
        desk.call("ReplyService/DraftReply", &draft.encode_to_vec(), Some(key)).await.unwrap();
        let (system, user) = desk.model.last_messages();
        assert!(user.contains(&canary(WORKSPACES[place])), "{user}");
        for (other, _) in has.iter().enumerate().filter(|(other, _)| *other != place) {
            assert!(!system.contains(&canary(WORKSPACES[other])) && !user.contains(&canary(WORKSPACES[other])), "{user}");
        }
    }
    desk.close().await;
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
