//! JSON endpoints for help pages, which have no gRPC client: the calls that need only the scope `search`, with the same replies.

use std::{sync::Arc, time::Duration};

use http::Method;
use percent_encoding::percent_decode_str;
use prost::Message;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tonic::{Request, Status};
use tonic_types::StatusExt;

use crate::{
    api::{
        Access, Api,
        convert::fields::Fields,
        pb::{self, knowledge_service_server::KnowledgeService},
        rpc::{POOL, all_fields, message_of_json},
        status,
    },
    knowledge::PublicArticle,
    text::html,
};

/// Cache lifetime (`max-age`) of replies in browsers: text typed, deleted and typed again needs no second call.
const SEARCH_AGE: Duration = Duration::from_secs(30);
const ARTICLE_AGE: Duration = Duration::from_secs(60);
/// Most articles that readers are shown first.
const MAX_FEATURED: usize = 5;

/// A reply to a help page.
#[derive(Debug)]
pub struct HelpReply {
    /// The RPC's response in protobuf's JSON mapping; `{}` if it is empty.
    pub json: String,
    /// The ETag: a hash of the content without its ids; empty for replies that are not cached.
    pub tag: String,
    /// Cache lifetime (`max-age`); zero: not cached.
    pub age: Duration,
}

/// An endpoint of the help pages; each stands for an RPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelpCall {
    /// `GET /help/search`, the RPC `Search`.
    Search,
    /// `GET /help/articles/ID`, the RPC `GetArticle`; the id is percent-decoded, and not checked yet.
    Article(String),
    /// `GET /help/featured`: the articles that readers are shown first, to whoever may search.
    Featured,
    /// `POST /help/opens`, the RPC `RecordOpen`.
    Open,
    /// `POST /help/ratings`, the RPC `RateArticle`.
    Rate,
}

impl HelpCall {
    /// Returns the endpoint at a path.
    pub fn at(path: &str) -> Option<HelpCall> {
        match path {
            "/help/search" => Some(HelpCall::Search),
            "/help/featured" => Some(HelpCall::Featured),
            "/help/opens" => Some(HelpCall::Open),
            "/help/ratings" => Some(HelpCall::Rate),
            _ => {
                let id = path.strip_prefix("/help/articles/").filter(|id| !id.is_empty())?;
                Some(HelpCall::Article(percent_decode_str(id).decode_utf8_lossy().into_owned()))
            }
        }
    }

    /// Its HTTP method.
    pub fn http_method(&self) -> Method {
        match self {
            HelpCall::Search | HelpCall::Article(_) | HelpCall::Featured => Method::GET,
            HelpCall::Open | HelpCall::Rate => Method::POST,
        }
    }

    /// The RPC that it stands for, whose scopes it needs.
    pub fn rpc(&self) -> &'static str {
        match self {
            HelpCall::Search | HelpCall::Featured => "/deskhand.v1.KnowledgeService/Search",
            HelpCall::Article(_) => "/deskhand.v1.KnowledgeService/GetArticle",
            HelpCall::Open => "/deskhand.v1.KnowledgeService/RecordOpen",
            HelpCall::Rate => "/deskhand.v1.KnowledgeService/RateArticle",
        }
    }
}

impl Api {
    /// Handles a help page's call. `parameters` are those of the URL's query, `body` is JSON.
    pub async fn help(&self, call: HelpCall, access: Access, parameters: &[(String, String)], body: &[u8]) -> Result<HelpReply, Status> {
        let text = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone()).unwrap_or_default();
        match call {
            HelpCall::Search => {
                let request = pb::SearchRequest {
                    query: text("q"),
                    language: text("language"),
                    category: text("category"),
                    tags: parameters.iter().filter(|(name, _)| name == "tag").map(|(_, tag)| tag.clone()).collect(),
                    limit: number("limit", &text("limit"))?,
                    offset: number("offset", &text("offset"))?,
                    session_id: text("session_id"),
                    min_revision: 0,
                };
                let mut response =
                    self.search(with(access, request)).await.map_err(|status| renamed(status, &[("query", "q")]))?.into_inner();
                let json = json_of("SearchResponse", &response)?.to_string();
                // Another search with the same hits has the same ETag.
                response.search_id.clear();
                Ok(HelpReply { json, tag: tag_of(&response), age: SEARCH_AGE })
            }
            HelpCall::Article(id) => {
                let request = pb::GetArticleRequest { id, language: text("language") };
                let response = self.get_article(with(access, request)).await?.into_inner();
                let mut json = json_of("GetArticleResponse", &response)?;
                let body = response.article.as_ref().map_or("", |article| article.body.as_str());
                json["html"] = Value::String(html(body));
                Ok(HelpReply { json: json.to_string(), tag: tag_of(&response), age: ARTICLE_AGE })
            }
            HelpCall::Featured => {
                let request = with(access, text("language"));
                let desk = self.desk(&request);
                let mut fields = Fields::default();
                let language = fields.optional_language("language", request.get_ref()).unwrap_or_else(|| desk.settings().language.clone());
                fields.ok()?;
                let featured = desk.knowledge().featured(&language, MAX_FEATURED).await?;
                let article =
                    |article: &Arc<PublicArticle>| json!({ "id": article.id, "language": article.language, "title": article.title });
                let json = json!({ "articles": featured.iter().map(article).collect::<Vec<Value>>() }).to_string();
                Ok(HelpReply { tag: hash(json.as_bytes()), json, age: SEARCH_AGE })
            }
            HelpCall::Open => {
                self.record_open(with(access, read("RecordOpenRequest", body)?)).await?;
                Ok(empty_reply())
            }
            HelpCall::Rate => {
                self.rate_article(with(access, read("RateArticleRequest", body)?)).await?;
                Ok(empty_reply())
            }
        }
    }
}

fn empty_reply() -> HelpReply {
    HelpReply { json: "{}".to_owned(), tag: String::new(), age: Duration::ZERO }
}

fn with<T>(access: Access, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(access);
    request
}

fn number(name: &str, text: &str) -> Result<i32, Status> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| status::invalid(&[(name.to_owned(), "must be a whole number".to_owned())], 0))
}

fn json_of(name: &str, message: &impl Message) -> Result<Value, Status> {
    let descriptor = POOL.get_message_by_name(&format!("deskhand.v1.{name}")).ok_or_else(|| status::broken(false))?;
    let message = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).map_err(|_| status::broken(false))?;
    message.serialize_with_options(serde_json::value::Serializer, &all_fields()).map_err(|_| status::broken(false))
}

fn read<M: Message + Default>(name: &str, body: &[u8]) -> Result<M, Status> {
    let descriptor = POOL.get_message_by_name(&format!("deskhand.v1.{name}")).ok_or_else(|| status::broken(false))?;
    let message = message_of_json(descriptor, body)
        .map_err(|error| status::invalid(&[("body".to_owned(), format!("is not a valid {name} in JSON: {error}"))], 0))?;
    message.transcode_to().map_err(|_| status::broken(false))
}

fn tag_of(message: &impl Message) -> String {
    hash(&message.encode_to_vec())
}

fn hash(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Renames the fields of an error: query parameters have shorter names than the proto's fields.
fn renamed(status: Status, names: &[(&str, &str)]) -> Status {
    let details = status.get_error_details();
    let Some(bad) = details.bad_request() else { return status };
    let name = |field: &str| names.iter().find(|(long, _)| *long == field).map_or(field, |(_, short)| short).to_owned();
    let fields: Vec<(String, String)> = bad.field_violations.iter().map(|bad| (name(&bad.field), bad.description.clone())).collect();
    status::invalid(&fields, 0)
}
