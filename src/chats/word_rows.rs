//! The rows of message words, which the archive finds chats by.

use std::collections::{BTreeSet, HashMap};

use sqlx::AssertSqlSafe;

use crate::{
    chats::error::ChatError,
    store::{Write, sql},
    text::{Language, unspaced_apart, words},
};

/// Most distinct words of one message that are indexed.
const MAX_WORDS: usize = 2000;

/// Returns the index keys of a message: its words as search analyses them, in the reported language, else in each that the desk expects.
pub fn message_words(text: &str, reported: Option<&Language>, languages: &[Language]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let reported: Vec<&Language> = reported.into_iter().collect();
    let languages = if reported.is_empty() { languages.iter().collect() } else { reported };
    // Text that needs a dictionary is segmented once, not per language.
    let apart = unspaced_apart(text);
    let (unspaced, rest) = apart.as_ref().map_or(("", text), |(unspaced, rest)| (unspaced.as_str(), rest.as_str()));
    let parts = languages.first().map(|first| (unspaced, *first)).into_iter().chain(languages.iter().map(|language| (rest, *language)));
    for (text, language) in parts {
        for word in words(text, language.primary()) {
            if found.len() >= MAX_WORDS {
                return found;
            }
            found.extend(word.keys().iter().cloned());
        }
    }
    found
}

/// A chat's position in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing<'a> {
    pub workspace: &'a str,
    pub number: i64,
    /// In nanoseconds.
    pub opened_at: i64,
}

/// Returns the words of chats whose rows are locked, by the chats' numbers.
pub async fn of_chats(write: &mut Write, numbers: &[i64]) -> Result<HashMap<i64, BTreeSet<String>>, ChatError> {
    let mut vocabularies = HashMap::new();
    for numbers in sql::pieces(numbers, 1) {
        let statement =
            format!("SELECT chat, words FROM chat_vocabulary WHERE chat IN (VALUES {})", sql::placeholders(1, numbers.len(), 1));
        let mut query = sqlx::query_as::<_, (i64, String)>(AssertSqlSafe(statement));
        for number in numbers {
            query = query.bind(*number);
        }
        for (number, words) in query.fetch_all(&mut **write).await? {
            vocabularies.insert(number, words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect());
        }
    }
    Ok(vocabularies)
}

/// Stores a chat's words.
pub async fn store(write: &mut Write, number: i64, words: &BTreeSet<String>) -> Result<(), ChatError> {
    let joined = words.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    sqlx::query("INSERT INTO chat_vocabulary (chat, words) VALUES ($1, $2) ON CONFLICT (chat) DO UPDATE SET words = excluded.words")
        .bind(number)
        .bind(joined)
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Adds words that the chat does not have yet.
pub async fn insert(write: &mut Write, chat: Listing<'_>, words: &[&String]) -> Result<(), ChatError> {
    for words in sql::pieces(words, 1) {
        let statement = format!(
            "INSERT INTO chat_word (workspace, word, opened_at, chat)
             SELECT CAST($1 AS TEXT), column1, CAST($2 AS BIGINT), CAST($3 AS BIGINT) FROM (VALUES {}) AS added WHERE 1 = 1
             ON CONFLICT (workspace, word, opened_at, chat) DO NOTHING",
            sql::placeholders(4, words.len(), 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement)).bind(chat.workspace.to_owned()).bind(chat.opened_at).bind(chat.number);
        for word in words {
            query = query.bind((*word).clone());
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Removes words of a chat from its position in the archive.
pub async fn delete(write: &mut Write, chat: Listing<'_>, words: &[&String]) -> Result<(), ChatError> {
    for words in sql::pieces(words, 1) {
        let statement = format!(
            "DELETE FROM chat_word WHERE workspace = $1 AND opened_at = $2 AND chat = $3 AND word IN (VALUES {})",
            sql::placeholders(4, words.len(), 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement)).bind(chat.workspace.to_owned()).bind(chat.opened_at).bind(chat.number);
        for word in words {
            query = query.bind((*word).clone());
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}
