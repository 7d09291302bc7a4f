//! The rows of message words, which the archive finds chats by: SQLite's FTS5 and PostgreSQL's GIN index them.
//!
//! Statements of one database alone say so in a comment, by which the test of plans leaves them to that database.
//!
//! A word is kept as a 32-bit hash of it and its workspace: four bytes instead of a text. Of a chat of 400 words one in ten million has another
//! word of the same hash, and is then found by it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::error::ChatError,
    store::{Dialect, Store, StoreError, Write, sql},
    text::{Language, unspaced_apart, words},
};

/// Most distinct words of one message that are indexed.
const MAX_WORDS: usize = 2000;
/// Most chats that are looked up by their words; where more have them, chats are gone through, newest first.
const MAX_LOOKED_UP: i64 = 2000;
/// Most words of a query whose chats PostgreSQL counts for that.
const MAX_COUNTED: usize = 4;
/// How long what PostgreSQL knows of the words' frequencies is used.
const FREQUENCIES_AGE: Duration = Duration::from_secs(60);

/// Returns the keys of a message: of its words as search analyses them, in the reported language, else in each that the desk expects.
pub fn message_words(workspace: &str, text: &str, reported: Option<&Language>, languages: &[Language]) -> BTreeSet<WordKey> {
    let mut found = BTreeSet::new();
    let hash = WordHash::of(workspace);
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
            found.extend(word.keys().iter().map(|key| hash.key(key)));
        }
    }
    found
}

/// The key of a word in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WordKey(i32);

/// The hash of a workspace's words, begun with its name.
struct WordHash(Sha256);

impl WordHash {
    fn of(workspace: &str) -> WordHash {
        WordHash(Sha256::new().chain_update(workspace).chain_update([0]))
    }

    fn key(&self, word: &str) -> WordKey {
        let hash = self.0.clone().chain_update(word).finalize();
        WordKey(i32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
    }
}

impl WordKey {
    pub fn of(workspace: &str, word: &str) -> WordKey {
        WordHash::of(workspace).key(word)
    }

    /// As FTS5 indexes it: eight hexadecimal digits.
    fn token(self) -> [u8; 8] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        std::array::from_fn(|at| DIGITS[(self.0.cast_unsigned() >> (28 - 4 * at)) as usize & 15])
    }
}

fn tokens<'a>(keys: impl IntoIterator<Item = &'a WordKey>) -> String {
    let mut tokens = String::new();
    for key in keys {
        tokens.extend((!tokens.is_empty()).then_some(' ').into_iter().chain(key.token().map(char::from)));
    }
    tokens
}

fn bytes<'a>(keys: impl IntoIterator<Item = &'a WordKey>) -> Vec<u8> {
    keys.into_iter().flat_map(|key| key.0.to_be_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> BTreeSet<WordKey> {
    bytes.as_chunks().0.iter().map(|key| WordKey(i32::from_be_bytes(*key))).collect()
}

/// An array as PostgreSQL writes it.
fn array<'a>(keys: impl IntoIterator<Item = &'a WordKey>) -> String {
    format!("{{{}}}", keys.into_iter().map(|key| key.0.to_string()).collect::<Vec<_>>().join(","))
}

fn elements(array: &str) -> impl Iterator<Item = &str> {
    array.trim_start_matches('{').trim_end_matches('}').split(',').filter(|element| !element.is_empty())
}

/// Returns the words of chats whose rows are locked, by the chats' numbers.
pub async fn of_chats(write: &mut Write, numbers: &[i64]) -> Result<HashMap<i64, BTreeSet<WordKey>>, ChatError> {
    let mut known: HashMap<i64, BTreeSet<WordKey>> = HashMap::new();
    let dialect = write.dialect();
    let keys = if dialect == Dialect::Sqlite { "keys" } else { "CAST(keys AS TEXT)" };
    for numbers in sql::pieces(numbers, 1) {
        let statement = format!("SELECT chat, {keys} FROM chat_words WHERE chat IN (VALUES {})", sql::placeholders(1, numbers.len(), 1));
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for number in numbers {
            query = query.bind(*number);
        }
        for row in query.fetch_all(&mut **write).await? {
            let keys = match dialect {
                Dialect::Sqlite => from_bytes(&row.try_get::<Vec<u8>, _>(1)?),
                Dialect::Postgres => elements(&row.try_get::<String, _>(1)?).filter_map(|key| key.parse().ok()).map(WordKey).collect(),
            };
            known.entry(row.try_get(0)?).or_default().extend(keys);
        }
    }
    Ok(known)
}

/// Adds words to a chat, which has the `known` ones already.
pub async fn add(
    write: &mut Write,
    number: i64,
    known: &BTreeSet<WordKey>,
    words: impl IntoIterator<Item = WordKey>,
) -> Result<(), ChatError> {
    add_all(write, &[NewWords { number, added: words.into_iter().filter(|word| !known.contains(word)).collect(), known }]).await
}

/// Words that a chat gets.
pub struct NewWords<'a> {
    pub number: i64,
    /// Those that it has already.
    pub known: &'a BTreeSet<WordKey>,
    /// Those that it has not.
    pub added: BTreeSet<WordKey>,
}

/// Adds words to chats, each of which stands there once.
pub async fn add_all(write: &mut Write, chats: &[NewWords<'_>]) -> Result<(), ChatError> {
    let chats: Vec<&NewWords> = chats.iter().filter(|chat| !chat.added.is_empty()).collect();
    const COLUMNS: usize = 2;
    for chats in sql::insert_pieces(&chats, COLUMNS) {
        match write.dialect() {
            Dialect::Postgres => {
                let rows: Vec<String> =
                    (0..chats.len()).map(|row| format!("(${},CAST(${} AS INTEGER[]))", 2 * row + 1, 2 * row + 2)).collect();
                let statement = format!("INSERT INTO chat_words (chat, keys) VALUES {} /* pg_array */", rows.join(","));
                let mut query = sqlx::query(AssertSqlSafe(statement));
                for chat in chats {
                    query = query.bind(chat.number).bind(array(&chat.added));
                }
                query.execute(&mut **write).await?;
            }
            Dialect::Sqlite => {
                let statement = sql::insert(Dialect::Sqlite, "chat_words (chat, keys)", chats.len(), COLUMNS)
                    + " ON CONFLICT (chat) DO UPDATE SET keys = excluded.keys /* sqlite */";
                let mut query = sqlx::query(AssertSqlSafe(statement));
                for chat in chats {
                    query = query.bind(chat.number).bind(bytes(chat.known.union(&chat.added)));
                }
                query.execute(&mut **write).await?;
                let statement = sql::insert(Dialect::Sqlite, "chat_word_index (rowid, keys)", chats.len(), COLUMNS);
                let mut query = sqlx::query(AssertSqlSafe(statement));
                for chat in chats {
                    query = query.bind(chat.number).bind(tokens(&chat.added));
                }
                query.execute(&mut **write).await?;
            }
        }
    }
    Ok(())
}

/// Deletes all words of a chat, which are the `known` ones.
pub async fn delete(write: &mut Write, number: i64, known: &BTreeSet<WordKey>) -> Result<(), ChatError> {
    if known.is_empty() {
        return Ok(());
    }
    if write.dialect() == Dialect::Sqlite {
        sqlx::query("INSERT INTO chat_word_index (chat_word_index, rowid, keys) VALUES ('delete', $1, $2) /* sqlite */")
            .bind(number)
            .bind(tokens(known))
            .execute(&mut **write)
            .await?;
    }
    sqlx::query("DELETE FROM chat_words WHERE chat = $1").bind(number).execute(&mut **write).await?;
    Ok(())
}

/// Chats whose words are taken over in one write, and how often that is told.
const TAKEN_OVER_AT_ONCE: i64 = 100;
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Takes over the words of chats as the version before kept them, which it may still do beside this one; returns of how many chats.
pub async fn take_over(store: &Store) -> Result<u64, ChatError> {
    let (mut chats, mut after, mut told) = (0, i64::MIN, Instant::now());
    loop {
        let mut write = store.begin().await?;
        store.lock(&mut write, "words of the archive").await?;
        let rows: Vec<(i64, String, Option<String>)> = sqlx::query_as(
            "SELECT chat, words, (SELECT workspace FROM chat WHERE number = chat_vocabulary.chat) FROM chat_vocabulary
             WHERE chat > $1 ORDER BY chat LIMIT $2",
        )
        .bind(after)
        .bind(TAKEN_OVER_AT_ONCE)
        .fetch_all(&mut *write)
        .await?;
        let Some((last, ..)) = rows.last() else {
            // What a process left that ended before it came here is deleted, too.
            let first = "SELECT MIN(workspace) FROM chat_word";
            while let Some(workspace) = sqlx::query_scalar::<_, Option<String>>(first).fetch_one(&mut *write).await? {
                sqlx::query("DELETE FROM chat_word WHERE workspace = $1").bind(workspace).execute(&mut *write).await?;
            }
            write.commit().await?;
            return Ok(chats);
        };
        after = *last;
        let numbers: Vec<i64> = rows.iter().map(|(number, ..)| *number).collect();
        let mut known = of_chats(&mut write, &numbers).await?;
        for (number, words, workspace) in rows {
            if let Some(workspace) = workspace {
                let known = known.remove(&number).unwrap_or_default();
                add(&mut write, number, &known, words.split_whitespace().map(|word| WordKey::of(&workspace, word))).await?;
            }
            sqlx::query("DELETE FROM chat_vocabulary WHERE chat = $1").bind(number).execute(&mut *write).await?;
            chats += 1;
        }
        store.mark_wipe(&mut write).await?;
        write.commit().await?;
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            tracing::info!(chats, "taking over the words of the archive");
        }
    }
}

/// The words that a chat must have, each in the forms of which one suffices.
#[derive(Debug, Clone, Default)]
pub struct Wanted(Vec<BTreeSet<WordKey>>);

impl Wanted {
    pub fn of(workspace: &str, words: &[Vec<String>]) -> Wanted {
        Wanted(words.iter().map(|forms| forms.iter().map(|form| WordKey::of(workspace, form)).collect()).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An FTS5 query.
    fn query(&self) -> String {
        let quoted = |form: &WordKey| format!("\"{}\"", tokens([form]));
        let word = |forms: &BTreeSet<WordKey>| format!("({})", forms.iter().map(quoted).collect::<Vec<_>>().join(" OR "));
        self.0.iter().map(word).collect::<Vec<_>>().join(" AND ")
    }

    /// Returns the conditions for a chat to have all words, and binds their values. `number` is the SQL of the chat's number.
    pub fn conditions(&self, dialect: Dialect, number: &str, mut bind: impl FnMut(String) -> String) -> Vec<String> {
        // One look-up for each chat and word. `EXISTS` may be planned as a join, which tries all combinations of all words.
        match dialect {
            Dialect::Sqlite if self.is_empty() => Vec::new(),
            // By the chat's own words: FTS5 goes through all chats with a word up to the one that is looked up. A key may also be found across two
            // others, in one chat of ten million.
            Dialect::Sqlite => {
                let form = |form: &WordKey| format!("instr(keys, x'{}') > 0", tokens([form]));
                let word = |forms: &BTreeSet<WordKey>| format!("({})", forms.iter().map(form).collect::<Vec<_>>().join(" OR "));
                let words: Vec<String> = self.0.iter().map(word).collect();
                vec![format!("(SELECT 1 FROM chat_words WHERE chat = {number} AND {}) IS NOT NULL", words.join(" AND "))]
            }
            Dialect::Postgres => {
                let word = |forms: &BTreeSet<WordKey>| {
                    let forms = bind(array(forms));
                    let has = format!("said.chat = {number} AND said.keys && CAST({forms} AS INTEGER[])");
                    format!("(SELECT 1 FROM chat_words AS said WHERE {has} LIMIT 1) IS NOT NULL")
                };
                self.0.iter().map(word).collect()
            }
        }
    }

    /// Returns the statement that selects the numbers of all chats that may have the words, if they are few, and its value: those that have all
    /// of them, or on PostgreSQL that have a rare one. `None`: too many have them.
    pub async fn few(&self, store: &Store, frequencies: &Frequencies) -> Result<Option<(&'static str, String)>, ChatError> {
        match store.dialect() {
            Dialect::Sqlite => {
                let count = "SELECT COUNT(*) FROM (SELECT rowid FROM chat_word_index WHERE chat_word_index MATCH $1 LIMIT $2) /* sqlite */";
                let numbers = "SELECT rowid FROM chat_word_index WHERE chat_word_index MATCH $2 /* sqlite */";
                Ok(are_few(store, count, self.query()).await?.map(|value| (numbers, value)))
            }
            Dialect::Postgres => {
                let count =
                    "SELECT COUNT(*) FROM (SELECT 1 FROM chat_words WHERE keys && CAST($1 AS INTEGER[]) LIMIT $2) AS found /* pg_array */";
                let numbers = "SELECT chat FROM chat_words WHERE keys && CAST($2 AS INTEGER[]) /* pg_array */";
                let known = frequencies.known(store).await?;
                let rows = |forms: &BTreeSet<WordKey>| forms.iter().map(|form| known.get(form).copied().unwrap_or(0)).sum::<u64>();
                let mut words: Vec<(u64, &BTreeSet<WordKey>)> = self.0.iter().map(|forms| (rows(forms), forms)).collect();
                words.sort_by_key(|(rows, _)| *rows);
                // What PostgreSQL does not know to be frequent may still be, in a table that it has not analyzed.
                let may_be_rare = words.into_iter().filter(|(rows, _)| *rows <= MAX_LOOKED_UP as u64).take(MAX_COUNTED);
                for (_, forms) in may_be_rare {
                    if let Some(value) = are_few(store, count, array(forms)).await? {
                        return Ok(Some((numbers, value)));
                    }
                }
                Ok(None)
            }
        }
    }
}

/// Returns the value back if the statement counts few rows for it.
async fn are_few(store: &Store, count: &'static str, value: String) -> Result<Option<String>, ChatError> {
    // Planned for these words: a plan for any words can't know how rare they are.
    let count = sqlx::query_scalar::<_, i64>(count).persistent(false).bind(value.clone()).bind(MAX_LOOKED_UP + 1);
    let found = count.fetch_one(store.reads()).await?;
    Ok((found <= MAX_LOOKED_UP).then_some(value))
}

/// How many rows have each of the most frequent words.
type RowsByWord = Arc<HashMap<WordKey, u64>>;

/// The most frequent words, as PostgreSQL's `ANALYZE` last found them, and when that was read.
#[derive(Debug, Clone, Default)]
pub struct Frequencies(Arc<Mutex<Option<(Instant, RowsByWord)>>>);

impl Frequencies {
    async fn known(&self, store: &Store) -> Result<RowsByWord, StoreError> {
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, known)) = current.filter(|(read, _)| read.elapsed() < FREQUENCIES_AGE) {
            return Ok(known);
        }
        let statement = "SELECT CAST(most_common_elems AS TEXT), CAST(most_common_elem_freqs AS TEXT), CAST(reltuples AS BIGINT)
             FROM pg_stats JOIN pg_class ON relname = tablename AND relnamespace = CAST(schemaname AS REGNAMESPACE)
             WHERE tablename = 'chat_words' AND attname = 'keys' AND schemaname = current_schema() AND most_common_elems IS NOT NULL";
        let row = sqlx::query(statement).fetch_optional(store.reads()).await?;
        let known = match row {
            Some(row) => {
                let (words, shares, rows): (String, String, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                let rows_with = |share: &str| (share.parse::<f64>().unwrap_or_default() * rows.max(0) as f64) as u64;
                let words = elements(&words).filter_map(|word| word.parse().ok()).map(WordKey);
                words.zip(elements(&shares).map(rows_with)).collect()
            }
            None => HashMap::new(),
        };
        let known = Arc::new(known);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&known)));
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_of_a_workspace_and_come_back() {
        let key = WordKey::of("default", "parcel");
        assert_eq!(key, WordKey::of("default", "parcel"));
        assert_ne!(key, WordKey::of("rose", "parcel"));
        let keys: BTreeSet<WordKey> = ["parcel", "towel", "kargo"].iter().map(|word| WordKey::of("default", word)).collect();
        assert_eq!(from_bytes(&bytes(&keys)), keys);
        let read = array(&keys);
        assert_eq!(elements(&read).map(|key| WordKey(key.parse().unwrap())).collect::<BTreeSet<_>>(), keys);
        assert_eq!(elements("{}").count(), 0);
    }
}
