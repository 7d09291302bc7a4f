//! Authentication and authorization: which key may call which method, from which origin.

use std::{collections::HashSet, net::IpAddr, sync::Arc, time::Instant};

use http::{HeaderMap, Uri, header};
use prometheus_client::registry::Registry;
use tonic::Status;

use crate::{
    api::{Access, status},
    ids::Workspace,
    keys::{CheckedKey, Key, KeyError, Keys, Scope},
    model::Spender,
    replies::Caller,
    server::connection::Trust,
    telemetry::metrics::counter,
};

use Scope::{Admin, Agent, Author, Search};

/// The scopes that allow a method: any one of them is enough. `agent` includes what help pages may do.
const SCOPES: &[(&str, &[Scope])] = &[
    ("/deskhand.v1.ReplyService/DraftReply", &[Agent]),
    ("/deskhand.v1.ReplyService/CorrectReply", &[Agent]),
    ("/deskhand.v1.ReplyService/RetoneReply", &[Agent]),
    ("/deskhand.v1.ReplyService/TranslateReply", &[Agent]),
    ("/deskhand.v1.ReplyService/SuggestAnswers", &[Agent]),
    ("/deskhand.v1.ReplyService/CheckReply", &[Agent]),
    ("/deskhand.v1.ReplyService/SummarizeChat", &[Agent]),
    ("/deskhand.v1.ReplyService/RecordOutcome", &[Agent]),
    ("/deskhand.v1.ReplyService/GetReplyReport", &[Author]),
    ("/deskhand.v1.ChatService/AppendEvents", &[Agent]),
    ("/deskhand.v1.ChatService/GetChat", &[Agent]),
    ("/deskhand.v1.ChatService/ListChats", &[Agent]),
    ("/deskhand.v1.ChatService/ListPromises", &[Agent]),
    ("/deskhand.v1.ChatService/Watch", &[Agent]),
    ("/deskhand.v1.ChatService/ExportTranscript", &[Agent]),
    ("/deskhand.v1.ChatService/ExportCustomer", &[Admin]),
    ("/deskhand.v1.ChatService/EraseCustomer", &[Admin]),
    ("/deskhand.v1.KnowledgeService/Search", &[Search, Agent]),
    ("/deskhand.v1.KnowledgeService/GetArticle", &[Search, Agent]),
    ("/deskhand.v1.KnowledgeService/RecordOpen", &[Search, Agent]),
    ("/deskhand.v1.KnowledgeService/RateArticle", &[Search, Agent]),
    ("/deskhand.v1.KnowledgeService/ListArticles", &[Agent]),
    ("/deskhand.v1.KnowledgeService/ListCannedAnswers", &[Agent]),
    ("/deskhand.v1.KnowledgeService/PutArticles", &[Author]),
    // With `agent`, only an agent's own answers; the handler checks that.
    ("/deskhand.v1.KnowledgeService/PutCannedAnswers", &[Author, Agent]),
    ("/deskhand.v1.KnowledgeService/DeleteArticles", &[Author]),
    ("/deskhand.v1.KnowledgeService/DeleteCannedAnswers", &[Author, Agent]),
    ("/deskhand.v1.KnowledgeService/GetSearchReport", &[Author]),
    ("/deskhand.v1.KnowledgeService/GetHelpReport", &[Author]),
    ("/deskhand.v1.KnowledgeService/CheckDocuments", &[Author]),
    ("/deskhand.v1.KnowledgeService/GetVoice", &[Agent, Author]),
    ("/deskhand.v1.KnowledgeService/PutVoice", &[Author]),
    ("/deskhand.v1.KnowledgeService/ListGlossaryTerms", &[Agent, Author]),
    ("/deskhand.v1.KnowledgeService/PutGlossaryTerms", &[Author]),
    ("/deskhand.v1.KnowledgeService/DeleteGlossaryTerms", &[Author]),
    ("/deskhand.v1.KnowledgeService/ListSynonyms", &[Agent, Author]),
    ("/deskhand.v1.KnowledgeService/PutSynonyms", &[Author]),
    ("/deskhand.v1.KnowledgeService/DeleteSynonyms", &[Author]),
    // Not with a key for one agent; the handler checks that.
    ("/deskhand.v1.KeyService/MintAgentKey", &[Agent]),
    // Not the shop's data: health and the descriptors.
    ("/grpc.health.v1.Health/Check", &[]),
    ("/grpc.health.v1.Health/Watch", &[]),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &[]),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &[]),
];

/// The path of a method that there is, by the path that a caller sent.
pub fn known_method(path: &str) -> Option<&'static str> {
    SCOPES.iter().map(|(known, _)| *known).find(|known| *known == path)
}

/// Authenticates callers by key and authorizes their calls.
#[derive(Clone)]
pub struct Authenticator {
    keys: Keys,
    workspaces: Arc<HashSet<Workspace>>,
    /// Whether the server listens on loopback, so that only this machine can reach it.
    on_loopback: bool,
}

/// What a call presents before its key is checked.
pub struct AuthRequest<'a> {
    pub headers: &'a HeaderMap,
    pub uri: &'a Uri,
    /// The key in the URL's query, as help pages send it.
    pub key_in_address: Option<&'a str>,
    pub deadline: Instant,
    /// The address that the call comes from.
    pub visitor: IpAddr,
}

impl Authenticator {
    pub fn new(keys: Keys, workspaces: HashSet<Workspace>, on_loopback: bool) -> Authenticator {
        Authenticator { keys, workspaces: Arc::new(workspaces), on_loopback }
    }

    /// Authorizes a call of `method`. Returns its workspace and scopes, and the trust that its key earns.
    pub async fn authorize(&self, method: &str, auth_request: &AuthRequest<'_>) -> Result<(Access, Trust), Status> {
        let (_, scopes) = SCOPES.iter().find(|(known, _)| *known == method).ok_or_else(status::method_unknown)?;
        self.authorize_with(scopes, auth_request).await
    }

    /// Waits until the key of a call that was authorized is no longer valid; for good without a key.
    pub async fn key_ended(&self, key: Option<CheckedKey>) -> KeyError {
        match key {
            Some(key) => self.keys.ended(&key).await,
            None => std::future::pending().await,
        }
    }

    /// Authorizes reading the metrics of all workspaces: only an admin of `default` may.
    pub async fn authorize_metrics(&self, auth_request: &AuthRequest<'_>) -> Result<(), Status> {
        let (access, _) = self.authorize_with(&[Admin], auth_request).await?;
        if access.workspace == Workspace::default() { Ok(()) } else { Err(status::scope_missing(&[Admin], "of the workspace `default`")) }
    }

    async fn authorize_with(&self, scopes: &[Scope], auth_request: &AuthRequest<'_>) -> Result<(Access, Trust), Status> {
        let header = auth_request.headers.get(header::AUTHORIZATION);
        let bearer = header.map(|value| value.to_str().ok().and_then(bearer).ok_or(KeyError::Unknown)).transpose()?;
        let caller = Caller::until(auth_request.deadline);
        let unscoped = Access { workspace: Workspace::default(), scopes: Vec::new(), caller, visitor: auth_request.visitor, key: None };
        match bearer.or(auth_request.key_in_address) {
            // Health and reflection are open to everybody.
            _ if scopes.is_empty() => Ok((unscoped, Trust::Unknown)),
            None if self.keys.are_needed() => Err(KeyError::Missing.into()),
            None => {
                self.check_origin_without_key(auth_request)?;
                Ok((Access { scopes: Scope::ALL.to_vec(), ..unscoped }, Trust::Public))
            }
            Some(presented) => {
                let checked = self.keys.check(presented).await?;
                let key = &checked.key;
                if bearer.is_none() && !key.is_publishable() {
                    return Err(status::key_in_address());
                }
                if !self.workspaces.contains(&key.workspace) {
                    return Err(KeyError::Unknown.into());
                }
                if !checked.scopes().iter().any(|scope| scopes.contains(scope)) {
                    return Err(status::scope_missing(scopes, "for this call"));
                }
                check_origin(key, auth_request)?;
                // A call that is not allowed does not count against the key's rate limit.
                self.keys.take_call(key, auth_request.visitor)?;
                let trust = if key.is_publishable() { Trust::Public } else { Trust::Secret };
                Ok((access(checked, auth_request), trust))
            }
        }
    }

    /// Authorizes what a visitor without a key does at the published help center of a workspace. Only pages of its own origin may call there.
    pub fn authorize_visitor(&self, workspace: &Workspace, own: &str, auth_request: &AuthRequest<'_>) -> Result<(Access, Trust), Status> {
        if origin(auth_request.headers).is_some_and(|origin| origin != own) {
            return Err(status::origin_refused());
        }
        self.keys.take_visit(workspace.as_str(), auth_request.visitor)?;
        let (caller, visitor) = (Caller::until(auth_request.deadline), auth_request.visitor);
        Ok((Access { workspace: workspace.clone(), scopes: vec![Search], caller, visitor, key: None }, Trust::Public))
    }

    /// Whether a caller who names this host needs no key. On loopback, another name that leads here is foreign.
    pub fn serves_without_key(&self, host: &str) -> bool {
        !self.keys.are_needed() && (!self.on_loopback || is_loopback(host))
    }

    /// The origins of pages that may call `method` with the caller's key (CORS).
    pub async fn origins(&self, method: &str, auth_request: &AuthRequest<'_>) -> Result<Vec<String>, Status> {
        self.authorize(method, auth_request).await?;
        Ok(auth_request.key_in_address.map(|key| self.keys.origins(key)).unwrap_or_default())
    }

    /// The origins of pages that may call with agents' keys.
    pub fn agents_origins(&self) -> Vec<String> {
        self.keys.origins_of(Agent)
    }

    /// Lets a registry report the keys' metrics.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let keys = self.keys.clone();
        counter(registry, "key_look_ups", "Unknown keys that were looked up in the database", move || vec![(Vec::new(), keys.look_ups())]);
    }

    /// Whether any key allows pages from this origin (CORS).
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.keys.allow_origin(origin)
    }

    /// Checks the origin of a call to a server without keys: only the server's own pages may call. Otherwise any web page that a browser shows
    /// could call a server on its machine.
    fn check_origin_without_key(&self, auth_request: &AuthRequest<'_>) -> Result<(), Status> {
        let Some(origin) = origin(auth_request.headers) else { return Ok(()) };
        let own = authority(auth_request.headers, auth_request.uri).is_some_and(|own| origin_authority(origin) == Some(own));
        // DNS rebinding: a foreign name that resolves to this machine is still foreign.
        let is_own_name = !self.on_loopback || origin_authority(origin).is_some_and(is_loopback);
        if own && is_own_name { Ok(()) } else { Err(status::origin_refused()) }
    }
}

fn access(checked: CheckedKey, auth_request: &AuthRequest<'_>) -> Access {
    let key = &checked.key;
    let limited = key.token_limits.per_minute.is_some() || key.token_limits.per_day.is_some();
    let spender = limited.then(|| Spender { name: format!("key/{}", key.key_id).into(), limits: key.token_limits });
    let caller = Caller { deadline: auth_request.deadline, key: spender };
    Access {
        workspace: key.workspace.clone(),
        scopes: checked.scopes().to_vec(),
        caller,
        visitor: auth_request.visitor,
        key: Some(checked),
    }
}

fn check_origin(key: &Key, auth_request: &AuthRequest<'_>) -> Result<(), Status> {
    let Some(origin) = origin(auth_request.headers) else { return Ok(()) };
    let own = authority(auth_request.headers, auth_request.uri).is_some_and(|own| origin_authority(origin) == Some(own));
    if own || key.allows_origin(origin) { Ok(()) } else { Err(status::origin_refused()) }
}

/// The origin of the calling page, as the browser sends it.
pub fn origin(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("null"))
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The host and port that the caller addressed.
pub fn authority<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let host = || headers.get(header::HOST)?.to_str().ok();
    uri.authority().map(http::uri::Authority::as_str).or_else(host)
}

fn origin_authority(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, authority)| authority)
}

fn is_loopback(authority: &str) -> bool {
    let host = authority.parse::<http::uri::Authority>().map(|authority| authority.host().to_owned()).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost_reflect::DescriptorPool;

    use super::*;

    /// A method without a row can't be called; this test finds it first.
    #[test]
    fn every_method_has_a_row_and_every_row_a_method() {
        let mut pool = DescriptorPool::decode(crate::api::DESCRIPTORS).unwrap();
        for set in [
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ] {
            pool.decode_file_descriptor_set(set).unwrap();
        }
        let methods = pool.services().flat_map(|service| {
            service.methods().map(|method| format!("/{}/{}", method.parent_service().full_name(), method.name())).collect::<Vec<_>>()
        });
        let rows: BTreeSet<String> = SCOPES.iter().map(|(method, _)| (*method).to_owned()).collect();
        assert_eq!(rows.len(), SCOPES.len(), "one row per method");
        assert_eq!(methods.collect::<BTreeSet<String>>(), rows);
    }

    #[test]
    fn every_method_of_the_shops_data_needs_a_scope() {
        assert!(SCOPES.iter().all(|(method, scopes)| !scopes.is_empty() || method.starts_with("/grpc.")));
    }

    #[test]
    fn loopback_is_recognized_by_its_names() {
        for yes in ["localhost", "localhost:50051", "127.0.0.1:1", "127.9.9.9", "[::1]:80"] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in ["shop.example", "localhost.evil.example", "10.0.0.1:1", "", "127.0.0.1.evil.example:1"] {
            assert!(!is_loopback(no), "{no}");
        }
    }
}
