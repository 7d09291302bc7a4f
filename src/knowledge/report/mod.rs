//! The search report: people's searches, the articles that they opened and rated, and the totals.

pub mod daily_bound;
pub mod report_rows;
pub mod search_report;
mod search_report_rows;

use std::{net::IpAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    facts::masked,
    ids::{Id, Workspace},
    knowledge::{
        error::KnowledgeError,
        report::{
            daily_bound::DailyBound,
            report_rows::SearchRow,
            search_report::{HelpReport, ReportFilter, SearchReport},
        },
        search::openings::Openings,
    },
    store::{Store, Writer},
    task::TaskError,
    text::Language,
};

/// Approximate size of a job in the queue.
const JOB_BYTES: usize = 4096;
/// How long searches are batched before they are written, and the batch size that is written at once.
const MAX_BATCH_DELAY: Duration = Duration::from_millis(50);
const BATCH: usize = 128;

/// What ids of searches are signed as.
pub const SEARCH: &str = "search";

/// An event to record.
enum Use {
    Search {
        search_id: String,
        session_id: String,
        query: String,
        language: Language,
        hits: i64,
    },
    /// `is_shown` says whether the reader may see such an article.
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

/// A reader's rating of an article.
#[derive(Debug, Clone)]
pub struct ArticleRating {
    /// Chosen by the page: the same id again replaces the rating.
    pub rating_id: Id,
    /// The article's id, the same in every language.
    pub article_id: Id,
    /// The language that it was read in.
    pub language: Language,
    /// Whether it helped.
    pub helpful: bool,
    /// Why not, in the reader's words, up to 2,000 characters; empty if not given.
    pub reason: String,
}

/// Where an event came from.
#[derive(Debug, Clone)]
pub struct Reported {
    pub workspace: Workspace,
    /// The address of a public caller; `None` for a console, which has no quota.
    pub visitor: Option<IpAddr>,
}

/// Records events and reports them.
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

    /// Erases what is older than `time`, in small batches, and returns the number of rows.
    pub async fn forget(&self, workspace: &Workspace, time: Timestamp) -> Result<u64, KnowledgeError> {
        report_rows::forget(&self.store, workspace, time).await
    }

    /// Returns how often each article was opened, of those that were opened most.
    pub async fn openings(&self, workspace: &Workspace) -> Result<Openings, KnowledgeError> {
        report_rows::openings(&self.store, workspace).await
    }

    /// Returns what people searched, opened and rated in a period.
    pub async fn search_report(&self, workspace: &Workspace, asked: &ReportFilter) -> Result<SearchReport, KnowledgeError> {
        search_report_rows::search_report(&self.store, workspace, asked).await
    }

    /// Returns how people were helped in a period.
    pub async fn help_report(&self, workspace: &Workspace, asked: &ReportFilter) -> Result<HelpReport, KnowledgeError> {
        search_report_rows::help_report(&self.store, workspace, asked).await
    }

    /// Returns an id for a search in a language and records the search after the response was sent. A search that can't be recorded is still answered;
    /// one beyond the day's quota has no id.
    pub fn searched(&self, by: &Reported, session_id: &str, (query, language): (&str, &Language), hits: usize) -> String {
        let query = masked(&query.trim().to_lowercase());
        if self.reserve(by, query.len() + session_id.len()).is_err() {
            return String::new();
        }
        let search_id = self.store.signer().sign(&[SEARCH, by.workspace.as_str()], Uuid::now_v7().as_bytes());
        let used = Use::Search {
            search_id: search_id.clone(),
            session_id: session_id.to_owned(),
            query,
            language: language.clone(),
            hits: i64::try_from(hits).unwrap_or(i64::MAX),
        };
        if self.writer.queue(Job { workspace: by.workspace.clone(), at: Timestamp::now(), used }, JOB_BYTES).is_err() {
            tracing::warn!("search not recorded: the store is busy");
        }
        search_id
    }

    pub async fn opened(&self, by: &Reported, search_id: Id, article_id: Id, is_shown: bool) -> Result<(), KnowledgeError> {
        self.reserve(by, 0)?;
        let (answer, answered) = oneshot::channel();
        self.wait(&by.workspace, Use::Open { search_id, article_id, is_shown, answer }, answered).await
    }

    pub async fn rated(&self, by: &Reported, rating: ArticleRating) -> Result<(), KnowledgeError> {
        self.reserve(by, rating.reason.len())?;
        let (answer, answered) = oneshot::channel();
        self.wait(&by.workspace, Use::Rate { rating, answer }, answered).await
    }

    fn reserve(&self, by: &Reported, text_bytes: usize) -> Result<(), KnowledgeError> {
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
}

/// Writes jobs in order and removes them. Adjacent searches are one write: nobody waits for them, so a few may be batched first. A job that
/// somebody waits for is a write of its own, so that none fails because of another.
async fn commit(store: &Store, batch: &mut Vec<Job>) {
    if batch.len() < BATCH && batch.iter().all(|job| matches!(job.used, Use::Search { .. })) {
        tokio::time::sleep(MAX_BATCH_DELAY).await;
    }
    while !batch.is_empty() {
        let searches = batch.iter().take_while(|job| matches!(job.used, Use::Search { .. })).count();
        if searches > 0 {
            // An opened article that follows may come from one of them.
            write_searches(store, &batch[..searches]).await;
            batch.drain(..searches);
            continue;
        }
        let Job { workspace, at, used } = &batch[0];
        let written = match used {
            Use::Search { .. } => Ok(()),
            Use::Open { search_id, article_id, is_shown, .. } => {
                report_rows::write_open(store, workspace.as_str(), *at, search_id, article_id, *is_shown).await
            }
            Use::Rate { rating, .. } => report_rows::write_rating(store, workspace.as_str(), *at, rating).await,
        };
        if let Use::Open { answer, .. } | Use::Rate { answer, .. } = batch.remove(0).used {
            let _ = answer.send(written);
        }
    }
}

async fn write_searches(store: &Store, searches: &[Job]) {
    let rows: Vec<SearchRow> = searches.iter().filter_map(search_row).collect();
    if let Err(error) = report_rows::insert_searches(store, rows).await {
        tracing::warn!(error = %error, searches = searches.len(), "searches not recorded");
    }
}

fn search_row(job: &Job) -> Option<SearchRow> {
    let Job { workspace, at, used } = job;
    let Use::Search { search_id, session_id, query, language, hits } = used else { return None };
    Some(SearchRow {
        workspace: workspace.as_str().to_owned(),
        search_id: search_id.clone(),
        session_id: session_id.clone(),
        query: query.clone(),
        language: language.to_string(),
        hits: *hits,
        superseded: false,
        at: *at,
    })
}
