//! Appending: what is queued is decided and written as one transaction.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{
    ChatError, Event, EventBody, NewEvent, Summary,
    event_rows::{self, ChatKey, Known},
};
use crate::{config::Workspace, store::Store, text::Id};

/// A call's events, and where its answer goes.
pub struct Append {
    pub workspace: Workspace,
    pub chat_id: Id,
    pub events: Vec<NewEvent>,
    pub answer: oneshot::Sender<Result<Appended, ChatError>>,
}

/// What was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub last_sequence: i64,
    pub appended: usize,
    pub duplicates: usize,
}

impl Append {
    fn key(&self) -> ChatKey {
        ChatKey { workspace: self.workspace.as_str().to_owned(), chat_id: self.chat_id.as_str().to_owned() }
    }
}

/// Writes a batch and answers its calls. When the batch fails as a whole its calls are tried one by one, so that none fails for
/// its neighbour.
pub async fn commit(store: &Store, batch: VecDeque<Append>) {
    match write(store, &batch).await {
        Ok(answers) => {
            for (append, answer) in batch.into_iter().zip(answers) {
                // A caller that has gone does not need its answer.
                let _ = append.answer.send(answer);
            }
        }
        Err(error) if batch.len() == 1 => {
            if let Some(append) = batch.into_iter().next() {
                let _ = append.answer.send(Err(error));
            }
        }
        Err(_) => {
            for append in batch {
                Box::pin(commit(store, VecDeque::from([append]))).await;
            }
        }
    }
}

/// A chat while a batch is decided.
struct Draft {
    summary: Summary,
    known: HashMap<String, Known>,
    new: Vec<Kept>,
    redactions: Vec<String>,
    /// Whether the summary must be folded anew: an event came late or lost its text.
    refold: bool,
}

/// An event as it will be kept.
#[derive(Clone)]
pub struct Kept {
    pub event: Event,
    pub at_given: bool,
    pub hash: String,
}

async fn write(store: &Store, batch: &VecDeque<Append>) -> Result<Vec<Result<Appended, ChatError>>, ChatError> {
    let mut ids: BTreeMap<ChatKey, Vec<&str>> = BTreeMap::new();
    for append in batch {
        let named = append.events.iter().flat_map(|event| match &event.body {
            EventBody::Redaction { event_id } => vec![event.event_id.as_str(), event_id.as_str()],
            _ => vec![event.event_id.as_str()],
        });
        ids.entry(append.key()).or_default().extend(named);
    }
    let keys: Vec<&ChatKey> = ids.keys().collect();

    let mut write = store.begin().await?;
    let summaries = event_rows::lock_chats(&mut write, &keys).await?;
    let known = event_rows::known_events(&mut write, &ids).await?;
    let mut drafts: BTreeMap<&ChatKey, Draft> = BTreeMap::new();
    for key in &keys {
        drafts.insert(
            key,
            Draft {
                summary: summaries.get(*key).cloned().unwrap_or_default(),
                known: HashMap::new(),
                new: Vec::new(),
                redactions: Vec::new(),
                refold: false,
            },
        );
    }
    for (key, event_id, event) in known {
        if let Some(draft) = drafts.get_mut(&key) {
            draft.known.insert(event_id, event);
        }
    }

    let now = Timestamp::now();
    let mut answers = Vec::with_capacity(batch.len());
    for append in batch {
        let key = append.key();
        let draft = drafts.get_mut(&key).expect("every call's chat was locked");
        answers.push(decide(draft, &append.events, now));
    }

    for (key, draft) in &drafts {
        event_rows::insert_events(&mut write, key, &draft.new).await?;
    }
    let mut new: Vec<(&ChatKey, &Event)> = Vec::new();
    for (key, draft) in &drafts {
        new.extend(draft.new.iter().map(|kept| (*key, &kept.event)));
    }
    event_rows::insert_words(&mut write, &new).await?;
    event_rows::insert_customers(&mut write, &new).await?;
    for (key, draft) in &mut drafts {
        for event_id in &draft.redactions {
            event_rows::wipe(&mut write, key, event_id).await?;
        }
        if !draft.redactions.is_empty() {
            event_rows::renew_words(&mut write, key).await?;
        }
        if draft.refold {
            draft.summary = event_rows::refold(&mut write, key).await?;
        }
    }
    let changed: Vec<(&ChatKey, &Summary)> =
        drafts.iter().filter(|(_, draft)| !draft.new.is_empty()).map(|(key, draft)| (*key, &draft.summary)).collect();
    event_rows::store_summaries(&mut write, &changed).await?;
    event_rows::drop_empty_chats(&mut write, &keys).await?;
    write.commit().await?;
    if drafts.values().any(|draft| !draft.redactions.is_empty()) {
        store.empty_log().await;
    }
    Ok(answers)
}

/// Decides one call against what its chat holds: all of its events are taken, or none.
fn decide(draft: &mut Draft, events: &[NewEvent], now: Timestamp) -> Result<Appended, ChatError> {
    let mut summary = draft.summary.clone();
    let mut new: Vec<Kept> = Vec::new();
    let mut redactions = Vec::new();
    let mut refold = draft.refold;
    let mut duplicates = 0;
    for event in events {
        let hash = event.body.hash();
        let earlier_here = new.iter().find(|kept| kept.event.event_id == event.event_id).map(Known::of);
        if let Some(known) = earlier_here.as_ref().or_else(|| draft.known.get(event.event_id.as_str())) {
            if !known.is(&hash, &event.body, event.at) {
                return Err(ChatError::EventExists(event.event_id.to_string()));
            }
            duplicates += 1;
            continue;
        }
        if summary.last_sequence >= super::MOST_EVENTS {
            return Err(ChatError::Full);
        }
        match &event.body {
            EventBody::Resolved if summary.topic.is_empty() => return Err(ChatError::TopicMissing),
            EventBody::Redaction { event_id } => {
                let here = new.iter().find(|kept| kept.event.event_id == *event_id).map(Known::of);
                match here.as_ref().or_else(|| draft.known.get(event_id.as_str())) {
                    None => return Err(ChatError::EventNotFound(event_id.to_string())),
                    Some(known) if known.redaction => return Err(ChatError::NotRedactable(event_id.to_string())),
                    Some(_) => redactions.push(event_id.to_string()),
                }
                refold = true;
            }
            _ => {}
        }
        let at = event.at.unwrap_or(now);
        refold |= summary.last_sequence > 0 && at < summary.updated_at;
        let event_kept =
            Event { event_id: event.event_id.clone(), at, sequence: summary.last_sequence + 1, redacted: false, body: event.body.clone() };
        summary.apply(&event_kept);
        new.push(Kept { event: event_kept, at_given: event.at.is_some(), hash });
    }
    let appended = Appended { last_sequence: summary.last_sequence, appended: new.len(), duplicates };
    for kept in &new {
        draft.known.insert(kept.event.event_id.to_string(), Known::of(kept));
    }
    draft.summary = summary;
    draft.new.extend(new);
    draft.redactions.extend(redactions);
    draft.refold = refold;
    Ok(appended)
}
