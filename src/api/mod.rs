//! A thin handler per RPC: decode into checked types, call, encode. The only layer that names tonic or the generated types.

mod acting;
pub mod codec;
mod convert;
mod error_json;
mod error_language;
mod help;
mod method;
mod openapi;
mod rpc;
mod services;
pub mod status;

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use tonic::{Request, Response, Status, service::Routes};

use crate::{
    api::method::MAX_PUT_BYTES,
    ids::Workspace,
    keys::{Action, Actor, Audit, AuditSubject, CheckedKey, Minter, Scope},
    knowledge::Reader,
    replies::{Caller, Desk},
};
pub use convert::document::{encode_article, encode_canned_answer};
pub use error_json::{error_json, help_error_json, help_http_code, http_code, retry_after};
pub use error_language::ErrorLanguage;
pub use help::{HelpCall, HelpReply};
pub use method::{answers_with_stream, max_request_bytes, takes_stream};
pub use openapi::openapi;
pub use rpc::{Rpc, is_of_service};

/// The generated types.
pub mod pb {
    #![allow(missing_docs, unused_qualifications, clippy::all, clippy::pedantic, reason = "generated; documented in proto/")]
    tonic::include_proto!("deskhand.v1");
}

/// The API's descriptors with their comments, for reflection and for `deskhand call`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// Largest reply, in bytes. gRPC clients accept 4 MiB by default; this leaves room for the enclosing message.
const MAX_REPLY_BYTES: usize = (4 << 20) - (256 << 10);

/// The services' names, as the health service knows them.
pub const SERVICES: [&str; 4] = [
    pb::reply_service_server::SERVICE_NAME,
    pb::chat_service_server::SERVICE_NAME,
    pb::knowledge_service_server::SERVICE_NAME,
    pb::key_service_server::SERVICE_NAME,
];

type Reply<T> = Result<Response<T>, Status>;

/// What the handlers call.
#[derive(Clone)]
pub struct Api {
    /// The desk of each workspace.
    pub desks: HashMap<Workspace, Desk>,
    /// Where it is recorded who exported, erased and deleted what.
    pub audit: Audit,
    /// Makes the keys of agents.
    pub minter: Minter,
}

impl Api {
    /// The desk of the caller's workspace.
    fn desk<T>(&self, request: &Request<T>) -> &Desk {
        self.desks.get(&access(request).workspace).expect("the server authorizes only calls to workspaces that it serves")
    }

    /// Records what a caller is about to do. If that fails, it is not done.
    async fn record<T>(&self, request: &Request<T>, action: Action, subject: AuditSubject<'_>) -> Result<(), Status> {
        let access = access(request);
        let key_id = access.key_id();
        Ok(self.audit.record(Some(&access.workspace), Actor::Key(key_id.as_deref()), action, subject).await?)
    }

    /// The four services. Request sizes are checked per method before a request gets here.
    pub fn routes(self: Arc<Api>) -> Routes {
        let api = self;
        let mut routes = Routes::builder();
        routes
            .add_service(pb::reply_service_server::ReplyServiceServer::from_arc(Arc::clone(&api)).max_decoding_message_size(MAX_PUT_BYTES));
        routes.add_service(pb::chat_service_server::ChatServiceServer::from_arc(Arc::clone(&api)).max_decoding_message_size(MAX_PUT_BYTES));
        routes.add_service(
            pb::knowledge_service_server::KnowledgeServiceServer::from_arc(Arc::clone(&api)).max_decoding_message_size(MAX_PUT_BYTES),
        );
        routes.add_service(pb::key_service_server::KeyServiceServer::from_arc(api).max_decoding_message_size(MAX_PUT_BYTES));
        routes.routes()
    }
}

/// After how long without another message a watch sends a heartbeat. The server adds it to the extensions of every request.
#[derive(Debug, Clone, Copy)]
pub struct WatchHeartbeat(pub std::time::Duration);

/// The authorized caller of a request. The server adds it to the extensions of every request that it authorizes.
#[derive(Debug, Clone)]
pub struct Access {
    /// The workspace of the caller's key; `default` for a caller without one.
    pub workspace: Workspace,
    /// What the caller may do; a handler may narrow its reply by them.
    pub scopes: Vec<Scope>,
    /// Its deadline, and the key whose token limits its model calls count against.
    pub caller: Caller,
    /// The peer that the call comes from.
    pub visitor: IpAddr,
    /// The key that it presented.
    pub key: Option<CheckedKey>,
}

impl Access {
    /// The articles that the caller may read: with the scope `agent`, those for agents, too.
    fn reader(&self) -> Reader {
        match self.has(Scope::Agent) {
            true => Reader::agent(String::new(), Vec::new()),
            false => Reader::public(),
        }
    }

    /// The id of its key, with the id of the agent that the key is for, if it is for one: `KEY/AGENT`. `None` for a caller without a key.
    pub fn key_id(&self) -> Option<String> {
        let CheckedKey { key, agent } = self.key.as_ref()?;
        Some(agent.as_ref().map_or_else(|| key.key_id.clone(), |agent| format!("{}/{}", key.key_id, agent.agent_id)))
    }

    /// The same caller reduced to the public scope of a help page.
    pub fn as_public(self) -> Access {
        Access { scopes: vec![Scope::Search], ..self }
    }

    /// The visitor whose searches, opened articles and ratings are limited; `None` for a console, which is not limited.
    fn limited_visitor(&self) -> Option<IpAddr> {
        (!self.has(Scope::Agent)).then_some(self.visitor)
    }

    fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

fn access<T>(request: &Request<T>) -> &Access {
    request.extensions().get().expect("the server adds `Access` to every request")
}

fn caller<T>(request: &Request<T>) -> Caller {
    access(request).caller.clone()
}
