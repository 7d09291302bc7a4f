//! The log of changes that those who watch follow: numbered in the order of commits, and kept for an hour.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::{error::ChatError, event::Event, event_page_rows, fold::Summary},
    store::{Store, Write, nanoseconds, sql},
};

/// How many changes are taken away at once.
const PRUNED_AT_ONCE: u64 = 1000;
/// Reads what stands at a position and after it: 64 changes.
const FROM: &str =
    "SELECT chat_change.number, chat_change.at, chat_change.chat, first_sequence, chat_change.last_sequence, bytes, agent_before,
       team_before, agent_after, team_after, erased, COALESCE(chat.chat_id, ''), COALESCE(chat.summary, '')
     FROM chat_change LEFT JOIN chat ON chat.number = chat_change.chat
     WHERE chat_change.workspace = $1 AND chat_change.number >= $2 ORDER BY chat_change.number LIMIT 65";
/// Of the oldest changes, as many as are taken away at once, the last that was written before a time.
const LAST_OLD: &str =
    "SELECT MAX(number) FROM (SELECT number, at FROM chat_change WHERE workspace = $1 ORDER BY number LIMIT 1000) AS oldest
     WHERE at < $2";

/// A place in the log of a workspace: the number of a change, and when it was written. A number that was given again after a restored backup
/// or a failover has another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    pub number: i64,
    pub at: i64,
}

impl Position {
    /// The place before a change, whoever wrote what stands there.
    pub fn before(self) -> Position {
        Position { number: self.number - 1, at: UNKNOWN }
    }
}

/// A time that is not compared.
const UNKNOWN: i64 = -1;

/// Whose a chat is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owner {
    pub agent_id: String,
    pub team: String,
}

impl Owner {
    pub fn of(summary: &Summary) -> Owner {
        Owner { agent_id: summary.agent_id.clone(), team: summary.group.clone() }
    }
}

/// A change to write.
#[derive(Debug)]
pub struct NewChange<'a> {
    pub workspace: &'a str,
    pub chat: i64,
    /// The first and the last of the new events; zeros if the chat was erased.
    pub sequences: (i64, i64),
    pub bytes: i64,
    pub before: Owner,
    pub after: Owner,
    /// The SHA-256 of an erased chat's id; else empty.
    pub erased: String,
}

/// A change that was read.
#[derive(Debug)]
pub struct Change {
    pub position: Position,
    pub chat: i64,
    pub first_sequence: i64,
    pub last_sequence: i64,
    /// About how much memory it takes.
    pub bytes: usize,
    pub before: Owner,
    pub after: Owner,
    /// The SHA-256 of an erased chat's id; else empty.
    pub erased: String,
    pub chat_id: String,
    /// The chat's state when this was read.
    pub summary: Summary,
    pub events: Vec<Event>,
    /// Earlier events that `events` redact.
    pub redacted: Vec<Event>,
}

/// Writes changes, ordered by workspace. It has to be the last that a write does before its commit: it holds up all other writes of changes.
pub async fn record(write: &mut Write, changes: &[NewChange<'_>]) -> Result<(), ChatError> {
    if changes.is_empty() {
        return Ok(());
    }
    let at = nanoseconds(Timestamp::now());
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for change in changes {
        *counts.entry(change.workspace).or_default() += 1;
    }
    let counts: Vec<(&str, i64)> = counts.into_iter().collect();
    let mut next: BTreeMap<String, i64> = BTreeMap::new();
    for counts in sql::pieces(&counts, 3) {
        let statement = format!(
            "INSERT INTO chat_change_counter (workspace, number, at) VALUES {} ON CONFLICT (workspace)
             DO UPDATE SET number = chat_change_counter.number + excluded.number, at = excluded.at RETURNING workspace, number",
            sql::placeholders(1, counts.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (workspace, count) in counts {
            query = query.bind((*workspace).to_owned()).bind(*count).bind(at);
        }
        for row in query.fetch_all(&mut **write).await? {
            let (workspace, last): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            let count = counts.iter().find(|(known, _)| *known == workspace).map_or(0, |(_, count)| *count);
            next.insert(workspace, last - count + 1);
        }
    }
    const COLUMNS: usize = 12;
    for changes in sql::insert_pieces(changes, COLUMNS) {
        let into = "chat_change (workspace, number, at, chat, first_sequence, last_sequence, bytes, agent_before, team_before, agent_after, \
                    team_after, erased)";
        let mut query = sqlx::query(AssertSqlSafe(sql::insert(write.dialect(), into, changes.len(), COLUMNS)));
        for NewChange { workspace, chat, sequences: (first, last), bytes, before, after, erased } in changes {
            let number = next.entry((*workspace).to_owned()).or_default();
            query = query
                .bind((*workspace).to_owned())
                .bind(*number)
                .bind(at)
                .bind(*chat)
                .bind(*first)
                .bind(*last)
                .bind(*bytes)
                .bind(before.agent_id.clone())
                .bind(before.team.clone())
                .bind(after.agent_id.clone())
                .bind(after.team.clone())
                .bind(erased.clone());
            *number += 1;
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Returns the end of a workspace's log.
pub async fn end(store: &Store, workspace: &str) -> Result<Position, ChatError> {
    let query = sqlx::query("SELECT number, at FROM chat_change_counter WHERE workspace = $1").bind(workspace.to_owned());
    let row = query.fetch_optional(store.reads()).await?;
    row.map_or(Ok(Position::default()), |row| Ok(Position { number: row.try_get(0)?, at: row.try_get(1)? }))
}

/// Returns whether the log goes on from a position without a gap.
pub async fn is_kept(store: &Store, workspace: &str, position: Position) -> Result<bool, ChatError> {
    if end(store, workspace).await? == position {
        return Ok(true);
    }
    let query = sqlx::query_scalar::<_, i64>("SELECT at FROM chat_change WHERE workspace = $1 AND number = $2");
    let at = query.bind(workspace.to_owned()).bind(position.number).fetch_optional(store.reads()).await?;
    if position == Position::default() {
        // From the very beginning: as long as the first change is kept.
        let first = sqlx::query_scalar::<_, i64>("SELECT number FROM chat_change WHERE workspace = $1 AND number = 1");
        return Ok(first.bind(workspace.to_owned()).fetch_optional(store.reads()).await?.is_some());
    }
    Ok(at == Some(position.at))
}

/// What follows a position in the log.
#[derive(Debug)]
pub enum Page {
    /// Changes in the order of their numbers, without those of chats that were erased since; and where the page ends.
    Of(Vec<Change>, Position),
    /// There is nothing after the position.
    End,
    /// The log has other changes than those that were read up to the position, or no longer has all that follow.
    Lost,
}

/// Reads the changes after a position, up to about so many bytes, and at least one.
pub async fn after(store: &Store, workspace: &str, position: Position, max_bytes: usize) -> Result<Page, ChatError> {
    let query = sqlx::query(FROM).bind(workspace.to_owned()).bind(position.number);
    let (mut end, mut changes, mut bytes) = (position, Vec::new(), 0);
    for row in query.fetch_all(store.reads()).await? {
        let read = Position { number: row.try_get(0)?, at: row.try_get(1)? };
        if read.number == position.number {
            if read.at != position.at && position.at != UNKNOWN {
                return Ok(Page::Lost);
            }
            continue;
        }
        if read.number != end.number + 1 {
            return Ok(Page::Lost);
        }
        let size = usize::try_from(row.try_get::<i64, _>(5)?).unwrap_or(0);
        if end != position && bytes + size > max_bytes {
            break;
        }
        (end, bytes) = (read, bytes + size);
        let summary: String = row.try_get(12)?;
        let (chat_id, erased): (String, String) = (row.try_get(11)?, row.try_get(10)?);
        if summary.is_empty() && erased.is_empty() {
            continue;
        }
        changes.push(Change {
            position: read,
            chat: row.try_get(2)?,
            first_sequence: row.try_get(3)?,
            last_sequence: row.try_get(4)?,
            bytes: size + summary.len() + 512,
            before: Owner { agent_id: row.try_get(6)?, team: row.try_get(7)? },
            after: Owner { agent_id: row.try_get(8)?, team: row.try_get(9)? },
            summary: if erased.is_empty() { serde_json::from_str(&summary)? } else { Summary::default() },
            erased,
            chat_id,
            events: Vec::new(),
            redacted: Vec::new(),
        });
    }
    if end == position {
        return Ok(Page::End);
    }
    let mut events = event_page_rows::of_changes(store, workspace, position.number, end.number).await?;
    for change in &mut changes {
        change.events = events.remove(&change.position.number).unwrap_or_default();
        change.redacted = event_page_rows::redacted_by(store, change.chat, &change.events).await?;
    }
    // Those that are not there belong to a chat that was erased in the meantime.
    changes.retain(|change| !change.erased.is_empty() || !change.events.is_empty());
    Ok(Page::Of(changes, end))
}

/// Returns whether a workspace's log has no change any more.
pub async fn is_empty(store: &Store, workspace: &str) -> Result<bool, ChatError> {
    let query = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM (SELECT 1 FROM chat_change WHERE workspace = $1 LIMIT 1) AS kept");
    Ok(query.bind(workspace.to_owned()).fetch_one(store.reads()).await? == 0)
}

/// Takes the oldest changes away that were written before a time, so many at once; returns whether there may be more.
pub async fn prune(store: &Store, workspace: &str, before: Timestamp) -> Result<bool, ChatError> {
    let query = sqlx::query_scalar::<_, Option<i64>>(LAST_OLD).bind(workspace.to_owned()).bind(nanoseconds(before));
    let Some(last) = query.fetch_one(store.reads()).await? else { return Ok(false) };
    let mut write = store.begin().await?;
    let delete = sqlx::query("DELETE FROM chat_change WHERE workspace = $1 AND number <= $2").bind(workspace.to_owned()).bind(last);
    let deleted = delete.execute(&mut *write).await?.rows_affected();
    write.commit().await?;
    Ok(deleted >= PRUNED_AT_ONCE)
}
