//! A connection to a running server, with the flags that name it: for the commands that send or fetch data.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use clap::{Arg, ArgMatches};
use tonic::{
    Code, Request, Response, Status,
    codegen::http::uri::Scheme,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_types::StatusExt;

use crate::api::pb::{chat_service_client::ChatServiceClient, knowledge_service_client::KnowledgeServiceClient};

/// Largest reply that is read, in bytes.
pub const MAX_REPLY_BYTES: usize = 8 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Deadline of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a call is sent again that fails for a reason that passes, and the waits between, which double.
const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The flags that name a server and the key for it, for clap.
pub fn server_flags() -> [Arg; 3] {
    [
        Arg::new("address")
            .long("address")
            .short('a')
            .value_name("ADDRESS")
            .env("DESKHAND_ADDRESS")
            .default_value("127.0.0.1:50051")
            .help("Server address; with TLS, https://HOST:PORT"),
        Arg::new("ca")
            .long("ca")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("PEM file with the CA certificate to trust [default: the system trust store]"),
        Arg::new("key")
            .long("key")
            .value_name("KEY")
            .env("DESKHAND_KEY")
            .hide_env_values(true)
            .help("API key; prefer the environment variable, which other users of the machine can't see"),
    ]
}

/// The endpoint that the flags name, over TLS if the address begins with `https`.
pub fn endpoint(matches: &ArgMatches) -> anyhow::Result<Endpoint> {
    let address = matches.get_one::<String>("address").expect("it has a default");
    let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let endpoint = Endpoint::from_shared(url).with_context(|| format!("`{address}` is not a valid address"))?;
    let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT);
    if endpoint.uri().scheme() != Some(&Scheme::HTTPS) {
        return Ok(endpoint);
    }
    // If another crypto provider is installed already, that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = match matches.get_one::<PathBuf>("ca") {
        None => ClientTlsConfig::new().with_native_roots(),
        Some(file) => {
            let pem = std::fs::read(file).with_context(|| format!("can't read `{}`", file.display()))?;
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
        }
    };
    endpoint.tls_config(tls).context("can't set up TLS")
}

/// The metadata of the key that the flags name; `None` if they name none.
pub fn bearer(matches: &ArgMatches) -> anyhow::Result<Option<MetadataValue<Ascii>>> {
    let Some(key) = matches.get_one::<String>("key").filter(|key| !key.is_empty()) else { return Ok(None) };
    let bearer = format!("Bearer {key}").parse().map_err(|_| anyhow!("the key has characters that are not allowed in a key"))?;
    Ok(Some(bearer))
}

/// Connects to an endpoint; the error names its address.
pub async fn connect(endpoint: Endpoint) -> anyhow::Result<Channel> {
    let address = endpoint.uri().authority().map(ToString::to_string).unwrap_or_default();
    let connected = endpoint.connect().await;
    connected.with_context(|| format!("no server listens on {address}; start one with `deskhand serve` or `deskhand demo`"))
}

/// A server, and the key that calls carry.
#[derive(Clone)]
pub struct Connection {
    channel: Channel,
    bearer: Option<MetadataValue<Ascii>>,
}

impl Connection {
    /// Connects to the server that the flags name.
    pub async fn open(matches: &ArgMatches) -> anyhow::Result<Connection> {
        Ok(Connection { channel: connect(endpoint(matches)?).await?, bearer: bearer(matches)? })
    }

    /// Chats and their events.
    pub fn chats(&self) -> ChatServiceClient<Channel> {
        ChatServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// Documents.
    pub fn knowledge(&self) -> KnowledgeServiceClient<Channel> {
        KnowledgeServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_REPLY_BYTES)
    }

    /// Makes a call. One that fails for a reason that passes (a server that is busy or starts again, a rate) is sent again, so it must be
    /// safe to repeat.
    pub async fn send<Message: Clone, Reply>(
        &self,
        message: Message,
        call: impl AsyncFn(Request<Message>) -> Result<Response<Reply>, Status>,
    ) -> Result<Reply, Status> {
        let began = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            let mut request = Request::new(message.clone());
            request.set_timeout(CALL_TIMEOUT);
            if let Some(bearer) = &self.bearer {
                request.metadata_mut().insert("authorization", bearer.clone());
            }
            let status = match call(request).await {
                Ok(reply) => return Ok(reply.into_inner()),
                Err(status) => status,
            };
            if began.elapsed() > PATIENCE || !passes(&status) {
                return Err(status);
            }
            // Calls that were refused together come back one by one.
            let asked = status.get_error_details().retry_info().and_then(|retry| retry.retry_delay).unwrap_or_default();
            tokio::time::sleep(asked.max(wait.mul_f64(fastrand::f64() + 0.5)).min(LONGEST_WAIT)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Whether the same call may succeed later.
fn passes(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Aborted => true,
        // A quota or a rate says when; what is too large does not.
        Code::ResourceExhausted => status.get_error_details().retry_info().is_some(),
        // The connection broke.
        Code::Unknown | Code::Cancelled => std::error::Error::source(status).is_some(),
        _ => false,
    }
}
