mod workspace;
pub use workspace::Workspace;
