//! The gRPC services: a thin handler for each RPC.

pub mod chats;
pub mod knowledge;
pub mod replies;
