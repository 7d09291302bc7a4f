//! The HTTP call under async-openai: its retries off, statuses kept, sizes bounded, the stream's end seen.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use futures::{StreamExt, future::BoxFuture};

use super::ModelError;

/// Most bytes of an answer on the wire, all chunks with their wrapping.
const MOST_BYTES: usize = 4 << 20;
/// The line that ends a stream, without its spaces.
const DONE: &[u8] = b"data:[DONE]";
/// Most bytes of a refusal that are looked at.
const MOST_REFUSAL_BYTES: usize = 64 << 10;

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
            let request = request.build().await?;
            let response = client.execute(request).await.map_err(|_| boxed(ModelError::Unreachable))?;
            let status = response.status();
            if !status.is_success() {
                let retry_after = retry_after(&response);
                let error = match refusal_code(response).await.as_deref() {
                    Some("content_filter") => ModelError::Filtered,
                    _ => ModelError::Refused { status: status.as_u16(), retry_after },
                };
                return Err(boxed(error));
            }
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
    let mut json = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        json.extend_from_slice(&piece.map_err(|_| boxed(ModelError::CutOff))?);
        if json.len() > MOST_BYTES {
            return Err(boxed(ModelError::TooLarge(MOST_BYTES)));
        }
    }
    let value: serde_json::Value = serde_json::from_slice(&json).map_err(|_| boxed(ModelError::Garbled))?;
    done.store(true, Ordering::Relaxed);
    Ok(http::Response::new(format!("data: {value}\n\n")).into())
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
