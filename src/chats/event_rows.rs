//! The log's rows: chats, events, and the words of messages.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem::{Discriminant, discriminant},
};

use jiff::Timestamp;
use sqlx::{Any, AssertSqlSafe, Row, any::AnyRow};

use super::{ChatError, Event, EventBody, Summary, append::Kept};
use crate::{
    config::Workspace,
    store::{Store, StoreError, Write, nanoseconds, sql, timestamp},
    text::{Id, words},
};

/// Names a chat's row. Its order is the order in which rows are locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatKey {
    pub workspace: String,
    pub chat_id: String,
}

/// What is kept of an event to know it again.
#[derive(Debug, Clone)]
pub struct Known {
    hash: String,
    at: Option<Timestamp>,
    kind: Discriminant<EventBody>,
    pub redaction: bool,
}

impl Known {
    pub fn of(kept: &Kept) -> Known {
        Known {
            hash: kept.hash.clone(),
            at: kept.at_given.then_some(kept.event.at),
            kind: discriminant(&kept.event.body),
            redaction: matches!(kept.event.body, EventBody::Redaction { .. }),
        }
    }

    /// Whether a call that repeats the id means the same event. A wiped event has no hash left: its kind and its time must do.
    pub fn is(&self, hash: &str, body: &EventBody, at: Option<Timestamp>) -> bool {
        let same_time = match (self.at, at) {
            (Some(kept), Some(told)) => kept == told,
            _ => true,
        };
        let same_content = if self.hash.is_empty() { self.kind == discriminant(body) } else { self.hash == hash };
        same_content && same_time
    }
}

/// Takes the chats' rows, in their order, making those that are absent, and reads their summaries. A row that is new has no
/// summary yet.
pub async fn lock_chats(write: &mut Write, keys: &[&ChatKey]) -> Result<HashMap<ChatKey, Summary>, ChatError> {
    let mut summaries = HashMap::new();
    for keys in keys.chunks(sql::MOST_VALUES / 2) {
        let values: Vec<String> =
            (0..keys.len()).map(|row| format!("(${},${},0,1,0,'','','','',0,'')", 2 * row + 1, 2 * row + 2)).collect();
        let statement = format!(
            "INSERT INTO chat (workspace, chat_id, last_sequence, status, channel, team, agent_id, topic, customer_id, opened_at, summary)
             VALUES {} ON CONFLICT (workspace, chat_id) DO UPDATE SET last_sequence = chat.last_sequence
             RETURNING workspace, chat_id, summary",
            values.join(",")
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for key in keys {
            query = query.bind(key.workspace.clone()).bind(key.chat_id.clone());
        }
        for row in query.fetch_all(&mut **write).await? {
            let summary: String = row.try_get(2)?;
            if !summary.is_empty() {
                let key = ChatKey { workspace: row.try_get(0)?, chat_id: row.try_get(1)? };
                summaries.insert(key, serde_json::from_str(&summary)?);
            }
        }
    }
    Ok(summaries)
}

/// Which of the events that calls name are there: those they append and those they redact are asked alike.
pub async fn known_events(write: &mut Write, ids: &BTreeMap<ChatKey, Vec<&str>>) -> Result<Vec<(ChatKey, String, Known)>, ChatError> {
    let asked: Vec<(&ChatKey, &str)> = ids.iter().flat_map(|(key, ids)| ids.iter().map(move |id| (key, *id))).collect();
    let mut known = Vec::new();
    for asked in asked.chunks(sql::MOST_VALUES / 3) {
        let statement = format!(
            "SELECT workspace, chat_id, event_id, hash, at, at_given, body FROM event
             WHERE (workspace, chat_id, event_id) IN (VALUES {})",
            sql::placeholders(1, asked.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (key, event_id) in asked {
            query = query.bind(key.workspace.clone()).bind(key.chat_id.clone()).bind((*event_id).to_owned());
        }
        for row in query.fetch_all(&mut **write).await? {
            let key = ChatKey { workspace: row.try_get(0)?, chat_id: row.try_get(1)? };
            let at = row.try_get::<i64, _>(5)? != 0;
            let body: EventBody = serde_json::from_str(&row.try_get::<String, _>(6)?)?;
            known.push((
                key,
                row.try_get(2)?,
                Known {
                    hash: row.try_get(3)?,
                    at: if at { Some(timestamp(row.try_get(4)?)?) } else { None },
                    kind: discriminant(&body),
                    redaction: matches!(body, EventBody::Redaction { .. }),
                },
            ));
        }
    }
    Ok(known)
}

pub async fn insert_events(write: &mut Write, key: &ChatKey, events: &[Kept]) -> Result<(), ChatError> {
    const COLUMNS: usize = 9;
    for events in events.chunks(sql::MOST_VALUES / COLUMNS) {
        let statement = format!(
            "INSERT INTO event (workspace, chat_id, sequence, event_id, at, at_given, redacted, hash, body) VALUES {}",
            sql::placeholders(1, events.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for Kept { event, at_given, hash } in events {
            query = query
                .bind(key.workspace.clone())
                .bind(key.chat_id.clone())
                .bind(event.sequence)
                .bind(event.event_id.as_str().to_owned())
                .bind(nanoseconds(event.at))
                .bind(i64::from(*at_given))
                .bind(i64::from(event.redacted))
                .bind(hash.clone())
                .bind(serde_json::to_string(&event.body)?);
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Wipes an event's text. Its hash goes too: it could confirm a guess of what stood there.
pub async fn wipe(write: &mut Write, key: &ChatKey, event_id: &str) -> Result<(), ChatError> {
    let body: String = sqlx::query_scalar("SELECT body FROM event WHERE workspace = $1 AND chat_id = $2 AND event_id = $3")
        .bind(key.workspace.clone())
        .bind(key.chat_id.clone())
        .bind(event_id.to_owned())
        .fetch_one(&mut **write)
        .await?;
    let mut body: EventBody = serde_json::from_str(&body)?;
    body.wipe();
    sqlx::query("UPDATE event SET body = $1, hash = '', redacted = 1 WHERE workspace = $2 AND chat_id = $3 AND event_id = $4")
        .bind(serde_json::to_string(&body)?)
        .bind(key.workspace.clone())
        .bind(key.chat_id.clone())
        .bind(event_id.to_owned())
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Folds a chat's summary from all its events.
pub async fn refold(write: &mut Write, key: &ChatKey) -> Result<Summary, ChatError> {
    let mut events = chat_events(&mut **write, key, 0, i64::MAX).await?;
    events.sort_by_key(|event| (event.at, event.sequence));
    let mut summary = Summary::default();
    for event in &events {
        summary.apply(event);
    }
    Ok(summary)
}

pub async fn store_summaries(write: &mut Write, chats: &[(&ChatKey, &Summary)]) -> Result<(), ChatError> {
    const COLUMNS: usize = 11;
    for chats in chats.chunks(sql::MOST_VALUES / COLUMNS) {
        let statement = format!(
            "INSERT INTO chat (workspace, chat_id, last_sequence, status, channel, team, agent_id, topic, customer_id, opened_at, summary)
             VALUES {} ON CONFLICT (workspace, chat_id) DO UPDATE SET last_sequence = excluded.last_sequence,
             status = excluded.status, channel = excluded.channel, team = excluded.team, agent_id = excluded.agent_id,
             topic = excluded.topic, customer_id = excluded.customer_id, opened_at = excluded.opened_at, summary = excluded.summary",
            sql::placeholders(1, chats.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (key, summary) in chats {
            query = query
                .bind(key.workspace.clone())
                .bind(key.chat_id.clone())
                .bind(summary.last_sequence)
                .bind(summary.status as i64)
                .bind(summary.channel as i64)
                .bind(summary.group.clone())
                .bind(summary.agent_id.clone())
                .bind(summary.topic.clone())
                .bind(summary.customer_id.clone())
                .bind(nanoseconds(summary.opened_at))
                .bind(serde_json::to_string(summary)?);
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Adds the words of new messages to the archive's word table.
pub async fn insert_words(write: &mut Write, events: &[(&ChatKey, &Event)]) -> Result<(), ChatError> {
    const COLUMNS: usize = 3;
    let mut rows = BTreeSet::new();
    for (key, event) in events {
        if let (EventBody::Message(message), false) = (&event.body, event.redacted) {
            // Without a language, as queries are read: only then do both have the same words.
            rows.extend(words(&message.text, "").into_iter().map(|word| (*key, word.folded().to_owned())));
        }
    }
    let rows: Vec<_> = rows.into_iter().collect();
    for rows in rows.chunks(sql::MOST_VALUES / COLUMNS) {
        let statement = format!(
            "INSERT INTO chat_word (workspace, word, chat_id) VALUES {} ON CONFLICT (workspace, word, chat_id) DO NOTHING",
            sql::placeholders(1, rows.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (key, word) in rows {
            query = query.bind(key.workspace.clone()).bind(word.clone()).bind(key.chat_id.clone());
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Remembers the customers that new events name.
pub async fn insert_customers(write: &mut Write, events: &[(&ChatKey, &Event)]) -> Result<(), ChatError> {
    const COLUMNS: usize = 3;
    let named: BTreeSet<(&ChatKey, &str)> = events
        .iter()
        .filter_map(|(key, event)| match &event.body {
            EventBody::Customer(customer) if !customer.customer_id.is_empty() => Some((*key, customer.customer_id.as_str())),
            _ => None,
        })
        .collect();
    let rows: Vec<_> = named.into_iter().collect();
    for rows in rows.chunks(sql::MOST_VALUES / COLUMNS) {
        let statement = format!(
            "INSERT INTO chat_customer (workspace, customer_id, chat_id) VALUES {}
             ON CONFLICT (workspace, customer_id, chat_id) DO NOTHING",
            sql::placeholders(1, rows.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (key, customer_id) in rows {
            query = query.bind(key.workspace.clone()).bind((*customer_id).to_owned()).bind(key.chat_id.clone());
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// The chats that ever named a customer.
pub async fn chats_of_customer(store: &Store, workspace: &Workspace, customer_id: &Id) -> Result<Vec<String>, ChatError> {
    let rows = sqlx::query_scalar("SELECT chat_id FROM chat_customer WHERE workspace = $1 AND customer_id = $2 ORDER BY chat_id")
        .bind(workspace.as_str().to_owned())
        .bind(customer_id.to_string())
        .fetch_all(store.reads())
        .await?;
    Ok(rows)
}

/// Makes a chat's rows of the word table anew, after text was wiped.
pub async fn renew_words(write: &mut Write, key: &ChatKey) -> Result<(), ChatError> {
    sqlx::query("DELETE FROM chat_word WHERE workspace = $1 AND chat_id = $2")
        .bind(key.workspace.clone())
        .bind(key.chat_id.clone())
        .execute(&mut **write)
        .await?;
    let events = chat_events(&mut **write, key, 0, i64::MAX).await?;
    let events: Vec<(&ChatKey, &Event)> = events.iter().map(|event| (key, event)).collect();
    insert_words(write, &events).await
}

/// Drops rows that were made for a call which was then refused.
pub async fn drop_empty_chats(write: &mut Write, keys: &[&ChatKey]) -> Result<(), ChatError> {
    for keys in keys.chunks(sql::MOST_VALUES / 2) {
        let statement = format!(
            "DELETE FROM chat WHERE last_sequence = 0 AND (workspace, chat_id) IN (VALUES {})",
            sql::placeholders(1, keys.len(), 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for key in keys {
            query = query.bind(key.workspace.clone()).bind(key.chat_id.clone());
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// A chat's events after a number, in the order of their sequence.
pub async fn chat_events<'c>(
    reads: impl sqlx::Executor<'c, Database = Any>,
    key: &ChatKey,
    after: i64,
    most: i64,
) -> Result<Vec<Event>, ChatError> {
    let rows = sqlx::query(
        "SELECT sequence, event_id, at, redacted, body FROM event
         WHERE workspace = $1 AND chat_id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
    )
    .bind(key.workspace.clone())
    .bind(key.chat_id.clone())
    .bind(after)
    .bind(most)
    .fetch_all(reads)
    .await?;
    rows.iter().map(event).collect()
}

fn event(row: &AnyRow) -> Result<Event, ChatError> {
    Ok(Event {
        sequence: row.try_get(0)?,
        event_id: Id::new(row.try_get::<String, _>(1)?).map_err(|_| StoreError::malformed("event id"))?,
        at: timestamp(row.try_get(2)?)?,
        redacted: row.try_get::<i64, _>(3)? != 0,
        body: serde_json::from_str(&row.try_get::<String, _>(4)?)?,
    })
}

/// A chat's summary, if there is such a chat.
pub async fn summary(store: &Store, key: &ChatKey) -> Result<Option<Summary>, ChatError> {
    let text: Option<String> = sqlx::query_scalar("SELECT summary FROM chat WHERE workspace = $1 AND chat_id = $2")
        .bind(key.workspace.clone())
        .bind(key.chat_id.clone())
        .fetch_optional(store.reads())
        .await?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// Deletes a chat with its events and words, and tells how many events it had. The chat's row goes first: it is what an append locks.
pub async fn erase(write: &mut Write, workspace: &Workspace, chat_id: &str) -> Result<u64, ChatError> {
    let mut events = 0;
    for (table, counted) in [("chat", false), ("event", true), ("chat_word", false), ("chat_customer", false)] {
        let statement = format!("DELETE FROM {table} WHERE workspace = $1 AND chat_id = $2");
        let done = sqlx::query(AssertSqlSafe(statement))
            .bind(workspace.as_str().to_owned())
            .bind(chat_id.to_owned())
            .execute(&mut **write)
            .await?;
        if counted {
            events = done.rows_affected();
        }
    }
    Ok(events)
}
