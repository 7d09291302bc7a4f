//! What stands around every gRPC call: who may call it, its deadline, panics, details for statuses that the transport made, and one line of log.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame};
use tokio::time::{sleep_until, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, Status, body::Body, service::Routes};
use tower::Service;

use super::{
    access::{Asker, Doorkeeper},
    deadline::deadline,
};
use crate::api::status;

/// A reply of which nothing is read for so long is given up, with the work behind it.
const UNREAD: Duration = Duration::from_secs(30);

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
            Ok(Response::from_parts(parts, Body::new(Watched::new(body, deadline, call))))
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
///
/// The deadline holds also for a caller who reads nothing: then nobody polls the body, and a timer of its own lets go of the work.
struct Watched {
    work: Arc<Mutex<Work>>,
    _timer: AbortOnDropHandle<()>,
    /// Whether something was sent.
    begun: bool,
    ended: bool,
    call: Call,
}

/// What a call still does, such as a model's answer.
struct Work {
    /// `None` once it was let go.
    body: Option<Body>,
    /// Since when nobody asks for more of it.
    unread: Option<Instant>,
    /// Who does ask.
    reader: Option<Waker>,
}

impl Watched {
    fn new(body: Body, deadline: tokio::time::Instant, call: Call) -> Watched {
        let work = Arc::new(Mutex::new(Work { body: Some(body), unread: Some(Instant::now()), reader: None }));
        let timer = AbortOnDropHandle::new(tokio::spawn(let_go(Arc::clone(&work), deadline)));
        Watched { work, _timer: timer, begun: false, ended: false, call }
    }

    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        self.call.log(status.code(), Some(status));
        locked(&self.work).body = None;
        let mut trailers = HeaderMap::new();
        match status.add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(status) => Poll::Ready(Some(Err(status))),
        }
    }
}

fn locked(work: &Mutex<Work>) -> MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the call's time is over or nobody reads its reply, and drops its work.
async fn let_go(work: Arc<Mutex<Work>>, deadline: tokio::time::Instant) {
    let mut look = deadline.min(tokio::time::Instant::now() + UNREAD);
    loop {
        sleep_until(look).await;
        let mut held = locked(&work);
        let unread_until = held.unread.map(|since| tokio::time::Instant::from_std(since + UNREAD));
        let now = tokio::time::Instant::now();
        if now >= deadline || unread_until.is_some_and(|until| now >= until) {
            let body = held.body.take();
            let reader = held.reader.take();
            drop(held);
            drop(body);
            return reader.map_or((), Waker::wake);
        }
        look = deadline.min(unread_until.unwrap_or(now + UNREAD));
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut work = locked(&self.work);
        let Some(body) = &mut work.body else {
            drop(work);
            let status = status::deadline_exceeded(self.begun);
            return self.end(&status);
        };
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(context)));
        let waits = matches!(polled, Ok(Poll::Pending));
        work.unread = (!waits).then(Instant::now);
        if waits {
            work.reader = Some(context.waker().clone());
        }
        drop(work);
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
            Ok(Poll::Pending) => Poll::Pending,
        }
    }
}
