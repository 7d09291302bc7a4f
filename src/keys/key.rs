//! API keys, and their format: `dh_<public id>_<secret>`.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use crate::{config::TokenLimits, ids::Workspace};

const PREFIX: &str = "dh_";
/// Length of a public id in bytes; it is written in hexadecimal.
pub const ID_BYTES: usize = 6;

/// What a key allows its bearer to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Searching and reading articles, as help pages do.
    Search,
    /// Agents' work: chats, drafts, suggestions.
    Agent,
    /// Writing articles and canned answers.
    Author,
    /// Exporting and erasing a customer.
    Admin,
}

impl Scope {
    /// Every scope, in the order in which errors list them.
    pub const ALL: [Scope; 4] = [Scope::Search, Scope::Agent, Scope::Author, Scope::Admin];

    /// Its name in commands, errors and the database.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Search => "search",
            Scope::Agent => "agent",
            Scope::Author => "author",
            Scope::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(word: &str) -> Result<Scope, String> {
        let known = || Scope::ALL.map(Scope::word).join(", ");
        Scope::ALL.into_iter().find(|scope| scope.word() == word).ok_or_else(|| format!("a scope is one of {}", known()))
    }
}

/// The origin of a web page: scheme, host and port, as browsers send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Origin, String> {
        let problem = "an origin is a scheme and a host, with a port if it is not the default, such as `https://shop.example`";
        let url = reqwest::Url::parse(text.trim_end_matches('/')).map_err(|_| problem.to_owned())?;
        let bare = matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none() && url.username().is_empty();
        if bare { Ok(Origin(url.origin().ascii_serialization())) } else { Err(problem.to_owned()) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The properties of a key to create.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The workspace that it gives access to.
    pub workspace: Workspace,
    /// At least one.
    pub scopes: Vec<Scope>,
    /// Origins whose pages may call with it; empty: none.
    pub origins: Vec<Origin>,
    /// Rate limit; `None`: no limit.
    pub calls_per_second: Option<u32>,
    /// Limits on the model tokens of its calls, beside its workspace's.
    pub token_limits: TokenLimits,
}

/// A key, without its secret.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its public id: 12 hexadecimal digits.
    pub key_id: String,
    /// The workspace that it gives access to.
    pub workspace: Workspace,
    /// What it allows; at least one.
    pub scopes: Vec<Scope>,
    /// Pages from these origins may call with it (CORS).
    pub origins: Vec<Origin>,
    /// Rate limit of all its calls together; `None`: no limit.
    pub calls_per_second: Option<u32>,
    /// Limits on the model tokens of its calls, beside its workspace's.
    pub token_limits: TokenLimits,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ends by itself; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, for good; `None`: it was not.
    pub revoked_at: Option<Timestamp>,
}

impl Key {
    /// Whether it is valid: neither revoked nor over.
    pub fn is_valid(&self) -> bool {
        self.revoked_at.is_none() && !self.is_over()
    }

    /// Whether its time is over.
    pub fn is_over(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= Timestamp::now())
    }

    /// Whether it may be public, such as in a web page: its only scope is `search`.
    pub fn is_publishable(&self) -> bool {
        self.scopes == [Scope::Search]
    }

    /// Whether a page from this origin may call with it.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed.0 == origin)
    }
}

/// The text of a key, as callers present it.
pub fn format_key(key_id: &str, secret: &str) -> String {
    format!("{PREFIX}{key_id}_{secret}")
}

/// Splits a presented key into its public id and its secret.
pub fn parse_key(presented: &str) -> Option<(&str, &str)> {
    presented.strip_prefix(PREFIX)?.split_once('_').filter(|(key_id, secret)| !key_id.is_empty() && !secret.is_empty())
}

/// Whether this has the form of a public id.
pub fn is_id(key_id: &str) -> bool {
    key_id.len() == 2 * ID_BYTES && key_id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Random bytes from the operating system, in hexadecimal.
pub fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system provides random bytes");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formatted_key_parses_back() {
        let (key_id, secret) = (random_hex::<6>(), random_hex::<24>());
        assert!(secret.len() * 4 >= 160, "bits");
        assert_eq!(parse_key(&format_key(&key_id, &secret)), Some((key_id.as_str(), secret.as_str())));
        for bad in ["", "dh_", "dh__", "dh_a", "dh_a_", "dh__b", "sk_a_b", "DH_a_b"] {
            assert_eq!(parse_key(bad), None, "{bad}");
        }
        assert_ne!(random_hex::<24>(), random_hex::<24>());
        assert!(is_id(&key_id));
        for bad in ["", "0123456789a", "0123456789abc", "0123456789aB", "0123456789aş"] {
            assert!(!is_id(bad), "{bad}");
        }
    }

    #[test]
    fn origins_are_normalized_as_browsers_send_them() {
        for (text, origin) in [
            ("https://shop.example", "https://shop.example"),
            ("https://Shop.example:443/", "https://shop.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://müller.example", "https://xn--mller-kva.example"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), origin);
        }
        for bad in
            ["", "*", "shop.example", "https://shop.example/help", "ftp://shop.example", "null", "https://a@shop.example", "https://"]
        {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
