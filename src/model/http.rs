//! The HTTP call under async-openai: its retries off, statuses kept, sizes bounded, the stream's end seen.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use async_openai::{config::OpenAIConfig, error::OpenAIError, middleware::HttpRequestFactory};
use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream::BoxStream};
use tokio::sync::Notify;

use crate::{
    config::{ModelConfig, Secret},
    model::{
        error::ModelError,
        sse::{MAX_BYTES, ReadAhead, SseLines},
    },
};

/// Most bytes of a refusal that are looked at.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// What calls go through.
pub fn client(connect_timeout: Duration) -> Result<reqwest::Client, ModelError> {
    // Whoever comes second finds the same provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .build()
        .map_err(|error| ModelError::Client(error.to_string()))
}

/// A server, as async-openai knows it.
pub fn server(base_url: &str, api_key: &Secret) -> OpenAIConfig {
    OpenAIConfig::new().with_api_base(base_url.trim_end_matches('/')).with_api_key(api_key.expose()).with_org_id("").with_project_id("")
}

/// What a model's server wants beside the request: its key in a header, other headers, query parameters.
#[derive(Clone, Default)]
pub struct RequestExtras {
    headers: http::HeaderMap,
    /// Whether the key goes in a header of its own.
    own_key_header: bool,
    query: Vec<(String, String)>,
}

impl RequestExtras {
    pub fn of(config: &ModelConfig) -> Result<RequestExtras, ModelError> {
        let mut headers = config.headers.clone();
        if let Some(name) = &config.api_key_header {
            let mut key: http::HeaderValue =
                config.api_key.expose().parse().map_err(|_| ModelError::Client("its key is no header's value".to_owned()))?;
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

/// One call's way to the model's server.
#[derive(Clone)]
pub struct HttpTransport {
    pub client: reqwest::Client,
    pub extras: Arc<RequestExtras>,
    /// Set when the stream said `[DONE]`.
    pub done: Arc<AtomicBool>,
    /// Told whenever the reader waits for more.
    pub demand: Arc<Notify>,
}

impl tower::Service<HttpRequestFactory> for HttpTransport {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<reqwest::Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let HttpTransport { client, extras, done, demand } = self.clone();
        Box::pin(async move {
            let mut request = request.build().await?;
            extras.add_to(&mut request);
            let response = accepted(&client, request).await?;
            let content_type = response.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            if content_type.starts_with("application/json") {
                whole(response, &done).await
            } else if content_type.starts_with("text/html") {
                Err(boxed(ModelError::Garbled))
            } else {
                Ok(watched(response, done, demand))
            }
        })
    }
}

/// One call's way to a server that answers in one piece.
#[derive(Clone)]
pub struct PlainHttpTransport {
    pub client: reqwest::Client,
    pub most_bytes: usize,
}

impl tower::Service<HttpRequestFactory> for PlainHttpTransport {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<reqwest::Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let PlainHttpTransport { client, most_bytes } = self.clone();
        Box::pin(async move { Ok(http::Response::new(body(accepted(&client, request.build().await?).await?, most_bytes).await?).into()) })
    }
}

/// Sends a request; a refusal is an error.
async fn accepted(client: &reqwest::Client, request: reqwest::Request) -> Result<reqwest::Response, OpenAIError> {
    let response = client.execute(request).await.map_err(|_| boxed(ModelError::Unreachable))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = retry_after(&response);
    Err(boxed(match refusal_code(response).await.as_deref() {
        Some("content_filter") => ModelError::Filtered,
        _ => ModelError::Refused { status: status.as_u16(), retry_after },
    }))
}

fn boxed(error: ModelError) -> OpenAIError {
    OpenAIError::Boxed(Box::new(error))
}

/// The code of an error body in the usual shape; its text is not looked at.
async fn refusal_code(response: reqwest::Response) -> Option<String> {
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        body.extend_from_slice(&piece);
        if body.len() > MAX_REFUSAL_BYTES {
            return None;
        }
    }
    let value: serde_json::Value = serde_json::from_slice(&body).ok()?;
    value["error"]["code"].as_str().map(str::to_owned)
}

/// How long to wait, as `Retry-After` says in seconds or as a date; junk says nothing.
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    wait_of(value, jiff::Timestamp::now())
}

fn wait_of(value: &str, now: jiff::Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    // A date that has passed: at once.
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

/// A server that answers in one piece although it was asked to stream: its answer becomes a stream of one chunk.
async fn whole(response: reqwest::Response, done: &AtomicBool) -> Result<reqwest::Response, OpenAIError> {
    let json = body(response, MAX_BYTES).await?;
    let value: serde_json::Value = serde_json::from_slice(&json).map_err(|_| boxed(ModelError::Garbled))?;
    done.store(true, Ordering::Relaxed);
    Ok(http::Response::new(format!("data: {value}\n\n")).into())
}

/// A whole body.
async fn body(response: reqwest::Response, most_bytes: usize) -> Result<Vec<u8>, OpenAIError> {
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(|_| boxed(ModelError::CutOff))?);
        if body.len() > most_bytes {
            return Err(boxed(ModelError::TooLarge(most_bytes)));
        }
    }
    Ok(body)
}

/// The same response in whole lines, counted, and looked through for the line `data: [DONE]`. The library's parser of events would read an
/// unfinished line anew with each piece, and keep whatever comes: so it gets lines, and no more of them ahead of its reader than it must.
fn watched(response: reqwest::Response, done: Arc<AtomicBool>, demand: Arc<Notify>) -> reqwest::Response {
    let mut answer = response.bytes_stream();
    let pieces: BoxStream<'static, std::io::Result<Bytes>> = Box::pin(async_stream::try_stream! {
        let (mut lines, mut ahead) = (SseLines::default(), ReadAhead::default());
        while let Some(piece) = answer.next().await {
            let mut whole = lines.take(&piece.map_err(std::io::Error::other)?)?;
            if lines.done {
                done.store(true, Ordering::Relaxed);
            }
            while !whole.is_empty() {
                let (length, enough) = ahead.add(&whole);
                yield whole.split_to(length);
                if enough {
                    demand.notified().await;
                }
            }
        }
        let last = lines.end();
        if lines.done {
            done.store(true, Ordering::Relaxed);
        }
        yield last;
    });
    http::Response::new(reqwest::Body::wrap_stream(pieces)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_seconds_or_as_a_date() {
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
