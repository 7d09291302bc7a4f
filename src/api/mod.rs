//! A thin handler per RPC: decode into checked types, call, encode. The only floor that names tonic or the generated types.

mod chats;
pub mod codec;
mod document;
mod event;
mod fields;
mod knowledge;
mod progress;
mod replies;
pub mod status;

use std::{sync::Arc, time::Instant};

use tonic::{Request, Response, Status, service::Routes};

use crate::{
    chats::Chats,
    config::{Desk, Workspace},
    knowledge::Knowledge,
    replies::Replies,
};

/// The generated types.
pub mod pb {
    #![allow(missing_docs, unused_qualifications, clippy::all, clippy::pedantic, reason = "generated; its docs are those of proto/")]
    tonic::include_proto!("deskhand.v1");
}

/// The contract with its comments, for reflection and for `deskhand call`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// Largest request, and largest `Put`.
const MOST_REQUEST_BYTES: usize = 4 << 20;
const MOST_PUT_BYTES: usize = 8 << 20;
/// A reply is at most 4 MiB; what is counted here leaves room for what wraps it.
const MOST_REPLY_BYTES: usize = (4 << 20) - (256 << 10);

/// The services' names, as health knows them.
pub const SERVICES: [&str; 3] =
    [pb::reply_service_server::SERVICE_NAME, pb::chat_service_server::SERVICE_NAME, pb::knowledge_service_server::SERVICE_NAME];

type Reply<T> = Result<Response<T>, Status>;

/// What the handlers call.
#[derive(Clone)]
pub struct Api {
    pub chats: Chats,
    pub knowledge: Knowledge,
    pub replies: Replies,
    pub desk: Arc<Desk>,
}

impl Api {
    /// The three services, with the sizes they take.
    pub fn routes(self) -> Routes {
        let api = Arc::new(self);
        let mut routes = Routes::builder();
        routes.add_service(
            pb::reply_service_server::ReplyServiceServer::from_arc(Arc::clone(&api)).max_decoding_message_size(MOST_REQUEST_BYTES),
        );
        routes.add_service(
            pb::chat_service_server::ChatServiceServer::from_arc(Arc::clone(&api)).max_decoding_message_size(MOST_REQUEST_BYTES),
        );
        routes.add_service(pb::knowledge_service_server::KnowledgeServiceServer::from_arc(api).max_decoding_message_size(MOST_PUT_BYTES));
        routes.routes()
    }
}

/// The workspace a call works in. Without keys there is one.
/// When a call must have ended; the edge sets it.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub Instant);

fn deadline<T>(request: &Request<T>) -> Instant {
    request.extensions().get::<Deadline>().map_or_else(Instant::now, |deadline| deadline.0)
}

fn workspace<T>(_request: &Request<T>) -> Workspace {
    Workspace::default_name()
}
