//! What the reports of help pages read: counts that the database makes, of which no more than so many lines are told.

use std::{collections::HashMap, time::Duration};

use sqlx::{AssertSqlSafe, Row, SqlSafeStr, any::AnyRow};

use crate::{
    ids::Workspace,
    knowledge::{
        error::KnowledgeError,
        report::search_report::{HelpReport, Lines, RatingCount, ReportFilter, SearchCounts, SearchLine, SearchReport, UnhelpfulArticle},
    },
    store::{
        Store,
        days::{DAY, Stretch},
    },
    text::Language,
};

/// Most lines of each list of a report.
const MAX_LINES: i64 = 1000;
/// Most reasons shown with an article.
const MAX_REASONS: i64 = 20;
/// Who searches again so soon after an article was opened did not find it there. A choice, not a measurement.
const SEARCHED_ON: Duration = Duration::from_secs(30 * 60);

/// What each statement is about: `$1` to `$4`.
struct Scope {
    workspace: String,
    start: i64,
    end: i64,
    /// Empty: all.
    language: String,
}

impl Scope {
    /// Reads a statement's rows; `numbers` are `$5` and on.
    async fn read(&self, store: &Store, statement: impl SqlSafeStr, numbers: &[i64]) -> Result<Vec<AnyRow>, KnowledgeError> {
        let query = sqlx::query(statement).bind(self.workspace.clone()).bind(self.start).bind(self.end).bind(self.language.clone());
        Ok(numbers.iter().fold(query, |query, number| query.bind(*number)).fetch_all(store.reads()).await?)
    }

    fn of(workspace: &Workspace, ReportFilter { days, language }: &ReportFilter) -> Scope {
        Scope {
            workspace: workspace.as_str().to_owned(),
            start: days.start(),
            end: days.end(),
            language: language.as_ref().map(Language::to_string).unwrap_or_default(),
        }
    }
}

/// What people searched, opened and rated in a period.
pub async fn search_report(store: &Store, workspace: &Workspace, asked: &ReportFilter) -> Result<SearchReport, KnowledgeError> {
    let scope = Scope::of(workspace, asked);
    let statement = "SELECT COUNT(*), COUNT(*) FILTER (WHERE hits = 0) FROM search
         WHERE workspace = $1 AND superseded = 0 AND at >= $2 AND at < $3 AND ($4 = '' OR language = $4)";
    let totals = scope.read(store, statement, &[]).await?;
    let total = |place: usize| totals.first().map(|row| row.try_get(place)).transpose().map(Option::unwrap_or_default);
    let reasons = reasons(store, &scope).await?;
    Ok(SearchReport {
        searches: total(0)?,
        searches_without_hit: total(1)?,
        queries: queries(store, &scope).await?,
        opens: opens(store, &scope).await?,
        ratings: ratings(store, &scope, &reasons).await?,
    })
}

/// How people were helped in a period.
pub async fn help_report(store: &Store, workspace: &Workspace, asked: &ReportFilter) -> Result<HelpReport, KnowledgeError> {
    let scope = Scope::of(workspace, asked);
    let days = by_day(store, &scope, &asked.days.stretches()).await?;
    let mut total = SearchCounts::default();
    days.iter().for_each(|(_, counts)| total.add(counts));
    let reasons = reasons(store, &scope).await?;
    Ok(HelpReport {
        total,
        days,
        languages: by_language(store, &scope).await?,
        queries_without_hit: queries_without_hit(store, &scope).await?,
        unhelpful_articles: unhelpful_articles(store, &scope, &reasons).await?,
        ratings: ratings(store, &scope, &reasons).await?,
    })
}

/// The lines of a list, of which each row says last how many there are.
fn lines<T>(rows: &[AnyRow], line: impl Fn(&AnyRow) -> Result<T, sqlx::Error>) -> Result<Lines<T>, KnowledgeError> {
    let all: i64 = rows.first().map(|row| row.try_get(row.len() - 1)).transpose()?.unwrap_or_default();
    let lines = rows.iter().map(line).collect::<Result<Vec<T>, _>>()?;
    Ok(Lines { left_out: all - lines.len() as i64, lines })
}

async fn by_day(store: &Store, scope: &Scope, stretches: &[Stretch]) -> Result<Vec<(i64, SearchCounts)>, KnowledgeError> {
    let mut days: Vec<(i64, SearchCounts)> = Vec::new();
    for Stretch { start, end, offset } in stretches {
        let scope = Scope { workspace: scope.workspace.clone(), start: *start, end: *end, language: scope.language.clone() };
        let day = |table: &str| format!("({table}.at + $6) / {DAY}");
        let statement = counted(&day("search"), &day("article_open"), &day("article_rating"));
        for row in scope.read(store, AssertSqlSafe(statement), &[i64::MAX, *offset]).await? {
            let (day, counts) = (row.try_get(0)?, search_counts(&row)?);
            // Clocks are changed within a day: it is a part of two stretches.
            match days.iter_mut().find(|(known, _)| *known == day) {
                Some((_, known)) => known.add(&counts),
                None => days.push((day, counts)),
            }
        }
    }
    days.sort_by_key(|(day, _)| *day);
    Ok(days)
}

async fn by_language(store: &Store, scope: &Scope) -> Result<Lines<(String, SearchCounts)>, KnowledgeError> {
    let statement = counted("search.language", "COALESCE(search.language, '')", "article_rating.language");
    let rows = scope.read(store, AssertSqlSafe(statement), &[MAX_LINES]).await?;
    lines(&rows, |row| Ok((row.try_get(0)?, search_counts(row)?)))
}

/// The statement that counts searches, opened articles and ratings by a part of each: a day, a language.
fn counted(of_search: &str, of_open: &str, of_rating: &str) -> String {
    format!(
        "SELECT part, COUNT(*) FILTER (WHERE what <= 1), COUNT(*) FILTER (WHERE what = 1), COUNT(*) FILTER (WHERE what = 2),
         COUNT(*) FILTER (WHERE what = 3), COUNT(*) FILTER (WHERE what = 4), COUNT(*) OVER () FROM (
             SELECT {of_search} AS part, CASE WHEN search.hits = 0 THEN 1 ELSE 0 END AS what FROM search
             WHERE search.workspace = $1 AND search.superseded = 0 AND search.at >= $2 AND search.at < $3
             AND ($4 = '' OR search.language = $4)
             UNION ALL
             SELECT {of_open}, 2 FROM article_open
             LEFT JOIN search ON search.workspace = article_open.workspace AND search.search_id = article_open.search_id
             WHERE article_open.workspace = $1 AND article_open.at >= $2 AND article_open.at < $3 AND ($4 = '' OR search.language = $4)
             UNION ALL
             SELECT {of_rating}, 4 - article_rating.helpful FROM article_rating
             WHERE article_rating.workspace = $1 AND article_rating.at >= $2 AND article_rating.at < $3
             AND ($4 = '' OR article_rating.language = $4)
         ) AS used GROUP BY part ORDER BY COUNT(*) FILTER (WHERE what <= 1) DESC, part LIMIT $5"
    )
}

fn search_counts(row: &AnyRow) -> Result<SearchCounts, sqlx::Error> {
    Ok(SearchCounts {
        searches: row.try_get(1)?,
        without_hit: row.try_get(2)?,
        opens: row.try_get(3)?,
        helpful: row.try_get(4)?,
        unhelpful: row.try_get(5)?,
    })
}

async fn queries(store: &Store, scope: &Scope) -> Result<Lines<SearchLine>, KnowledgeError> {
    let statement = "SELECT query, COUNT(*) AS searches, COUNT(*) FILTER (WHERE hits = 0), COUNT(*) OVER () FROM search
         WHERE workspace = $1 AND superseded = 0 AND at >= $2 AND at < $3 AND ($4 = '' OR language = $4)
         GROUP BY query ORDER BY searches DESC, query LIMIT $5";
    lines(&scope.read(store, statement, &[MAX_LINES]).await?, search_line)
}

async fn queries_without_hit(store: &Store, scope: &Scope) -> Result<Lines<SearchLine>, KnowledgeError> {
    let statement = "SELECT query, COUNT(*) AS searches, COUNT(*) FILTER (WHERE hits = 0), COUNT(*) OVER () FROM search
         WHERE workspace = $1 AND superseded = 0 AND at >= $2 AND at < $3 AND ($4 = '' OR language = $4)
         GROUP BY query HAVING COUNT(*) FILTER (WHERE hits = 0) > 0
         ORDER BY COUNT(*) FILTER (WHERE hits = 0) DESC, searches DESC, query LIMIT $5";
    lines(&scope.read(store, statement, &[MAX_LINES]).await?, search_line)
}

fn search_line(row: &AnyRow) -> Result<SearchLine, sqlx::Error> {
    Ok(SearchLine { query: row.try_get(0)?, searches: row.try_get(1)?, without_hit: row.try_get(2)? })
}

async fn opens(store: &Store, scope: &Scope) -> Result<Lines<(String, i64)>, KnowledgeError> {
    let statement = "SELECT article_open.article_id, COUNT(*) AS opens, COUNT(*) OVER () FROM article_open
         LEFT JOIN search ON search.workspace = article_open.workspace AND search.search_id = article_open.search_id
         WHERE article_open.workspace = $1 AND article_open.at >= $2 AND article_open.at < $3 AND ($4 = '' OR search.language = $4)
         GROUP BY article_open.article_id ORDER BY opens DESC, article_open.article_id LIMIT $5";
    lines(&scope.read(store, statement, &[MAX_LINES]).await?, |row| Ok((row.try_get(0)?, row.try_get(1)?)))
}

async fn ratings(store: &Store, scope: &Scope, reasons: &Reasons) -> Result<Lines<RatingCount>, KnowledgeError> {
    let statement = "SELECT article_id, language, COUNT(*) FILTER (WHERE helpful = 1), COUNT(*) FILTER (WHERE helpful = 0),
         COUNT(*) OVER () FROM article_rating
         WHERE workspace = $1 AND at >= $2 AND at < $3 AND ($4 = '' OR language = $4)
         GROUP BY article_id, language ORDER BY COUNT(*) DESC, article_id, language LIMIT $5";
    lines(&scope.read(store, statement, &[MAX_LINES]).await?, |row| {
        let (article_id, language): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let reasons = told(reasons, &article_id, |given| given.language == language);
        Ok(RatingCount { article_id, language, helpful: row.try_get(2)?, unhelpful: row.try_get(3)?, reasons })
    })
}

async fn unhelpful_articles(store: &Store, scope: &Scope, reasons: &Reasons) -> Result<Lines<UnhelpfulArticle>, KnowledgeError> {
    let statement = "SELECT article_id, CAST(SUM(opens) AS BIGINT), CAST(SUM(searched_on) AS BIGINT), CAST(SUM(helpful) AS BIGINT),
         CAST(SUM(unhelpful) AS BIGINT), COUNT(*) OVER () FROM (
             SELECT article_open.article_id, 1 AS opens, CASE WHEN search.session_id <> '' THEN COALESCE((
                 SELECT 1 FROM search AS later WHERE later.workspace = $1 AND later.session_id = search.session_id
                 AND later.superseded = 0 AND later.at > article_open.at AND later.at <= article_open.at + $6 LIMIT 1
             ), 0) ELSE 0 END AS searched_on, 0 AS helpful, 0 AS unhelpful FROM article_open
             LEFT JOIN search ON search.workspace = article_open.workspace AND search.search_id = article_open.search_id
             WHERE article_open.workspace = $1 AND article_open.at >= $2 AND article_open.at < $3 AND ($4 = '' OR search.language = $4)
             UNION ALL
             SELECT article_id, 0, 0, helpful, 1 - helpful FROM article_rating
             WHERE workspace = $1 AND at >= $2 AND at < $3 AND ($4 = '' OR language = $4)
         ) AS used GROUP BY article_id HAVING SUM(searched_on) + SUM(unhelpful) > 0
         ORDER BY SUM(searched_on) + SUM(unhelpful) DESC, article_id LIMIT $5";
    let soon = i64::try_from(SEARCHED_ON.as_nanos()).unwrap_or(i64::MAX);
    lines(&scope.read(store, statement, &[MAX_LINES, soon]).await?, |row| {
        let article_id: String = row.try_get(0)?;
        let reasons = told(reasons, &article_id, |given| !given.helpful);
        let (opens, searched_on) = (row.try_get(1)?, row.try_get(2)?);
        Ok(UnhelpfulArticle { article_id, opens, searched_on, helpful: row.try_get(3)?, unhelpful: row.try_get(4)?, reasons })
    })
}

/// Reasons by article, newest first.
type Reasons = HashMap<String, Vec<Given>>;

/// A reason that a reader gave with a rating.
struct Given {
    language: String,
    helpful: bool,
    reason: String,
}

/// The latest reasons of an article among these, newest first.
fn told(reasons: &Reasons, article_id: &str, which: impl Fn(&Given) -> bool) -> Vec<String> {
    let of_article = reasons.get(article_id).into_iter().flatten();
    of_article.filter(|given| which(given)).take(MAX_REASONS as usize).map(|given| given.reason.clone()).collect()
}

/// The latest reasons of each article's ratings in a language.
async fn reasons(store: &Store, scope: &Scope) -> Result<Reasons, KnowledgeError> {
    let statement = "SELECT article_id, language, helpful, reason FROM (
             SELECT article_id, language, helpful, reason, at,
             ROW_NUMBER() OVER (PARTITION BY article_id, language, helpful ORDER BY at DESC) AS place
             FROM article_rating WHERE workspace = $1 AND reason <> '' AND at >= $2 AND at < $3 AND ($4 = '' OR language = $4)
         ) AS ranked WHERE place <= $5 ORDER BY at DESC LIMIT $6";
    let mut reasons = Reasons::new();
    for row in scope.read(store, statement, &[MAX_REASONS, MAX_LINES * MAX_REASONS]).await? {
        let helpful: i64 = row.try_get(2)?;
        let given = Given { language: row.try_get(1)?, helpful: helpful != 0, reason: row.try_get(3)? };
        reasons.entry(row.try_get(0)?).or_default().push(given);
    }
    Ok(reasons)
}
