//! Identifiers: ids, and the workspaces that they belong to. Every layer uses these.

mod id;
mod workspace;

pub use id::Id;
pub use workspace::Workspace;
