//! The real server on a free port, real gRPC clients, a real SQLite file or a real PostgreSQL; only the language model is scripted.

#![expect(clippy::unwrap_used, reason = "a test that finds something missing fails")]

mod archive;
mod bad_input;
mod built_in;
mod chats;
mod check_reply;
mod choose;
mod commands;
mod connections;
mod context;
mod contract;
mod customers;
mod database_outage;
mod deadline;
mod dialects;
mod disk_faults;
mod drafts;
mod durability;
mod emails;
mod enrich;
mod error_texts;
mod exit;
mod faults;
mod fidelity;
mod floods;
mod folder;
mod help;
mod hostile;
mod keys;
mod knowledge;
mod learning;
mod live_reload;
mod meaning;
mod memory;
mod mended_faults;
mod new_keys;
mod outage;
#[cfg(debug_assertions)]
mod panics;
mod plans;
mod pooler;
mod privacy;
mod promises;
mod prompts;
mod rankings;
mod read_only;
mod replies;
mod search;
mod search_privacy;
mod search_typed;
mod stop;
mod support;
mod visitors;
