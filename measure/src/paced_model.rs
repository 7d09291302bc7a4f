//! A scripted model server that paces its tokens.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::TcpListener,
    time::{Instant as TokioInstant, sleep_until},
};

const WORDS: [&str; 8] = ["we", "are", "sorry", "that", "your", "parcel", "is", "late,"];

/// Serves chat completions: `first` until the first token, then `tokens` tokens, one each `gap`. `record` gets each request's body.
pub async fn paced_model(first: Duration, gap: Duration, tokens: u32, record: impl Fn(Bytes) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("a bound listener");
    let record = Arc::new(record);
    tokio::spawn(async move {
        loop {
            let record = Arc::clone(&record);
            let Ok((stream, _)) = listener.accept().await else { return };
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let record = Arc::clone(&record);
                    async move {
                        // The request is read whole, as a model would.
                        if let Ok(body) = request.into_body().collect().await {
                            record(body.to_bytes());
                        }
                        let began = TokioInstant::now();
                        let body = async_stream::stream! {
                            for token in 0..tokens {
                                sleep_until(began + first + gap * token).await;
                                // Words that neither add a fact nor promise anything: a reply that is taken as it comes.
                                let word = WORDS[token as usize % WORDS.len()];
                                let chunk = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word} \"}}}}]}}\n\n");
                                yield Ok::<_, Infallible>(Frame::data(Bytes::from(chunk)));
                            }
                            let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
                            yield Ok(Frame::data(Bytes::from_static(end.as_bytes())));
                        };
                        Response::builder().header("content-type", "text/event-stream").body(StreamBody::new(body))
                    }
                });
                let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}
