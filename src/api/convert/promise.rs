//! Decodes the filters of promises and encodes promises.

use crate::{
    api::{
        convert::{event::encode_time, fields::Fields},
        pb,
    },
    chats::{ListPromises, ListedPromise, PromiseFilter, PromisePage, PromiseStatus},
};

/// Most statuses of a filter: there are no more.
const MAX_STATUSES: usize = 4;

/// Decodes a call that lists promises.
pub fn list_promises(fields: &mut Fields, request: pb::ListPromisesRequest) -> ListPromises {
    let pb::ListPromisesRequest { due_before, due_after, agent_id, group, status, page_size, page_token } = request;
    if status.len() > MAX_STATUSES {
        fields.invalid("status", "must have at most 4 statuses");
    }
    let known = |status: &i32| match pb::PromiseStatus::try_from(*status) {
        Ok(pb::PromiseStatus::Open) => Some(PromiseStatus::Open),
        Ok(pb::PromiseStatus::Overdue) => Some(PromiseStatus::Overdue),
        Ok(pb::PromiseStatus::Kept) => Some(PromiseStatus::Kept),
        Ok(pb::PromiseStatus::Withdrawn) => Some(PromiseStatus::Withdrawn),
        Ok(pb::PromiseStatus::Unspecified) | Err(_) => None,
    };
    let mut statuses: Vec<PromiseStatus> = Vec::new();
    for (index, status) in status.iter().take(MAX_STATUSES).enumerate() {
        match known(status) {
            Some(status) => statuses.push(status),
            None => fields.invalid(&format!("status[{index}]"), "is an unknown status"),
        }
    }
    if statuses.is_empty() {
        statuses = vec![PromiseStatus::Open, PromiseStatus::Overdue];
    }
    let filter = PromiseFilter {
        due_before: fields.optional_time("due_before", due_before),
        due_after: fields.optional_time("due_after", due_after),
        agent_id: fields.short("agent_id", agent_id),
        group: fields.short("group", group),
        statuses,
    };
    let page_size = fields.page_size(page_size);
    let page_token = fields.page_token(page_token, PromisePage::is_token);
    ListPromises { filter, page_size, page_token }
}

/// Encodes a promise of a chat.
pub fn encode_promise(listed: ListedPromise) -> pb::Promise {
    let status = match listed.status {
        PromiseStatus::Open => pb::PromiseStatus::Open,
        PromiseStatus::Overdue => pb::PromiseStatus::Overdue,
        PromiseStatus::Kept => pb::PromiseStatus::Kept,
        PromiseStatus::Withdrawn => pb::PromiseStatus::Withdrawn,
    };
    pb::Promise {
        chat_id: listed.chat_id,
        event_id: listed.event_id,
        agent_id: listed.agent_id,
        agent_name: listed.agent_name,
        group: listed.group,
        text: listed.text,
        made_at: Some(encode_time(listed.made_at)),
        due: listed.due_at.map(encode_time),
        status: status.into(),
    }
}
