//! The rows of promises: written with the events that make, keep and withdraw them, and listed by their days.

use jiff::{Timestamp, tz::TimeZone};
use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use tokio::task::spawn_blocking;

use crate::{
    chats::{
        Languages, Summary,
        error::ChatError,
        event::EventBody,
        event_page_rows,
        event_rows::NewRow,
        fold::Status,
        newly_said::NewlySaid,
        of_workspace,
        promise_fold::settle,
        stored_promise::{StoredPromise, StoredStatus, end_of_day},
    },
    ids::Workspace,
    promises::Promise,
    store::{Store, StoreError, Write, nanoseconds, sql, timestamp},
};

/// Bytes of a chat's latest events that are read to tell what became of its promises.
const MAX_SETTLED_BYTES: usize = 256 << 10;
/// The time of a promise without a day, which stands last.
const NO_DAY: i64 = i64::MAX;
/// The number of an overdue promise in a query; it is not stored.
const OVERDUE: i64 = 4;

/// The status of a promise in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromiseStatus {
    /// It is to be kept, and not late.
    Open,
    /// It is to be kept, and its day is over.
    Overdue,
    /// It was kept, as a later message or record says.
    Kept,
    /// It was taken back, or its message was redacted.
    Withdrawn,
}

/// Which promises of open chats are listed. Empty fields filter nothing.
#[derive(Debug, Clone, Default)]
pub struct PromiseFilter {
    /// Only promises that are due at this time or later.
    pub due_after: Option<Timestamp>,
    /// Only promises that are due before this time.
    pub due_before: Option<Timestamp>,
    /// Only promises that this agent made.
    pub agent_id: String,
    /// Only promises in chats of this team.
    pub group: String,
    /// Only promises of these statuses; none lists nothing.
    pub statuses: Vec<PromiseStatus>,
}

/// A promise in a list.
#[derive(Debug, Clone)]
pub struct ListedPromise {
    /// The chat that it was made in.
    pub chat_id: String,
    /// The message's event.
    pub event_id: String,
    /// The shop's id of the agent who made it; empty if unknown.
    pub agent_id: String,
    /// That agent's name; empty if unknown.
    pub agent_name: String,
    /// The chat's team; empty if none.
    pub group: String,
    /// The sentence as written; empty once its message was redacted.
    pub text: String,
    /// When the message was written.
    pub made_at: Timestamp,
    /// The last second, in UTC, of the day by which it is to be kept, if one was said.
    pub due_at: Option<Timestamp>,
    /// Its status at the time of the query.
    pub status: PromiseStatus,
    pub(super) place: PromisePlace,
}

/// A promise's place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromisePlace {
    pub due_at: i64,
    pub made_at: i64,
    pub chat: i64,
    pub sequence: i64,
    pub place: i64,
}

/// Stores what new events promise, and what they make of earlier promises. Most chats need no statement.
pub async fn store_said(write: &mut Write, languages: &Languages, said: &[NewlySaid<'_>]) -> Result<(), ChatError> {
    let mut changed: Vec<(&NewlySaid, StoredPromise)> = Vec::new();
    for chat in said {
        let belongs = |summary: &Summary| (summary.status == Status::Open, summary.group.clone());
        if chat.before.is_some_and(|before| belongs(before) != belongs(chat.summary)) {
            let statement = "UPDATE promise SET chat_open = $1, team = $2 WHERE chat = $3";
            let query = sqlx::query(statement).bind(i64::from(chat.summary.status == Status::Open)).bind(chat.summary.group.clone());
            query.bind(chat.number).execute(&mut **write).await?;
        }
        let made: Vec<StoredPromise> = chat.new.iter().flat_map(made_in).collect();
        let late = chat.before.is_some_and(|before| made.iter().any(|promise| promise.made_at < before.updated_at));
        let settles = late || !chat.redactions.is_empty() || chat.new.iter().any(|kept| kept.prepared.said.settles);
        let of_chat = if settles { settled(write, languages, chat, made).await? } else { made };
        changed.extend(of_chat.into_iter().map(|promise| (chat, promise)));
    }
    store(write, &changed).await
}

/// The promises of a chat that are new or changed, by all that was said of them.
async fn settled(
    write: &mut Write,
    languages: &Languages,
    chat: &NewlySaid<'_>,
    made: Vec<StoredPromise>,
) -> Result<Vec<StoredPromise>, ChatError> {
    let before = if chat.before.is_some() { of_chat(&mut **write, chat.number).await? } else { Vec::new() };
    let mut promises: Vec<StoredPromise> = before.iter().cloned().chain(made).collect();
    for promise in promises.iter_mut().filter(|promise| chat.redactions.contains(&promise.event_id)) {
        promise.text.clear();
        promise.status = StoredStatus::Withdrawn;
    }
    if promises.iter().any(|promise| !promise.text.is_empty()) {
        let events = event_page_rows::recent_of_locked(write, chat.number, MAX_SETTLED_BYTES).await?;
        let expected = of_workspace(languages, chat.workspace).to_vec();
        let work = move || {
            settle(&mut promises, events, &expected);
            promises
        };
        promises = spawn_blocking(work).await.map_err(|_| StoreError::Busy)?;
    }
    promises.retain(|promise| !before.contains(promise));
    Ok(promises)
}

/// Returns a chat's latest promises, at most 200.
pub async fn of_chat<'c>(from: impl sqlx::Executor<'c, Database = sqlx::Any>, number: i64) -> Result<Vec<StoredPromise>, ChatError> {
    let statement = "SELECT sequence, place, event_id, agent_id, agent_name, text, made_at, due_at, status FROM promise
         WHERE chat = $1 ORDER BY sequence DESC, place DESC LIMIT 200";
    sqlx::query(statement).bind(number).fetch_all(from).await?.iter().map(read_stored).collect()
}

async fn store(write: &mut Write, promises: &[(&NewlySaid<'_>, StoredPromise)]) -> Result<(), ChatError> {
    const COLUMNS: usize = 13;
    for promises in sql::insert_pieces(promises, COLUMNS) {
        let into =
            "promise (chat, sequence, place, workspace, event_id, agent_id, agent_name, text, made_at, due_at, status, team, chat_open)";
        let statement = sql::insert(write.dialect(), into, promises.len(), COLUMNS)
            + " ON CONFLICT (chat, sequence, place) DO UPDATE SET text = excluded.text, status = excluded.status";
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (chat, promise) in promises {
            query = query
                .bind(chat.number)
                .bind(promise.sequence)
                .bind(promise.place)
                .bind(chat.workspace.to_owned())
                .bind(promise.event_id.clone())
                .bind(promise.agent_id.clone())
                .bind(promise.agent_name.clone())
                .bind(promise.text.clone())
                .bind(nanoseconds(promise.made_at))
                .bind(promise.due_at.map_or(NO_DAY, nanoseconds))
                .bind(promise.status as i64)
                .bind(chat.summary.group.clone())
                .bind(i64::from(chat.summary.status == Status::Open));
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Lists promises of open chats after a place, by their days.
pub async fn list(
    store: &Store,
    workspace: &Workspace,
    filter: &PromiseFilter,
    after: Option<PromisePlace>,
    most: usize,
) -> Result<Vec<ListedPromise>, ChatError> {
    let before_all = PromisePlace { due_at: i64::MIN, made_at: 0, chat: 0, sequence: 0, place: 0 };
    let PromisePlace { due_at, made_at, chat, sequence, place } = after.unwrap_or(before_all);
    // Who asks for days wants promises with one.
    let last = match (filter.due_after, filter.due_before) {
        (None, None) => NO_DAY,
        (Some(_), None) => NO_DAY - 1,
        (_, Some(before)) => nanoseconds(before) - 1,
    };
    let number = |status: PromiseStatus| match status {
        PromiseStatus::Open => StoredStatus::Open as i64,
        PromiseStatus::Kept => StoredStatus::Kept as i64,
        PromiseStatus::Withdrawn => StoredStatus::Withdrawn as i64,
        PromiseStatus::Overdue => OVERDUE,
    };
    let wanted = |status: PromiseStatus| if filter.statuses.contains(&status) { number(status) } else { 0 };
    let statement = "SELECT chat.chat_id, promise.event_id, promise.agent_id, promise.agent_name, promise.team, promise.text,
           promise.made_at, promise.due_at, CASE WHEN promise.status = 1 AND promise.due_at < $11 THEN 4 ELSE promise.status END,
           promise.chat, promise.sequence, promise.place
         FROM promise JOIN chat ON chat.number = promise.chat
         WHERE promise.workspace = $1 AND promise.chat_open = 1 AND promise.due_at >= $2 AND promise.due_at <= $3
           AND (promise.due_at, promise.made_at, promise.chat, promise.sequence, promise.place) > ($4, $5, $6, $7, $8)
           AND (CAST($9 AS TEXT) = '' OR promise.agent_id = $9) AND (CAST($10 AS TEXT) = '' OR promise.team = $10)
           AND CASE WHEN promise.status = 1 AND promise.due_at < $11 THEN 4 ELSE promise.status END IN ($12, $13, $14, $15)
         ORDER BY promise.due_at, promise.made_at, promise.chat, promise.sequence, promise.place LIMIT $16";
    let query = sqlx::query(statement)
        .bind(workspace.as_str().to_owned())
        .bind(filter.due_after.map_or(i64::MIN, nanoseconds))
        .bind(last)
        .bind(due_at)
        .bind(made_at)
        .bind(chat)
        .bind(sequence)
        .bind(place)
        .bind(filter.agent_id.clone())
        .bind(filter.group.clone())
        .bind(nanoseconds(Timestamp::now()))
        .bind(wanted(PromiseStatus::Open))
        .bind(wanted(PromiseStatus::Kept))
        .bind(wanted(PromiseStatus::Withdrawn))
        .bind(wanted(PromiseStatus::Overdue))
        .bind(most as i64);
    query.fetch_all(store.reads()).await?.iter().map(read_listed).collect()
}

fn read_listed(row: &AnyRow) -> Result<ListedPromise, ChatError> {
    let place = PromisePlace {
        due_at: row.try_get(7)?,
        made_at: row.try_get(6)?,
        chat: row.try_get(9)?,
        sequence: row.try_get(10)?,
        place: row.try_get(11)?,
    };
    Ok(ListedPromise {
        chat_id: row.try_get(0)?,
        event_id: row.try_get(1)?,
        agent_id: row.try_get(2)?,
        agent_name: row.try_get(3)?,
        group: row.try_get(4)?,
        text: row.try_get(5)?,
        made_at: timestamp(place.made_at)?,
        due_at: if place.due_at == NO_DAY { None } else { Some(timestamp(place.due_at)?) },
        status: match row.try_get::<i64, _>(8)? {
            2 => PromiseStatus::Kept,
            3 => PromiseStatus::Withdrawn,
            OVERDUE => PromiseStatus::Overdue,
            _ => PromiseStatus::Open,
        },
        place,
    })
}

/// The promises of a new message.
fn made_in(kept: &NewRow<'_>) -> Vec<StoredPromise> {
    let NewRow { sequence, at, prepared } = *kept;
    let EventBody::Message(message) = &prepared.event.body else { return Vec::new() };
    if prepared.said.candidates.is_empty() {
        return Vec::new();
    }
    let from = at.to_zoned(TimeZone::UTC).date();
    let found = prepared.said.candidates.iter().filter_map(|candidate| candidate.promise(from));
    let promise = |(place, promise): (i64, Promise)| StoredPromise {
        sequence,
        place,
        event_id: prepared.event.event_id.to_string(),
        agent_id: message.author_id.clone(),
        agent_name: message.author_name.clone(),
        text: promise.text,
        made_at: at,
        due_at: promise.due.and_then(end_of_day),
        status: StoredStatus::Open,
    };
    (0..).zip(found).map(promise).collect()
}

fn read_stored(row: &AnyRow) -> Result<StoredPromise, ChatError> {
    let due_at: i64 = row.try_get(7)?;
    Ok(StoredPromise {
        sequence: row.try_get(0)?,
        place: row.try_get(1)?,
        event_id: row.try_get(2)?,
        agent_id: row.try_get(3)?,
        agent_name: row.try_get(4)?,
        text: row.try_get(5)?,
        made_at: timestamp(row.try_get(6)?)?,
        due_at: if due_at == NO_DAY { None } else { Some(timestamp(due_at)?) },
        status: match row.try_get::<i64, _>(8)? {
            2 => StoredStatus::Kept,
            3 => StoredStatus::Withdrawn,
            _ => StoredStatus::Open,
        },
    })
}
