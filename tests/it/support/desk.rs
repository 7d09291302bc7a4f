//! The harness: a running desk for a test.

use std::{
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use deskhand::{
    api::pb::{
        self, chat_service_client::ChatServiceClient, event::Body, knowledge_service_client::KnowledgeServiceClient,
        reply_service_client::ReplyServiceClient,
    },
    config::{Config, ModelConfig},
    server::Server,
};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use tempfile::TempDir;
use tokio::time::Instant;
use tonic::{
    Code, Status, Streaming,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

use crate::support::model::ScriptedModel;

/// How long a test waits for what should come soon.
const PATIENCE: Duration = Duration::from_secs(20);

/// A served desk and its clients. Its folder goes with it.
pub struct Desk {
    pub replies: ReplyServiceClient<Channel>,
    pub chats: ChatServiceClient<Channel>,
    pub knowledge: KnowledgeServiceClient<Channel>,
    pub channel: Channel,
    pub model: ScriptedModel,
    pub folder: TempDir,
    server: Server,
    database_url: Option<String>,
}

/// What is left of a desk that was closed: what it kept.
pub struct Kept {
    folder: TempDir,
    database_url: Option<String>,
}

impl Kept {
    /// A folder that no desk was opened in yet, with a database elsewhere if one is named.
    pub fn new(folder: TempDir, database_url: Option<String>) -> Kept {
        Kept { folder, database_url }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// What a desk is opened with.
pub struct Opening {
    pub with_model: bool,
    pub with_shop: bool,
    pub change: fn(&mut ModelConfig),
}

impl Opening {
    pub async fn open(self) -> Desk {
        self.open_set(|_| {}).await
    }

    /// Opens a desk with other settings.
    pub async fn open_set(self, set: impl FnOnce(&mut Config)) -> Desk {
        let database_url = if crate::support::postgres::wanted() { Some(crate::support::postgres::new_database().await) } else { None };
        self.open_with(Kept { folder: tempfile::tempdir().unwrap(), database_url }, set).await
    }

    /// Opens a desk again on what another one kept.
    pub async fn open_in(self, kept: Kept) -> Desk {
        self.open_with(kept, |_| {}).await
    }

    pub async fn open_with(self, Kept { folder, database_url }: Kept, set: impl FnOnce(&mut Config)) -> Desk {
        let model = ScriptedModel::start().await;
        let mut config = Config { listen: ([127, 0, 0, 1], 0).into(), data: folder.path().join("data"), ..Config::default() };
        config.knowledge_base = Some(if self.with_shop { shop() } else { folder.path().join("knowledge-base") });
        if self.with_model {
            let mut model = ModelConfig { name: "scripted".into(), base_url: model.base_url(), ..ModelConfig::default() };
            (self.change)(&mut model);
            config.models.push(model);
        }
        if !self.with_shop {
            std::fs::create_dir_all(folder.path().join("knowledge-base")).unwrap();
        }
        config.database_url.clone_from(&database_url);
        // Most tests script one call for a draft; those of the choice of its first source ask for it.
        config.desk.choose_timeout = Duration::ZERO;
        set(&mut config);
        // On the heap: a test's own future would be as large as the configuration and all that starts from it.
        let server = Box::pin(Server::start(config)).await.unwrap();
        let channel = Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap();
        Desk {
            replies: ReplyServiceClient::new(channel.clone()),
            chats: ChatServiceClient::new(channel.clone()),
            knowledge: KnowledgeServiceClient::new(channel.clone()),
            channel,
            model,
            folder,
            server,
            database_url,
        }
    }
}

/// The sample shop's folder.
pub fn shop() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("knowledge-base")
}

impl Desk {
    /// A desk with the sample shop and a scripted model.
    pub async fn open() -> Desk {
        Opening { with_model: true, with_shop: true, change: |_| {} }.open().await
    }

    /// A desk with the sample shop, without a model.
    pub async fn without_model() -> Desk {
        Opening { with_model: false, with_shop: true, change: |_| {} }.open().await
    }

    /// A desk with neither.
    pub async fn empty() -> Desk {
        Opening { with_model: false, with_shop: false, change: |_| {} }.open().await
    }

    /// The addresses for operators and for customers alone, if it listens there.
    pub fn addresses_beside(&self) -> [Option<std::net::SocketAddr>; 2] {
        [self.server.operations_address, self.server.help_address]
    }

    pub fn address(&self) -> String {
        self.server.address.to_string()
    }

    /// What a page at this path is answered, as anybody gets it.
    pub async fn page(&self, path: &str) -> String {
        // Only the first one counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let response = reqwest::Client::new().get(format!("http://{}{path}", self.address())).send().await.unwrap();
        response.text().await.unwrap()
    }

    /// The ids that the public finds.
    pub async fn public_ids(&self, query: &str) -> Vec<String> {
        let found: serde_json::Value = serde_json::from_str(&self.page(&format!("/help/search?language=en&q={query}")).await).unwrap();
        let hits = found["hits"].as_array().cloned().unwrap_or_default();
        hits.iter().map(|hit| hit["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The database that it serves from.
    pub fn database_url(&self) -> String {
        let sqlite = || deskhand::store::Store::sqlite_url(&self.folder.path().join("data"));
        self.database_url.clone().unwrap_or_else(sqlite)
    }

    pub async fn close(self) {
        self.server.stop().await;
    }

    /// Closes the desk and keeps what it kept.
    pub async fn close_and_keep(self) -> Kept {
        self.server.stop().await;
        Kept { folder: self.folder, database_url: self.database_url }
    }

    /// Appends events to a chat.
    pub async fn append(&mut self, chat_id: &str, events: Vec<pb::Event>) -> Result<pb::AppendEventsResponse, Status> {
        let request = pb::AppendEventsRequest { chat_id: chat_id.into(), events };
        Ok(self.chats.append_events(request).await?.into_inner())
    }

    /// Appends a sample chat; its id comes back.
    pub async fn append_sample(&mut self, name: &str) -> String {
        self.append_file(&format!("sample-chats/{name}")).await
    }

    /// Appends the chat of a file in the repository; its id comes back.
    pub async fn append_file(&mut self, path: &str) -> String {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
        let json = std::fs::read_to_string(path).unwrap();
        let request: pb::AppendEventsRequest = from_json("deskhand.v1.AppendEventsRequest", &json);
        let chat_id = request.chat_id.clone();
        self.chats.append_events(request).await.unwrap();
        chat_id
    }

    pub async fn chat(&mut self, chat_id: &str) -> Result<pb::GetChatResponse, Status> {
        let request = pb::GetChatRequest { chat_id: chat_id.into(), after_sequence: 0, page_size: 1000 };
        Ok(self.chats.get_chat(request).await?.into_inner())
    }

    pub async fn search(&mut self, query: &str, language: &str) -> pb::SearchResponse {
        let request = pb::SearchRequest { query: query.into(), language: language.into(), ..pb::SearchRequest::default() };
        self.knowledge.search(request).await.unwrap().into_inner()
    }

    pub async fn draft(&mut self, request: pb::DraftReplyRequest) -> Result<Streamed, Status> {
        Streamed::follow(self.replies.draft_reply(request).await?.into_inner()).await
    }

    pub async fn correct(&mut self, request: pb::CorrectReplyRequest) -> Result<Streamed, Status> {
        Streamed::follow(self.replies.correct_reply(request).await?.into_inner()).await
    }

    pub async fn retone(&mut self, text: &str, tone: pb::Tone) -> Result<Streamed, Status> {
        let request = pb::RetoneReplyRequest { text: text.into(), tone: tone.into(), ..pb::RetoneReplyRequest::default() };
        Streamed::follow(self.replies.retone_reply(request).await?.into_inner()).await
    }

    pub async fn retone_with(&mut self, request: tonic::Request<pb::RetoneReplyRequest>) -> Result<Streamed, Status> {
        Streamed::follow(self.replies.retone_reply(request).await?.into_inner()).await
    }

    pub async fn translate(&mut self, request: pb::TranslateReplyRequest) -> Result<Streamed, Status> {
        Streamed::follow(self.replies.translate_reply(request).await?.into_inner()).await
    }

    pub async fn summarize(&mut self, chat_id: &str, language: &str) -> Result<Streamed, Status> {
        let request = pb::SummarizeChatRequest { chat_id: chat_id.into(), language: language.into(), agent: None };
        Streamed::follow(self.replies.summarize_chat(request).await?.into_inner()).await
    }

    pub async fn suggest(&mut self, request: pb::SuggestAnswersRequest) -> Vec<pb::Suggestion> {
        self.replies.suggest_answers(request).await.unwrap().into_inner().suggestions
    }
}

/// What a stream said, whole.
#[derive(Debug)]
pub struct Streamed {
    pub deltas: Vec<String>,
    pub finished: pb::Finished,
}

impl Streamed {
    /// Reads a stream to its end. The generating calls' messages are alike on the wire, so one reading serves them all.
    async fn follow<T: Message>(mut stream: Streaming<T>) -> Result<Streamed, Status> {
        use pb::draft_reply_response::Event;
        let (mut deltas, mut end) = (Vec::new(), None);
        while let Some(message) = stream.message().await? {
            assert!(end.is_none(), "something came after the end");
            let message = pb::DraftReplyResponse::decode(message.encode_to_vec().as_slice()).unwrap();
            match message.event.unwrap() {
                Event::Delta(delta) => deltas.push(delta),
                Event::Finished(finished) => end = Some(finished),
            }
        }
        let finished = end.expect("a stream ends with `finished` or an error");
        if !finished.replaced {
            assert_eq!(deltas.concat(), finished.text, "the deltas joined are the text");
        }
        Ok(Streamed { deltas, finished })
    }
}

/// A message from its JSON.
pub fn from_json<M: Message + Default>(name: &str, json: &str) -> M {
    let pool = DescriptorPool::decode(deskhand::api::DESCRIPTORS).unwrap();
    let mut reader = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(pool.get_message_by_name(name).unwrap(), &mut reader).unwrap();
    message.transcode_to().unwrap()
}

/// An event of this body.
pub fn event(event_id: &str, body: Body) -> pb::Event {
    pb::Event { event_id: event_id.into(), at: None, sequence: 0, redacted: false, body: Some(body) }
}

/// The same event, at a time of 18 November 2026.
pub fn at(minutes: i64, mut event: pb::Event) -> pb::Event {
    event.at = Some(prost_types::Timestamp { seconds: 1_763_424_000 + 60 * minutes, nanos: 0 });
    event
}

pub fn customer_says(event_id: &str, text: &str) -> pb::Event {
    event(event_id, Body::Message(pb::Message { author: pb::Author::Customer.into(), text: text.into(), ..pb::Message::default() }))
}

pub fn agent_says(event_id: &str, text: &str) -> pb::Event {
    let message = pb::Message {
        author: pb::Author::Agent.into(),
        author_id: "agent-selin".into(),
        author_name: "Selin Aydın".into(),
        text: text.into(),
        ..pb::Message::default()
    };
    event(event_id, Body::Message(message))
}

pub fn selin() -> Option<pb::Agent> {
    Some(pb::Agent { agent_id: "agent-selin".into(), name: "Selin".into(), groups: vec!["orders".into()], language: "en".into() })
}

/// Asserts an error's code and reason.
#[track_caller]
pub fn refused(status: &Status, code: Code, reason: &str) {
    let details = status.get_error_details();
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(details.error_info().expect("every error has an ErrorInfo").reason, reason, "{status:?}");
    assert_eq!(details.error_info().unwrap().domain, "deskhand");
    assert!(details.localized_message().is_some(), "every error has a text for the agent: {status:?}");
}

/// Asserts that a request was refused for exactly these fields.
#[track_caller]
pub fn refused_fields(status: &Status, fields: &[&str]) {
    refused(status, Code::InvalidArgument, "INVALID_FIELD");
    let details = status.get_error_details();
    let named: Vec<&str> = details.bad_request().unwrap().field_violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(named, fields, "{status:?}");
}

/// Tries again until it holds, or patience runs out. Each try is a call, so there is no need to sleep between them.
pub async fn eventually<F, T>(what: &str, mut holds: F)
where
    F: FnMut() -> T,
    T: Future<Output = bool>,
{
    let until = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < until, "{what}");
        tokio::task::yield_now().await;
    }
}
