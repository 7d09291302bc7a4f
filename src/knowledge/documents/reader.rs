//! The reader: every query is limited to what its reader may see.

use crate::knowledge::documents::document::Audience;

/// Who reads the results of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The audience up to which articles are visible.
    pub articles: Audience,
    /// The agent whose own canned answers are offered; empty: nobody's.
    pub agent_id: String,
    /// The agent's teams, whose canned answers are offered.
    pub groups: Vec<String>,
}

impl Reader {
    /// Returns an anonymous reader: public articles, and canned answers for everyone.
    pub fn public() -> Reader {
        Reader { articles: Audience::Public, agent_id: String::new(), groups: Vec::new() }
    }

    /// Returns an agent with their teams: articles for agents too, and their own canned answers.
    pub fn agent(agent_id: String, groups: Vec<String>) -> Reader {
        Reader { articles: Audience::Agents, agent_id, groups }
    }

    /// Returns whether the reader may see an article for this audience.
    pub fn sees(&self, audience: Audience) -> bool {
        self.articles == Audience::Agents || audience == Audience::Public
    }

    /// Returns whether canned answers with this owner, `group:…` or `agent:…`, are the reader's.
    pub fn owns(&self, owner: &str) -> bool {
        match owner.split_once(':') {
            Some(("agent", agent)) => !agent.is_empty() && agent == self.agent_id,
            Some(("group", group)) => self.groups.iter().any(|own| own == group),
            _ => false,
        }
    }
}
