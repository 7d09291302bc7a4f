//! Who reads: what they may be shown is a part of every query.

use crate::knowledge::documents::document::Audience;

/// Who reads what is found. It is a part of every query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Up to which audience articles may be seen.
    pub articles: Audience,
    pub agent_id: String,
    pub groups: Vec<String>,
}

impl Reader {
    /// Anyone: public articles, and canned answers for everyone.
    pub fn public() -> Reader {
        Reader { articles: Audience::Public, agent_id: String::new(), groups: Vec::new() }
    }

    /// An agent, with the teams they are in: articles for agents too, and their own canned answers.
    pub fn agent(agent_id: String, groups: Vec<String>) -> Reader {
        Reader { articles: Audience::Agents, agent_id, groups }
    }

    /// The same agent, writing to a customer: what is for agents only stays out.
    pub fn for_customers(self) -> Reader {
        Reader { articles: Audience::Public, ..self }
    }

    /// Whether a reader may see an article for this audience.
    pub fn sees(&self, audience: Audience) -> bool {
        self.articles == Audience::Agents || audience == Audience::Public
    }

    /// Whether canned answers with this owner, `group:…` or `agent:…`, are theirs.
    pub fn owns(&self, owner: &str) -> bool {
        match owner.split_once(':') {
            Some(("agent", agent)) => !agent.is_empty() && agent == self.agent_id,
            Some(("group", group)) => self.groups.iter().any(|own| own == group),
            _ => false,
        }
    }
}
