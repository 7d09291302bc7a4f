//! Workspaces: the brand or store that something belongs to.

use std::{borrow::Borrow, fmt, sync::Arc};

/// A workspace's name: 1 to 50 of `a`-`z`, `0`-`9`, `-` and `_`. It is also a folder's name. Every row, index and call carries one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Workspace(Arc<str>);

impl Workspace {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 50;
    /// The name of the workspace of calls without a key.
    pub const DEFAULT: &'static str = "default";

    /// Checks `name`; the error says what is wrong with it.
    pub fn new(name: &str) -> Result<Workspace, &'static str> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        if name.is_empty() {
            Err("must not be empty")
        } else if name.len() > Workspace::MAX_BYTES {
            Err("must have at most 50 characters")
        } else if !name.bytes().all(is_plain) {
            Err("must consist of a-z, 0-9, `-` and `_`")
        } else if name.starts_with('-') {
            Err("must not begin with `-`")
        } else {
            Ok(Workspace(Arc::from(name)))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The workspace of calls without a key.
impl Default for Workspace {
    fn default() -> Workspace {
        Workspace(Arc::from(Workspace::DEFAULT))
    }
}

impl fmt::Display for Workspace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Borrow<str> for Workspace {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Workspace;

    #[test]
    fn a_name_can_be_a_folder_s_everywhere() {
        for name in ["default", "rose", "shop-2_eu", &"x".repeat(50)] {
            assert_eq!(Workspace::new(name).map(|workspace| workspace.to_string()), Ok(name.to_owned()));
        }
        for name in ["", "Rose", "a b", "..", "a/b", "ő", "-x", &"x".repeat(51)] {
            assert!(Workspace::new(name).is_err(), "{name}");
        }
    }
}
