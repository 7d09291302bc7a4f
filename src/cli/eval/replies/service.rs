//! The service that is measured: in this process, on loopback, with one model alone.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tonic::{Request, Status, transport::Channel};

use crate::{
    api::pb::{self, chat_service_client::ChatServiceClient},
    cli::{
        eval::replies::{
            candidates::Candidate,
            case::{Asked, Case},
            chat::events,
        },
        generate::{Generated, Generator, connect},
        model_metrics::{Failure, ModelMetrics},
        scratch_folder,
    },
    config::{Config, DeskSettings, TokenLimits},
    server::Server,
    text::Language,
};

/// Deadline of a call, the longest that a server takes: the model's own timeouts are what is measured.
const DEADLINE: Duration = Duration::from_secs(600);
/// How long a model that is taken for down after failures is waited for, so that they don't cost it the next cases too.
const MAX_WAIT_FOR_MODEL: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A running service with one model.
pub struct MeasuredService {
    server: Server,
    generator: Generator,
    chats: ChatServiceClient<Channel>,
    metrics: ModelMetrics,
    model: String,
    /// Whether the model stayed down for as long as it is waited for: then it is waited for no more.
    stays_down: AtomicBool,
    _scratch: TempDir,
}

impl MeasuredService {
    /// Starts the service on a knowledge base with the settings of the model's workspace, in a temporary folder.
    pub async fn start(
        config: &Config,
        candidate: &Candidate,
        knowledge_base: &Path,
        languages: &[Language],
    ) -> anyhow::Result<MeasuredService> {
        let scratch = scratch_folder()?;
        let desk = DeskSettings { languages: languages.to_vec(), token_limits: TokenLimits::default(), ..candidate.desk.clone() };
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data: scratch.path().join("data"),
            knowledge_base: Some(knowledge_base.to_owned()),
            dictionaries: config.dictionaries.clone(),
            desk,
            models: vec![candidate.model.clone()],
            embedding: candidate.embedding.clone(),
            ..Config::default()
        };
        let server = Box::pin(Server::start(config)).await.context("the service did not start")?;
        let channel = connect(server.address).await.context("can't reach the service")?;
        let metrics = ModelMetrics::of(server.address)?;
        Ok(MeasuredService {
            server,
            generator: Generator::new(channel.clone())?,
            chats: ChatServiceClient::new(channel),
            metrics,
            model: candidate.model.name.clone(),
            stays_down: AtomicBool::new(false),
            _scratch: scratch,
        })
    }

    /// Appends a case's chat, and asks for what the case asks.
    pub async fn answer(&self, case: &Case) -> Generated {
        self.wait_for_model().await;
        let chat_id = format!("case-{}", case.id);
        let request = pb::AppendEventsRequest { chat_id: chat_id.clone(), events: events(case) };
        if let Err(status) = self.chats.clone().append_events(Request::new(request)).await {
            return unasked(status);
        }
        let agent = Some(pb::Agent { agent_id: "agent".to_owned(), name: case.agent.clone(), ..pb::Agent::default() });
        let show = |_: &str| {};
        match &case.asked {
            Asked::Draft { instruction } => {
                let request =
                    pb::DraftReplyRequest { chat_id, agent, instruction: instruction.clone(), ..pb::DraftReplyRequest::default() };
                self.generator.call("DraftReply", &request, DEADLINE, show).await
            }
            Asked::Correct { text } => {
                let request = pb::CorrectReplyRequest { text: text.clone(), chat_id, language: String::new() };
                self.generator.call("CorrectReply", &request, DEADLINE, show).await
            }
            Asked::Retone { text, tone } => {
                let request = pb::RetoneReplyRequest { text: text.clone(), tone: (*tone).into(), chat_id, language: String::new() };
                self.generator.call("RetoneReply", &request, DEADLINE, show).await
            }
            Asked::Translate { text, target } => {
                let request = pb::TranslateReplyRequest {
                    source: Some(pb::translate_reply_request::Source::Text(text.clone())),
                    chat_id,
                    agent,
                    target_language: target.to_string(),
                    source_language: String::new(),
                };
                self.generator.call("TranslateReply", &request, DEADLINE, show).await
            }
            Asked::Summarize => {
                let request = pb::SummarizeChatRequest { chat_id, language: case.language.to_string(), agent };
                self.generator.call("SummarizeChat", &request, DEADLINE, show).await
            }
        }
    }

    /// Why the model's own calls failed.
    pub async fn failures(&self) -> BTreeMap<Failure, u64> {
        self.metrics.failures().await
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }

    async fn wait_for_model(&self) {
        if self.stays_down.load(Ordering::Relaxed) {
            return;
        }
        let until = Instant::now() + MAX_WAIT_FOR_MODEL;
        while self.metrics.is_down(&self.model).await {
            if Instant::now() >= until {
                return self.stays_down.store(true, Ordering::Relaxed);
            }
            sleep(POLL_INTERVAL).await;
        }
    }
}

/// The outcome of a case whose chat could not be stored.
fn unasked(status: Status) -> Generated {
    Generated { streamed: String::new(), first_delta: None, total: Duration::ZERO, end: Err(status) }
}
