//! The archive's rows: chats by filter.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use super::{ChatError, Summary};
use crate::{
    config::Workspace,
    store::{Store, nanoseconds},
};

/// A word in fewer chats than this is counted, to begin with the rarest.
const COUNTED: usize = 2000;

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

/// Chats that pass the filter, newest opened first, after a place.
pub async fn list(
    store: &Store,
    workspace: &Workspace,
    filter: &Filter,
    after: Option<Place>,
    most: usize,
) -> Result<Vec<Listed>, ChatError> {
    // A customer has few chats: their words are looked up chat by chat. Else the rarest word leads.
    let lead = if filter.customer_id.is_empty() { rarest(store, workspace, &filter.words).await? } else { None };
    let Some(lead) = lead else { return ask(store, workspace, filter, None, after, most).await };
    // Each form has its own list in the same order; the newest of all are among the newest of each.
    let mut listed = Vec::new();
    for form in &filter.words[lead] {
        listed.extend(ask(store, workspace, filter, Some((lead, form)), after, most).await?);
    }
    listed.sort_by_key(|chat: &Listed| std::cmp::Reverse(chat.place));
    listed.dedup_by_key(|chat| chat.place);
    listed.truncate(most);
    Ok(listed)
}

async fn rarest(store: &Store, workspace: &Workspace, words: &[Vec<String>]) -> Result<Option<usize>, ChatError> {
    let mut rarest: Option<(i64, usize)> = None;
    for (index, forms) in words.iter().enumerate() {
        let mut chats = 0;
        for form in forms {
            let statement =
                format!("SELECT COUNT(*) FROM (SELECT 1 FROM chat_word WHERE workspace = $1 AND word = $2 LIMIT {COUNTED}) AS counted");
            let query = sqlx::query_scalar(AssertSqlSafe(statement)).bind(workspace.as_str().to_owned()).bind(form.clone());
            chats += query.fetch_one(store.reads()).await.map(|count: i64| count)?;
        }
        if rarest.is_none_or(|(fewest, _)| chats < fewest) {
            rarest = Some((chats, index));
        }
    }
    Ok(rarest.map(|(_, index)| index))
}

/// One statement: all conditions, led by one form of one word, if there is one.
async fn ask(
    store: &Store,
    workspace: &Workspace,
    filter: &Filter,
    lead: Option<(usize, &String)>,
    after: Option<Place>,
    most: usize,
) -> Result<Vec<Listed>, ChatError> {
    let mut texts = vec![workspace.as_str().to_owned()];
    let mut bind = |text: &str| {
        texts.push(text.to_owned());
        format!("${}", texts.len())
    };
    // The table whose order is the list's.
    let (from, place) = match lead {
        Some((_, form)) => {
            let form = bind(form);
            (
                format!(
                    "chat_word AS lead JOIN chat ON chat.number = lead.chat
                     WHERE lead.workspace = $1 AND lead.word = {form}"
                ),
                "lead.opened_at, lead.chat",
            )
        }
        None => ("chat WHERE chat.workspace = $1".to_owned(), "chat.opened_at, chat.number"),
    };
    let mut conditions = vec![from];
    // Numbers are ours, so they may stand in the statement; texts are always bound.
    let (opened_at, _) = place.split_once(", ").unwrap_or((place, ""));
    for (column, value) in
        [("status", filter.status.map(|status| status as i64)), ("channel", filter.channel.map(|channel| channel as i64))]
    {
        conditions.extend(value.map(|value| format!("chat.{column} = {value}")));
    }
    conditions.extend(filter.opened_after.map(|time| format!("{opened_at} >= {}", nanoseconds(time))));
    conditions.extend(filter.opened_before.map(|time| format!("{opened_at} < {}", nanoseconds(time))));
    conditions.extend(after.map(|after| format!("({place}) < ({}, {})", after.opened_at, after.number)));
    for (column, value) in
        [("team", &filter.group), ("agent_id", &filter.agent_id), ("topic", &filter.topic), ("customer_id", &filter.customer_id)]
    {
        if !value.is_empty() {
            conditions.push(format!("chat.{column} = {}", bind(value)));
        }
    }
    for (index, forms) in filter.words.iter().enumerate() {
        if lead.is_some_and(|(lead, _)| lead == index) {
            continue;
        }
        let forms: BTreeSet<&String> = forms.iter().collect();
        let forms: Vec<String> = forms.into_iter().map(|form| bind(form)).collect();
        conditions.push(format!(
            "EXISTS (SELECT 1 FROM chat_word AS said WHERE said.workspace = $1 AND said.word IN ({})
             AND said.opened_at = chat.opened_at AND said.chat = chat.number)",
            forms.join(",")
        ));
    }
    let order = place.replace(", ", " DESC, ");
    let statement = format!(
        "SELECT chat.opened_at, chat.number, chat.chat_id, chat.summary FROM {} ORDER BY {order} DESC LIMIT {most}",
        conditions.join(" AND ")
    );
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for text in texts {
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
