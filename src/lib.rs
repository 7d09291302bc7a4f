//! Deskhand: the service behind a helpdesk's reply box.
//!
//! Each floor uses only the floors under it, and on one floor neighbours don't know each other:
//!
//! * [`cli`]: what an operator types
//! * [`server`]: one listener: accept, TLS, keys and scopes, deadlines, drain, health, reflection, pages
//! * [`api`]: a thin handler per RPC; decode, call, encode; the same for help pages as JSON
//! * [`replies`]: draft, correct, retone, translate, summarize, suggest; the built-in engine
//! * [`chats`], [`knowledge`], [`model`]: three siblings that never import each other
//! * [`text`], [`facts`]: functions over text; what in it must survive a rewrite or not reach a model
//! * [`spelling`]: spelling dictionaries, read from disk when they are first needed; [`lexicon`]: the words of each language, as data
//! * [`ids`]: the ids of workspaces and of what clients name
//! * [`keys`]: which workspace a caller works in, and what they may do there
//! * [`store`]: the database
//! * [`config`], [`telemetry`], [`task`]: work that may panic, and background work that begins again

pub mod api;
pub mod app;
pub mod chats;
pub mod cli;
pub mod config;
pub mod facts;
pub mod failpoint;
#[cfg(test)]
mod fuzz_seeds;
pub mod ids;
pub mod keys;
pub mod knowledge;
pub mod lexicon;
pub mod model;
#[cfg(test)]
mod random;
pub mod replies;
pub mod server;
pub mod spelling;
pub mod store;
pub mod task;
pub mod telemetry;
pub mod text;
