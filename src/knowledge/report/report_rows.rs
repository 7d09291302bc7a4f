//! The rows of searches, opened articles and ratings.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use crate::{
    facts::MASK,
    ids::{Id, Workspace},
    knowledge::{
        documents::document::Kind,
        error::KnowledgeError,
        report::{ArticleRating, SEARCH},
        search::openings::Openings,
    },
    store::{Store, Write, nanoseconds, sql},
};

/// Queries of a session that extend one another within this time are one search.
const SAME_SEARCH: Duration = Duration::from_secs(5);
/// Rows erased in one write.
const FORGOTTEN_AT_ONCE: u64 = 500;
/// Most articles whose openings are counted.
const MAX_OPENED: i64 = 10_000;

/// A search, as its row is.
pub struct SearchRow {
    pub workspace: String,
    pub search_id: String,
    pub session_id: String,
    pub query: String,
    pub language: String,
    pub hits: i64,
    pub superseded: bool,
    pub at: Timestamp,
}

impl SearchRow {
    fn is_of_session(&self, other: &SearchRow) -> bool {
        self.workspace == other.workspace && self.session_id == other.session_id
    }
}

/// Adds searches, in their order. A query typed letter by letter is one search: what went on from another supersedes it.
pub async fn insert_searches(store: &Store, mut rows: Vec<SearchRow>) -> Result<(), KnowledgeError> {
    const COLUMNS: usize = 8;
    let mut write = store.begin().await?;
    for at in 0..rows.len() {
        if rows[at].session_id.is_empty() {
            continue;
        }
        match rows[..at].iter().rposition(|row| row.is_of_session(&rows[at])) {
            Some(before) => {
                let since = rows[at].at.duration_since(rows[before].at);
                rows[before].superseded = since.unsigned_abs() <= SAME_SEARCH && is_same(&rows[at].query, &rows[before].query);
            }
            None => supersede(&mut write, &rows[at]).await?,
        }
    }
    for rows in sql::pieces(&rows, COLUMNS) {
        let statement = format!(
            "INSERT INTO search (workspace, search_id, session_id, query, language, hits, superseded, at) VALUES {}",
            sql::placeholders(1, rows.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for row in rows {
            query = query
                .bind(row.workspace.clone())
                .bind(row.search_id.clone())
                .bind(row.session_id.clone())
                .bind(row.query.clone())
                .bind(row.language.clone())
                .bind(row.hits)
                .bind(i64::from(row.superseded))
                .bind(nanoseconds(row.at));
        }
        query.execute(&mut *write).await?;
    }
    Ok(write.commit().await?)
}

/// A query typed letter by letter is one search: the session's last one counts no more when this one goes on from it and nothing was
/// opened. Its hits may still be opened.
async fn supersede(write: &mut Write, row: &SearchRow) -> Result<(), KnowledgeError> {
    let since = nanoseconds(row.at) - i64::try_from(SAME_SEARCH.as_nanos()).unwrap_or(i64::MAX);
    let last: Option<(String, String)> = sqlx::query_as(
        "SELECT search_id, query FROM search WHERE workspace = $1 AND session_id = $2 AND at >= $3
         AND NOT EXISTS (SELECT 1 FROM article_open WHERE article_open.workspace = $1 AND article_open.search_id = search.search_id)
         ORDER BY at DESC LIMIT 1",
    )
    .bind(row.workspace.clone())
    .bind(row.session_id.clone())
    .bind(since)
    .fetch_optional(&mut **write)
    .await?;
    let Some((last_id, _)) = last.filter(|(_, last)| is_same(&row.query, last)) else { return Ok(()) };
    sqlx::query("UPDATE search SET superseded = 1 WHERE workspace = $1 AND search_id = $2")
        .bind(row.workspace.clone())
        .bind(last_id)
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Whether one of two masked queries goes on from the other.
fn is_same(one: &str, other: &str) -> bool {
    goes_on(one, other) || goes_on(other, one)
}

/// Whether a masked query may be what `before` became as its typing went on. A number is masked from its fourth digit on.
fn goes_on(query: &str, before: &str) -> bool {
    let typed = query.trim_end_matches(MASK);
    query.starts_with(before)
        || (typed.len() < query.len() && before.strip_prefix(typed).is_some_and(|number| number.bytes().any(|byte| byte.is_ascii_digit())))
}

/// Adds that an article was opened from a search that is there.
pub async fn write_open(
    store: &Store,
    workspace: &str,
    at: Timestamp,
    search_id: &Id,
    article_id: &Id,
    is_shown: bool,
) -> Result<(), KnowledgeError> {
    let mut write = store.begin().await?;
    // Its row may be written after this, by another server; an older search has a row alone.
    let is_ours = store.signer().read(&[SEARCH, workspace], search_id.as_str()).is_some();
    let query = sqlx::query_scalar("SELECT COUNT(*) FROM search WHERE workspace = $1 AND search_id = $2");
    let query = query.bind(workspace.to_owned()).bind(search_id.to_string());
    if !is_ours && query.fetch_one(&mut *write).await.map(|searches: i64| searches == 0)? {
        write.roll_back().await?;
        return Err(KnowledgeError::SearchNotFound(search_id.to_string()));
    }
    if !is_shown {
        write.roll_back().await?;
        return Err(KnowledgeError::NotFound { kind: Kind::Article, id: article_id.to_string() });
    }
    sqlx::query(
        "INSERT INTO article_open (workspace, search_id, article_id, at, language, session_id) VALUES ($1, $2, $3, $4,
         COALESCE((SELECT language FROM search WHERE workspace = $1 AND search_id = $2), ''),
         COALESCE((SELECT session_id FROM search WHERE workspace = $1 AND search_id = $2), ''))
         ON CONFLICT (workspace, search_id, article_id) DO NOTHING",
    )
    .bind(workspace.to_owned())
    .bind(search_id.to_string())
    .bind(article_id.to_string())
    .bind(nanoseconds(at))
    .execute(&mut *write)
    .await?;
    Ok(write.commit().await?)
}

/// Adds a rating, or puts it in the place of the one of its id.
pub async fn write_rating(store: &Store, workspace: &str, at: Timestamp, rating: &ArticleRating) -> Result<(), KnowledgeError> {
    let mut write = store.begin().await?;
    sqlx::query(
        "INSERT INTO article_rating (workspace, rating_id, article_id, language, helpful, reason, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (workspace, rating_id) DO UPDATE SET article_id = excluded.article_id, language = excluded.language,
         helpful = excluded.helpful, reason = excluded.reason, at = excluded.at",
    )
    .bind(workspace.to_owned())
    .bind(rating.rating_id.to_string())
    .bind(rating.article_id.to_string())
    .bind(rating.language.to_string())
    .bind(i64::from(rating.helpful))
    .bind(rating.reason.clone())
    .bind(nanoseconds(at))
    .execute(&mut *write)
    .await?;
    Ok(write.commit().await?)
}

/// Erases what is older than `time`, in small batches, and returns how much it was.
pub async fn forget(store: &Store, workspace: &Workspace, time: Timestamp) -> Result<u64, KnowledgeError> {
    let mut forgotten = 0;
    for (table, key) in [("article_open", "search_id, article_id"), ("search", "search_id"), ("article_rating", "rating_id")] {
        loop {
            let statement = format!(
                "DELETE FROM {table} WHERE workspace = $1 AND ({key}) IN
                 (SELECT {key} FROM {table} WHERE workspace = $1 AND at < $2 ORDER BY at LIMIT {FORGOTTEN_AT_ONCE})"
            );
            let mut write = store.begin().await?;
            let query = sqlx::query(AssertSqlSafe(statement)).bind(workspace.as_str().to_owned()).bind(nanoseconds(time));
            let gone = query.execute(&mut *write).await?.rows_affected();
            if gone > 0 {
                store.mark_wipe(&mut write).await?;
            }
            write.commit().await?;
            forgotten += gone;
            if gone < FORGOTTEN_AT_ONCE {
                break;
            }
        }
    }
    Ok(forgotten)
}

/// Returns how often each article was opened, of the [`MAX_OPENED`] that were opened most.
pub async fn openings(store: &Store, workspace: &Workspace) -> Result<Openings, KnowledgeError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT article_id, COUNT(*) AS opens FROM article_open WHERE workspace = $1
         GROUP BY article_id ORDER BY opens DESC, article_id LIMIT $2",
    )
    .bind(workspace.as_str().to_owned())
    .bind(MAX_OPENED)
    .fetch_all(store.reads())
    .await?;
    let mut openings = Openings::default();
    for (article, opens) in rows {
        if let Ok(article) = Id::new(article) {
            openings.add(&article, opens.unsigned_abs());
        }
    }
    Ok(openings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::masked;

    #[test]
    fn a_number_typed_digit_by_digit_goes_on() {
        let typed = ["where", "where is k", "where is ke-204", "where is ke-2048", "where is ke-204815"].map(masked);
        assert!(typed.windows(2).all(|pair| is_same(&pair[1], &pair[0])), "{typed:?}");
        assert!(!is_same(&masked("204815"), "refund"));
    }
}
