//! The help center: a workspace's public articles as pages of their own, for browsers without scripts and for search engines.

mod address;
mod pages;
mod place;
mod reply;
mod sitemap;
mod texts;
mod theme;
mod view;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;
use tonic::{Code, Status, body::Body};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    api::{Access, Api, ErrorLanguage, help_http_code, pb, pb::knowledge_service_server::KnowledgeService, retry_after, status},
    ids::Id,
    knowledge::PublicArticles,
    replies::Desk,
    server::{
        auth::{AuthRequest, Authenticator},
        call::{Call, CallMetrics},
        connection::{Active, Connection, Trust},
        grpc_guard::GuardedBody,
        help_center::{
            pages::{MAX_HITS, Pages, Rated, encoded, message},
            reply::{Reply, refusal},
            sitemap::sitemap,
            texts::Texts,
            view::Frame,
        },
        query::parameters,
        reply_body::ReplyBody,
        responses::wrong_method,
    },
    text::Language,
};

pub use address::HelpAddress;
pub use place::{HelpCenters, Place};

/// Deadline of a page, and longest time to read it.
const TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest form, in bytes.
const MAX_FORM_BYTES: usize = 16 << 10;
/// Longest query, in characters, and the last page of results: the search's own limits.
const MAX_QUERY: usize = 2000;
const MAX_RESULTS_PAGE: usize = 50;
const FORM: &str = "application/x-www-form-urlencoded";

/// Serves the pages of help centers.
#[derive(Clone)]
pub struct HelpCenterServer {
    pub centers: Arc<HelpCenters>,
    pub authenticator: Authenticator,
    pub api: Arc<Api>,
    pub calls: CallMetrics,
}

type Parameters = Vec<(String, String)>;

impl HelpCenterServer {
    /// The help center at the host that a request names; `None` if none is shown there.
    pub fn at<B>(&self, request: &Request<B>) -> Option<Place> {
        self.centers.at(request.headers(), request.uri(), &self.authenticator)
    }

    /// Where the root of a published help center leads: to the index of its workspace's language.
    pub fn root<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let place = self.at(request).filter(|place| place.is_published)?;
        let desk = self.api.desks.get(&place.center.workspace)?;
        Some(Reply::found(address::index(&desk.settings().language)).response(request.headers(), &place.center))
    }

    /// Lets a visitor without a key call a method at a published help center.
    pub fn authorize(&self, place: &Place, auth_request: &AuthRequest<'_>) -> Result<(Access, Trust), Status> {
        self.authenticator.authorize_visitor(&place.center.workspace, &place.origin, auth_request)
    }

    /// Answers a request for a page.
    pub async fn answer(self, place: Place, address: HelpAddress, request: Request<Incoming>, active: Active) -> Response<Body> {
        let is_article = matches!(address, HelpAddress::Article(..));
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_form = is_article && *request.method() == Method::POST;
        if !(is_read || is_form) {
            return wrong_method(&Method::GET);
        }
        let (parts, body) = request.into_parts();
        match &address {
            HelpAddress::Style => return reply::style(&parts.headers, parts.uri.query().unwrap_or_default(), &place.center),
            HelpAddress::Robots => return Reply::robots(&place.origin).response(&parts.headers, &place.center),
            _ => {}
        }
        // Each page counts as a call of the method that it stands for.
        let method = match &address {
            _ if !is_read => "/deskhand.v1.KnowledgeService/RateArticle",
            HelpAddress::Search(_) => "/deskhand.v1.KnowledgeService/Search",
            _ => "/deskhand.v1.KnowledgeService/GetArticle",
        };
        let (log, connection) = (Call::new(method, &parts.headers, ErrorLanguage::default(), &self.calls), Arc::clone(active.connection()));
        let form = (!is_read).then_some(body);
        let made = self.reply((&place, &address, method), &parts, form, (&connection, &log)).instrument(log.span.clone());
        let made = timeout(TIMEOUT, made).await.unwrap_or_else(|_| Err(status::deadline_exceeded(false)));
        let (response, trust) = match made {
            Ok((reply, trust)) => {
                log.end(if reply.code == StatusCode::NOT_FOUND { Code::NotFound } else { Code::Ok }, None);
                (reply.response(&parts.headers, &place.center), trust)
            }
            Err(status) => {
                log.end(status.code(), Some(&status));
                (self.failure(&place, address.language(), &status, &parts), Trust::Unknown)
            }
        };
        response.map(|body| {
            let body = Body::new(ReplyBody::new(body, connection.bytes(trust), active, None));
            Body::new(GuardedBody::new(body, tokio::time::Instant::now() + READ_TIMEOUT, connection, log))
        })
    }

    async fn reply(
        &self,
        (place, address, method): (&Place, &HelpAddress, &'static str),
        parts: &Parts,
        form: Option<Incoming>,
        (connection, log): (&Connection, &Call),
    ) -> Result<(Reply, Trust), Status> {
        let visitor = connection.visitor(&parts.headers);
        let (headers, uri, deadline) = (&parts.headers, &parts.uri, Instant::now() + TIMEOUT);
        let auth_request = AuthRequest { headers, uri, key_in_address: None, deadline, visitor };
        let (access, trust) = match place.is_published {
            true => self.authorize(place, &auth_request)?,
            false => self.authenticator.authorize(method, &auth_request).await?,
        };
        // Also on a server without keys, a page shows only what the public may see.
        let access = access.as_public();
        connection.raise_trust(trust);
        log.authorized(&access);
        let form = match form {
            Some(form) => Some(read_form(parts, form, connection, trust).await?),
            None => None,
        };
        let mut running = connection.calls(trust);
        if !running.grow(1) {
            return Err(status::busy());
        }
        let desk = self.api.desks.get(&place.center.workspace).ok_or_else(|| status::broken(false))?;
        let list = desk.knowledge().public_articles().await?;
        if let Some(moved) = moved(parts.uri.path(), address, parts.uri.query()) {
            return Ok((moved, trust));
        }
        let pages = Pages { place, desk, list: Arc::clone(&list) };
        let given = parameters(parts.uri.query().unwrap_or_default());
        let reply = match address {
            HelpAddress::Index(language) => pages.index(language).await?,
            HelpAddress::Category(language, name) => pages.category(language, name, page_number(&given, usize::MAX))?,
            HelpAddress::Article(language, id) => match form {
                Some(form) => self.rate(access, language, id, &form).await?,
                None => self.article(&pages, access, (language, id), &given, &parts.method).await?,
            },
            HelpAddress::Search(language) => Some(self.search(&pages, access, language, &given).await?),
            HelpAddress::Sitemap(part) => sitemap(&place.origin, &list, *part)?.map(|xml| Reply::sitemap(xml, list.changed_at())),
            HelpAddress::Style | HelpAddress::Robots | HelpAddress::Unknown(_) => None,
        };
        match reply {
            Some(reply) => Ok((reply, trust)),
            None => {
                let language = address.language().unwrap_or(&desk.settings().language);
                let texts = Texts::of(language, &desk.settings().language).1;
                let html = said(place, desk, Some(&list), language, (&texts.not_found, &texts.not_found_hint))?;
                Ok((Reply::failed(StatusCode::NOT_FOUND, html), trust))
            }
        }
    }

    async fn article(
        &self,
        pages: &Pages<'_>,
        access: Access,
        (language, id): (&Language, &Id),
        given: &Parameters,
        method: &Method,
    ) -> Result<Option<Reply>, Status> {
        let rated = parameter(given, "rating").and_then(|id| Uuid::parse_str(id).ok());
        let rated = rated.map(|id| Rated { id, asks_why: parameter(given, "why").is_some() });
        let reply = pages.article(language, id, rated).await?;
        if let Some(search_id) = parameter(given, "search").filter(|_| *method == Method::GET && reply.is_some()) {
            let open = pb::RecordOpenRequest { search_id: search_id.to_owned(), id: id.to_string() };
            // An unknown search, or a quota that is used up, is no reason to show no article.
            let _ = self.api.record_open(with(access, open)).await;
        }
        Ok(reply)
    }

    async fn search(&self, pages: &Pages<'_>, access: Access, language: &Language, given: &Parameters) -> Result<Reply, Status> {
        let query: String = parameter(given, "q").unwrap_or_default().trim().chars().take(MAX_QUERY).collect();
        let number = page_number(given, MAX_RESULTS_PAGE);
        let found = if query.is_empty() {
            pb::SearchResponse::default()
        } else {
            let request = pb::SearchRequest {
                query: query.clone(),
                language: language.to_string(),
                limit: MAX_HITS as i32,
                offset: ((number - 1) * MAX_HITS) as i32,
                ..pb::SearchRequest::default()
            };
            Box::pin(self.api.search(with(access, request))).await?.into_inner()
        };
        pages.results(language, &query, number, found)
    }

    /// Keeps what a visitor says of an article, and leads back to it.
    async fn rate(&self, access: Access, language: &Language, id: &Id, form: &Parameters) -> Result<Option<Reply>, Status> {
        let Some(path) = address::article(language, id) else { return Ok(None) };
        let helpful = match parameter(form, "helpful") {
            Some("yes") => true,
            Some("no") => false,
            _ => return Err(status::invalid(&[("helpful".to_owned(), "must be `yes` or `no`".to_owned())], 0)),
        };
        let earlier = parameter(form, "rating").and_then(|id| Uuid::parse_str(id).ok());
        let rating_id = earlier.unwrap_or_else(Uuid::new_v4);
        let reason = parameter(form, "reason").unwrap_or_default().trim().to_owned();
        let asks_why = if helpful || earlier.is_some() { "" } else { "&why=1" };
        let rating = pb::RateArticleRequest {
            id: id.to_string(),
            language: language.to_string(),
            helpful,
            reason,
            rating_id: rating_id.to_string(),
        };
        self.api.rate_article(with(access, rating)).await?;
        Ok(Some(Reply::see_other(format!("{path}?{}{asks_why}#rating_", encoded("rating", &rating_id.to_string())))))
    }

    /// A page that says that there is none now, and when to try again.
    fn failure(&self, place: &Place, language: Option<&Language>, status: &Status, parts: &Parts) -> Response<Body> {
        let code = help_http_code(status);
        let html = self.api.desks.get(&place.center.workspace).and_then(|desk| {
            let language = language.unwrap_or(&desk.settings().language);
            let texts = Texts::of(language, &desk.settings().language).1;
            let title = if code == StatusCode::TOO_MANY_REQUESTS { &texts.busy } else { &texts.broken };
            said(place, desk, None, language, (title, &texts.try_again)).ok()
        });
        let response = html.map(|html| Reply::failed(code, html).response(&parts.headers, &place.center));
        let mut response = response.unwrap_or_else(|| refusal(code, &place.center));
        if let Some(wait) = retry_after(status) {
            response.headers_mut().insert(header::RETRY_AFTER, (wait.as_secs_f64().ceil().max(1.0) as u64).into());
        }
        response
    }
}

/// A page with a message.
fn said(
    place: &Place,
    desk: &Desk,
    list: Option<&PublicArticles>,
    language: &Language,
    (title, hint): (&str, &str),
) -> Result<String, Status> {
    let languages = list.into_iter().flat_map(PublicArticles::languages);
    let languages = languages.map(|language| view::Version { language: language.clone(), path: address::index(language) }).collect();
    let frame = Frame { place, languages, texts: Texts::of(language, &desk.settings().language), query: "", data: None };
    message(&frame, language, title, hint)
}

/// Leads from an address with another writing of its language, or with a slash at its end, to the page's own.
fn moved(path: &str, address: &HelpAddress, query: Option<&str>) -> Option<Reply> {
    let language = address.language().filter(|_| !matches!(address, HelpAddress::Unknown(_)))?;
    let (tag, rest) = path.strip_prefix("/help/")?.split_once('/').unwrap_or((path.strip_prefix("/help/")?, ""));
    let slash = path.ends_with('/');
    if tag == language.as_str() && !slash {
        return None;
    }
    let rest = if rest.is_empty() { String::new() } else { format!("/{rest}") };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Some(Reply::moved(format!("/help/{language}{rest}{query}")))
}

/// Reads a form. Other sites can't send one in a visitor's name: browsers say where a form comes from, and that was checked.
async fn read_form(parts: &Parts, body: Incoming, connection: &Connection, trust: Trust) -> Result<Parameters, Status> {
    let invalid = |problem: &str| status::invalid(&[("body".to_owned(), problem.to_owned())], 0);
    let is_form = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(FORM.as_bytes()));
    if !is_form {
        return Err(invalid("must be a form, with `content-type: application/x-www-form-urlencoded`"));
    }
    let (mut receiving, mut bytes) = (connection.requests(trust), connection.bytes(trust));
    if !receiving.grow(1) || !bytes.grow(MAX_FORM_BYTES) {
        return Err(status::busy());
    }
    let read = Limited::new(body, MAX_FORM_BYTES).collect().await.map_err(|_| status::request_too_large(MAX_FORM_BYTES))?;
    Ok(parameters(&String::from_utf8_lossy(&read.to_bytes())))
}

fn parameter<'a>(given: &'a Parameters, name: &str) -> Option<&'a str> {
    given.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn page_number(given: &Parameters, max: usize) -> usize {
    parameter(given, "page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, max)
}

fn with<T>(access: Access, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.extensions_mut().insert(access);
    request
}
