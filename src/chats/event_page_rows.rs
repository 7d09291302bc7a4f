//! Reads the log in pages: the latest events of a chat, those that make its state, those after a sequence.
//!
//! Statements name a chat by its number, as a value: PostgreSQL then plans them for the one partition that has it. With the number looked up in
//! the same statement it would plan for all, and lock all.

use std::{collections::BTreeMap, sync::LazyLock};

use sqlx::AssertSqlSafe;
use tokio::task::spawn_blocking;

use crate::{
    chats::{
        error::ChatError,
        event::{Event, EventBody},
    },
    ids::Id,
    store::{Store, StoreError, Write, sql, timestamp},
};

/// Most events read at once, and most bytes of them.
const PAGE: usize = 1000;
pub const PAGE_BYTES: usize = 4 << 20;
/// From this many bytes on, events are parsed off the serving threads.
const MANY_BYTES: usize = 256 << 10;
/// The latest events of a chat that are read without checking their size first: most chats have no more. And the page size of its state's
/// events.
const FIRST_PAGE: i64 = 64;
const STATE_PAGE: usize = 200;
const MAX_STATE_BYTES: usize = 4 << 20;
/// Characters of a message's JSON that contain everything before its text.
const MAX_BEGINNING: usize = 2048;

/// The events read of a chat, in order of their sequence.
#[derive(Debug, Default)]
pub struct Recent {
    pub events: Vec<Event>,
    /// How many of the oldest messages were not read; the events that make the chat's state all were, within a limit. `None`: these are all
    /// events of the chat.
    pub unread: Option<usize>,
}

/// Reads the latest events of a chat up to `bytes`, and of the older ones those that make the chat's state.
pub async fn recent(store: &Store, chat: i64, bytes: usize) -> Result<Recent, ChatError> {
    let mut events = newest(store, chat, i64::MAX, FIRST_PAGE).await?;
    let mut whole = (events.len() as i64) < FIRST_PAGE;
    let mut size: usize = events.iter().map(size_of).sum();
    while !whole && size < bytes {
        let oldest = events.first().map_or(0, |event| event.sequence);
        let start = start_of_newest(store, chat, oldest, bytes - size).await?;
        let Some(start) = start else {
            whole = true;
            break;
        };
        let statement = page_of("$5", "sequence >= $3 AND sequence < $4", "sequence", PAGE);
        let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(CELL_END).bind(LINE_END).bind(start).bind(oldest).bind(chat);
        let page = read_page(query.fetch_one(store.reads()).await?).await?;
        size += page.iter().map(size_of).sum::<usize>();
        whole = page.is_empty();
        events.splice(0..0, page);
    }
    if whole {
        return Ok(Recent { events, unread: None });
    }
    let oldest = events.first().map_or(0, |event| event.sequence);
    let before = state_before(store, chat, oldest, bytes.max(MAX_STATE_BYTES)).await?;
    let statement = format!("SELECT COUNT(*) FROM event WHERE chat = $2 AND sequence < $1 AND redacted = 0 AND {IS_MESSAGE}");
    let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(statement)).bind(oldest).bind(chat);
    let unread = query.fetch_one(store.reads()).await?;
    events.splice(0..0, before);
    Ok(Recent { events, unread: Some(usize::try_from(unread).unwrap_or(0)) })
}

/// Reads the latest events before a sequence, at most `most`.
async fn newest(store: &Store, chat: i64, before: i64, most: i64) -> Result<Vec<Event>, ChatError> {
    let statement = page_of("$4", "sequence < $3", "sequence DESC", most as usize);
    let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(CELL_END).bind(LINE_END).bind(before).bind(chat);
    read_page(query.fetch_one(store.reads()).await?).await
}

/// Returns where a page of about so many bytes begins that ends before a sequence; `None` if nothing is before it.
async fn start_of_newest(store: &Store, chat: i64, before: i64, bytes: usize) -> Result<Option<i64>, ChatError> {
    let statement = format!(
        "SELECT MIN(sequence) FROM
           (SELECT sequence, SUM(size) OVER (ORDER BY sequence DESC) - size AS after FROM
             (SELECT sequence, octet_length(body) AS size FROM event WHERE chat = $3 AND sequence < $1
              ORDER BY sequence DESC LIMIT {PAGE}) AS sizes) AS sums
         WHERE after < $2"
    );
    let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(before).bind(bytes as i64).bind(chat);
    Ok(query.fetch_one(store.reads()).await?)
}

/// Reads the latest events before a sequence that make a chat's state, neither messages nor page views, up to about so many bytes.
async fn state_before(store: &Store, chat: i64, before: i64, bytes: usize) -> Result<Vec<Event>, ChatError> {
    let mut events: Vec<Event> = Vec::new();
    let mut size = 0;
    while size < bytes {
        let oldest = events.first().map_or(before, |event| event.sequence);
        let state = format!("sequence < $3 AND {IS_STATE}");
        let statement = page_of("$4", &state, "sequence DESC", STATE_PAGE);
        let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(CELL_END).bind(LINE_END).bind(oldest).bind(chat);
        let page = read_page(query.fetch_one(store.reads()).await?).await?;
        let last = page.len() < STATE_PAGE;
        size += page.iter().map(size_of).sum::<usize>();
        events.splice(0..0, page);
        if last {
            break;
        }
    }
    Ok(events)
}

/// Reads a chat's events after a sequence, at most a page of about so many bytes, and at least one.
pub async fn after(store: &Store, chat: i64, sequence: i64, max_bytes: usize) -> Result<Vec<Event>, ChatError> {
    let statement = format!(
        "SELECT MAX(sequence) FROM
           (SELECT sequence, SUM(size) OVER (ORDER BY sequence) - size AS before FROM
             (SELECT sequence, octet_length(body) AS size FROM event WHERE chat = $3 AND sequence > $1
              ORDER BY sequence LIMIT {PAGE}) AS sizes) AS sums
         WHERE before < $2"
    );
    let query = sqlx::query_scalar::<_, Option<i64>>(AssertSqlSafe(statement)).bind(sequence).bind(max_bytes as i64).bind(chat);
    let Some(end) = query.fetch_one(store.reads()).await? else {
        return Ok(Vec::new());
    };
    let statement = page_of("$4", &format!("sequence > $3 AND sequence <= {end}"), "sequence", PAGE);
    let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(CELL_END).bind(LINE_END).bind(sequence).bind(chat);
    read_page(query.fetch_one(store.reads()).await?).await
}

/// Reads the new events of changes after a number up to another, by the numbers of the changes.
pub async fn of_changes(store: &Store, workspace: &str, after: i64, to: i64) -> Result<BTreeMap<i64, Vec<Event>>, ChatError> {
    let statement = format!(
        "SELECT string_agg({LINE}, CAST($2 AS TEXT)) FROM
           (SELECT chat_change.number AS chat, sequence, event.at, redacted, event_id, body FROM chat_change
            JOIN event ON event.chat = chat_change.chat AND sequence >= first_sequence AND sequence <= chat_change.last_sequence
            WHERE chat_change.workspace = $3 AND chat_change.number > $4 AND chat_change.number <= $5) AS page"
    );
    let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(CELL_END).bind(LINE_END);
    read(query.bind(workspace.to_owned()).bind(after).bind(to).fetch_one(store.reads()).await?).await
}

/// Reads the events of a chat that others redact.
pub async fn redacted_by(store: &Store, chat: i64, events: &[Event]) -> Result<Vec<Event>, ChatError> {
    let ids: Vec<&str> = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::Redaction { event_id } => Some(event_id.as_str()),
            _ => None,
        })
        .collect();
    let mut redacted = Vec::new();
    for ids in sql::pieces(&ids, 1) {
        let statement = page_of("$3", &format!("event_id IN {}", sql::placeholders(4, 1, ids.len())), "sequence", PAGE);
        let mut query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(CELL_END).bind(LINE_END).bind(chat);
        for event_id in ids {
            query = query.bind((*event_id).to_owned());
        }
        redacted.extend(read_page(query.fetch_one(store.reads()).await?).await?);
    }
    Ok(redacted)
}

/// Returns whether the customer wrote after a sequence.
pub async fn customer_wrote_after(store: &Store, chat: i64, sequence: i64) -> Result<bool, ChatError> {
    let written = "SELECT COUNT(*) FROM (SELECT 1 FROM event WHERE chat = $2 AND sequence > $1
         AND substr(body, 1, 37) = '{\"kind\":\"message\",\"author\":\"customer\"' LIMIT 1) AS written";
    Ok(sqlx::query_scalar::<_, i64>(written).bind(sequence).bind(chat).fetch_one(store.reads()).await? > 0)
}

/// Reads all events of a chat whose row is locked, as needed for its summary: without what people wrote.
pub async fn bare_of_locked(write: &mut Write, number: i64) -> Result<Vec<Event>, ChatError> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.sequence);
        let query = sqlx::query_scalar(AssertSqlSafe(BARE_PAGE.as_str())).bind(CELL_END).bind(LINE_END).bind(after).bind(number);
        let mut page = read_page(query.fetch_one(&mut **write).await?).await?;
        let whole = page.len() < PAGE;
        page.iter_mut().for_each(|event| event.body.lighten());
        events.append(&mut page);
        if whole {
            return Ok(events);
        }
    }
}

/// Reads the latest events of a chat whose row is locked, up to about so many bytes.
pub async fn recent_of_locked(write: &mut Write, number: i64, bytes: usize) -> Result<Vec<Event>, ChatError> {
    let mut events: Vec<Event> = Vec::new();
    let mut size = 0;
    loop {
        let oldest = events.first().map_or(i64::MAX, |event| event.sequence);
        let statement = page_of("$4", "sequence < $3", "sequence DESC", FIRST_PAGE as usize);
        let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(CELL_END).bind(LINE_END).bind(oldest).bind(number);
        let page = read_page(query.fetch_one(&mut **write).await?).await?;
        let whole = (page.len() as i64) < FIRST_PAGE;
        size += page.iter().map(size_of).sum::<usize>();
        events.splice(0..0, page);
        if whole || size >= bytes {
            return Ok(events);
        }
    }
}

/// Returns the approximate stored size of an event.
fn size_of(event: &Event) -> usize {
    match &event.body {
        EventBody::Message(message) => message.bytes() + 64,
        // Rare and short.
        body => serde_json::to_string(body).map_or(0, |json| json.len()),
    }
}

/// The columns of an event as one line of text: passing a row costs more than splitting a line.
const LINE: &str = "CAST(chat AS TEXT) || CAST($1 AS TEXT) || CAST(sequence AS TEXT) || CAST($1 AS TEXT) || CAST(at AS TEXT)
     || CAST($1 AS TEXT) || CAST(redacted AS TEXT) || CAST($1 AS TEXT) || event_id || CAST($1 AS TEXT) || body";
/// Neither occurs in an id, and JSON escapes both.
const CELL_END: &str = "\t";
const LINE_END: &str = "\n";
/// Conditions for messages, and for events that make a chat's state: the latter is the condition of an index.
const IS_MESSAGE: &str = "substr(body, 1, 17) = '{\"kind\":\"message\"'";
const IS_STATE: &str = "substr(body, 1, 17) <> '{\"kind\":\"message\"' AND substr(body, 1, 19) <> '{\"kind\":\"page_view\"'";
/// Selects a page of events, truncating messages before their text: their kind is at the beginning.
static BARE_PAGE: LazyLock<String> = LazyLock::new(|| {
    let body = format!("CASE WHEN {IS_MESSAGE} THEN substr(body, 1, {MAX_BEGINNING}) ELSE body END AS body");
    format!(
        "SELECT string_agg({LINE}, CAST($2 AS TEXT)) FROM
           (SELECT chat, sequence, at, redacted, event_id, {body} FROM event
            WHERE chat = $4 AND sequence > $3 ORDER BY sequence LIMIT {PAGE}) AS page"
    )
});

/// Returns the statement for at most `most` of a chat's events that match a condition, in an order.
fn page_of(number: &str, condition: &str, order: &str, most: usize) -> String {
    format!(
        "SELECT string_agg({LINE}, CAST($2 AS TEXT)) FROM
           (SELECT chat, sequence, at, redacted, event_id, body FROM event
            WHERE chat = {number} AND {condition} ORDER BY {order} LIMIT {most}) AS page"
    )
}

async fn read_page(lines: Option<String>) -> Result<Vec<Event>, ChatError> {
    Ok(read(lines).await?.into_values().next().unwrap_or_default())
}

/// Parses lines of events; large ones off the serving threads.
async fn read(lines: Option<String>) -> Result<BTreeMap<i64, Vec<Event>>, ChatError> {
    let lines = lines.unwrap_or_default();
    if lines.len() < MANY_BYTES {
        return read_lines(&lines);
    }
    spawn_blocking(move || read_lines(&lines)).await.map_err(|_| StoreError::Busy)?
}

/// Reads the last events of several chats, by their numbers: of each those after a sequence.
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
    read(query.fetch_one(store.reads()).await?).await
}

fn read_lines(lines: &str) -> Result<BTreeMap<i64, Vec<Event>>, ChatError> {
    let mut chats: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
    for line in lines.split(LINE_END).filter(|line| !line.is_empty()) {
        let (chat, event) = read_line(line)?;
        chats.entry(chat).or_default().push(event);
    }
    for events in chats.values_mut() {
        // An aggregate guarantees no order.
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
        body: read_body(body)?,
    };
    Ok((number(chat)?, event))
}

/// Parses an event's content. One that was truncated before a message's text, which its quotation mark shows, is a message without text.
fn read_body(json: &str) -> Result<EventBody, ChatError> {
    const TEXT: &str = ",\"text\":\"";
    match serde_json::from_str(json) {
        Ok(body) => Ok(body),
        Err(error) => match json.split_once(TEXT) {
            Some((before, _)) if error.is_eof() => Ok(serde_json::from_str(&format!("{before}{TEXT}\"}}"))?),
            _ => Err(error.into()),
        },
    }
}
