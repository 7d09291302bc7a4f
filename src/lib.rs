//! Deskhand: the service behind a helpdesk's reply box.
//!
//! Each layer (floor) uses only the layers below it, and modules of one layer don't use each other:
//!
//! * [`cli`]: the command line
//! * [`server`]: one listener: accept, TLS, keys and scopes, deadlines, drain, health, reflection, pages
//! * [`app`]: the composition root, which opens the parts and wires them
//! * [`api`]: a thin handler per RPC: decode, call, encode; the same as JSON for help pages
//! * [`replies`]: draft, correct, retone, translate, summarize, suggest; the built-in engine
//! * [`chats`], [`knowledge`], [`model`]: the domain; three siblings that never import each other
//! * [`keys`]: which workspace a caller works in, and what they may do there
//! * [`store`]: the database
//! * [`promises`]: sentences that commit the shop
//! * [`facts`]: links, amounts, dates and personal data found in text
//! * `spelling`: spelling correction
//! * `lexicon`: word lists and word forms of each language
//! * [`text`]: pure functions over text
//! * [`ids`]: ids and workspace names, checked
//! * [`config`], [`telemetry`], [`task`], [`failpoint`]: settings, logging, tasks that may panic, fail points of tests

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
pub mod promises;
#[cfg(test)]
mod random;
pub mod replies;
pub mod server;
pub mod spelling;
pub mod store;
pub mod task;
pub mod telemetry;
pub mod text;
