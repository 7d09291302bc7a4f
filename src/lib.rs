//! Deskhand: the service behind a helpdesk's reply box.
//!
//! Each floor uses only the floors under it, and on one floor neighbours don't know each other:
//!
//! * [`cli`]: what an operator types
//! * [`server`]: one listener: accept, deadlines, drain, health, reflection
//! * [`api`]: a thin handler per RPC; decode, call, encode
//! * [`replies`]: draft, correct, retone, translate, summarize, suggest; the built-in engine
//! * [`chats`], [`knowledge`], [`model`]: three siblings that never import each other
//! * [`text`]: pure functions over text
//! * [`store`]: the database
//! * [`config`], [`telemetry`]

pub mod api;
pub mod chats;
pub mod cli;
pub mod config;
pub mod knowledge;
pub mod model;
#[cfg(test)]
mod random;
pub mod replies;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod text;
