//! A minimal gRPC relay between a caller and a model: it calls the model, and passes each piece of text on.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use deskhand::api::pb::{self, retone_reply_response::Event};
use futures::{Stream, StreamExt, future::BoxFuture};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, body::Body, server::ServerStreamingService, service::Routes};

type Pieces = Pin<Box<dyn Stream<Item = Result<pb::RetoneReplyResponse, Status>> + Send>>;

/// The relay's one method, in the place of `RetoneReply`.
#[derive(Clone)]
struct Relay {
    client: reqwest::Client,
    model: String,
}

impl ServerStreamingService<pb::RetoneReplyRequest> for Relay {
    type Response = pb::RetoneReplyResponse;
    type ResponseStream = Pieces;
    type Future = BoxFuture<'static, Result<Response<Pieces>, Status>>;

    fn call(&mut self, request: Request<pb::RetoneReplyRequest>) -> Self::Future {
        let Relay { client, model } = self.clone();
        Box::pin(async move {
            let text = request.into_inner().text;
            let body = serde_json::json!({ "model": "paced", "stream": true, "messages": [{ "role": "user", "content": text }] });
            let asked = client.post(model).header("content-type", "application/json").body(body.to_string()).send().await;
            let mut answer = asked.map_err(|_| Status::unavailable("no model"))?.bytes_stream();
            let pieces: Pieces = Box::pin(async_stream::stream! {
                let mut held = Vec::new();
                while let Some(Ok(bytes)) = answer.next().await {
                    held.extend_from_slice(&bytes);
                    while let Some(end) = held.windows(2).position(|pair| pair == b"\n\n") {
                        let event: Vec<u8> = held.drain(..end + 2).collect();
                        let value = event.strip_prefix(b"data: ").and_then(|json| serde_json::from_slice::<serde_json::Value>(json).ok());
                        let delta = value.as_ref().and_then(|value| value["choices"][0]["delta"]["content"].as_str());
                        if let Some(delta) = delta {
                            yield Ok(pb::RetoneReplyResponse { event: Some(Event::Delta(delta.to_owned())) });
                        }
                    }
                }
            });
            Ok(Response::new(pieces))
        })
    }
}

impl tower::Service<http::Request<Body>> for Relay {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let relay = self.clone();
        Box::pin(async move {
            let codec = tonic_prost::ProstCodec::<pb::RetoneReplyResponse, pb::RetoneReplyRequest>::default();
            Ok(tonic::server::Grpc::new(codec).server_streaming(relay, request).await)
        })
    }
}

impl tonic::server::NamedService for Relay {
    const NAME: &'static str = "deskhand.v1.ReplyService";
}

/// Serves the relay before a model.
pub async fn relay(model: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("a bound listener");
    let client = reqwest::Client::builder().tcp_nodelay(true).build().expect("a client");
    tokio::spawn(async move {
        let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
        let routes = Routes::new(Relay { client, model });
        let _ = tonic::transport::Server::builder().add_routes(routes).serve_with_incoming(incoming).await;
    });
    address
}
