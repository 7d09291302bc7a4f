//! The rows of chats: locked by writers, looked up by id, by customer and by ticket, erased.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::{error::ChatError, event::EventBody, fold::Summary, word_rows},
    ids::Workspace,
    store::{Dialect, Store, StoreError, Write, first_number, nanoseconds, sql},
};

/// Identifies a chat. Its order is the order in which rows are locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatKey {
    pub workspace: String,
    pub chat_id: String,
}

/// A chat's row, locked by a writer.
#[derive(Debug, Clone)]
pub struct Locked {
    /// The number that its events and words refer to.
    pub number: i64,
    /// Its state.
    pub summary: Summary,
}

/// Locks the rows of those of the chats that exist, in order. A new chat's row is locked by being inserted.
pub async fn lock(write: &mut Write, keys: &[&ChatKey]) -> Result<BTreeMap<ChatKey, Locked>, ChatError> {
    let mut locked = BTreeMap::new();
    // SQLite has one writer at a time.
    let lock = if write.dialect() == Dialect::Postgres { " ORDER BY workspace, chat_id FOR UPDATE" } else { "" };
    for keys in sql::pieces(keys, 2) {
        let statement = format!(
            "SELECT number, workspace, chat_id, summary FROM chat WHERE (workspace, chat_id) IN (VALUES {}){lock}",
            sql::placeholders(1, keys.len(), 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for key in keys {
            query = query.bind(key.workspace.clone()).bind(key.chat_id.clone());
        }
        for row in query.fetch_all(&mut **write).await? {
            let summary = serde_json::from_str(&row.try_get::<String, _>(3)?)?;
            let key = ChatKey { workspace: row.try_get(1)?, chat_id: row.try_get(2)? };
            locked.insert(key, Locked { number: row.try_get(0)?, summary });
        }
    }
    Ok(locked)
}

/// Returns an unused number: milliseconds since 2020, then 20 random bits, in which replicas that create chats at the same time differ.
pub fn next_number() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = first_number(Timestamp::now()) | i64::from(uuid::Uuid::new_v4().as_fields().0 >> 12);
    let next = |last: i64| Some(now.max(last + 1));
    LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).map_or(now, |last| now.max(last + 1))
}

/// The columns that hold a chat's state.
const STATE: &str = "last_sequence, status, channel, team, agent_id, topic, customer_id, ticket_id, opened_at, updated_at, summary";

/// A chat's new state.
pub struct Changed<'a> {
    pub key: &'a ChatKey,
    pub number: i64,
    /// `None` for a new chat.
    pub before: Option<&'a Summary>,
    pub summary: &'a Summary,
    /// Whether it has new events to learn from.
    pub teaches: bool,
    /// The language that it is counted in from now on; empty: as before.
    pub language: &'a str,
}

impl Changed<'_> {
    /// Returns whether only columns without an index changed, as with most messages: the indexes then stay as they are.
    fn only_goes_on(&self) -> bool {
        let listed = |summary: &Summary| {
            let Summary { status, channel, group, agent_id, topic, customer_id, ticket, opened_at, .. } = summary.clone();
            (status, channel, group, agent_id, topic, customer_id, ticket, opened_at)
        };
        self.before.is_some_and(|before| listed(before) == listed(self.summary))
    }
}

/// Writes the state of chats whose rows are locked, and the rows of new ones. Fails with [`StoreError::Conflict`] if another server has begun
/// one of them meanwhile.
pub async fn store(write: &mut Write, changed: &[Changed<'_>]) -> Result<(), ChatError> {
    let (new, known): (Vec<&Changed>, Vec<&Changed>) = changed.iter().partition(|changed| changed.before.is_none());
    if store_columns(write, &new, "(workspace, chat_id) DO NOTHING").await? < new.len() as u64 {
        return Err(StoreError::Conflict.into());
    }
    let (going_on, other): (Vec<&Changed>, Vec<&Changed>) = known.into_iter().partition(|changed| changed.only_goes_on());
    let set = |columns: &[&str]| {
        let columns: Vec<String> = columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        format!(
            "(number) DO UPDATE SET {}, teaches = chat.teaches | excluded.teaches,
             language = CASE WHEN excluded.language = '' THEN chat.language ELSE excluded.language END",
            columns.join(", ")
        )
    };
    store_columns(write, &going_on, &set(&["last_sequence", "updated_at", "summary"])).await?;
    let every: Vec<&str> = STATE.split(", ").collect();
    store_columns(write, &other, &set(&every)).await?;
    Ok(())
}

/// Returns how many rows were written.
async fn store_columns(write: &mut Write, changed: &[&Changed<'_>], on_conflict: &str) -> Result<u64, ChatError> {
    const COLUMNS: usize = 16;
    let mut written = 0;
    for changed in sql::insert_pieces(changed, COLUMNS) {
        let into = format!("chat (number, workspace, chat_id, {STATE}, teaches, language)");
        let statement = sql::insert(write.dialect(), &into, changed.len(), COLUMNS) + " ON CONFLICT " + on_conflict;
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for Changed { key, number, summary, teaches, language, .. } in changed {
            query = query
                .bind(*number)
                .bind(key.workspace.clone())
                .bind(key.chat_id.clone())
                .bind(summary.last_sequence)
                .bind(summary.status as i64)
                .bind(summary.channel as i64)
                .bind(summary.group.clone())
                .bind(summary.agent_id.clone())
                .bind(summary.topic.clone())
                .bind(summary.customer_id.clone())
                .bind(summary.ticket.as_ref().map(|ticket| ticket.ticket_id.clone()).unwrap_or_default())
                .bind(nanoseconds(summary.opened_at))
                .bind(nanoseconds(summary.updated_at))
                .bind(serde_json::to_string(summary)?)
                .bind(i64::from(*teaches))
                .bind((*language).to_owned());
        }
        written += query.execute(&mut **write).await?.rows_affected();
    }
    Ok(written)
}

/// Locks a chat's row for the rest of a write, and returns its number, if the chat exists: what is then written beside it is erased with it.
pub async fn hold(write: &mut Write, workspace: &str, chat_id: &str) -> Result<Option<i64>, StoreError> {
    let statement = "UPDATE chat SET last_sequence = last_sequence WHERE workspace = $1 AND chat_id = $2 RETURNING number";
    let query = sqlx::query_scalar(statement).bind(workspace.to_owned()).bind(chat_id.to_owned());
    Ok(query.fetch_optional(&mut **write).await?)
}

/// Returns the number of a chat; `None` if there is none. A chat that was erased and begins anew has another.
pub async fn number(store: &Store, workspace: &str, chat_id: &str) -> Result<Option<i64>, ChatError> {
    let query = sqlx::query_scalar("SELECT number FROM chat WHERE workspace = $1 AND chat_id = $2");
    Ok(query.bind(workspace.to_owned()).bind(chat_id.to_owned()).fetch_optional(store.reads()).await?)
}

/// A chat that belongs to another's context.
#[derive(Debug, Clone)]
pub struct Related {
    pub number: i64,
    pub chat_id: String,
    pub summary: Summary,
}

/// Returns the other chats of a chat's customer, and those that it became or came from as a ticket, newest opened first; and how many there
/// are in all.
pub async fn related(store: &Store, key: &ChatKey, summary: &Summary, most: usize) -> Result<(Vec<Related>, usize), ChatError> {
    // Empty values link nothing.
    let or_none = |text: &str| if text.is_empty() { None } else { Some(text.to_owned()) };
    let ticket_id = or_none(summary.ticket.as_ref().map_or("", |ticket| &ticket.ticket_id));
    let statement = format!(
        "SELECT number, chat_id, summary FROM chat WHERE number IN
           (SELECT number FROM (SELECT number FROM chat WHERE workspace = $1 AND customer_id = $2
                                ORDER BY opened_at DESC, number DESC LIMIT {most_and_own}) AS of_customer
            UNION ALL SELECT number FROM chat WHERE workspace = $1 AND ticket_id IN ($3, $4) AND {same}
            UNION ALL SELECT number FROM chat WHERE workspace = $1 AND chat_id = $4 AND {same})
         ORDER BY opened_at DESC, number DESC LIMIT {most_and_own}",
        // A ticket's other chats may be a former customer's.
        same = if summary.customer_id.is_empty() { "1 = 1" } else { "customer_id IN ($2, '')" },
        most_and_own = most + 1
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(key.workspace.clone())
        .bind(or_none(&summary.customer_id))
        .bind(key.chat_id.clone())
        .bind(ticket_id)
        .fetch_all(store.reads())
        .await?;
    let mut related = Vec::new();
    for row in &rows {
        let summary = serde_json::from_str(&row.try_get::<String, _>(2)?)?;
        let chat = Related { number: row.try_get(0)?, chat_id: row.try_get(1)?, summary };
        if chat.chat_id != key.chat_id {
            related.push(chat);
        }
    }
    let mut total = related.len();
    if total > most {
        let statement = "SELECT COUNT(*) FROM chat WHERE workspace = $1 AND customer_id = $2 AND chat_id <> $3";
        let query = sqlx::query_scalar(statement).bind(key.workspace.clone()).bind(summary.customer_id.clone()).bind(key.chat_id.clone());
        let of_customer: i64 = query.fetch_one(store.reads()).await?;
        total = total.max(usize::try_from(of_customer).unwrap_or(usize::MAX));
    }
    related.truncate(most);
    Ok((related, total))
}

/// Returns a chat's summary, if the chat exists.
pub async fn summary(store: &Store, key: &ChatKey) -> Result<Option<Summary>, ChatError> {
    let statement = "SELECT summary FROM chat WHERE workspace = $1 AND chat_id = $2";
    let query = sqlx::query_scalar::<_, String>(statement).bind(key.workspace.clone()).bind(key.chat_id.clone());
    let summary = query.fetch_optional(store.reads()).await?.filter(|summary| !summary.is_empty());
    Ok(summary.map(|summary| serde_json::from_str(&summary)).transpose()?)
}

/// Returns a chat's number and its summary, if the chat exists.
pub async fn numbered_summary(store: &Store, key: &ChatKey) -> Result<Option<(i64, Summary)>, ChatError> {
    let query = sqlx::query_as::<_, (i64, String)>("SELECT number, summary FROM chat WHERE workspace = $1 AND chat_id = $2");
    let row = query.bind(key.workspace.clone()).bind(key.chat_id.clone()).fetch_optional(store.reads()).await?;
    let row = row.filter(|(_, summary)| !summary.is_empty());
    row.map(|(number, summary)| Ok((number, serde_json::from_str(&summary)?))).transpose()
}

/// Records the customers that new events name.
pub async fn insert_customers(write: &mut Write, events: &[(&ChatKey, i64, &EventBody)]) -> Result<(), ChatError> {
    const COLUMNS: usize = 3;
    let named: BTreeSet<(&str, &str, i64)> = events
        .iter()
        .filter_map(|(key, number, body)| match body {
            EventBody::Customer(customer) if !customer.customer_id.is_empty() => {
                Some((key.workspace.as_str(), customer.customer_id.as_str(), *number))
            }
            _ => None,
        })
        .collect();
    let rows: Vec<_> = named.into_iter().collect();
    for rows in sql::insert_pieces(&rows, COLUMNS) {
        let into = "chat_customer (workspace, customer_id, chat)";
        let statement = sql::insert(write.dialect(), into, rows.len(), COLUMNS) + " ON CONFLICT (workspace, customer_id, chat) DO NOTHING";
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (workspace, customer_id, number) in rows {
            query = query.bind((*workspace).to_owned()).bind((*customer_id).to_owned()).bind(*number);
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Returns the numbers and ids of the chats that ever named a customer.
pub async fn of_customer<'c>(
    from: impl sqlx::Executor<'c, Database = sqlx::Any>,
    workspace: &str,
    customer_id: &str,
) -> Result<Vec<(i64, String)>, ChatError> {
    let statement = "SELECT chat.number, chat.chat_id FROM chat_customer JOIN chat ON chat.number = chat_customer.chat
         WHERE chat_customer.workspace = $1 AND chat_customer.customer_id = $2 ORDER BY chat.workspace, chat.chat_id";
    Ok(sqlx::query_as(statement).bind(workspace.to_owned()).bind(customer_id.to_owned()).fetch_all(from).await?)
}

/// Returns every customer that a chat names, by workspace.
pub async fn customers(store: &Store) -> Result<Vec<(Workspace, String)>, ChatError> {
    let statement = "SELECT DISTINCT workspace, customer_id FROM chat_customer";
    let rows: Vec<(String, String)> = sqlx::query_as(statement).fetch_all(store.reads()).await?;
    let read =
        |(name, customer_id): (String, String)| Ok((Workspace::new(&name).map_err(|_| StoreError::malformed("workspace"))?, customer_id));
    rows.into_iter().map(read).collect()
}

/// Returns the chats whose last event is older than a time, the oldest first.
pub async fn idle_since(store: &Store, workspace: &str, time: Timestamp, most: usize) -> Result<Vec<(i64, String)>, ChatError> {
    // A chat that ended before a time also began before it, so the index on `opened_at` serves.
    let statement = format!(
        "SELECT number, chat_id FROM chat WHERE workspace = $1 AND opened_at < $2 AND updated_at < $2 ORDER BY opened_at, number LIMIT {most}"
    );
    Ok(sqlx::query_as(AssertSqlSafe(statement)).bind(workspace.to_owned()).bind(nanoseconds(time)).fetch_all(store.reads()).await?)
}

/// Deletes a chat with its events, words, promises, codes and running summary, unless it continued after `idle_since`; returns how many events it had. The chat's row is
/// deleted first: it is what an append locks.
pub async fn erase(write: &mut Write, number: i64, idle_since: Option<Timestamp>) -> Result<Option<u64>, ChatError> {
    let until = idle_since.map_or(i64::MAX, nanoseconds);
    let gone = sqlx::query("DELETE FROM chat WHERE number = $1 AND updated_at < $2").bind(number).bind(until).execute(&mut **write).await?;
    if gone.rows_affected() == 0 {
        return Ok(None);
    }
    let words = word_rows::of_chats(write, &[number]).await?.remove(&number).unwrap_or_default();
    word_rows::delete(write, number, &words).await?;
    let events = sqlx::query("DELETE FROM event WHERE chat = $1").bind(number).execute(&mut **write).await?;
    for table in ["chat_customer", "promise", "chat_code", "running_summary"] {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table} WHERE chat = $1"))).bind(number).execute(&mut **write).await?;
    }
    Ok(Some(events.rows_affected()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise() {
        let numbers: Vec<i64> = (0..10_000).map(|_| next_number()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
