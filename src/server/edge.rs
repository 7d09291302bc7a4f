//! What stands around every gRPC call: who may call it, its deadline, panics, details for statuses that the transport made, and one line of log.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame};
use tokio::time::{Sleep, sleep_until, timeout_at};
use tonic::{Code, Status, body::Body, service::Routes};
use tower::Service;

use super::{
    access::{Asker, Doorkeeper},
    deadline::deadline,
};
use crate::api::status;

/// The services with their edge.
#[derive(Clone)]
pub struct Edge {
    routes: Routes,
    doorkeeper: Doorkeeper,
}

impl Edge {
    pub fn new(routes: Routes, doorkeeper: Doorkeeper) -> Edge {
        Edge { routes, doorkeeper }
    }
}

impl Service<Request<Body>> for Edge {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Routes are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (mut routes, doorkeeper) = (self.routes.clone(), self.doorkeeper.clone());
        Box::pin(async move {
            let call = Call { method: request.uri().path().to_owned(), began: Instant::now() };
            let Ok(deadline) = deadline(request.headers()) else {
                let problem = "is malformed: at most eight digits and one of H, M, S, m, u, n";
                return Ok(call.refused(status::invalid(&[("grpc-timeout".to_owned(), problem.to_owned())], 0)));
            };
            let asker = Asker { headers: request.headers(), uri: request.uri(), key_in_address: None, deadline: deadline.into_std() };
            match doorkeeper.let_in(&call.method, &asker) {
                Ok(access) => request.extensions_mut().insert(access),
                Err(status) => return Ok(call.refused(status)),
            };
            let answered = AssertUnwindSafe(timeout_at(deadline, routes.call(request))).catch_unwind().await;
            let response = match answered {
                Ok(Ok(Ok(response))) => response,
                Ok(Ok(Err(never))) => match never {},
                Ok(Err(_)) => return Ok(call.refused(status::deadline_exceeded(false))),
                Err(_) => return Ok(call.refused(status::broken(false))),
            };
            if let Some(told) = Status::from_header_map(response.headers()) {
                return Ok(match status::enriched(&told) {
                    Some(status) => call.refused(status),
                    None => {
                        call.log(told.code(), response.extensions().get::<Status>());
                        response
                    }
                });
            }
            let (parts, body) = response.into_parts();
            let watched = Watched { body, deadline: Box::pin(sleep_until(deadline)), begun: false, ended: false, call };
            Ok(Response::from_parts(parts, Body::new(watched)))
        })
    }
}

/// A call, for its line in the log.
struct Call {
    method: String,
    began: Instant,
}

impl Call {
    fn refused(&self, status: Status) -> Response<Body> {
        self.log(status.code(), Some(&status));
        status.into_http()
    }

    /// No text of the call is logged: an internal failure's cause is the store's or the index's own.
    fn log(&self, code: Code, status: Option<&Status>) {
        let milliseconds = self.began.elapsed().as_millis();
        match code {
            Code::Internal | Code::Unknown | Code::DataLoss => {
                let cause = status.and_then(std::error::Error::source).map(causes).unwrap_or_default();
                tracing::error!(method = self.method, code = ?code, milliseconds, cause, "call failed");
            }
            _ => tracing::debug!(method = self.method, code = ?code, milliseconds, "call"),
        }
    }
}

fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        causes.push(error.to_string());
        next = error.source();
    }
    causes.join(": ")
}

/// A body that ends at its call's deadline, and whose panics become a status.
struct Watched {
    body: Body,
    deadline: Pin<Box<Sleep>>,
    /// Whether something was sent.
    begun: bool,
    ended: bool,
    call: Call,
}

impl Watched {
    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        self.call.log(status.code(), Some(status));
        // Drops what the call still does, such as a model's answer.
        self.body = Body::empty();
        let mut trailers = HeaderMap::new();
        match status.add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(status) => Poll::Ready(Some(Err(status))),
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.body).poll_frame(context)));
        match polled {
            Err(_) => {
                let status = status::broken(self.begun);
                self.end(&status)
            }
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.ended = true;
                    let told = Status::from_header_map(trailers);
                    self.call.log(told.as_ref().map_or(Code::Unknown, Status::code), None);
                }
                self.begun = true;
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(Poll::Ready(other)) => {
                self.ended = true;
                Poll::Ready(other)
            }
            Ok(Poll::Pending) => {
                ready!(self.deadline.as_mut().poll(context));
                let status = status::deadline_exceeded(self.begun);
                self.end(&status)
            }
        }
    }
}
