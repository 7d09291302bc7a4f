//! What the reports of help pages tell.

use crate::{store::days::Days, text::Language};

/// What a report is asked about.
#[derive(Debug, Clone)]
pub struct ReportFilter {
    /// The period, in the time zone whose days are counted.
    pub days: Days,
    /// Only what was searched or read in this language; `None`: all of them.
    pub language: Option<Language>,
    /// Only this article, and the searches from which it was opened; empty: all of them.
    pub document_id: String,
}

/// A list that may be too long to be told whole.
#[derive(Debug)]
pub struct Lines<T> {
    /// Its first lines.
    pub lines: Vec<T>,
    /// How many more there are.
    pub left_out: i64,
}

/// What people searched, opened and rated in a period.
#[derive(Debug)]
pub struct SearchReport {
    /// How many searches there were; queries of a session that extend one another are one.
    pub searches: i64,
    /// How many of them found nothing.
    pub searches_without_hit: i64,
    /// The queries, most frequent first.
    pub queries: Lines<SearchLine>,
    /// Article, opens; most opened first.
    pub opens: Lines<(String, i64)>,
    /// The rated articles, most rated first.
    pub ratings: Lines<RatingCount>,
}

/// How people were helped in a period.
#[derive(Debug)]
pub struct HelpReport {
    /// All of it.
    pub total: SearchCounts,
    /// By day, as [`crate::store::days::date`] knows it; days on which nothing was done are absent.
    pub days: Vec<(i64, SearchCounts)>,
    /// By language, most searched first.
    pub languages: Lines<(String, SearchCounts)>,
    /// The queries that found nothing, those that did so most often first.
    pub queries_without_hit: Lines<SearchLine>,
    /// The articles that did not help, the worst first.
    pub unhelpful_articles: Lines<UnhelpfulArticle>,
    /// The rated articles, most rated first.
    pub ratings: Lines<RatingCount>,
}

/// How often something was done.
#[derive(Debug, Clone, Copy, Default)]
pub struct SearchCounts {
    /// Searches; queries of a session that extend one another are one.
    pub searches: i64,
    /// Searches that found nothing.
    pub without_hit: i64,
    /// Articles opened from searches.
    pub opens: i64,
    /// Ratings that an article helped.
    pub helpful: i64,
    /// Ratings that it did not.
    pub unhelpful: i64,
}

impl SearchCounts {
    /// Adds what was done elsewhere.
    pub fn add(&mut self, other: &SearchCounts) {
        let SearchCounts { searches, without_hit, opens, helpful, unhelpful } = other;
        self.searches += searches;
        self.without_hit += without_hit;
        self.opens += opens;
        self.helpful += helpful;
        self.unhelpful += unhelpful;
    }
}

/// A query, masked.
#[derive(Debug)]
pub struct SearchLine {
    /// Its words.
    pub query: String,
    /// How often it was searched.
    pub searches: i64,
    /// How often it found nothing.
    pub without_hit: i64,
}

/// The ratings of an article.
#[derive(Debug)]
pub struct RatingCount {
    /// The article's id, the same in every language.
    pub article_id: String,
    /// The language that it was read in, as a tag.
    pub language: String,
    /// How many readers it helped.
    pub helpful: i64,
    /// How many it didn't.
    pub unhelpful: i64,
    /// Why not, in the readers' words, the latest 20, newest first.
    pub reasons: Vec<String>,
}

/// An article that did not help.
#[derive(Debug)]
pub struct UnhelpfulArticle {
    /// The article's id; its languages are counted together.
    pub article_id: String,
    /// How often it was opened from a search.
    pub opens: i64,
    /// After how many of these the same session searched again soon.
    pub searched_on: i64,
    /// How many readers it helped.
    pub helpful: i64,
    /// How many it didn't.
    pub unhelpful: i64,
    /// Why not, in the readers' words, the latest 20, newest first.
    pub reasons: Vec<String>,
}
