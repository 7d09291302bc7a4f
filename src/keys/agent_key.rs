//! Keys for one agent: signed instead of stored, so that a console can make one whenever an agent comes, and every server of the database
//! checks it without asking for it. Its text is `dha_` and what the signature covers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::Signer;

const PREFIX: &str = "dha_";
/// What the signature is for: no other id of this database's signer is a key.
const SIGNED_FOR: [&str; 1] = ["agent key"];
/// Most bytes that a key holds: with its signature and in base64, it fits into a header with room for the others.
const MAX_CONTENT: usize = 4 << 10;
/// Longest text of a key that is looked at.
const MAX_TEXT: usize = PREFIX.len() + (MAX_CONTENT + 32) * 4 / 3;

/// What a key for one agent says. It wins over what a call says.
///
/// A field that this version does not know may restrict the key, so a key with one is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentKey {
    /// The public id of the key that made it, and with which it ends.
    #[serde(rename = "k")]
    pub parent_id: String,
    /// The agent's id in the console.
    #[serde(rename = "a")]
    pub agent_id: String,
    /// The agent's name.
    #[serde(rename = "n")]
    pub name: String,
    /// The agent's teams.
    #[serde(rename = "g")]
    pub groups: Vec<String>,
    /// The chats that it is for; empty: all.
    #[serde(rename = "c")]
    pub chat_ids: Vec<String>,
    /// When it ends, in seconds since 1970.
    #[serde(rename = "e")]
    pub expires_at: i64,
}

impl AgentKey {
    /// Whether it is for a chat.
    pub fn allows_chat(&self, chat_id: &str) -> bool {
        self.chat_ids.is_empty() || self.chat_ids.iter().any(|known| known == chat_id)
    }

    /// Whether it has ended.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at <= now.as_second()
    }

    /// Its text, as callers present it; `None` if it would be too long.
    pub(super) fn text(&self, signer: &Signer) -> Option<String> {
        let content = serde_json::to_vec(self).ok().filter(|content| content.len() <= MAX_CONTENT)?;
        Some(format!("{PREFIX}{}", signer.sign(&SIGNED_FOR, &content)))
    }

    /// Reads a presented key; `None`: it is not one that a server of this database made.
    pub(super) fn read(signer: &Signer, presented: &str) -> Option<AgentKey> {
        let signed = presented.strip_prefix(PREFIX).filter(|_| presented.len() <= MAX_TEXT)?;
        serde_json::from_slice(&signer.read(&SIGNED_FOR, signed)?).ok()
    }
}

/// Whether a presented key says that it is for one agent.
pub(super) fn is_agent_key(presented: &str) -> bool {
    presented.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, time::Instant};

    use proptest::prelude::*;

    use super::*;
    use crate::store::Store;

    async fn signer() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Store::sqlite_url(folder.path())).await.unwrap();
        (folder, store)
    }

    fn key(chats: usize) -> AgentKey {
        AgentKey {
            parent_id: "0123456789ab".into(),
            agent_id: "agent-selin".into(),
            name: "Selin Aydın".into(),
            groups: vec!["orders".into(), "returns".into()],
            chat_ids: (0..chats).map(|chat| format!("0199aa5c-1f3e-7d2a-8c11-{chat:012}")).collect(),
            expires_at: 1_800_000_000,
        }
    }

    #[tokio::test]
    async fn a_key_is_read_as_it_was_made_and_not_if_a_letter_of_it_differs() {
        let (_folder, store) = signer().await;
        let (_other_folder, other) = signer().await;
        let text = key(3).text(store.signer()).unwrap();
        assert_eq!(AgentKey::read(store.signer(), &text), Some(key(3)));
        assert_eq!(AgentKey::read(other.signer(), &text), None, "another database's");
        for at in 0..text.len() {
            let letter = if &text[at..=at] == "A" { "B" } else { "A" };
            let forged = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
            assert_eq!(AgentKey::read(store.signer(), &forged), None, "{forged}");
        }
        // What the same database signed for something else, or in a later version's words.
        let content = serde_json::to_vec(&key(0)).unwrap();
        assert_eq!(AgentKey::read(store.signer(), &format!("dha_{}", store.signer().sign(&["search", "default"], &content))), None);
        let newer = br#"{"k":"0123456789ab","a":"a","n":"n","g":[],"c":[],"e":1800000000,"reads_only":true}"#;
        assert_eq!(AgentKey::read(store.signer(), &format!("dha_{}", store.signer().sign(&SIGNED_FOR, newer))), None);
        assert!(key(110).text(store.signer()).is_none(), "too long for a header");
        assert!(key(100).text(store.signer()).is_some());
        store.close().await;
        other.close().await;
    }

    proptest! {
        #[test]
        fn whatever_is_presented_is_refused(presented in "(dha_)?[A-Za-z0-9_-]{0,200}") {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            static SIGNER: std::sync::OnceLock<Signer> = std::sync::OnceLock::new();
            let signer = SIGNER.get_or_init(|| runtime.block_on(async {
                let (_folder, store) = signer().await;
                store.signer().clone()
            }));
            prop_assert_eq!(AgentKey::read(signer, &presented), None);
        }
    }

    /// Prints how long a check takes. It holds no database, no lock and no allocation that grows with the number of keys.
    #[tokio::test]
    async fn a_check_takes_microseconds() {
        let (_folder, store) = signer().await;
        for chats in [0, 10, 90] {
            let text = key(chats).text(store.signer()).unwrap();
            let began = Instant::now();
            for _ in 0..1000 {
                black_box(AgentKey::read(store.signer(), black_box(&text)).unwrap());
            }
            println!("a key of {chats} chats, {} bytes: {:?} for a check", text.len(), began.elapsed() / 1000);
        }
        store.close().await;
    }
}
