//! The archive's rows: queries of chats by filter.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::{error::ChatError, fold::Summary},
    ids::Workspace,
    store::{Store, nanoseconds},
};

/// Most chats examined for one page: a page that is not full may then still be followed by another.
const WINDOW: usize = 1000;
/// Words looked up in one statement.
const MAX_LOOKUPS: usize = 16;

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

/// A posting list in the archive's order that contains every chat of the result.
enum Lead<'a> {
    /// Chats that have a word, in any of its forms.
    Word(&'a [String]),
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

/// Returns the chats that pass the filter, newest opened first, after a position. The rarest condition drives the query: its list is
/// scanned, and the others are looked up chat by chat, the rarest first.
pub async fn list(store: &Store, workspace: &Workspace, filter: &Filter, after: Option<Place>, most: usize) -> Result<Found, ChatError> {
    if !are_in_some_chat(store, workspace, &filter.words).await? {
        return Ok(Found::default());
    }
    let mut leads: Vec<Lead> = filter.words.iter().map(|forms| Lead::Word(forms)).collect();
    leads.extend(columns(filter).into_iter().map(|(column, value)| Lead::Column(column, value)));
    if leads.is_empty() {
        leads.push(Lead::Workspace);
    }
    let mut ends = Vec::with_capacity(leads.len());
    for lead in leads {
        ends.push((window_end(store, workspace, filter, &lead, after).await?, lead));
    }
    // The list that reaches furthest back with the same number of chats is the rarest; one that ends earlier is rarer still.
    ends.sort_by_key(|(end, _)| *end);
    let (end, lead) = ends.remove(0);
    let words: Vec<&[String]> =
        ends.iter().filter_map(|(_, lead)| if let Lead::Word(forms) = lead { Some(*forms) } else { None }).collect();
    let mut chats: Vec<Listed> = Vec::new();
    for list in lists(&lead) {
        let page = Page { after, end, most: most + 1 };
        chats.extend(ask(store, workspace, filter, &words, list, page).await?);
    }
    chats.sort_by_key(|chat| std::cmp::Reverse(chat.place));
    chats.dedup_by_key(|chat| chat.place);
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

/// One list to scan.
#[derive(Clone, Copy)]
enum List<'a> {
    Form(&'a str),
    Column(&'static str, Value<'a>),
    Workspace,
}

fn lists<'a>(lead: &Lead<'a>) -> Vec<List<'a>> {
    match *lead {
        Lead::Word(forms) => forms.iter().map(|form| List::Form(form)).collect(),
        Lead::Column(column, value) => vec![List::Column(column, value)],
        Lead::Workspace => vec![List::Workspace],
    }
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

    /// Binds the forms of a word.
    fn forms(&mut self, forms: &[String]) -> String {
        let forms: BTreeSet<&String> = forms.iter().collect();
        forms.into_iter().map(|form| self.bind(form)).collect::<Vec<_>>().join(",")
    }

    /// Runs it and returns its single number.
    async fn scalar(self, store: &Store) -> Result<i64, ChatError> {
        let mut query = sqlx::query_scalar(AssertSqlSafe(self.sql)).persistent(false);
        for text in self.texts {
            query = query.bind(text);
        }
        Ok(query.fetch_one(store.reads()).await?)
    }

    /// Selects the positions of a list's chats, in order, within the bounds of a page.
    fn places(workspace: &Workspace, filter: &Filter, list: List, after: Option<Place>) -> Statement {
        let mut statement = Statement { sql: String::new(), texts: vec![workspace.as_str().to_owned()] };
        let (from, number) = match list {
            List::Form(form) => {
                let form = statement.bind(form);
                (format!("opened_at, chat AS number FROM chat_word WHERE workspace = $1 AND word = {form}"), "chat")
            }
            List::Column(column, value) => {
                let value = statement.value(value);
                (format!("opened_at, number FROM chat WHERE workspace = $1 AND {column} = {value}"), "number")
            }
            List::Workspace => ("opened_at, number FROM chat WHERE workspace = $1".to_owned(), "number"),
        };
        let mut conditions = vec![from];
        conditions.extend(filter.opened_after.map(|time| format!("opened_at >= {}", nanoseconds(time))));
        conditions.extend(filter.opened_before.map(|time| format!("opened_at < {}", nanoseconds(time))));
        conditions.extend(after.map(|after| format!("(opened_at, {number}) < ({}, {})", after.opened_at, after.number)));
        statement.sql = format!("SELECT {} ORDER BY opened_at DESC, {number} DESC", conditions.join(" AND "));
        statement
    }
}

/// Returns whether each of the words occurs in some chat of the workspace, in one of its forms.
async fn are_in_some_chat(store: &Store, workspace: &Workspace, words: &[Vec<String>]) -> Result<bool, ChatError> {
    for words in words.chunks(MAX_LOOKUPS) {
        let mut statement = Statement { sql: String::new(), texts: vec![workspace.as_str().to_owned()] };
        let lookups: Vec<String> = words
            .iter()
            .map(|forms| {
                let forms = statement.forms(forms);
                format!("COALESCE((SELECT 1 FROM chat_word WHERE workspace = $1 AND word IN ({forms}) LIMIT 1), 0)")
            })
            .collect();
        statement.sql = format!("SELECT CAST({} AS BIGINT)", lookups.join(" + "));
        let found: i64 = statement.scalar(store).await?;
        if found < words.len() as i64 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the last position of the driving list that a page examines; `None` if the list ends before.
async fn window_end(
    store: &Store,
    workspace: &Workspace,
    filter: &Filter,
    lead: &Lead<'_>,
    after: Option<Place>,
) -> Result<Option<Place>, ChatError> {
    let mut end: Option<Place> = None;
    for list in lists(lead) {
        let Statement { sql, texts } = Statement::places(workspace, filter, list, after);
        let last = format!("{sql} LIMIT 1 OFFSET {}", WINDOW - 1);
        let mut query = sqlx::query_as::<_, (i64, i64)>(AssertSqlSafe(last)).persistent(false);
        for text in texts {
            query = query.bind(text);
        }
        let last: Option<(i64, i64)> = query.fetch_optional(store.reads()).await?;
        end = end.max(last.map(|(opened_at, number)| Place { opened_at, number }));
    }
    Ok(end)
}

/// The range of a list to examine, and how many of its chats are wanted.
#[derive(Clone, Copy)]
struct Page {
    after: Option<Place>,
    /// The last position.
    end: Option<Place>,
    most: usize,
}

/// Returns the chats of a list that pass the filter and have the words.
async fn ask(
    store: &Store,
    workspace: &Workspace,
    filter: &Filter,
    words: &[&[String]],
    list: List<'_>,
    Page { after, end, most }: Page,
) -> Result<Vec<Listed>, ChatError> {
    let mut statement = Statement::places(workspace, filter, list, after);
    let number = if matches!(list, List::Form(_)) { "chat" } else { "number" };
    let end = end.map(|end| format!(" AND (opened_at, {number}) >= ({}, {})", end.opened_at, end.number)).unwrap_or_default();
    let places = statement.sql.split(" ORDER BY").next().unwrap_or_default().to_owned() + &end;
    let mut conditions = vec!["1 = 1".to_owned()];
    for (column, value) in columns(filter) {
        if !matches!(list, List::Column(lead, _) if lead == column) {
            let value = statement.value(value);
            conditions.push(format!("chat.{column} = {value}"));
        }
    }
    for forms in words {
        let forms = statement.forms(forms);
        // One look-up for each chat and form. `EXISTS` may be planned as a join, which tries all combinations of all words' forms.
        conditions.push(format!(
            "(SELECT 1 FROM chat_word AS said WHERE said.workspace = $1 AND said.word IN ({forms})
             AND said.opened_at = places.opened_at AND said.chat = places.number LIMIT 1) IS NOT NULL"
        ));
    }
    let sql = format!(
        "SELECT places.opened_at, places.number, chat.chat_id, chat.summary FROM ({places}) AS places
         JOIN chat ON chat.number = places.number WHERE {} ORDER BY places.opened_at DESC, places.number DESC LIMIT {most}",
        conditions.join(" AND ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    for text in statement.texts {
        query = query.bind(text);
    }
    let rows = query.fetch_all(store.reads()).await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                place: Place { opened_at: row.try_get(0)?, number: row.try_get(1)? },
                chat_id: row.try_get(2)?,
                summary: serde_json::from_str(&row.try_get::<String, _>(3)?)?,
            })
        })
        .collect()
}
