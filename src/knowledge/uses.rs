//! What people do with the knowledge base: searches, opened articles, ratings, and the report of them.

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use jiff::Timestamp;

use crate::{
    ids::Id,
    knowledge::{ArticleRating, HelpReport, Kind, Knowledge, KnowledgeError, Reader, ReportFilter, SearchReport, report::Reported},
    text::Language,
};

impl Knowledge {
    /// Records a search for the report and returns its id. `visitor` is the address of a public caller; `None` for a console, which has no
    /// quota.
    pub fn searched(&self, visitor: Option<IpAddr>, session_id: &str, (query, language): (&str, &Language), hits: usize) -> String {
        self.base.searches[usize::from(hits > 0)].fetch_add(1, Ordering::Relaxed);
        self.report.searched(&self.reported(visitor), session_id, (query, language), hits)
    }

    /// Records that an article was opened from a search. For a reader who may not see it, the article does not exist.
    pub async fn opened(&self, visitor: Option<IpAddr>, search_id: Id, article_id: Id, reader: &Reader) -> Result<(), KnowledgeError> {
        let versions = self.versions(Kind::Article, &article_id).await?;
        let is_shown = versions.iter().any(|document| reader.sees(document.audience()));
        self.report.opened(&self.reported(visitor), search_id, article_id, is_shown).await
    }

    /// Records a reader's rating of an article.
    pub async fn rated(&self, visitor: Option<IpAddr>, rating: ArticleRating) -> Result<(), KnowledgeError> {
        self.report.rated(&self.reported(visitor), rating).await
    }

    /// Erases searches, articles opened from them, and ratings that are older than `time`, and counts openings anew; returns how many rows.
    pub async fn forget_uses(&self, time: Timestamp) -> Result<u64, KnowledgeError> {
        let forgotten = self.report.forget(&self.workspace, time).await?;
        self.load_openings().await?;
        Ok(forgotten)
    }

    /// Reads how often each article was opened, on whatever server.
    pub(super) async fn load_openings(&self) -> Result<(), KnowledgeError> {
        let openings = self.report.openings(&self.workspace).await?;
        *self.base.openings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(openings);
        Ok(())
    }

    /// Returns what people searched, opened, and rated in a period.
    pub async fn search_report(&self, asked: &ReportFilter) -> Result<SearchReport, KnowledgeError> {
        self.report.search_report(&self.workspace, asked).await
    }

    /// Returns how people were helped in a period.
    pub async fn help_report(&self, asked: &ReportFilter) -> Result<HelpReport, KnowledgeError> {
        self.report.help_report(&self.workspace, asked).await
    }

    fn reported(&self, visitor: Option<IpAddr>) -> Reported {
        Reported { workspace: self.workspace.clone(), visitor }
    }
}
