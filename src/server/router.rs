//! Routes each HTTP request: gRPC, gRPC-Web, the Connect protocol, the help pages' JSON, pages, metrics, or 404.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use prometheus_client::registry::Registry;
use tokio::time::timeout;
use tonic::{Code, Status, body::Body};
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service};
use tracing::Instrument;

use crate::{
    api::{Api, ErrorLanguage, HelpCall, HelpReply, help_error_json, help_http_code, is_of_service, status},
    server::responses::{JSON, error_response, matches, plain_response, text_response, unchanged, wrong_method},
    server::{
        audience::Audience,
        auth::{AuthRequest, Authenticator, origin},
        call::{Call, CallMetrics},
        compression::{Encodings, encoded},
        connect,
        connection::{Active, Connection, Trust},
        cors,
        grpc_guard::{GrpcGuard, GuardedBody, declared_length},
        health::Readiness,
        help_center::{HelpAddress, HelpCenterServer},
        pages,
        query::parameters,
        reply_body::ReplyBody,
    },
    telemetry::metrics,
};

/// Paths for probes: whether the process answers, and whether it is ready for calls.
const ALIVE: &str = "/healthz";
const READY: &str = "/readyz";
/// Path of the Prometheus metrics.
const METRICS: &str = "/metrics";
/// Path of the API's OpenAPI document.
const OPENAPI: &str = "/openapi.json";
/// Deadline of a help page's call, and longest time to read its reply.
const HELP_TIMEOUT: Duration = Duration::from_secs(10);
const HELP_READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest request body of a help page, in bytes.
const MAX_HELP_BYTES: usize = 64 << 10;
/// Path where a help page reads which origins its key allows.
const ORIGINS: &str = "/help/origins";
const SEARCH: &str = "/deskhand.v1.KnowledgeService/Search";
/// What `/metrics` shows.
pub struct Metrics {
    pub calls: CallMetrics,
    pub registry: Registry,
}

/// Everything that a listener serves.
#[derive(Clone)]
pub struct Router {
    audience: Audience,
    grpc: GrpcGuard,
    grpc_web: GrpcWebService<GrpcGuard>,
    help_center: HelpCenterServer,
    authenticator: Authenticator,
    api: Arc<Api>,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    /// Whether the agents' console is served.
    console: bool,
}

impl Router {
    pub fn new(
        grpc: GrpcGuard,
        help_center: HelpCenterServer,
        authenticator: Authenticator,
        api: Arc<Api>,
        metrics: Metrics,
        readiness: Readiness,
        console: bool,
    ) -> Router {
        Router {
            audience: Audience::Everybody { metrics: true },
            grpc_web: GrpcWebLayer::new().layer(grpc.clone()),
            grpc,
            help_center,
            authenticator,
            api,
            metrics: Arc::new(metrics),
            readiness,
            console,
        }
    }

    /// The same for another audience.
    pub fn for_audience(&self, audience: Audience) -> Router {
        Router { audience, ..self.clone() }
    }

    /// For whom it is.
    pub fn audience(&self) -> Audience {
        self.audience
    }

    /// The service of one connection.
    pub fn on(&self, connection: Arc<Connection>) -> Served {
        Served { router: self.clone(), connection }
    }
}

/// The router, on one connection.
#[derive(Clone)]
pub struct Served {
    router: Router,
    connection: Arc<Connection>,
}

impl Service<Request<Incoming>> for Served {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let router = &mut self.router;
        request.extensions_mut().insert(Arc::clone(&self.connection));
        let for_everybody = router.audience.has_api();
        match kind(request.headers()) {
            Kind::Grpc if for_everybody && request.version() == Version::HTTP_2 => router.grpc.call(request.map(Body::new)),
            Kind::GrpcWeb if for_everybody => {
                let (cors, origin) = (router.clone(), cors::origin_alone(request.headers()));
                let answered = router.grpc_web.call(request);
                Box::pin(async move {
                    let response = answered.await?;
                    Ok(cors::with_cors(cors.allowed_origin(&origin), response))
                })
            }
            _ => {
                let (router, active) = (router.clone(), self.connection.begin_call());
                Box::pin(async move {
                    let origin = cors::origin_alone(request.headers());
                    let response = router.clone().plain(request, active).await;
                    Ok(cors::with_cors(router.allowed_origin(&origin), response))
                })
            }
        }
    }
}

enum Kind {
    Grpc,
    GrpcWeb,
    Plain,
}

fn kind(headers: &HeaderMap) -> Kind {
    let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    match content_type {
        _ if content_type.starts_with(b"application/grpc-web") => Kind::GrpcWeb,
        _ if content_type.starts_with(b"application/grpc") => Kind::Grpc,
        _ => Kind::Plain,
    }
}

impl Router {
    async fn plain(self, request: Request<Incoming>, active: Active) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if request.method() == Method::OPTIONS {
            return cors::preflight(self.allowed_origin(request.headers()).is_some());
        }
        let audience = self.audience;
        if let Some(call) = HelpCall::at(&path).filter(|_| audience.has_help()) {
            return self.help(call, request, active).await;
        }
        if let Some(address) = HelpAddress::at(&path).filter(|_| audience.has_help())
            && let Some(place) = self.help_center.at(&request)
        {
            return Box::pin(self.help_center.answer(place, address, request, active)).await;
        }
        let is_grpc = matches!(kind(request.headers()), Kind::Grpc);
        if is_of_service(&path) && audience.has_api() && !is_grpc {
            return Box::pin(connect::answer(self.grpc, request, active)).await;
        }
        if path == OPENAPI && audience.has_api() {
            return match is_read(request.method()) {
                true => pages::openapi(request.headers()),
                false => wrong_method(&Method::GET),
            };
        }
        if path == METRICS && audience.has_metrics() {
            return match is_read(request.method()) {
                true => self.metrics(request.headers(), request.uri(), active.connection()).await,
                false => wrong_method(&Method::GET),
            };
        }
        if path == ORIGINS && audience.has_help() {
            return match is_read(request.method()) {
                true => self.origins(request.headers(), request.uri(), active.connection()).await,
                false => wrong_method(&Method::GET),
            };
        }
        if (path == ALIVE || path == READY) && audience.has_probes() && is_read(request.method()) {
            return match path == ALIVE || self.readiness.is_ready() {
                true => text_response(StatusCode::OK, "ok\n"),
                false => text_response(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            };
        }
        if path == "/" && audience.has_help() && is_read(request.method()) {
            return self.help_center.root(&request).unwrap_or_else(pages::redirect_to_help);
        }
        let has_console = self.console && audience.has_api();
        match pages::at(&path).filter(|page| audience.has_help() && (has_console || !page.of_console)) {
            Some(_) if !is_read(request.method()) => wrong_method(&Method::GET),
            Some(page) => {
                let origins = self.framing_origins(page, request.headers(), request.uri(), active.connection()).await;
                page.response(request.headers(), &origins)
            }
            None if is_grpc && audience.has_api() => {
                text_response(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "gRPC needs HTTP/2; use gRPC-Web in browsers\n")
            }
            None => text_response(StatusCode::NOT_FOUND, "not found\n"),
        }
    }

    async fn help(&self, call: HelpCall, request: Request<Incoming>, active: Active) -> Response<Body> {
        let allowed = call.http_method();
        if *request.method() != allowed && !(allowed == Method::GET && is_read(request.method())) {
            return wrong_method(&allowed);
        }
        let (parts, body) = request.into_parts();
        let (log, connection) =
            (Call::new(call.rpc(), &parts.headers, ErrorLanguage::default(), &self.metrics.calls), Arc::clone(active.connection()));
        let answered = timeout(HELP_TIMEOUT, self.help_reply((call, &log), &parts, body, &connection).instrument(log.span.clone())).await;
        match answered.unwrap_or_else(|_| Err(status::deadline_exceeded(false))) {
            Ok((reply, trust)) => help_response(&parts.headers, reply).map(|body| {
                log.end(Code::Ok, None);
                let body = Body::new(ReplyBody::new(body, connection.bytes(trust), active, None));
                Body::new(GuardedBody::new(body, tokio::time::Instant::now() + HELP_READ_TIMEOUT, connection, log))
            }),
            Err(status) => {
                log.end(status.code(), Some(&status));
                help_error(&status)
            }
        }
    }

    async fn help_reply(
        &self,
        (call, log): (HelpCall, &Call),
        parts: &http::request::Parts,
        body: Incoming,
        connection: &Connection,
    ) -> Result<(HelpReply, Trust), Status> {
        let parameters = parameters(parts.uri.query().unwrap_or_default());
        let auth_request = auth_request(&parts.headers, &parts.uri, key(&parameters), connection);
        let shows_no_key = auth_request.key_in_address.is_none() && !parts.headers.contains_key(header::AUTHORIZATION);
        let place = self.help_center.centers.at(&parts.headers, &parts.uri, &self.authenticator);
        let (access, trust) = match place.filter(|place| shows_no_key && place.is_published) {
            Some(place) => self.help_center.authorize(&place, &auth_request)?,
            None => self.authenticator.authorize(call.rpc(), &auth_request).await?,
        };
        connection.raise_trust(trust);
        log.authorized(&access);
        // Also on a server without keys, a help page sees only what customers may see.
        let access = if parts.headers.contains_key(header::AUTHORIZATION) { access } else { access.as_public() };
        let mut receiving = connection.requests(trust);
        let mut bytes = connection.bytes(trust);
        let mut json = bytes::Bytes::new();
        if call.http_method() == Method::POST {
            // Pages may send forms and plain text cross-origin without a CORS preflight; JSON needs one.
            let is_json = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(JSON.as_bytes()));
            let invalid = |problem: &str| status::invalid(&[("body".to_owned(), problem.to_owned())], 0);
            if !is_json {
                return Err(invalid("must be JSON, with `content-type: application/json`"));
            }
            let length = declared_length(&parts.headers).unwrap_or(MAX_HELP_BYTES);
            if length > MAX_HELP_BYTES {
                return Err(status::request_too_large(MAX_HELP_BYTES));
            }
            if !receiving.grow(1) || !bytes.grow(length) {
                return Err(status::busy());
            }
            let read = Limited::new(body, MAX_HELP_BYTES).collect().await;
            let too_large = |error: Box<dyn std::error::Error + Send + Sync>| error.is::<LengthLimitError>();
            let read = read.map_err(|error| match too_large(error) {
                true => status::request_too_large(MAX_HELP_BYTES),
                false => invalid("was cut off"),
            });
            json = read?.to_bytes();
        }
        drop(receiving);
        let mut running = connection.calls(trust);
        if !running.grow(1) {
            return Err(status::busy());
        }
        Ok((self.api.help(call, access, &parameters, &json).await?, trust))
    }

    async fn metrics(&self, headers: &HeaderMap, uri: &Uri, connection: &Connection) -> Response<Body> {
        match self.authenticator.authorize_metrics(&auth_request(headers, uri, None, connection)).await {
            Ok(()) => {
                connection.raise_trust(Trust::Secret);
                plain_response(StatusCode::OK, metrics::CONTENT_TYPE, metrics::rendered(&self.metrics.registry))
            }
            Err(status) => help_error(&status),
        }
    }

    /// The origins that a help page's key allows: the page links to no others.
    async fn origins(&self, headers: &HeaderMap, uri: &Uri, connection: &Connection) -> Response<Body> {
        let parameters = parameters(uri.query().unwrap_or_default());
        match self.authenticator.origins(SEARCH, &auth_request(headers, uri, key(&parameters), connection)).await {
            Ok(origins) => plain_response(StatusCode::OK, JSON, serde_json::json!({ "origins": origins }).to_string()),
            Err(status) => help_error(&status),
        }
    }

    /// The origins whose pages may show a page in a frame: the console those of agents' keys, the help page those of the key in its address.
    async fn framing_origins(&self, page: &pages::Page, headers: &HeaderMap, uri: &Uri, connection: &Connection) -> Vec<String> {
        if page.of_console {
            return self.authenticator.agents_origins();
        }
        let parameters = parameters(uri.query().unwrap_or_default());
        match key(&parameters) {
            Some(key) => self.authenticator.origins(SEARCH, &auth_request(headers, uri, Some(key), connection)).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// The calling page's origin, if pages from there may read replies.
    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = origin(headers)?;
        if self.authenticator.allows_origin(origin) { HeaderValue::from_str(origin).ok() } else { None }
    }
}

/// The authentication request of a help page's call.
fn auth_request<'a>(headers: &'a HeaderMap, uri: &'a Uri, key_in_address: Option<&'a str>, connection: &Connection) -> AuthRequest<'a> {
    AuthRequest { headers, uri, key_in_address, deadline: Instant::now() + HELP_TIMEOUT, visitor: connection.visitor(headers) }
}

/// The key in a URL's query.
fn key(parameters: &[(String, String)]) -> Option<&str> {
    parameters.iter().find(|(name, _)| name == "key").map(|(_, key)| key.as_str()).filter(|key| !key.is_empty())
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn help_response(request_headers: &HeaderMap, HelpReply { json, tag, age }: HelpReply) -> Response<Body> {
    // A weak ETag: the same hits with another search id are the same content.
    let tag = format!("W/\"{tag}\"");
    let caching = match age.is_zero() {
        true => "no-store".to_owned(),
        false => format!("private, max-age={}", age.as_secs()),
    };
    let mut response = match age.is_zero() {
        false if matches(request_headers, &tag) => unchanged(),
        _ => encoded(request_headers, JSON, &Encodings::fast(json.into_bytes())),
    };
    let headers = response.headers_mut();
    if !age.is_zero()
        && let Ok(tag) = HeaderValue::from_str(&tag)
    {
        headers.insert(header::ETAG, tag);
    }
    if let Ok(caching) = HeaderValue::from_str(&caching) {
        headers.insert(header::CACHE_CONTROL, caching);
    }
    // The same URL has another reply for another key.
    headers.append(header::VARY, HeaderValue::from_static("authorization, accept-encoding"));
    response
}

fn help_error(status: &Status) -> Response<Body> {
    error_response(help_http_code(status), &help_error_json(status), status)
}
