//! The HTTP transport under async-openai: without its retries, with HTTP statuses, size limits, and chunks in one form whatever the server sends.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_openai::{config::OpenAIConfig, error::OpenAIError, middleware::HttpRequestFactory};
use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream::BoxStream};

use crate::{
    config::{ModelConfig, Secret},
    model::{answer_reader::failure, error::ModelError, framing::Framing, refusal, stream_state::StreamState},
    telemetry::traces,
};

/// Largest error body that is parsed, in bytes.
const MAX_REFUSAL_BYTES: usize = 64 << 10;
/// How far to read ahead of the reader, in bytes, rounded up to the end of a chunk.
const MAX_AHEAD: usize = 16 << 10;

/// The HTTP client.
pub fn client(connect_timeout: Duration) -> Result<reqwest::Client, ModelError> {
    // Fails if a crypto provider is installed already, which is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .build()
        .map_err(|error| ModelError::Client(error.to_string()))
}

/// A server's configuration for async-openai.
pub fn server(base_url: &str, api_key: &Secret) -> OpenAIConfig {
    OpenAIConfig::new().with_api_base(base_url.trim_end_matches('/')).with_api_key(api_key.expose()).with_org_id("").with_project_id("")
}

/// What a model's server needs besides the request: its key in a header, other headers, query parameters.
#[derive(Clone, Default)]
pub struct RequestExtras {
    headers: http::HeaderMap,
    /// Whether the key goes in another header than `Authorization`.
    own_key_header: bool,
    query: Vec<(String, String)>,
}

impl RequestExtras {
    pub fn from_config(config: &ModelConfig) -> Result<RequestExtras, ModelError> {
        let mut headers = config.headers.clone();
        if let Some(name) = &config.api_key_header {
            let mut key: http::HeaderValue =
                config.api_key.expose().parse().map_err(|_| ModelError::Client("its key is not a valid header value".to_owned()))?;
            key.set_sensitive(true);
            headers.insert(name.clone(), key);
        }
        let own_key_header = config.api_key_header.is_some() || config.api_key.expose().is_empty();
        Ok(RequestExtras { headers, own_key_header, query: config.query.clone() })
    }

    fn add_to(&self, request: &mut reqwest::Request) {
        if self.own_key_header {
            request.headers_mut().remove(http::header::AUTHORIZATION);
        }
        request.headers_mut().extend(self.headers.clone());
        if !self.query.is_empty() {
            request.url_mut().query_pairs_mut().extend_pairs(&self.query);
        }
    }
}

/// The transport of one streaming call.
#[derive(Clone)]
pub struct HttpTransport {
    pub client: reqwest::Client,
    pub extras: Arc<RequestExtras>,
    pub state: Arc<StreamState>,
}

impl tower::Service<HttpRequestFactory> for HttpTransport {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<reqwest::Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let HttpTransport { client, extras, state } = self.clone();
        Box::pin(async move {
            let mut request = request.build().await?;
            extras.add_to(&mut request);
            Ok(in_events(send(&client, request).await?, state))
        })
    }
}

/// The transport of one call with a plain answer.
#[derive(Clone)]
pub struct PlainHttpTransport {
    pub client: reqwest::Client,
    pub max_bytes: usize,
}

impl tower::Service<HttpRequestFactory> for PlainHttpTransport {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<reqwest::Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let PlainHttpTransport { client, max_bytes } = self.clone();
        Box::pin(async move { Ok(http::Response::new(body(send(&client, request.build().await?).await?, max_bytes).await?).into()) })
    }
}

/// Gets what a model's server has at a path, at most so many bytes.
pub async fn get(config: &ModelConfig, path: &str, max_bytes: usize) -> Result<Vec<u8>, ModelError> {
    let client = client(config.connect_timeout)?;
    let request = client.get(format!("{}{path}", config.base_url.trim_end_matches('/'))).bearer_auth(config.api_key.expose());
    let mut request = request.build().map_err(|error| ModelError::Client(error.to_string()))?;
    RequestExtras::from_config(config)?.add_to(&mut request);
    let answer = async { body(send(&client, request).await?, max_bytes).await };
    answer.await.map_err(failure)
}

/// Sends a request; an HTTP error status is an error.
async fn send(client: &reqwest::Client, mut request: reqwest::Request) -> Result<reqwest::Response, OpenAIError> {
    traces::propagate(request.headers_mut());
    let response = client.execute(request).await.map_err(|_| boxed(ModelError::Unreachable))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let (status, retry_after) = (status.as_u16(), retry_after(&response));
    let known = refusal::meaning(status, retry_after.is_some(), &refusal_body(response).await);
    Err(boxed(known.unwrap_or(ModelError::Refused { status, retry_after })))
}

fn boxed(error: ModelError) -> OpenAIError {
    OpenAIError::Boxed(Box::new(error))
}

/// An error body; null if it is no JSON.
async fn refusal_body(response: reqwest::Response) -> serde_json::Value {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_REFUSAL_BYTES {
            return serde_json::Value::Null;
        }
    }
    serde_json::from_slice(&body).unwrap_or_default()
}

/// The wait of `Retry-After`, in seconds or as a date; invalid values are ignored.
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    wait_of(value, jiff::Timestamp::now())
}

fn wait_of(value: &str, now: jiff::Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    // A date in the past means no wait.
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

/// Reads a whole body.
async fn body(response: reqwest::Response, max_bytes: usize) -> Result<Vec<u8>, OpenAIError> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(|_| boxed(ModelError::CutOff))?);
        if body.len() > max_bytes {
            return Err(boxed(ModelError::TooLarge(max_bytes)));
        }
    }
    Ok(body)
}

/// Passes the chunks of an answer on as events, within the size limits. The library's SSE parser would rescan an unfinished line with each piece
/// and buffer without a limit: so it gets whole events, and few of them ahead of its reader (backpressure).
fn in_events(response: reqwest::Response, state: Arc<StreamState>) -> reqwest::Response {
    let mut answer = response.bytes_stream();
    let events: BoxStream<'static, std::io::Result<Bytes>> = Box::pin(async_stream::try_stream! {
        let (mut framing, mut ahead, mut ended) = (Framing::default(), 0, false);
        while !ended {
            let heard = framing.heard;
            let events = match answer.next().await {
                Some(bytes) => framing.take(&bytes.map_err(std::io::Error::other)?)?,
                None => {
                    ended = true;
                    framing.end()?
                }
            };
            if framing.heard > heard {
                state.heard();
            }
            if framing.done {
                state.set_done();
            }
            if ended && framing.is_one_document() {
                state.set_one_document();
            }
            for event in events {
                ahead += event.len();
                yield event;
                if ahead >= MAX_AHEAD {
                    state.demand.notified().await;
                    ahead = 0;
                }
            }
        }
    });
    http::Response::new(reqwest::Body::wrap_stream(events)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_in_seconds_or_a_date() {
        let now: jiff::Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            ("7", Some(7)),
            ("86400", Some(86_400)),
            ("Mon, 23 Nov 2026 10:00:30 GMT", Some(30)),
            ("Mon, 23 Nov 2026 09:00:00 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("1e400", None),
            ("", None),
        ] {
            assert_eq!(wait_of(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
