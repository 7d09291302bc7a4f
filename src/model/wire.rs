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
use futures::{StreamExt, future::BoxFuture};

use super::ModelError;
use crate::config::Secret;

/// Most bytes of an answer on the wire, all chunks with their wrapping.
const MOST_BYTES: usize = 4 << 20;
/// The line that ends a stream, without its spaces.
const DONE: &[u8] = b"data:[DONE]";
/// Most bytes of a refusal that are looked at.
const MOST_REFUSAL_BYTES: usize = 64 << 10;

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

/// One call's way to the model's server.
#[derive(Clone)]
pub struct Wire {
    pub client: reqwest::Client,
    /// Set when the stream said `[DONE]`.
    pub done: Arc<AtomicBool>,
}

impl tower::Service<HttpRequestFactory> for Wire {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<reqwest::Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let Wire { client, done } = self.clone();
        Box::pin(async move {
            let response = accepted(&client, request).await?;
            let content_type = response.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            if content_type.starts_with("application/json") {
                whole(response, &done).await
            } else if content_type.starts_with("text/html") {
                Err(boxed(ModelError::Garbled))
            } else {
                Ok(watched(response, done))
            }
        })
    }
}

/// One call's way to a server that answers in one piece.
#[derive(Clone)]
pub struct PlainWire {
    pub client: reqwest::Client,
    pub most_bytes: usize,
}

impl tower::Service<HttpRequestFactory> for PlainWire {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<reqwest::Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let PlainWire { client, most_bytes } = self.clone();
        Box::pin(async move { Ok(http::Response::new(body(accepted(&client, request).await?, most_bytes).await?).into()) })
    }
}

/// Sends a request; a refusal is an error.
async fn accepted(client: &reqwest::Client, request: HttpRequestFactory) -> Result<reqwest::Response, OpenAIError> {
    let request = request.build().await?;
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
        if body.len() > MOST_REFUSAL_BYTES {
            return None;
        }
    }
    let value: serde_json::Value = serde_json::from_slice(&body).ok()?;
    value["error"]["code"].as_str().map(str::to_owned)
}

/// Seconds to wait, as `Retry-After` says; a date or junk says nothing.
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(http::header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// A server that answers in one piece although it was asked to stream: its answer becomes a stream of one chunk.
async fn whole(response: reqwest::Response, done: &AtomicBool) -> Result<reqwest::Response, OpenAIError> {
    let json = body(response, MOST_BYTES).await?;
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

/// The same response, counted, and looked through for the line `data: [DONE]`.
fn watched(response: reqwest::Response, done: Arc<AtomicBool>) -> reqwest::Response {
    let mut seen = 0;
    let mut line: Vec<u8> = Vec::new();
    let pieces = response.bytes_stream().map(move |piece| {
        let piece = piece.map_err(std::io::Error::other)?;
        seen += piece.len();
        if seen > MOST_BYTES {
            return Err(std::io::Error::other("the answer is too large"));
        }
        for byte in &piece {
            match byte {
                b'\n' | b'\r' => line.clear(),
                // Longer lines are others.
                _ if line.len() > DONE.len() => {}
                b' ' => {}
                byte => line.push(*byte),
            }
            if line == DONE {
                done.store(true, Ordering::Relaxed);
            }
        }
        Ok(piece)
    });
    http::Response::new(reqwest::Body::wrap_stream(pieces)).into()
}
