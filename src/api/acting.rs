//! For whom a call is made: with a key for one agent, for that agent and in the chats that the key is for, whatever the request says.

use std::sync::Arc;

use tonic::{Request, Status};

use crate::{
    api::{access, pb, status},
    chats::Watched,
    keys::{AgentKey, Scope},
    knowledge::{Document, Visibility},
};

/// Who acts in a call.
pub struct Acting {
    agent: Option<Arc<AgentKey>>,
    /// Whether it may write the canned answers of all, with the scope `author`.
    writes_for_all: bool,
}

/// Who acts in a call of an authorized caller.
pub fn acting<T>(request: &Request<T>) -> Acting {
    let access = access(request);
    Acting { agent: access.key.as_ref().and_then(|key| key.agent.clone()), writes_for_all: access.has(Scope::Author) }
}

impl Acting {
    /// Refuses a chat that the key is not for. An empty id names none.
    pub fn may_use(&self, chat_id: &str) -> Result<(), Status> {
        let allowed = chat_id.is_empty() || self.agent.as_ref().is_none_or(|agent| agent.allows_chat(chat_id));
        if allowed { Ok(()) } else { Err(status::chat_refused()) }
    }

    /// Refuses a call over all chats to a key that is for some.
    pub fn may_list_chats(&self) -> Result<(), Status> {
        let allowed = self.agent.as_ref().is_none_or(|agent| agent.chat_ids.is_empty());
        if allowed { Ok(()) } else { Err(status::chat_refused()) }
    }

    /// Refuses the call to any key for one agent.
    pub fn must_not_be_an_agent(&self, what: &str) -> Result<(), Status> {
        if self.agent.is_none() { Ok(()) } else { Err(status::refused_to_agent_key(what)) }
    }

    /// The agent of a request: that of the key, but for the language, or else the one that the request names.
    pub fn agent(&self, named: Option<pb::Agent>) -> Option<pb::Agent> {
        let Some(AgentKey { agent_id, name, groups, .. }) = self.agent.as_deref() else { return named };
        let language = named.unwrap_or_default().language;
        Some(pb::Agent { agent_id: agent_id.clone(), name: name.clone(), groups: groups.clone(), language })
    }

    /// What a watch without a chat is of: with a key for some chats, those; with a key for one agent, that agent's; else what was asked for.
    pub fn watched(&self, asked: Watched) -> Watched {
        match self.agent.as_deref() {
            None => asked,
            Some(AgentKey { chat_ids, .. }) if !chat_ids.is_empty() => Watched::These(chat_ids.clone()),
            Some(AgentKey { agent_id, groups, .. }) => Watched::OfAgent { agent_id: agent_id.clone(), groups: groups.clone() },
        }
    }

    /// The events of a request: what agents write, note and hand over in them is the key's agent's. What is reported keeps its writer's name, and
    /// has no agent's id, so that it is the same event whoever reports it.
    pub fn events(&self, mut events: Vec<pb::Event>) -> Vec<pb::Event> {
        use pb::{event::Body, reported::What};
        let Some(agent) = self.agent.as_deref() else { return events };
        for event in &mut events {
            match &mut event.body {
                Some(Body::Message(message)) if message.author == i32::from(pb::Author::Agent) => {
                    message.author_id.clone_from(&agent.agent_id);
                    message.author_name.clone_from(&agent.name);
                }
                Some(Body::Note(note)) => {
                    note.agent_id.clone_from(&agent.agent_id);
                    note.agent_name.clone_from(&agent.name);
                }
                Some(Body::Transfer(transfer)) => transfer.from_agent_id.clone_from(&agent.agent_id),
                Some(Body::Reported(pb::Reported { what: Some(What::Message(message)) }))
                    if message.author == i32::from(pb::Author::Agent) =>
                {
                    message.author_id.clear();
                }
                Some(Body::Reported(pb::Reported { what: Some(What::Note(note)) })) => note.agent_id.clear(),
                _ => {}
            }
        }
        events
    }

    /// Whether a canned answer is shown: with a key for one agent, not those of other agents and teams.
    pub fn sees(&self, answer: &Document) -> bool {
        let Some(agent) = self.agent.as_deref() else { return true };
        match answer.visibility() {
            Some(Visibility::Agent(owner)) => *owner == agent.agent_id,
            Some(Visibility::Group(group)) => agent.groups.contains(group),
            Some(Visibility::Everyone) | None => true,
        }
    }

    /// Whether canned answers have to be looked at before they are written or deleted.
    pub fn writes_only_agents_own(&self) -> bool {
        !self.writes_for_all
    }

    /// Refuses to write or delete canned answers that do not belong to one agent, to the key's own if it is for one.
    pub fn may_write<'a>(&self, answers: impl IntoIterator<Item = &'a Document>) -> Result<(), Status> {
        let is_own = |answer: &Document| match (answer.visibility(), self.agent.as_deref()) {
            (Some(Visibility::Agent(owner)), Some(agent)) => *owner == agent.agent_id,
            (Some(Visibility::Agent(_)), None) => true,
            _ => false,
        };
        match answers.into_iter().all(is_own) {
            true => Ok(()),
            false if self.agent.is_some() => Err(status::refused_to_agent_key("change a canned answer that is not the agent's own")),
            false => Err(status::scope_missing(&[Scope::Author], "for a canned answer that does not belong to one agent")),
        }
    }
}
