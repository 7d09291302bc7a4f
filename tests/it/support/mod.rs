//! What the tests share: a desk that is opened with a line, the scripted model, clients that break the rules, the program's commands, PostgreSQL, HAProxy and nginx, a server as a process.

pub mod command;
pub mod desk;
pub mod model;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod raw_call;
pub mod raw_client;
pub mod raw_model;
