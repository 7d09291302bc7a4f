//! The log's rows: inserting, recognizing repeats, wiping.

use std::{borrow::Cow, mem::discriminant};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::{error::ChatError, event::EventBody, prepared::Prepared},
    store::{Write, nanoseconds, sql, timestamp},
};

/// An event to store, with its place in the chat.
#[derive(Clone, Copy)]
pub struct NewRow<'a> {
    pub sequence: i64,
    pub at: Timestamp,
    pub prepared: &'a Prepared,
}

/// What identifies a repeat of a stored event.
#[derive(Debug, Clone)]
pub struct KnownEvent<'a> {
    at: Option<Timestamp>,
    body: Cow<'a, EventBody>,
    redacted: bool,
}

impl<'a> KnownEvent<'a> {
    pub fn of(kept: &NewRow<'a>) -> KnownEvent<'a> {
        let event = &kept.prepared.event;
        KnownEvent { at: event.at, body: Cow::Borrowed(&event.body), redacted: false }
    }

    /// Returns whether a call that repeats the id has the same event. Of a wiped event, only its kind and its time can be compared.
    pub fn is(&self, body: &EventBody, at: Option<Timestamp>) -> bool {
        let same_time = match (self.at, at) {
            (Some(kept), Some(given)) => kept == given,
            _ => true,
        };
        let same_content = if self.redacted { discriminant(&*self.body) == discriminant(body) } else { *self.body == *body };
        same_content && same_time
    }

    /// Returns whether it set this topic.
    pub fn is_topic(&self, set: &str) -> bool {
        matches!(&*self.body, EventBody::Topic { topic } if topic == set)
    }

    pub fn is_redaction(&self) -> bool {
        matches!(*self.body, EventBody::Redaction { .. })
    }
}

/// Returns which of these events exist: chats by number, events by id.
pub async fn known(write: &mut Write, ids: &[(i64, &str)]) -> Result<Vec<(i64, String, KnownEvent<'static>)>, ChatError> {
    let mut known = Vec::new();
    for ids in sql::pieces(ids, 2) {
        let statement = format!(
            "SELECT chat, event_id, at, at_given, redacted, body FROM event WHERE (chat, event_id) IN (VALUES {})",
            sql::placeholders(1, ids.len(), 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (chat, event_id) in ids {
            query = query.bind(*chat).bind((*event_id).to_owned());
        }
        for row in query.fetch_all(&mut **write).await? {
            let at = if row.try_get::<i64, _>(3)? != 0 { Some(timestamp(row.try_get(2)?)?) } else { None };
            let body = Cow::Owned(serde_json::from_str(&row.try_get::<String, _>(5)?)?);
            known.push((row.try_get(0)?, row.try_get(1)?, KnownEvent { at, body, redacted: row.try_get::<i64, _>(4)? != 0 }));
        }
    }
    Ok(known)
}

/// Adds new events, each with its chat's number.
pub async fn insert(write: &mut Write, events: &[(i64, &NewRow<'_>)]) -> Result<(), ChatError> {
    const COLUMNS: usize = 7;
    const REDACTED: i64 = 0;
    for events in sql::insert_pieces(events, COLUMNS) {
        let into = "event (chat, sequence, event_id, at, at_given, redacted, body)";
        let mut query = sqlx::query(AssertSqlSafe(sql::insert(write.dialect(), into, events.len(), COLUMNS)));
        for (chat, NewRow { sequence, at, prepared }) in events {
            query = query
                .bind(*chat)
                .bind(*sequence)
                .bind(prepared.event.event_id.as_str().to_owned())
                .bind(nanoseconds(*at))
                .bind(i64::from(prepared.event.at.is_some()))
                .bind(REDACTED)
                .bind(prepared.json.clone());
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Wipes an event's text, and returns a message's text.
pub async fn wipe(write: &mut Write, chat: i64, event_id: &str) -> Result<Option<String>, ChatError> {
    let body: String = sqlx::query_scalar("SELECT body FROM event WHERE chat = $1 AND event_id = $2")
        .bind(chat)
        .bind(event_id.to_owned())
        .fetch_one(&mut **write)
        .await?;
    let mut body: EventBody = serde_json::from_str(&body)?;
    let text = match &body {
        EventBody::Message(message) => Some(message.text.clone()),
        _ => None,
    };
    body.wipe();
    sqlx::query("UPDATE event SET body = $1, redacted = 1 WHERE chat = $2 AND event_id = $3")
        .bind(serde_json::to_string(&body)?)
        .bind(chat)
        .bind(event_id.to_owned())
        .execute(&mut **write)
        .await?;
    Ok(text)
}
