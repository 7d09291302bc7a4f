//! The real server on a free port, real gRPC clients, a real SQLite file or a real PostgreSQL; the language model alone is played by a scripted one.

#![expect(clippy::unwrap_used, reason = "a test that finds something missing fails")]

mod archive;
mod bad_input;
mod built_in;
mod chats;
mod commands;
mod context;
mod contract;
mod deadline;
mod desk;
mod dialects;
mod disk_faults;
mod drafts;
mod durability;
mod faults;
mod fidelity;
mod floods;
mod help;
mod hostile;
mod keys;
mod knowledge;
mod learning;
mod live_reload;
mod meaning;
mod mended_faults;
mod migration;
mod model;
mod outage;
mod postgres;
mod privacy;
mod process;
mod raw_call;
mod raw_model;
mod replies;
mod search;
