//! Which changes a listener is told.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::chats::change_rows::{Change, Owner};

/// Which chats are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// All of the workspace.
    All,
    /// Those of an agent and of their teams, and those that have neither an agent nor a team.
    OfAgent {
        /// The agent's id.
        agent_id: String,
        /// The agent's teams.
        groups: Vec<String>,
    },
    /// Those with these ids.
    These(Vec<String>),
}

/// The same, prepared for many changes.
pub enum Filter {
    All,
    OfAgent { agent_id: String, groups: Vec<String> },
    These { chat_ids: BTreeSet<String>, hashes: BTreeSet<String> },
}

impl Filter {
    pub fn new(watched: Watched) -> Filter {
        match watched {
            Watched::All => Filter::All,
            Watched::OfAgent { agent_id, groups } => Filter::OfAgent { agent_id, groups },
            Watched::These(chat_ids) => {
                let hashes = chat_ids.iter().map(|chat_id| erased_id(chat_id)).collect();
                Filter::These { chat_ids: chat_ids.into_iter().collect(), hashes }
            }
        }
    }

    /// Whether a change is told. Of a chat that was erased nobody knows any more whose it was; its row has only a hash of its id.
    pub fn lets_pass(&self, change: &Change) -> bool {
        match self {
            Filter::All => true,
            Filter::OfAgent { agent_id, groups } => {
                let is_theirs = |owner: &Owner| match owner.agent_id.is_empty() && owner.team.is_empty() {
                    true => true,
                    false => owner.agent_id == *agent_id || groups.contains(&owner.team),
                };
                // Who a chat was taken from is told, too. A new chat was nobody's before.
                let is_new = change.first_sequence == 1;
                !change.erased.is_empty() || is_theirs(&change.after) || (!is_new && is_theirs(&change.before))
            }
            Filter::These { chat_ids, hashes } => match change.erased.is_empty() {
                true => chat_ids.contains(&change.chat_id),
                false => hashes.contains(&change.erased),
            },
        }
    }
}

/// What is kept of the id of an erased chat: SHA-256, in hexadecimal digits.
pub fn erased_id(chat_id: &str) -> String {
    Sha256::digest(chat_id.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chats::{Summary, change_rows::Position};

    fn change(before: (&str, &str), after: (&str, &str), first_sequence: i64) -> Change {
        let owner = |(agent_id, team): (&str, &str)| Owner { agent_id: agent_id.into(), team: team.into() };
        Change {
            position: Position::default(),
            chat: 1,
            first_sequence,
            last_sequence: first_sequence,
            bytes: 0,
            before: owner(before),
            after: owner(after),
            erased: String::new(),
            chat_id: "chat".into(),
            summary: Summary::default(),
            events: Vec::new(),
            redacted: Vec::new(),
        }
    }

    #[test]
    fn an_agent_is_told_of_their_own_of_their_teams_and_of_nobodys_chats() {
        let filter = Filter::new(Watched::OfAgent { agent_id: "selin".into(), groups: vec!["orders".into()] });
        let told = |before, after, first| filter.lets_pass(&change(before, after, first));
        assert!(told(("", ""), ("selin", ""), 1) && told(("selin", "x"), ("selin", "x"), 4));
        assert!(told(("", ""), ("mert", "orders"), 1));
        assert!(told(("", ""), ("", ""), 1), "nobody's");
        assert!(!told(("", ""), ("mert", ""), 1) && !told(("", ""), ("", "returns"), 1), "another's from its first event on");
        assert!(!told(("mert", "returns"), ("mert", "returns"), 2));
        assert!(told(("selin", ""), ("mert", ""), 7), "it was handed over");
        assert!(told(("", ""), ("mert", ""), 7), "somebody took it");
    }

    #[test]
    fn a_listener_of_some_chats_is_told_of_those_and_of_their_erasure() {
        let filter = Filter::new(Watched::These(vec!["chat".into()]));
        let erased = |id: &str| Change { erased: erased_id(id), chat_id: String::new(), ..change(("", ""), ("", ""), 0) };
        assert!(filter.lets_pass(&change(("", ""), ("mert", ""), 3)) && filter.lets_pass(&erased("chat")));
        assert!(
            !filter.lets_pass(&Change { chat_id: "other".into(), ..change(("", ""), ("", ""), 1) }) && !filter.lets_pass(&erased("other"))
        );
    }
}
