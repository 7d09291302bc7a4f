//! The gRPC services: a thin handler for each RPC.

pub mod chats;
pub mod keys;
pub mod knowledge;
pub mod replies;
pub mod reports;
mod watch;
mod wording;
