//! The words of chats' messages: what the archive finds chats by.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use super::{ChatError, ChatKey};
use crate::{
    store::{Write, sql},
    text::{Language, words},
};

/// Most different words of one message that count.
const MOST_WORDS: usize = 2000;

/// What a message is found by: its words as search analyses them, in the language that was told, else in each that the desk expects.
pub fn message_words(text: &str, told: Option<&Language>, languages: &[Language]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let told: Vec<&Language> = told.into_iter().collect();
    for language in if told.is_empty() { languages.iter().collect() } else { told } {
        for word in words(text, language.primary()) {
            if found.len() >= MOST_WORDS {
                return found;
            }
            found.extend(word.keys);
        }
    }
    found
}

/// A chat's words, and where the archive lists it.
pub struct ChatWords<'a> {
    pub key: &'a ChatKey,
    pub number: i64,
    /// In nanoseconds.
    pub opened_at: i64,
    pub words: BTreeSet<&'a str>,
}

/// Adds words that are not there yet.
pub async fn insert(write: &mut Write, chats: &[ChatWords<'_>]) -> Result<(), ChatError> {
    const COLUMNS: usize = 4;
    let mut rows: Vec<(&str, &str, i64, i64)> = chats
        .iter()
        .flat_map(|chat| chat.words.iter().map(|word| (chat.key.workspace.as_str(), *word, chat.opened_at, chat.number)))
        .collect();
    rows.sort_unstable();
    for rows in sql::pieces(&rows, COLUMNS) {
        let statement = format!(
            "INSERT INTO chat_word (workspace, word, opened_at, chat) VALUES {} ON CONFLICT (workspace, word, opened_at, chat) DO NOTHING",
            sql::placeholders(1, rows.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (workspace, word, opened_at, chat) in rows {
            query = query.bind((*workspace).to_owned()).bind((*word).to_owned()).bind(*opened_at).bind(*chat);
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Moves a chat's words to where the archive lists it now.
pub async fn move_to(write: &mut Write, number: i64, opened_at: i64) -> Result<(), ChatError> {
    sqlx::query("UPDATE chat_word SET opened_at = $1 WHERE chat = $2").bind(opened_at).bind(number).execute(&mut **write).await?;
    Ok(())
}

/// Drops a chat's words, before they are made anew.
pub async fn delete(write: &mut Write, number: i64) -> Result<(), ChatError> {
    sqlx::query("DELETE FROM chat_word WHERE chat = $1").bind(number).execute(&mut **write).await?;
    Ok(())
}
