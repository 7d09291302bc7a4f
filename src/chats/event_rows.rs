//! The log's rows.

use std::{collections::BTreeMap, mem::discriminant};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use super::{ChatError, ChatKey, Event, EventBody, append::Kept, teaching};
use crate::{
    store::{Store, StoreError, Write, nanoseconds, sql, timestamp},
    text::Id,
};

/// Events read at once.
const PAGE: usize = 1000;

/// What is kept of an event, to know it again.
#[derive(Debug, Clone)]
pub struct Known {
    at: Option<Timestamp>,
    body: EventBody,
    redacted: bool,
}

impl Known {
    pub fn of(kept: &Kept<'_>) -> Known {
        Known { at: kept.at_given.then_some(kept.event.at), body: kept.event.body.clone(), redacted: kept.event.redacted }
    }

    /// Whether a call that repeats the id means the same event. Of a wiped one, its kind and its time are all there is to compare.
    pub fn is(&self, body: &EventBody, at: Option<Timestamp>) -> bool {
        let same_time = match (self.at, at) {
            (Some(kept), Some(told)) => kept == told,
            _ => true,
        };
        let same_content = if self.redacted { discriminant(&self.body) == discriminant(body) } else { self.body == *body };
        same_content && same_time
    }

    /// Whether it set this topic.
    pub fn is_topic(&self, set: &str) -> bool {
        matches!(&self.body, EventBody::Topic { topic } if topic == set)
    }

    pub fn is_redaction(&self) -> bool {
        matches!(self.body, EventBody::Redaction { .. })
    }
}

/// Which of these events are there: chats by number, events by id.
pub async fn known(write: &mut Write, ids: &[(i64, &str)]) -> Result<Vec<(i64, String, Known)>, ChatError> {
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
            let body = serde_json::from_str(&row.try_get::<String, _>(5)?)?;
            known.push((row.try_get(0)?, row.try_get(1)?, Known { at, body, redacted: row.try_get::<i64, _>(4)? != 0 }));
        }
    }
    Ok(known)
}

/// Adds new events, each with its chat's number.
pub async fn insert(write: &mut Write, events: &[(i64, &Kept<'_>)]) -> Result<(), ChatError> {
    const COLUMNS: usize = 7;
    for events in sql::pieces(events, COLUMNS) {
        let statement = format!(
            "INSERT INTO event (chat, sequence, event_id, at, at_given, redacted, body) VALUES {}",
            sql::placeholders(1, events.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (chat, Kept { event, at_given, json, .. }) in events {
            query = query
                .bind(*chat)
                .bind(event.sequence)
                .bind(event.event_id.as_str().to_owned())
                .bind(nanoseconds(event.at))
                .bind(i64::from(*at_given))
                .bind(i64::from(event.redacted))
                .bind((*json).to_owned());
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Wipes an event's text, and what an agent sent of it: that is kept a second time, with the outcome of the draft or suggestion it was
/// made from.
pub async fn wipe(write: &mut Write, key: &ChatKey, chat: i64, event_id: &str) -> Result<(), ChatError> {
    let body: String = sqlx::query_scalar("SELECT body FROM event WHERE chat = $1 AND event_id = $2")
        .bind(chat)
        .bind(event_id.to_owned())
        .fetch_one(&mut **write)
        .await?;
    let mut body: EventBody = serde_json::from_str(&body)?;
    if let EventBody::Message(message) = &body {
        wipe_sent(write, key, message.text.trim()).await?;
        teaching::unteach(write, key, chat).await?;
    }
    body.wipe();
    sqlx::query("UPDATE event SET body = $1, redacted = 1 WHERE chat = $2 AND event_id = $3")
        .bind(serde_json::to_string(&body)?)
        .bind(chat)
        .bind(event_id.to_owned())
        .execute(&mut **write)
        .await?;
    Ok(())
}

async fn wipe_sent(write: &mut Write, key: &ChatKey, text: &str) -> Result<(), ChatError> {
    let statement = "SELECT outcome_id, final_text FROM outcome WHERE workspace = $1 AND chat_id = $2 AND final_text <> ''";
    let query = sqlx::query_as::<_, (String, String)>(statement).bind(key.workspace.clone()).bind(key.chat_id.clone());
    for (outcome_id, sent) in query.fetch_all(&mut **write).await? {
        let sent = sent.trim();
        if !sent.is_empty() && !text.is_empty() && (text.contains(sent) || sent.contains(text)) {
            // Without its hash, which could confirm a guess, the outcome is known by its id alone.
            sqlx::query("UPDATE outcome SET final_text = '', hash = '' WHERE workspace = $1 AND chat_id = $2 AND outcome_id = $3")
                .bind(key.workspace.clone())
                .bind(key.chat_id.clone())
                .bind(outcome_id)
                .execute(&mut **write)
                .await?;
        }
    }
    Ok(())
}

/// All events of a chat, in the order of their sequence; none if there is no such chat.
pub async fn of_chat(store: &Store, key: &ChatKey) -> Result<Vec<Event>, ChatError> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let page = after(store, key, events.last().map_or(0, |event| event.sequence)).await?;
        let whole = page.len() < PAGE;
        events.extend(page);
        if whole {
            return Ok(events);
        }
    }
}

/// A chat's events after a sequence, at most a page of them.
pub async fn after(store: &Store, key: &ChatKey, sequence: i64) -> Result<Vec<Event>, ChatError> {
    let statement = page_of("(SELECT number FROM chat WHERE workspace = $4 AND chat_id = $5)");
    let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(CELL_END).bind(LINE_END).bind(sequence);
    let lines: Option<String> = query.bind(key.workspace.clone()).bind(key.chat_id.clone()).fetch_one(store.reads()).await?;
    read_page(lines)
}

/// All events of a chat whose row is taken.
pub async fn of_locked(write: &mut Write, number: i64) -> Result<Vec<Event>, ChatError> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.sequence);
        let query = sqlx::query_scalar(AssertSqlSafe(page_of("$4"))).bind(CELL_END).bind(LINE_END).bind(after).bind(number);
        let page = read_page(query.fetch_one(&mut **write).await?)?;
        let whole = page.len() < PAGE;
        events.extend(page);
        if whole {
            return Ok(events);
        }
    }
}

/// The columns of an event as one line of text: a row costs more to hand over than to cut.
const LINE: &str = "CAST(chat AS TEXT) || CAST($1 AS TEXT) || CAST(sequence AS TEXT) || CAST($1 AS TEXT) || CAST(at AS TEXT)
     || CAST($1 AS TEXT) || CAST(redacted AS TEXT) || CAST($1 AS TEXT) || event_id || CAST($1 AS TEXT) || body";
/// Neither stands in an id, and JSON escapes both.
const CELL_END: &str = "\t";
const LINE_END: &str = "\n";

/// The statement for a page of a chat's events; what tells its number comes after the third placeholder, the sequence after which it begins.
fn page_of(number: &str) -> String {
    format!(
        "SELECT string_agg({LINE}, CAST($2 AS TEXT)) FROM
           (SELECT chat, sequence, at, redacted, event_id, body FROM event
            WHERE chat = {number} AND sequence > $3 ORDER BY sequence LIMIT {PAGE}) AS page"
    )
}

fn read_page(lines: Option<String>) -> Result<Vec<Event>, ChatError> {
    Ok(read_lines(&lines.unwrap_or_default())?.into_values().next().unwrap_or_default())
}

/// The last events of several chats, by their numbers: of each those after a sequence.
pub async fn of_chats(store: &Store, after: &[(i64, i64)]) -> Result<BTreeMap<i64, Vec<Event>>, ChatError> {
    if after.is_empty() {
        return Ok(BTreeMap::new());
    }
    let each: Vec<String> = (0..after.len()).map(|chat| format!("(chat = ${} AND sequence > ${})", 2 * chat + 3, 2 * chat + 4)).collect();
    let statement = format!("SELECT string_agg({LINE}, CAST($2 AS TEXT)) FROM event WHERE {}", each.join(" OR "));
    let mut query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(CELL_END).bind(LINE_END);
    for (number, sequence) in after {
        query = query.bind(*number).bind(*sequence);
    }
    let lines: Option<String> = query.fetch_one(store.reads()).await?;
    read_lines(&lines.unwrap_or_default())
}

fn read_lines(lines: &str) -> Result<BTreeMap<i64, Vec<Event>>, ChatError> {
    let mut chats: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
    for line in lines.split(LINE_END).filter(|line| !line.is_empty()) {
        let (chat, event) = read_line(line)?;
        chats.entry(chat).or_default().push(event);
    }
    for events in chats.values_mut() {
        // An aggregate promises no order.
        events.sort_by_key(|event| event.sequence);
    }
    Ok(chats)
}

fn read_line(line: &str) -> Result<(i64, Event), ChatError> {
    let malformed = || StoreError::malformed("event");
    let mut cells = line.splitn(6, CELL_END);
    let mut next = || cells.next().ok_or_else(malformed);
    let (chat, sequence, at, redacted, event_id, body) = (next()?, next()?, next()?, next()?, next()?, next()?);
    let number = |text: &str| text.parse::<i64>().map_err(|_| malformed());
    let event = Event {
        event_id: Id::new(event_id).map_err(|_| malformed())?,
        at: timestamp(number(at)?)?,
        sequence: number(sequence)?,
        redacted: redacted != "0",
        body: serde_json::from_str(body)?,
    };
    Ok((number(chat)?, event))
}
