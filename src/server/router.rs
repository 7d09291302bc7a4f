//! Routes each HTTP request: gRPC, gRPC-Web, the help pages' JSON, pages, metrics, or 404. Also CORS: preflight requests, and the headers
//! that let a page read a reply.

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
use tokio::time::timeout;
use tonic::{Status, body::Body};
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service};

use crate::{
    api::{Api, ErrorLanguage, HelpCall, HelpReply, error_json, http_code, retry_after, status},
    knowledge::KnowledgeBases,
    model::Models,
    server::responses::{matches, plain_response, text_response, unchanged, wrong_method},
    server::{
        auth::{AuthRequest, Authenticator, origin},
        compression::{Encodings, encoded},
        connection::{Active, Connection, Trust},
        grpc_guard::{Call, GrpcGuard, GuardedBody, declared_length},
        health::Readiness,
        pages,
        reply_body::ReplyBody,
    },
};

/// Paths for probes: whether the process answers, and whether it is ready for calls.
const ALIVE: &str = "/healthz";
const READY: &str = "/readyz";
/// Path of the Prometheus metrics.
const METRICS: &str = "/metrics";
const METRICS_TYPE: &str = "text/plain; version=0.0.4";
const JSON: &str = "application/json";
/// Deadline of a help page's call, and longest time to read its reply.
const HELP_TIMEOUT: Duration = Duration::from_secs(10);
const HELP_READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest request body of a help page, in bytes.
const MAX_HELP_BYTES: usize = 64 << 10;
/// Path where a help page reads which origins its key allows.
const ORIGINS: &str = "/help/origins";
const SEARCH: &str = "/deskhand.v1.KnowledgeService/Search";
/// How long browsers cache a CORS preflight, in seconds.
const PREFLIGHT_AGE: &str = "7200";
const ALLOWED_HEADERS: &str = "authorization, content-type, grpc-timeout, x-grpc-web, x-user-agent, if-none-match";
const EXPOSED_HEADERS: &str = "grpc-status, grpc-message, grpc-status-details-bin, etag, retry-after";

/// The sources of `/metrics`, besides the server itself.
#[derive(Clone)]
pub struct Metered {
    pub knowledge: KnowledgeBases,
    pub models: Models,
}

/// Everything that the listener serves.
#[derive(Clone)]
pub struct Router {
    grpc: GrpcGuard,
    grpc_web: GrpcWebService<GrpcGuard>,
    authenticator: Authenticator,
    api: Arc<Api>,
    metered: Metered,
    readiness: Readiness,
    /// Whether the agents' console is served.
    console: bool,
}

impl Router {
    pub fn new(
        grpc: GrpcGuard,
        authenticator: Authenticator,
        api: Arc<Api>,
        metered: Metered,
        readiness: Readiness,
        console: bool,
    ) -> Router {
        Router { grpc_web: GrpcWebLayer::new().layer(grpc.clone()), grpc, authenticator, api, metered, readiness, console }
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
        match kind(request.headers()) {
            Kind::Grpc if request.version() == Version::HTTP_2 => router.grpc.call(request.map(Body::new)),
            Kind::GrpcWeb => {
                let (cors, origin) = (router.clone(), origin_alone(request.headers()));
                let answered = router.grpc_web.call(request);
                Box::pin(async move {
                    let response = answered.await?;
                    Ok(with_cors(cors.allowed_origin(&origin), response))
                })
            }
            _ => {
                let (router, active) = (router.clone(), self.connection.begin_call());
                Box::pin(async move {
                    let origin = origin_alone(request.headers());
                    let response = router.clone().plain(request, active).await;
                    Ok(with_cors(router.allowed_origin(&origin), response))
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
            return self.preflight(request.headers());
        }
        if let Some(call) = HelpCall::at(&path) {
            return self.help(call, request, active).await;
        }
        if path == METRICS {
            return match is_read(request.method()) {
                true => self.metrics(request.headers(), request.uri(), active.connection()).await,
                false => wrong_method(&Method::GET),
            };
        }
        if path == ORIGINS {
            return match is_read(request.method()) {
                true => self.origins(request.headers(), request.uri(), active.connection()).await,
                false => wrong_method(&Method::GET),
            };
        }
        if (path == ALIVE || path == READY) && is_read(request.method()) {
            return match path == ALIVE || self.readiness.is_ready() {
                true => text_response(StatusCode::OK, "ok\n"),
                false => text_response(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            };
        }
        if path == "/" && is_read(request.method()) {
            return pages::redirect_to_help();
        }
        match pages::at(&path).filter(|page| self.console || !page.of_console) {
            Some(_) if !is_read(request.method()) => wrong_method(&Method::GET),
            Some(page) => {
                let origins = self.framing_origins(page, request.headers(), request.uri(), active.connection()).await;
                page.response(request.headers(), &origins)
            }
            None if matches!(kind(request.headers()), Kind::Grpc) => {
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
        let (log, connection) = (Call::new(parts.uri.path(), ErrorLanguage::default()), Arc::clone(active.connection()));
        let answered = timeout(HELP_TIMEOUT, self.help_reply(call, &parts, body, &connection)).await;
        match answered.unwrap_or_else(|_| Err(status::deadline_exceeded(false))) {
            Ok((reply, trust)) => help_response(&parts.headers, reply).map(|body| {
                let body = Body::new(ReplyBody::new(body, connection.bytes(trust), active, None));
                Body::new(GuardedBody::new(body, tokio::time::Instant::now() + HELP_READ_TIMEOUT, connection, log))
            }),
            Err(status) => help_error(&status),
        }
    }

    async fn help_reply(
        &self,
        call: HelpCall,
        parts: &http::request::Parts,
        body: Incoming,
        connection: &Connection,
    ) -> Result<(HelpReply, Trust), Status> {
        let parameters = parameters(parts.uri.query().unwrap_or_default());
        let auth_request = auth_request(&parts.headers, &parts.uri, key(&parameters), connection);
        let (access, trust) = self.authenticator.authorize(call.rpc(), &auth_request).await?;
        connection.raise_trust(trust);
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
                let metrics = self.metered.models.metrics() + &self.metered.knowledge.metrics() + &self.authenticator.metrics();
                plain_response(StatusCode::OK, METRICS_TYPE, metrics)
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

    /// Answers a CORS preflight request.
    fn preflight(&self, headers: &HeaderMap) -> Response<Body> {
        if self.allowed_origin(headers).is_none() {
            return text_response(
                StatusCode::FORBIDDEN,
                "this origin is not allowed; create a key for it with `deskhand keys create --origin`\n",
            );
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_AGE));
        response
    }

    /// The calling page's origin, if pages from there may read replies.
    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = origin(headers)?;
        if self.authenticator.allows_origin(origin) { HeaderValue::from_str(origin).ok() } else { None }
    }
}

/// Only the `Origin` header of a call. Whether that origin may read the reply is decided after the call, which may have loaded its key.
fn origin_alone(headers: &HeaderMap) -> HeaderMap {
    headers.get(header::ORIGIN).map(|origin| (header::ORIGIN, origin.clone())).into_iter().collect()
}

/// The authentication request of a help page's call.
fn auth_request<'a>(headers: &'a HeaderMap, uri: &'a Uri, key_in_address: Option<&'a str>, connection: &Connection) -> AuthRequest<'a> {
    AuthRequest { headers, uri, key_in_address, deadline: Instant::now() + HELP_TIMEOUT, visitor: connection.visitor(headers) }
}

/// The key in a URL's query.
fn key(parameters: &[(String, String)]) -> Option<&str> {
    parameters.iter().find(|(name, _)| name == "key").map(|(_, key)| key.as_str()).filter(|key| !key.is_empty())
}

/// Adds the CORS headers that let pages from an origin read a response.
fn with_cors(origin: Option<HeaderValue>, mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    }
    response
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The query parameters of a URL, in order.
fn parameters(query: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(&format!("http://help/?{query}"));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
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
    let mut response = plain_response(http_code(status), JSON, error_json(status));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(wait) = retry_after(status) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil().max(1.0) as u64));
    }
    response
}
