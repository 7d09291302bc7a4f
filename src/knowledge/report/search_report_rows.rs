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
        days::{self, Stretch},
    },
    text::Language,
};

/// Most lines of each list of a report.
const MAX_LINES: i64 = 1000;
/// Most reasons shown with an article.
const MAX_REASONS: i64 = 20;
/// Who searches again so soon after an article was opened did not find it there. A choice, not a measurement.
const SEARCHED_ON: Duration = Duration::from_secs(30 * 60);

/// The searches that a statement counts: with a document those from which it was opened, which was not before the search.
const SEARCHES: &str = "search.workspace = $1 AND search.superseded = 0 AND search.at >= $2 AND search.at < $3
     AND ($4 = '' OR search.language = $4) AND ($5 = '' OR search.search_id IN (
         SELECT led.search_id FROM article_open AS led WHERE led.workspace = $1 AND led.at >= $2 AND led.article_id = $5
     ))";
/// The opened articles that a statement counts.
const OPENS: &str = "article_open.workspace = $1 AND article_open.at >= $2 AND article_open.at < $3
     AND ($5 = '' OR article_open.article_id = $5)";
/// The ratings that a statement counts.
const RATINGS: &str = "article_rating.workspace = $1 AND article_rating.at >= $2 AND article_rating.at < $3
     AND ($4 = '' OR article_rating.language = $4) AND ($5 = '' OR article_rating.article_id = $5)";
/// The lists of the statement that counts by day and language.
const DAYS: i64 = 1;
const LANGUAGES: i64 = 2;

/// What was known of an opened article's search when it was opened; of one that was written later, or by an older server, what is known now.
fn of_search(column: &str) -> String {
    format!(
        "CASE WHEN article_open.language <> '' THEN article_open.{column} ELSE COALESCE((
             SELECT search.{column} FROM search WHERE search.workspace = article_open.workspace AND search.search_id = article_open.search_id
         ), '') END"
    )
}

/// What each statement is about: `$1` to `$5`.
#[derive(Clone)]
struct Scope {
    workspace: String,
    start: i64,
    end: i64,
    /// Empty: all.
    language: String,
    /// Empty: all.
    document_id: String,
}

impl Scope {
    /// Reads a statement's rows; `numbers` are `$6` and on.
    async fn read(&self, store: &Store, statement: impl SqlSafeStr, numbers: &[i64]) -> Result<Vec<AnyRow>, KnowledgeError> {
        let query = sqlx::query(statement).bind(self.workspace.clone()).bind(self.start).bind(self.end);
        let query = query.bind(self.language.clone()).bind(self.document_id.clone());
        Ok(numbers.iter().fold(query, |query, number| query.bind(*number)).fetch_all(store.reads()).await?)
    }

    fn of(workspace: &Workspace, ReportFilter { days, language, document_id }: &ReportFilter) -> Scope {
        Scope {
            workspace: workspace.as_str().to_owned(),
            start: days.start(),
            end: days.end(),
            language: language.as_ref().map(Language::to_string).unwrap_or_default(),
            document_id: document_id.clone(),
        }
    }
}

/// What people searched, opened and rated in a period.
pub async fn search_report(store: &Store, workspace: &Workspace, asked: &ReportFilter) -> Result<SearchReport, KnowledgeError> {
    let scope = Scope::of(workspace, asked);
    let statement = format!("SELECT COUNT(*), COUNT(*) FILTER (WHERE hits = 0) FROM search WHERE {SEARCHES}");
    let totals = scope.read(store, AssertSqlSafe(statement), &[]).await?;
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
    let (days, languages) = by_day_and_language(store, &scope, &asked.days.stretches()).await?;
    let mut total = SearchCounts::default();
    days.iter().for_each(|(_, counts)| total.add(counts));
    let reasons = reasons(store, &scope).await?;
    Ok(HelpReport {
        total,
        days,
        languages,
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

/// What was counted by day, and by language.
type Counted = (Vec<(i64, SearchCounts)>, Lines<(String, SearchCounts)>);

async fn by_day_and_language(store: &Store, scope: &Scope, stretches: &[Stretch]) -> Result<Counted, KnowledgeError> {
    let mut numbers = vec![MAX_LINES];
    numbers.extend(stretches.iter().flat_map(|stretch| [stretch.end, stretch.offset]));
    let rows = scope.read(store, AssertSqlSafe(counted(stretches.len())), &numbers).await?;
    let mut days = Vec::new();
    let mut of_languages = Vec::new();
    for row in rows {
        match row.try_get::<i64, _>(0)? {
            DAYS => days.push((row.try_get(1)?, search_counts(&row, 3)?)),
            _ => of_languages.push(row),
        }
    }
    days.sort_by_key(|(day, _)| *day);
    let mut languages = lines(&of_languages, |row| Ok((row.try_get::<String, _>(2)?, search_counts(row, 3)?)))?;
    languages.lines.sort_by(|(one, of_one), (other, of_other)| of_other.searches.cmp(&of_one.searches).then_with(|| one.cmp(other)));
    Ok((days, languages))
}

/// The statement that counts searches, opened articles and ratings by day and language at once, in a period of so many stretches. It goes once
/// through each of them; the lists are sums of its counts.
fn counted(stretches: usize) -> String {
    let (day, opened_in) = (days::day_of("at", stretches, 7), of_search("language"));
    let sums = "CAST(COALESCE(SUM(cases) FILTER (WHERE what <= 1), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 1), 0) AS BIGINT), CAST(COALESCE(SUM(cases) FILTER (WHERE what = 2), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 3), 0) AS BIGINT), CAST(COALESCE(SUM(cases) FILTER (WHERE what = 4), 0) AS BIGINT)";
    format!(
        "WITH counted AS MATERIALIZED (
             SELECT {day} AS in_day, language, what, COUNT(*) AS cases FROM (
                 SELECT search.at, search.language, CASE WHEN search.hits = 0 THEN 1 ELSE 0 END AS what FROM search WHERE {SEARCHES}
                 UNION ALL
                 SELECT article_open.at, {opened_in}, 2 FROM article_open WHERE {OPENS} AND ($4 = '' OR {opened_in} = $4)
                 UNION ALL
                 SELECT article_rating.at, article_rating.language, 4 - article_rating.helpful FROM article_rating WHERE {RATINGS}
             ) AS used GROUP BY in_day, language, what
         )
         SELECT * FROM (
             SELECT CAST({DAYS} AS BIGINT), in_day, '', {sums}, CAST(0 AS BIGINT) FROM counted GROUP BY in_day
         ) AS by_day
         UNION ALL SELECT * FROM (
             SELECT CAST({LANGUAGES} AS BIGINT), CAST(0 AS BIGINT), language, {sums}, COUNT(*) OVER () FROM counted
             GROUP BY language ORDER BY COALESCE(SUM(cases) FILTER (WHERE what <= 1), 0) DESC, language LIMIT $6
         ) AS by_language"
    )
}

/// The counts of a row, from a column on.
fn search_counts(row: &AnyRow, first: usize) -> Result<SearchCounts, sqlx::Error> {
    Ok(SearchCounts {
        searches: row.try_get(first)?,
        without_hit: row.try_get(first + 1)?,
        opens: row.try_get(first + 2)?,
        helpful: row.try_get(first + 3)?,
        unhelpful: row.try_get(first + 4)?,
    })
}

async fn queries(store: &Store, scope: &Scope) -> Result<Lines<SearchLine>, KnowledgeError> {
    let statement = format!(
        "SELECT query, COUNT(*) AS searches, COUNT(*) FILTER (WHERE hits = 0), COUNT(*) OVER () FROM search
         WHERE {SEARCHES} GROUP BY query ORDER BY searches DESC, query LIMIT $6"
    );
    lines(&scope.read(store, AssertSqlSafe(statement), &[MAX_LINES]).await?, search_line)
}

async fn queries_without_hit(store: &Store, scope: &Scope) -> Result<Lines<SearchLine>, KnowledgeError> {
    let statement = format!(
        "SELECT query, COUNT(*) AS searches, COUNT(*) FILTER (WHERE hits = 0), COUNT(*) OVER () FROM search
         WHERE {SEARCHES} GROUP BY query HAVING COUNT(*) FILTER (WHERE hits = 0) > 0
         ORDER BY COUNT(*) FILTER (WHERE hits = 0) DESC, searches DESC, query LIMIT $6"
    );
    lines(&scope.read(store, AssertSqlSafe(statement), &[MAX_LINES]).await?, search_line)
}

fn search_line(row: &AnyRow) -> Result<SearchLine, sqlx::Error> {
    Ok(SearchLine { query: row.try_get(0)?, searches: row.try_get(1)?, without_hit: row.try_get(2)? })
}

async fn opens(store: &Store, scope: &Scope) -> Result<Lines<(String, i64)>, KnowledgeError> {
    let statement = format!(
        "SELECT article_id, COUNT(*) AS opens, COUNT(*) OVER () FROM article_open WHERE {OPENS} AND ($4 = '' OR {} = $4)
         GROUP BY article_id ORDER BY opens DESC, article_id LIMIT $6",
        of_search("language")
    );
    lines(&scope.read(store, AssertSqlSafe(statement), &[MAX_LINES]).await?, |row| Ok((row.try_get(0)?, row.try_get(1)?)))
}

async fn ratings(store: &Store, scope: &Scope, reasons: &Reasons) -> Result<Lines<RatingCount>, KnowledgeError> {
    let statement = format!(
        "SELECT article_id, language, COUNT(*) FILTER (WHERE helpful = 1), COUNT(*) FILTER (WHERE helpful = 0),
         COUNT(*) OVER () FROM article_rating WHERE {RATINGS}
         GROUP BY article_id, language ORDER BY COUNT(*) DESC, article_id, language LIMIT $6"
    );
    lines(&scope.read(store, AssertSqlSafe(statement), &[MAX_LINES]).await?, |row| {
        let (article_id, language): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let reasons = told(reasons, &article_id, |given| given.language == language);
        Ok(RatingCount { article_id, language, helpful: row.try_get(2)?, unhelpful: row.try_get(3)?, reasons })
    })
}

async fn unhelpful_articles(store: &Store, scope: &Scope, reasons: &Reasons) -> Result<Lines<UnhelpfulArticle>, KnowledgeError> {
    let statement = format!(
        "SELECT article_id, CAST(SUM(opens) AS BIGINT), CAST(SUM(searched_on) AS BIGINT), CAST(SUM(helpful) AS BIGINT),
         CAST(SUM(unhelpful) AS BIGINT), COUNT(*) OVER () FROM (
             SELECT opened.article_id, 1 AS opens, CASE WHEN opened.session_id <> '' THEN COALESCE((
                 SELECT 1 FROM search AS later WHERE later.workspace = $1 AND later.session_id = opened.session_id
                 AND later.superseded = 0 AND later.at > opened.at AND later.at <= opened.at + $7 LIMIT 1
             ), 0) ELSE 0 END AS searched_on, 0 AS helpful, 0 AS unhelpful FROM (
                 SELECT article_open.article_id, article_open.at, {} AS session_id FROM article_open
                 WHERE {OPENS} AND ($4 = '' OR {} = $4)
             ) AS opened
             UNION ALL
             SELECT article_id, 0, 0, helpful, 1 - helpful FROM article_rating WHERE {RATINGS}
         ) AS used GROUP BY article_id HAVING SUM(searched_on) + SUM(unhelpful) > 0
         ORDER BY SUM(searched_on) + SUM(unhelpful) DESC, article_id LIMIT $6",
        of_search("session_id"),
        of_search("language")
    );
    let soon = i64::try_from(SEARCHED_ON.as_nanos()).unwrap_or(i64::MAX);
    lines(&scope.read(store, AssertSqlSafe(statement), &[MAX_LINES, soon]).await?, |row| {
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
    let statement = format!(
        "SELECT article_id, language, helpful, reason FROM (
             SELECT article_id, language, helpful, reason, at,
             ROW_NUMBER() OVER (PARTITION BY article_id, language, helpful ORDER BY at DESC) AS place
             FROM article_rating WHERE {RATINGS} AND reason <> ''
         ) AS ranked WHERE place <= $6 ORDER BY at DESC LIMIT $7"
    );
    let mut reasons = Reasons::new();
    for row in scope.read(store, AssertSqlSafe(statement), &[MAX_REASONS, MAX_LINES * MAX_REASONS]).await? {
        let helpful: i64 = row.try_get(2)?;
        let given = Given { language: row.try_get(1)?, helpful: helpful != 0, reason: row.try_get(3)? };
        reasons.entry(row.try_get(0)?).or_default().push(given);
    }
    Ok(reasons)
}
