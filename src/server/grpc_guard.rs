//! The guard around every gRPC call: authorization, deadline, admission, panics, and error details for statuses made by the transport.

use std::{
    collections::HashMap,
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
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, Status, body::Body, service::Routes};
use tower::Service;
use tracing::Instrument;

use crate::{
    api::{ErrorLanguage, WatchHeartbeat, answers_with_stream, max_request_bytes, status, takes_stream},
    ids::Workspace,
    server::{
        auth::{AuthRequest, Authenticator},
        call::{Call, CallMetrics},
        connection::{Active, Connection, Trust},
        deadline::{deadline, watch_deadline},
        reply_body::{Counted, ReplyBody},
        request_body::{Hold, PREFIX_BYTES, RequestBody},
        watch_end::{CHAT_WATCH, WatchEnd},
    },
    text::Language,
};

/// Upper bound of the deadline of calls without a key, except for health watches.
const MAX_KEYLESS_CALL: Duration = Duration::from_secs(60);
const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// The gRPC services behind the guard.
#[derive(Clone)]
pub struct GrpcGuard {
    routes: Routes,
    authenticator: Authenticator,
    /// The language of each workspace.
    languages: Arc<HashMap<Workspace, Language>>,
    metrics: CallMetrics,
}

impl GrpcGuard {
    pub fn new(routes: Routes, authenticator: Authenticator, languages: HashMap<Workspace, Language>, metrics: CallMetrics) -> GrpcGuard {
        GrpcGuard { routes, authenticator, languages: Arc::new(languages), metrics }
    }

    /// The languages in which errors of a call with these headers are told.
    pub fn language(&self, headers: &HeaderMap) -> ErrorLanguage {
        ErrorLanguage::of(headers, self.languages.get(&Workspace::default()).cloned())
    }
}

impl Service<Request<Body>> for GrpcGuard {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Routes are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let guard = self.clone();
        let connection: Arc<Connection> = request.extensions_mut().remove().expect("the router adds the connection to every request");
        let active = connection.begin_call();
        Box::pin(async move {
            let language = guard.language(request.headers());
            request.extensions_mut().insert(language.clone());
            let call = Call::new(request.uri().path(), request.headers(), language, &guard.metrics);
            let span = call.span.clone();
            Ok(match guard.answer(request, &call, active).instrument(span).await {
                Ok(answer) => answer.response(call),
                Err(status) => call.refused(status),
            })
        })
    }
}

/// The answer to a call: an immediate status, or a body that is streamed.
struct Answer {
    response: Response<Body>,
    deadline: Instant,
    connection: Arc<Connection>,
    watch_end: Option<WatchEnd>,
}

impl GrpcGuard {
    async fn answer(mut self, mut request: Request<Body>, call: &Call, active: Active) -> Result<Answer, Status> {
        let connection = Arc::clone(active.connection());
        let is_watch = call.method == CHAT_WATCH;
        let told = if is_watch { watch_deadline(request.headers()) } else { deadline(request.headers()) };
        let mut deadline = told.map_err(|()| {
            let problem = "is malformed: at most eight digits and one of H, M, S, m, u, n";
            status::invalid(&[("grpc-timeout".to_owned(), problem.to_owned())], 0)
        })?;
        let visitor = connection.visitor(request.headers());
        let auth_request =
            AuthRequest { headers: request.headers(), uri: request.uri(), key_in_address: None, deadline: deadline.into_std(), visitor };
        let (access, trust) = self.authenticator.authorize(&call.method, &auth_request).await?;
        connection.raise_trust(trust);
        call.authorized(&access);
        call.language.set_workspace(self.languages.get(&access.workspace));
        if trust == Trust::Unknown && call.method != WATCH {
            deadline = deadline.min(call.started + MAX_KEYLESS_CALL);
        }
        let max_bytes = max_request_bytes(&call.method);
        if !takes_stream(&call.method) && declared_length(request.headers()).is_some_and(|length| length > max_bytes + PREFIX_BYTES) {
            return Err(status::request_too_large(max_bytes));
        }
        let hold = Hold::new(connection.requests(trust), connection.calls(trust), connection.bytes(trust)).ok_or_else(status::busy)?;
        let watch_end = is_watch.then(|| WatchEnd::open(&connection, &self.authenticator, access.key.clone())).transpose()?;
        request.extensions_mut().insert(access);
        request.extensions_mut().insert(WatchHeartbeat(connection.limits().watch_heartbeat));
        let until = call.started + connection.limits().request_timeout;
        let request =
            request.map(|body| Body::new(RequestBody::new(body, max_bytes, takes_stream(&call.method), Arc::clone(&hold), until)));
        let answered = tokio::select! {
            answered = AssertUnwindSafe(timeout_at(deadline, self.routes.call(request))).catch_unwind() => answered,
            () = connection.aborted() => return Err(status::stopping(false)),
        };
        let response = match answered {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_)) => return Err(status::deadline_exceeded(false)),
            Err(_) => return Err(status::broken(false)),
        };
        // A unary call has done its work; a streaming call goes on while its reply is read. A watch mostly waits.
        let hold = (answers_with_stream(&call.method) && !is_watch).then_some(hold);
        let (bytes, counted) = (connection.bytes(trust), if is_watch { Counted::LastFrame } else { Counted::All });
        let response = response.map(|body| Body::new(ReplyBody::new(body, bytes, active, hold).counting(counted)));
        Ok(Answer { response, deadline, connection, watch_end })
    }
}

impl Answer {
    fn response(self, call: Call) -> Response<Body> {
        let Answer { response, deadline, connection, watch_end } = self;
        if let Some(reported) = Status::from_header_map(response.headers()) {
            return match status::enriched(&reported) {
                // Past the deadline every failure is reported as the deadline, whatever gave up first.
                _ if Instant::now() >= deadline => call.refused(status::deadline_exceeded(false)),
                Some(status) => call.refused(status),
                None => {
                    call.end(reported.code(), response.extensions().get::<Status>());
                    if reported.code() == Code::Ok { response } else { call.language.tell(&reported).into_http() }
                }
            };
        }
        let (parts, body) = response.into_parts();
        let body = GuardedBody { watch_end, ..GuardedBody::new(body, deadline, connection, call) };
        Response::from_parts(parts, Body::new(body))
    }
}

/// The `content-length` that a request declares, in bytes.
pub fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body that ends at its call's deadline, and whose panics become a status.
///
/// The body of a caller who reads nothing is never polled. So a timer of its own abandons the work behind an unread body.
pub struct GuardedBody {
    /// `None` once it was abandoned.
    work: Arc<Mutex<Option<Body>>>,
    reader: Arc<ReadWatch>,
    /// Wakes the reader.
    waker: Waker,
    _timer: AbortOnDropHandle<()>,
    connection: Arc<Connection>,
    deadline: Instant,
    /// Whether something was sent.
    started: bool,
    ended: bool,
    watch_end: Option<WatchEnd>,
    call: Call,
}

/// Watches whether the transport keeps reading a body.
#[derive(Default)]
struct ReadWatch {
    /// Since when there may be something to read that was not polled for.
    unread_since: Mutex<Option<Instant>>,
    waker: AtomicWaker,
}

impl ReadWatch {
    fn polled(&self, waker: &Waker) {
        self.waker.register(waker);
        *locked(&self.unread_since) = None;
    }

    fn mark_unread(&self) {
        locked(&self.unread_since).get_or_insert_with(Instant::now);
    }
}

impl Wake for ReadWatch {
    fn wake(self: Arc<ReadWatch>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<ReadWatch>) {
        self.mark_unread();
        self.waker.wake();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the deadline has passed, the server aborts its calls or the reply stays unread for the write timeout, and drops the work.
async fn abandon_unread(work: Arc<Mutex<Option<Body>>>, reader: Arc<ReadWatch>, deadline: Instant, connection: Arc<Connection>) {
    let write_timeout = connection.limits().write_timeout;
    let mut check_at = deadline.min(Instant::now() + write_timeout);
    loop {
        let is_aborted = timeout_at(check_at, connection.aborted()).await.is_ok();
        let now = Instant::now();
        let unread_since = *locked(&reader.unread_since);
        let until = unread_since.map_or(now + write_timeout, |since| since + write_timeout).min(deadline);
        if now >= until || is_aborted {
            let body = locked(&work).take();
            drop(body);
            // The transport keeps its part of an unread reply for as long as the connection lives: close it.
            if now < deadline && !is_aborted && connection.trust() < Trust::Secret {
                connection.close();
            }
            return reader.waker.wake();
        }
        check_at = until;
    }
}

impl GuardedBody {
    pub fn new(body: Body, deadline: Instant, connection: Arc<Connection>, call: Call) -> GuardedBody {
        let (work, reader) = (Arc::new(Mutex::new(Some(body))), Arc::new(ReadWatch::default()));
        reader.mark_unread();
        let timer = abandon_unread(Arc::clone(&work), Arc::clone(&reader), deadline, Arc::clone(&connection));
        let timer = AbortOnDropHandle::new(tokio::spawn(timer));
        let waker = Waker::from(Arc::clone(&reader));
        GuardedBody { work, reader, waker, _timer: timer, connection, deadline, started: false, ended: false, watch_end: None, call }
    }

    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        self.call.end(status.code(), Some(status));
        let body = locked(&self.work).take();
        drop(body);
        self.trailers(status)
    }

    /// The last frame of a call that failed.
    fn trailers(&self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut trailers = HeaderMap::new();
        match self.call.language.tell(status).add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(status) => Poll::Ready(Some(Err(status))),
        }
    }
}

impl HttpBody for GuardedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.reader.polled(context.waker());
        let this = &mut *self;
        if let Some(end) = &mut this.watch_end
            && let Poll::Ready(status) = end.poll(&mut Context::from_waker(&this.waker), this.started)
        {
            return self.end(&status);
        }
        let polled = locked(&self.work).as_mut().map(|body| {
            let mut context = Context::from_waker(&self.waker);
            let _span = self.call.span.enter();
            std::panic::catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(&mut context)))
        });
        if !matches!(polled, Some(Ok(Poll::Pending))) {
            self.reader.mark_unread();
        }
        match polled {
            None => {
                let status =
                    if self.connection.is_aborted() { status::stopping(self.started) } else { status::deadline_exceeded(self.started) };
                self.end(&status)
            }
            Some(Ok(Poll::Ready(Some(Err(status))))) => self.end(&status),
            Some(Err(_)) => {
                let status = status::broken(self.started);
                self.end(&status)
            }
            Some(Ok(Poll::Ready(Some(Ok(frame))))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    let status = Status::from_header_map(trailers);
                    let code = status.as_ref().map_or(Code::Unknown, Status::code);
                    if code != Code::Ok && Instant::now() >= self.deadline {
                        let status = status::deadline_exceeded(self.started);
                        return self.end(&status);
                    }
                    self.ended = true;
                    self.call.end(code, None);
                    if let Some(status) = status.filter(|status| status.code() != Code::Ok) {
                        return self.trailers(&status);
                    }
                }
                self.started = true;
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Ok(Poll::Ready(other))) => {
                self.ended = true;
                Poll::Ready(other)
            }
            Some(Ok(Poll::Pending)) => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        locked(&self.work).as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::{BodyExt, StreamBody};
    use tokio::{sync::mpsc, time::advance};

    use super::*;
    use crate::{config::Limits, server::connection::SharedLimits};

    const LONG: Duration = Duration::from_secs(600);
    const UNREAD: Duration = Duration::from_secs(30);

    /// A reply, and the sender of its frames.
    fn reply() -> (GuardedBody, mpsc::Sender<Frame<Bytes>>) {
        let (sender, mut receiver) = mpsc::channel(8);
        let frames = futures::stream::poll_fn(move |context| receiver.poll_recv(context).map(|frame| frame.map(Ok::<_, Status>)));
        let address = [192, 0, 2, 1].into();
        let limits = Limits { write_timeout: UNREAD, ..Limits::default() };
        let connection = Connection::new(0, address, address, None, &SharedLimits::new(limits));
        (
            GuardedBody::new(
                Body::new(StreamBody::new(frames)),
                Instant::now() + LONG,
                connection,
                Call::new("", &HeaderMap::new(), ErrorLanguage::default(), &CallMetrics::new()),
            ),
            sender,
        )
    }

    fn chunk() -> Frame<Bytes> {
        Frame::data(Bytes::from_static(b"chunk"))
    }

    /// Advances the time, and lets the tasks that wait for it run.
    async fn pass(time: Duration) {
        let yield_to_others = async || {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        yield_to_others().await;
        advance(time).await;
        yield_to_others().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_nobody_reads_is_abandoned() {
        let (mut never_read, never) = reply();
        let (mut once_read, once) = reply();
        once.send(chunk()).await.unwrap();
        assert!(once_read.frame().await.unwrap().unwrap().is_data());
        // Its reader waited, and does not read now that there is something.
        let (mut waited, late) = reply();
        assert!(waited.frame().now_or_never().is_none());
        pass(UNREAD * 2).await;
        assert!(!late.is_closed() && never.is_closed() && once.is_closed(), "a reader that waits for the next chunk is not idle");
        late.send(chunk()).await.unwrap();
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
