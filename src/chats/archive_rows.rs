//! The archive's rows: queries of chats by filter.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::{
        error::ChatError,
        fold::Summary,
        word_rows::{Frequencies, Wanted},
    },
    ids::Workspace,
    store::{Dialect, Store, nanoseconds},
};

/// Chats examined at once: a page that is not full may then still be followed by another.
const WINDOW: usize = 1000;
/// Most windows that one page goes through for words that many chats have.
const MAX_WINDOWS: usize = 5;

/// The filter of a listing. `None` or empty fields match everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only chats of this status.
    pub status: Option<crate::chats::fold::Status>,
    /// Only chats of this channel.
    pub channel: Option<crate::chats::event::Channel>,
    /// Only chats of this team, compared as a whole.
    pub group: String,
    /// Only chats whose agent has this id.
    pub agent_id: String,
    /// Only chats of this topic, compared as a whole.
    pub topic: String,
    /// Only chats whose current customer has this id.
    pub customer_id: String,
    /// Only chats opened at this time or later.
    pub opened_after: Option<Timestamp>,
    /// Only chats opened before this time.
    pub opened_before: Option<Timestamp>,
    /// Words that must all occur in messages; each is given in all the forms that it may be found by.
    pub words: Vec<Vec<String>>,
}

/// A chat in a list, with its position.
#[derive(Debug, Clone)]
pub struct Listed {
    pub place: Place,
    pub chat_id: String,
    pub summary: Summary,
}

/// A chat's position in lists: when it was opened, in nanoseconds, then its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub opened_at: i64,
    pub number: i64,
}

/// Chats in the archive's order, among which are all of the result.
#[derive(Clone, Copy)]
enum Lead<'a> {
    /// Chats whose column has a value.
    Column(&'static str, Value<'a>),
    /// All.
    Workspace,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

/// The chats found, and where to continue if there are more.
#[derive(Debug, Default)]
pub struct Found {
    /// At most as many as requested.
    pub chats: Vec<Listed>,
    pub next: Option<Place>,
}

/// Returns the chats that pass the filter, newest opened first, after a position. Rare words are looked up. Else the rarest condition drives
/// the query: its chats are gone through, a window at a time, and the other conditions are looked up chat by chat.
pub async fn list(
    store: &Store,
    workspace: &Workspace,
    filter: &Filter,
    frequencies: &Frequencies,
    after: Option<Place>,
    most: usize,
) -> Result<Found, ChatError> {
    let wanted = Wanted::of(workspace.as_str(), &filter.words);
    let few = if wanted.is_empty() { None } else { wanted.few(store, frequencies).await? };
    let (mut chats, end) = match few {
        Some(few) => (of_numbers(store, workspace, filter, &wanted, few, after, most + 1).await?, None),
        None => {
            let (mut chats, mut end) = (Vec::new(), after);
            for window in 1.. {
                let (found, next) = of_window(store, workspace, filter, &wanted, end, most + 1 - chats.len()).await?;
                chats.extend(found);
                end = next;
                // Without words a window fills a page, or the list ends.
                if chats.len() > most || end.is_none() || wanted.is_empty() || window == MAX_WINDOWS {
                    break;
                }
            }
            (chats, end)
        }
    };
    let more = chats.len() > most;
    chats.truncate(most);
    let next = if more { chats.last().map(|last| last.place) } else { end };
    Ok(Found { chats, next })
}

/// Returns the columns that a filter compares.
fn columns(filter: &Filter) -> Vec<(&'static str, Value<'_>)> {
    let numbers = [("status", filter.status.map(|status| status as i64)), ("channel", filter.channel.map(|channel| channel as i64))];
    let texts = [("team", &filter.group), ("agent_id", &filter.agent_id), ("topic", &filter.topic), ("customer_id", &filter.customer_id)];
    let numbers = numbers.into_iter().filter_map(|(column, value)| Some((column, Value::Number(value?))));
    let texts = texts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(column, value)| (column, Value::Text(value.as_str())));
    numbers.chain(texts).collect()
}

/// Builds a statement and its bound texts. Numbers are ours, so they may be inlined; texts are always bound.
struct Statement {
    sql: String,
    texts: Vec<String>,
}

impl Statement {
    fn bind(&mut self, text: &str) -> String {
        self.texts.push(text.to_owned());
        format!("${}", self.texts.len())
    }

    fn value(&mut self, value: Value) -> String {
        match value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => self.bind(text),
        }
    }

    /// Selects the positions of a lead's chats, in order, within the bounds of a page.
    fn places(workspace: &Workspace, filter: &Filter, lead: Lead, after: Option<Place>) -> Statement {
        let mut statement = Statement { sql: String::new(), texts: vec![workspace.as_str().to_owned()] };
        let mut conditions = vec!["opened_at, number FROM chat WHERE workspace = $1".to_owned()];
        if let Lead::Column(column, value) = lead {
            let value = statement.value(value);
            conditions.push(format!("{column} = {value}"));
        }
        conditions.extend(bounds(filter, after));
        statement.sql = format!("SELECT {} ORDER BY opened_at DESC, number DESC", conditions.join(" AND "));
        statement
    }

    /// Binds the values of a filter's columns, but for that of the lead.
    fn columns(&mut self, filter: &Filter, lead: Option<Lead>) -> Vec<String> {
        let is_lead = |column: &str| matches!(lead, Some(Lead::Column(lead, _)) if lead == column);
        let others = columns(filter).into_iter().filter(|(column, _)| !is_lead(column));
        others.map(|(column, value)| format!("chat.{column} = {}", self.value(value))).collect()
    }

    /// Runs it and returns the chats that it lists.
    async fn listed(self, store: &Store) -> Result<Vec<Listed>, ChatError> {
        let mut query = sqlx::query(AssertSqlSafe(self.sql)).persistent(false);
        for text in self.texts {
            query = query.bind(text);
        }
        let rows = query.fetch_all(store.reads()).await?;
        let listed = |row: &sqlx::any::AnyRow| {
            Ok(Listed {
                place: Place { opened_at: row.try_get(0)?, number: row.try_get(1)? },
                chat_id: row.try_get(2)?,
                summary: serde_json::from_str(&row.try_get::<String, _>(3)?)?,
            })
        };
        rows.iter().map(listed).collect()
    }
}

/// The conditions for a position to be in the filter's time, and after another position.
fn bounds(filter: &Filter, after: Option<Place>) -> impl Iterator<Item = String> {
    let opened_after = filter.opened_after.map(|time| format!("opened_at >= {}", nanoseconds(time)));
    let opened_before = filter.opened_before.map(|time| format!("opened_at < {}", nanoseconds(time)));
    let after = after.map(|after| format!("(opened_at, number) < ({}, {})", after.opened_at, after.number));
    opened_after.into_iter().chain(opened_before).chain(after)
}

/// Returns the last position of the lead's chats that a page examines; `None` if they end before.
async fn window_end(
    store: &Store,
    workspace: &Workspace,
    filter: &Filter,
    lead: Lead<'_>,
    after: Option<Place>,
) -> Result<Option<Place>, ChatError> {
    let Statement { sql, texts } = Statement::places(workspace, filter, lead, after);
    let last = format!("{sql} LIMIT 1 OFFSET {}", WINDOW - 1);
    let mut query = sqlx::query_as::<_, (i64, i64)>(AssertSqlSafe(last)).persistent(false);
    for text in texts {
        query = query.bind(text);
    }
    let last: Option<(i64, i64)> = query.fetch_optional(store.reads()).await?;
    Ok(last.map(|(opened_at, number)| Place { opened_at, number }))
}

/// Returns the chats of the next window that pass the filter and have the words, and where it ends; `None` at the end of the list. The rarest
/// condition drives it.
async fn of_window(
    store: &Store,
    workspace: &Workspace,
    filter: &Filter,
    wanted: &Wanted,
    after: Option<Place>,
    most: usize,
) -> Result<(Vec<Listed>, Option<Place>), ChatError> {
    let mut leads: Vec<Lead> = columns(filter).into_iter().map(|(column, value)| Lead::Column(column, value)).collect();
    if leads.is_empty() {
        leads.push(Lead::Workspace);
    }
    let mut ends = Vec::with_capacity(leads.len());
    for lead in leads {
        ends.push((window_end(store, workspace, filter, lead, after).await?, lead));
    }
    // The list that reaches furthest back with the same number of chats is the rarest; one that ends earlier is rarer still.
    ends.sort_by_key(|(end, _)| *end);
    let (last, lead) = ends.remove(0);
    let mut statement = Statement::places(workspace, filter, lead, after);
    let end = last.map(|end| format!(" AND (opened_at, number) >= ({}, {})", end.opened_at, end.number)).unwrap_or_default();
    let places = statement.sql.split(" ORDER BY").next().unwrap_or_default().to_owned() + &end;
    let mut conditions = vec!["1 = 1".to_owned()];
    conditions.extend(statement.columns(filter, Some(lead)));
    conditions.extend(wanted.conditions(store.dialect(), "places.number", |value| statement.bind(&value)));
    statement.sql = format!(
        "SELECT places.opened_at, places.number, chat.chat_id, chat.summary FROM ({places}) AS places
         JOIN chat ON chat.number = places.number WHERE {} ORDER BY places.opened_at DESC, places.number DESC LIMIT {most}",
        conditions.join(" AND ")
    );
    Ok((statement.listed(store).await?, last))
}

/// Returns those of few chats, which a statement and its value select, that pass the filter and have the words.
async fn of_numbers(
    store: &Store,
    workspace: &Workspace,
    filter: &Filter,
    wanted: &Wanted,
    (numbers, value): (&str, String),
    after: Option<Place>,
    most: usize,
) -> Result<Vec<Listed>, ChatError> {
    let mut statement = Statement { sql: String::new(), texts: vec![workspace.as_str().to_owned(), value] };
    // The workspace is not compared by its indexes: they would be gone through in order.
    let mut conditions = vec![format!("number IN ({numbers}) AND workspace || '' = $1")];
    conditions.extend(bounds(filter, after));
    conditions.extend(statement.columns(filter, None));
    if store.dialect() == Dialect::Postgres {
        // They have the rarest word.
        conditions.extend(wanted.conditions(store.dialect(), "chat.number", |value| statement.bind(&value)));
    }
    statement.sql = format!(
        "SELECT opened_at, number, chat_id, summary FROM chat WHERE {} ORDER BY opened_at DESC, number DESC LIMIT {most}",
        conditions.join(" AND ")
    );
    statement.listed(store).await
}
