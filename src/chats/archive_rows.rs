//! The archive's rows: chats by filter.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use super::{ChatError, Summary};
use crate::{
    config::Workspace,
    store::{Store, nanoseconds},
};

/// Chats looked at for one page, at most: a page that is not full then still has one after it.
const WINDOW: usize = 1000;

/// What chats are asked for. What is `None` or empty filters nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status: Option<super::Status>,
    pub channel: Option<super::Channel>,
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
/// rest is looked up chat by chat.
pub async fn list(store: &Store, workspace: &Workspace, filter: &Filter, after: Option<Place>, most: usize) -> Result<Found, ChatError> {
    let mut leads: Vec<Lead> = filter.words.iter().map(|forms| Lead::Word(forms)).collect();
    leads.extend(columns(filter).into_iter().map(|(column, value)| Lead::Column(column, value)));
    // One that goes on furthest back for as many chats is the rarest; one that ends before is rarer still.
    let mut best: Option<(Option<Place>, Lead)> = None;
    for lead in leads {
        let end = window_end(store, workspace, filter, &lead, after).await?;
        if best.as_ref().is_none_or(|(furthest, _)| end < *furthest) {
            best = Some((end, lead));
        }
    }
    let (end, lead) = match best {
        Some(best) => best,
        None => (window_end(store, workspace, filter, &Lead::Workspace, after).await?, Lead::Workspace),
    };
    let mut chats: Vec<Listed> = Vec::new();
    for list in lists(&lead) {
        chats.extend(ask(store, workspace, filter, list, after, end, most + 1).await?);
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
    Form(&'a str, &'a [String]),
    Column(&'static str, Value<'a>),
    Workspace,
}

fn lists<'a>(lead: &Lead<'a>) -> Vec<List<'a>> {
    match *lead {
        Lead::Word(forms) => forms.iter().map(|form| List::Form(form, forms)).collect(),
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

    /// The places of a list's chats, in order, between the bounds of a page, as many as a page looks at.
    fn places(workspace: &Workspace, filter: &Filter, list: List, after: Option<Place>) -> Statement {
        let mut statement = Statement { sql: String::new(), texts: vec![workspace.as_str().to_owned()] };
        let (from, number) = match list {
            List::Form(form, _) => {
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
        statement.sql = format!("SELECT {} ORDER BY opened_at DESC, {number} DESC LIMIT {WINDOW}", conditions.join(" AND "));
        statement
    }
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
        let statement = format!("SELECT COUNT(*), MIN(opened_at) FROM ({sql}) AS places");
        let mut query = sqlx::query_as::<_, (i64, Option<i64>)>(AssertSqlSafe(statement));
        for text in texts {
            query = query.bind(text);
        }
        let (places, earliest) = query.fetch_one(store.reads()).await?;
        if let Some(opened_at) = earliest.filter(|_| places >= WINDOW as i64) {
            // No chat has the number 0: of several opened at once all are before this place.
            end = end.max(Some(Place { opened_at, number: 0 }));
        }
    }
    Ok(end)
}

/// Those of a list's chats that pass the filter, down to the window's end.
async fn ask(
    store: &Store,
    workspace: &Workspace,
    filter: &Filter,
    list: List<'_>,
    after: Option<Place>,
    end: Option<Place>,
    most: usize,
) -> Result<Vec<Listed>, ChatError> {
    let mut statement = Statement::places(workspace, filter, list, after);
    // The window ends at a time, and is longer where many chats were opened at once.
    let end = end.map(|end| format!(" AND opened_at >= {}", end.opened_at)).unwrap_or_default();
    let places = statement.sql.split(" ORDER BY").next().unwrap_or_default().to_owned() + &end;
    let mut conditions = vec!["1 = 1".to_owned()];
    for (column, value) in columns(filter) {
        if !matches!(list, List::Column(lead, _) if lead == column) {
            let value = statement.value(value);
            conditions.push(format!("chat.{column} = {value}"));
        }
    }
    for forms in &filter.words {
        if matches!(list, List::Form(_, lead) if std::ptr::eq(lead, forms.as_slice())) {
            continue;
        }
        let forms: BTreeSet<&String> = forms.iter().collect();
        let forms: Vec<String> = forms.into_iter().map(|form| statement.bind(form)).collect();
        conditions.push(format!(
            "EXISTS (SELECT 1 FROM chat_word AS said WHERE said.workspace = $1 AND said.word IN ({})
             AND said.opened_at = places.opened_at AND said.chat = places.number)",
            forms.join(",")
        ));
    }
    let sql = format!(
        "SELECT places.opened_at, places.number, chat.chat_id, chat.summary FROM ({places}) AS places
         JOIN chat ON chat.number = places.number WHERE {} ORDER BY places.opened_at DESC, places.number DESC LIMIT {most}",
        conditions.join(" AND ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
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
