//! What stands around every gRPC call: who may call it, its deadline, panics, details for statuses that the transport made, and one line of log.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture, task::AtomicWaker};
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame};
use tokio::time::{Instant, sleep_until, timeout_at};
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
            match doorkeeper.let_in(&call.method, &asker).await {
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
    fn log(&self, code: Code, told: Option<&Status>) {
        let milliseconds = self.began.elapsed().as_millis();
        match code {
            Code::Internal | Code::Unknown | Code::DataLoss => {
                let cause = told.and_then(std::error::Error::source).map(causes).unwrap_or_default();
                tracing::error!(method = self.method, code = status::code_name(code), milliseconds, cause, "call failed");
            }
            _ => tracing::debug!(method = self.method, code = status::code_name(code), milliseconds, "call"),
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
/// Nobody polls the body of a caller who reads nothing. So a timer of its own lets go of the work behind it.
struct Watched {
    /// `None` once it was let go.
    work: Arc<Mutex<Option<Body>>>,
    reader: Arc<Reader>,
    /// The reader's.
    waker: Waker,
    _timer: AbortOnDropHandle<()>,
    /// Whether something was sent.
    begun: bool,
    ended: bool,
    call: Call,
}

/// Whoever reads a body.
#[derive(Default)]
struct Reader {
    /// Since when there may be something that it does not come for.
    missed: Mutex<Option<Instant>>,
    waker: AtomicWaker,
}

impl Reader {
    fn came(&self, waker: &Waker) {
        self.waker.register(waker);
        *locked(&self.missed) = None;
    }

    fn misses(&self) {
        locked(&self.missed).get_or_insert_with(Instant::now);
    }
}

impl Wake for Reader {
    fn wake(self: Arc<Reader>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Reader>) {
        self.misses();
        self.waker.wake();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the call's time is over or nobody reads its reply, and drops its work.
async fn let_go(work: Arc<Mutex<Option<Body>>>, reader: Arc<Reader>, deadline: Instant) {
    let mut look = deadline.min(Instant::now() + UNREAD);
    loop {
        sleep_until(look).await;
        let now = Instant::now();
        let until = locked(&reader.missed).map_or(now + UNREAD, |since| since + UNREAD).min(deadline);
        if now >= until {
            let body = locked(&work).take();
            drop(body);
            return reader.waker.wake();
        }
        look = until;
    }
}

impl Watched {
    fn new(body: Body, deadline: Instant, call: Call) -> Watched {
        let (work, reader) = (Arc::new(Mutex::new(Some(body))), Arc::new(Reader::default()));
        reader.misses();
        let timer = AbortOnDropHandle::new(tokio::spawn(let_go(Arc::clone(&work), Arc::clone(&reader), deadline)));
        let waker = Waker::from(Arc::clone(&reader));
        Watched { work, reader, waker, _timer: timer, begun: false, ended: false, call }
    }

    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        self.call.log(status.code(), Some(status));
        let body = locked(&self.work).take();
        drop(body);
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
        self.reader.came(context.waker());
        let polled = locked(&self.work).as_mut().map(|body| {
            let mut context = Context::from_waker(&self.waker);
            std::panic::catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(&mut context)))
        });
        if !matches!(polled, Some(Ok(Poll::Pending))) {
            self.reader.misses();
        }
        match polled {
            None => {
                let status = status::deadline_exceeded(self.begun);
                self.end(&status)
            }
            Some(Err(_)) => {
                let status = status::broken(self.begun);
                self.end(&status)
            }
            Some(Ok(Poll::Ready(Some(Ok(frame))))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.ended = true;
                    let told = Status::from_header_map(trailers);
                    self.call.log(told.as_ref().map_or(Code::Unknown, Status::code), None);
                }
                self.begun = true;
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Ok(Poll::Ready(other))) => {
                self.ended = true;
                Poll::Ready(other)
            }
            Some(Ok(Poll::Pending)) => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::{BodyExt, StreamBody};
    use tokio::{sync::mpsc, time::advance};

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    /// A reply that says what it is sent, and whoever sends.
    fn reply() -> (Watched, mpsc::Sender<Frame<Bytes>>) {
        let (sender, mut said) = mpsc::channel(8);
        let frames = futures::stream::poll_fn(move |context| said.poll_recv(context).map(|frame| frame.map(Ok::<_, Status>)));
        let call = Call { method: String::new(), began: Instant::now() };
        (Watched::new(Body::new(StreamBody::new(frames)), Instant::now() + LONG, call), sender)
    }

    fn piece() -> Frame<Bytes> {
        Frame::data(Bytes::from_static(b"piece"))
    }

    /// Time passes, and who waits for it goes on.
    async fn pass(time: Duration) {
        let others = async || {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        others().await;
        advance(time).await;
        others().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_nobody_reads_is_given_up() {
        let (mut never_read, never) = reply();
        let (mut once_read, once) = reply();
        once.send(piece()).await.unwrap();
        assert!(once_read.frame().await.unwrap().unwrap().is_data());
        // Its reader waited, and does not come now that there is something.
        let (mut waited, late) = reply();
        assert!(waited.frame().now_or_never().is_none());
        pass(UNREAD * 2).await;
        assert!(!late.is_closed() && never.is_closed() && once.is_closed(), "who waits for what is not there reads all there is");
        late.send(piece()).await.unwrap();
        pass(UNREAD * 2).await;
        assert!(late.is_closed());
        for reply in [&mut never_read, &mut once_read, &mut waited] {
            let trailers = reply.frame().await.unwrap().unwrap().into_trailers().unwrap();
            assert_eq!(Status::from_header_map(&trailers).unwrap().code(), Code::DeadlineExceeded);
            assert!(reply.frame().await.is_none());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_ends_at_its_deadline() {
        let (mut waits, sender) = reply();
        let ends = tokio::spawn(async move { waits.frame().await.unwrap().unwrap().is_trailers() });
        pass(LONG - UNREAD / 2).await;
        assert!(!sender.is_closed());
        pass(UNREAD).await;
        assert!(sender.is_closed() && ends.await.unwrap());
    }
}
