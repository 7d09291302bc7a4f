//! The gRPC services: a thin handler for each RPC.

pub mod chats;
pub mod keys;
pub mod knowledge;
pub mod replies;
mod wording;
