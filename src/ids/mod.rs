//! What names a thing: its id, and the workspace that it belongs to. Every floor uses these.

mod id;
mod workspace;

pub use id::Id;
pub use workspace::Workspace;
