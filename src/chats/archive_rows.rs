//! The archive's rows: chats by filter.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::{error::ChatError, fold::Summary},
    ids::Workspace,
    store::{Store, nanoseconds},
};

/// Chats looked at for one page, at most: a page that is not full then still has one after it.
const WINDOW: usize = 1000;
/// Words looked up in one statement.
const MAX_LOOKUPS: usize = 16;

/// What chats are asked for. What is `None` or empty filters nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status: Option<crate::chats::fold::Status>,
    pub channel: Option<crate::chats::event::Channel>,
    pub group: String,
    pub agent_id: String,
    pub topic: String,
    pub customer_id: String,
    pub opened_after: Option<Timestamp>,
    pub opened_before: Option<Timestamp>,
    /// Every one of these words stands in a message; each is given by all the forms under which it may be found.
    pub words: Vec<Vec<String>>,
}

/// A chat in a list, and where it stands there.
#[derive(Debug, Clone)]
pub struct Listed {
    pub place: Place,
    pub chat_id: String,
    pub summary: Summary,
}

/// Where a chat stands in lists: when it was opened, in nanoseconds, then its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub opened_at: i64,
    pub number: i64,
}

/// A list of chats in the archive's order, of which every listed chat is part.
enum Lead<'a> {
    /// Those that have a word, under any of its forms.
    Word(&'a [String]),
    /// Those whose column has a value.
    Column(&'static str, Value<'a>),
    /// All.
    Workspace,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

/// What was found, and where to look on if that is not all.
#[derive(Debug, Default)]
pub struct Found {
    /// At most as many as were asked for.
    pub chats: Vec<Listed>,
    pub next: Option<Place>,
}

/// Chats that pass the filter, newest opened first, after a place. The rarest of what is asked for leads: its list is walked, and the
/// rest is looked up chat by chat, the rarest first.
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
    // One that goes on furthest back for as many chats is the rarest; one that ends before is rarer still.
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

/// The columns that a filter asks for.
fn columns(filter: &Filter) -> Vec<(&'static str, Value<'_>)> {
    let numbers = [("status", filter.status.map(|status| status as i64)), ("channel", filter.channel.map(|channel| channel as i64))];
    let texts = [("team", &filter.group), ("agent_id", &filter.agent_id), ("topic", &filter.topic), ("customer_id", &filter.customer_id)];
    let numbers = numbers.into_iter().filter_map(|(column, value)| Some((column, Value::Number(value?))));
    let texts = texts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(column, value)| (column, Value::Text(value.as_str())));
    numbers.chain(texts).collect()
}

/// One list to walk.
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

/// Builds a statement and its texts. Numbers are ours, so they may stand in it; texts are always bound.
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

    /// Binds a word's different forms.
    fn forms(&mut self, forms: &[String]) -> String {
        let forms: BTreeSet<&String> = forms.iter().collect();
        forms.into_iter().map(|form| self.bind(form)).collect::<Vec<_>>().join(",")
    }

    /// Runs it for the one number that it comes to.
    async fn scalar(self, store: &Store) -> Result<i64, ChatError> {
        let mut query = sqlx::query_scalar(AssertSqlSafe(self.sql)).persistent(false);
        for text in self.texts {
            query = query.bind(text);
        }
        Ok(query.fetch_one(store.reads()).await?)
    }

    /// The places of a list's chats, in order, between the bounds of a page.
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

/// Whether each of the words is in some chat of the workspace, under one of its forms.
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

/// The last place of a lead that a page looks at; `None`: it ends before that.
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

/// Which part of a list is looked at, and how many of its chats are wanted.
#[derive(Clone, Copy)]
struct Page {
    after: Option<Place>,
    /// The last place.
    end: Option<Place>,
    most: usize,
}

/// Those of a list's chats that pass the filter and have the words.
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
