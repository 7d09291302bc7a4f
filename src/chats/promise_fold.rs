//! What became of a chat's promises: a pure function of its events, in the order of their times.
//!
//! The last that is said of a promise counts. It was kept when an agent's later message says that it was done, or when a record came to say
//! after it that money was paid back, or that something has arrived, as was promised. It was withdrawn when an agent's later message says so, or
//! when its message was redacted.

use std::collections::HashMap;

use crate::{
    chats::{
        event::{Author, Event, EventBody},
        said::claims_of,
        stored_promise::{StoredPromise, StoredStatus},
    },
    promises::{ClaimKind, Content, RecordState, record_state, topics_of},
    text::Language,
};

/// Tells what became of promises whose messages are not redacted. `events` are the chat's latest, in any order: a promise that is older than all
/// of them keeps its status until one says otherwise.
pub fn settle(promises: &mut [StoredPromise], mut events: Vec<Event>, languages: &[Language]) {
    events.sort_by_key(|event| (event.at, event.sequence));
    let about: Vec<_> = promises.iter().map(|promise| (Content::of(&promise.text), topics_of(&promise.text))).collect();
    let oldest = events.iter().map(|event| event.sequence).min().unwrap_or_default();
    let is_told_anew = |promise: &&mut StoredPromise| !promise.text.is_empty() && promise.sequence >= oldest;
    promises.iter_mut().filter(is_told_anew).for_each(|promise| promise.status = StoredStatus::Open);
    let mut states: HashMap<(String, String), Option<RecordState>> = HashMap::new();
    for event in events {
        let is_later =
            |promise: &StoredPromise| !promise.text.is_empty() && (promise.made_at, promise.sequence) < (event.at, event.sequence);
        let later = promises.iter_mut().zip(&about).filter(|(promise, _)| is_later(promise));
        match &event.body {
            EventBody::Message(message) if message.author == Author::Agent && !event.redacted => {
                let claims = claims_of(message, languages);
                for (promise, (content, _)) in later {
                    let claim = claims.iter().rev().find(|claim| claim.is_about(content));
                    promise.status = match claim.map(|claim| claim.kind) {
                        Some(ClaimKind::Done) => StoredStatus::Kept,
                        Some(ClaimKind::Withdrawn) => StoredStatus::Withdrawn,
                        None => promise.status,
                    };
                }
            }
            EventBody::Record(record) => {
                // A record that says again what it said before tells nothing of a later promise.
                let state = record_state(record.values.values().map(String::as_str));
                let before = states.insert((record.source.clone(), record.reference.clone()), state).flatten();
                let Some(state) = state.filter(|state| before != Some(*state)) else { continue };
                later.filter(|(_, (_, topics))| state.keeps(*topics)).for_each(|(promise, _)| promise.status = StoredStatus::Kept);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::{chats::event::Message, ids::Id};

    const PROMISE: &str = "I'll send you a replacement tomorrow.";

    fn promise(sequence: i64, status: StoredStatus) -> StoredPromise {
        StoredPromise {
            sequence,
            place: 0,
            event_id: format!("e{sequence}"),
            agent_id: String::new(),
            agent_name: String::new(),
            text: PROMISE.to_owned(),
            made_at: time(sequence),
            due_at: None,
            status,
        }
    }

    fn time(sequence: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000).unwrap() + SignedDuration::from_secs(sequence)
    }

    fn says(sequence: i64, text: &str) -> Event {
        let message = Message {
            author: Author::Agent,
            author_id: String::new(),
            author_name: String::new(),
            text: text.to_owned(),
            quoted_text: String::new(),
            language: Language::parse("en").ok(),
            attachments: Vec::new(),
        };
        let event_id = Id::new(format!("e{sequence}")).unwrap();
        Event { event_id, at: time(sequence), sequence, redacted: false, body: EventBody::Message(message) }
    }

    fn settled(promises: &[StoredPromise], events: Vec<Event>) -> Vec<StoredStatus> {
        let mut promises = promises.to_vec();
        settle(&mut promises, events, &[]);
        promises.into_iter().map(|promise| promise.status).collect()
    }

    #[test]
    fn the_last_word_counts_in_any_order() {
        use StoredStatus::{Kept, Open, Withdrawn};
        let (done, back) = (says(3, "The replacement was sent this morning."), says(5, "Unfortunately we can't send a replacement."));
        let promises = [promise(1, Open), promise(4, Open), promise(6, Open)];
        for events in [vec![says(1, PROMISE), done.clone(), back.clone()], vec![back, says(1, PROMISE), done]] {
            assert_eq!(settled(&promises, events), [Withdrawn, Withdrawn, Open]);
        }
        assert_eq!(settled(&[promise(1, Kept)], vec![says(1, PROMISE)]), [Open], "what said so is gone");
        assert_eq!(settled(&[promise(1, Kept)], vec![says(9, "Hello.")]), [Kept], "what said so was not read");
    }
}
