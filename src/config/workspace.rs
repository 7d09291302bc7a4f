//! Which brand or store a thing belongs to.

use std::{fmt, sync::Arc};

/// A workspace's name. Every row, index and call carries one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workspace(Arc<str>);

impl Workspace {
    /// The workspace of calls without a key.
    pub fn default_name() -> Workspace {
        Workspace(Arc::from("default"))
    }

    /// The workspace of this name.
    pub fn named(name: impl Into<Arc<str>>) -> Workspace {
        Workspace(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Workspace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
