//! The search report: what people searched and opened, and how they rated articles.

use std::{net::IpAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    facts::{MASK, masked},
    ids::{Id, Workspace},
    knowledge::{documents::document::Kind, error::KnowledgeError, report::daily_bound::DailyBound},
    store::{Store, Write, Writer, nanoseconds, sql},
    task::TaskError,
    text::Language,
};

/// Queries of a session that extend one another within this time are one search.
const SAME_SEARCH: Duration = Duration::from_secs(5);
/// About how much of the queue a job takes.
const JOB_BYTES: usize = 4096;
/// How long searches gather before they are written, unless so many did already.
const GATHER: Duration = Duration::from_millis(50);
const GATHERED: usize = 128;
/// Rows erased in one write.
const FORGOTTEN_AT_ONCE: u64 = 500;
/// Most lines of each list of a report.
const MAX_LINES: i64 = 1000;
/// Most reasons shown with an article's ratings.
const MAX_REASONS: i64 = 20;

/// What people did, to be written down.
enum Use {
    Search {
        search_id: String,
        session_id: String,
        query: String,
        hits: i64,
    },
    /// `is_shown` says whether its reader may be shown such an article.
    Open {
        search_id: Id,
        article_id: Id,
        is_shown: bool,
        answer: oneshot::Sender<Result<(), KnowledgeError>>,
    },
    Rate {
        rating: ArticleRating,
        answer: oneshot::Sender<Result<(), KnowledgeError>>,
    },
}

struct Job {
    workspace: Workspace,
    at: Timestamp,
    used: Use,
}

/// A reader's word on an article.
#[derive(Debug, Clone)]
pub struct ArticleRating {
    pub rating_id: Id,
    pub article_id: Id,
    pub language: Language,
    pub helpful: bool,
    pub reason: String,
}

/// What people did in a span of time.
#[derive(Debug, Default)]
pub struct SearchReport {
    pub searches: i64,
    pub searches_without_hit: i64,
    /// Query, searches, searches without a hit.
    pub queries: Vec<(String, i64, i64)>,
    /// Article, opens.
    pub opens: Vec<(String, i64)>,
    pub ratings: Vec<RatingCount>,
}

/// How an article was rated.
#[derive(Debug)]
pub struct RatingCount {
    pub article_id: String,
    pub language: String,
    pub helpful: i64,
    pub unhelpful: i64,
    pub reasons: Vec<String>,
}

/// Whose search, opened article or rating it is.
#[derive(Debug, Clone)]
pub struct Reported {
    pub workspace: Workspace,
    /// Where a call of the public comes from; `None`: a console's, which has no bound.
    pub visitor: Option<IpAddr>,
}

/// Writes down what people did, and reports it.
#[derive(Clone)]
pub struct Report {
    store: Store,
    writer: Writer<Job>,
    bound: Arc<DailyBound>,
}

impl Report {
    pub fn start(store: Store) -> Report {
        let shared = store.clone();
        let writer = Writer::start(move |batch| {
            let store = shared.clone();
            Box::pin(async move { commit(&store, batch).await })
        });
        Report { store, writer, bound: Arc::new(DailyBound::new(u64::MAX)) }
    }

    pub fn with_bytes_per_day(self, max_bytes: u64) -> Report {
        Report { bound: Arc::new(DailyBound::new(max_bytes)), ..self }
    }

    /// Erases what is older than `time`, in small batches, and tells how much it was.
    pub async fn forget(&self, workspace: &Workspace, time: Timestamp) -> Result<u64, KnowledgeError> {
        let mut forgotten = 0;
        for (table, key) in [("article_open", "search_id, article_id"), ("search", "search_id"), ("article_rating", "rating_id")] {
            loop {
                let statement = format!(
                    "DELETE FROM {table} WHERE workspace = $1 AND ({key}) IN
                     (SELECT {key} FROM {table} WHERE workspace = $1 AND at < $2 ORDER BY at LIMIT {FORGOTTEN_AT_ONCE})"
                );
                let mut write = self.store.begin().await?;
                let query = sqlx::query(AssertSqlSafe(statement)).bind(workspace.as_str().to_owned()).bind(nanoseconds(time));
                let gone = query.execute(&mut *write).await?.rows_affected();
                if gone > 0 {
                    self.store.mark_wipe(&mut write).await?;
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

    /// Names a search and writes it down after the answer has gone out. A search that can't be written down is still answered; one beyond
    /// the day's bound has no name.
    pub fn searched(&self, by: &Reported, session_id: &str, query: &str, hits: usize) -> String {
        let query = masked(&query.trim().to_lowercase());
        if self.take_room(by, query.len() + session_id.len()).is_err() {
            return String::new();
        }
        let search_id = Uuid::now_v7().to_string();
        let used = Use::Search {
            search_id: search_id.clone(),
            session_id: session_id.to_owned(),
            query,
            hits: i64::try_from(hits).unwrap_or(i64::MAX),
        };
        if self.writer.queue(Job { workspace: by.workspace.clone(), at: Timestamp::now(), used }, JOB_BYTES).is_err() {
            tracing::warn!("a search was not written down: the store is busy");
        }
        search_id
    }

    pub async fn opened(&self, by: &Reported, search_id: Id, article_id: Id, is_shown: bool) -> Result<(), KnowledgeError> {
        self.take_room(by, 0)?;
        let (answer, answered) = oneshot::channel();
        self.wait(&by.workspace, Use::Open { search_id, article_id, is_shown, answer }, answered).await
    }

    pub async fn rated(&self, by: &Reported, rating: ArticleRating) -> Result<(), KnowledgeError> {
        self.take_room(by, rating.reason.len())?;
        let (answer, answered) = oneshot::channel();
        self.wait(&by.workspace, Use::Rate { rating, answer }, answered).await
    }

    fn take_room(&self, by: &Reported, text_bytes: usize) -> Result<(), KnowledgeError> {
        let Some(visitor) = by.visitor else { return Ok(()) };
        self.bound.take(&by.workspace, visitor, text_bytes, Timestamp::now()).map_err(KnowledgeError::DayUsedUp)
    }

    async fn wait(
        &self,
        workspace: &Workspace,
        used: Use,
        answered: oneshot::Receiver<Result<(), KnowledgeError>>,
    ) -> Result<(), KnowledgeError> {
        self.writer.queue(Job { workspace: workspace.clone(), at: Timestamp::now(), used }, JOB_BYTES)?;
        answered.await.map_err(|_| TaskError::Panicked("the write of the report"))?
    }

    /// What people did from `start` until before `end`.
    pub async fn report(&self, workspace: &Workspace, start: Timestamp, end: Timestamp) -> Result<SearchReport, KnowledgeError> {
        let (name, start, end) = (workspace.as_str().to_owned(), nanoseconds(start), nanoseconds(end));
        let totals = sqlx::query(
            "SELECT COUNT(*), COUNT(*) FILTER (WHERE hits = 0) FROM search
             WHERE workspace = $1 AND superseded = 0 AND at >= $2 AND at < $3",
        )
        .bind(name.clone())
        .bind(start)
        .bind(end)
        .fetch_one(self.store.reads())
        .await?;
        let queries = sqlx::query(
            "SELECT query, COUNT(*) AS searches, COUNT(*) FILTER (WHERE hits = 0) FROM search
             WHERE workspace = $1 AND superseded = 0 AND at >= $2 AND at < $3 GROUP BY query ORDER BY searches DESC, query LIMIT $4",
        )
        .bind(name.clone())
        .bind(start)
        .bind(end)
        .bind(MAX_LINES)
        .fetch_all(self.store.reads())
        .await?;
        let opens = sqlx::query(
            "SELECT article_id, COUNT(*) AS opens FROM article_open
             WHERE workspace = $1 AND at >= $2 AND at < $3 GROUP BY article_id ORDER BY opens DESC, article_id LIMIT $4",
        )
        .bind(name.clone())
        .bind(start)
        .bind(end)
        .bind(MAX_LINES)
        .fetch_all(self.store.reads())
        .await?;
        let ratings = sqlx::query(
            "SELECT article_id, language, COUNT(*) FILTER (WHERE helpful = 1), COUNT(*) FILTER (WHERE helpful = 0) FROM article_rating
             WHERE workspace = $1 AND at >= $2 AND at < $3 GROUP BY article_id, language
             ORDER BY COUNT(*) DESC, article_id, language LIMIT $4",
        )
        .bind(name.clone())
        .bind(start)
        .bind(end)
        .bind(MAX_LINES)
        .fetch_all(self.store.reads())
        .await?;
        let mut report = SearchReport { searches: totals.try_get(0)?, searches_without_hit: totals.try_get(1)?, ..SearchReport::default() };
        for row in queries {
            report.queries.push((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
        }
        for row in opens {
            report.opens.push((row.try_get(0)?, row.try_get(1)?));
        }
        for row in ratings {
            let (article_id, language): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let reasons: Vec<String> = sqlx::query_scalar(
                "SELECT reason FROM article_rating WHERE workspace = $1 AND article_id = $2 AND language = $3 AND reason <> ''
                 AND at >= $4 AND at < $5 ORDER BY at DESC LIMIT $6",
            )
            .bind(name.clone())
            .bind(article_id.clone())
            .bind(language.clone())
            .bind(start)
            .bind(end)
            .bind(MAX_REASONS)
            .fetch_all(self.store.reads())
            .await?;
            report.ratings.push(RatingCount { article_id, language, helpful: row.try_get(2)?, unhelpful: row.try_get(3)?, reasons });
        }
        Ok(report)
    }
}

/// Writes searches together: nobody waits for them, so a few may gather first. What somebody waits for is a write of its own, so that none
/// fails for another.
/// Writes jobs in their order and takes them out; searches that stand together in one write.
async fn commit(store: &Store, batch: &mut Vec<Job>) {
    if batch.len() < GATHERED && batch.iter().all(|job| matches!(job.used, Use::Search { .. })) {
        tokio::time::sleep(GATHER).await;
    }
    while !batch.is_empty() {
        let searches = batch.iter().take_while(|job| matches!(job.used, Use::Search { .. })).count();
        if searches > 0 {
            // An opening that follows may be from one of them.
            write_searches(store, &batch[..searches]).await;
            batch.drain(..searches);
            continue;
        }
        let Job { workspace, at, used } = &batch[0];
        let written = match used {
            Use::Search { .. } => Ok(()),
            Use::Open { search_id, article_id, is_shown, .. } => {
                write_open(store, workspace.as_str(), *at, search_id, article_id, *is_shown).await
            }
            Use::Rate { rating, .. } => write_rating(store, workspace.as_str(), *at, rating).await,
        };
        if let Use::Open { answer, .. } | Use::Rate { answer, .. } = batch.remove(0).used {
            let _ = answer.send(written);
        }
    }
}

async fn write_searches(store: &Store, searches: &[Job]) {
    let rows: Vec<SearchRow> = searches.iter().filter_map(SearchRow::of).collect();
    if let Err(error) = insert_searches(store, rows).await {
        tracing::warn!(error = %error, searches = searches.len(), "searches were not written down");
    }
}

struct SearchRow {
    workspace: String,
    search_id: String,
    session_id: String,
    query: String,
    hits: i64,
    superseded: bool,
    at: Timestamp,
}

impl SearchRow {
    fn of(job: &Job) -> Option<SearchRow> {
        let Job { workspace, at, used } = job;
        let Use::Search { search_id, session_id, query, hits } = used else { return None };
        Some(SearchRow {
            workspace: workspace.as_str().to_owned(),
            search_id: search_id.clone(),
            session_id: session_id.clone(),
            query: query.clone(),
            hits: *hits,
            superseded: false,
            at: *at,
        })
    }

    fn is_of_session(&self, other: &SearchRow) -> bool {
        self.workspace == other.workspace && self.session_id == other.session_id
    }
}

async fn insert_searches(store: &Store, mut rows: Vec<SearchRow>) -> Result<(), KnowledgeError> {
    const COLUMNS: usize = 7;
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
            "INSERT INTO search (workspace, search_id, session_id, query, hits, superseded, at) VALUES {}",
            sql::placeholders(1, rows.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for row in rows {
            query = query
                .bind(row.workspace.clone())
                .bind(row.search_id.clone())
                .bind(row.session_id.clone())
                .bind(row.query.clone())
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

async fn write_open(
    store: &Store,
    workspace: &str,
    at: Timestamp,
    search_id: &Id,
    article_id: &Id,
    is_shown: bool,
) -> Result<(), KnowledgeError> {
    let mut write = store.begin().await?;
    let searches: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM search WHERE workspace = $1 AND search_id = $2")
        .bind(workspace.to_owned())
        .bind(search_id.to_string())
        .fetch_one(&mut *write)
        .await?;
    if searches == 0 {
        write.roll_back().await?;
        return Err(KnowledgeError::SearchNotFound(search_id.to_string()));
    }
    if !is_shown {
        write.roll_back().await?;
        return Err(KnowledgeError::NotFound { kind: Kind::Article, id: article_id.to_string() });
    }
    sqlx::query(
        "INSERT INTO article_open (workspace, search_id, article_id, at) VALUES ($1, $2, $3, $4)
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

async fn write_rating(store: &Store, workspace: &str, at: Timestamp, rating: &ArticleRating) -> Result<(), KnowledgeError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_typed_digit_by_digit_goes_on() {
        let typed = ["where", "where is k", "where is ke-204", "where is ke-2048", "where is ke-204815"].map(masked);
        assert!(typed.windows(2).all(|pair| is_same(&pair[1], &pair[0])), "{typed:?}");
        assert!(!is_same(&masked("204815"), "refund"));
    }
}
