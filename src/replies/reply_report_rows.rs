//! What the reply report reads: counts that the database makes of suggestions, drafts, their outcomes, and ratings of chats.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use crate::{
    ids::Workspace,
    knowledge::Lines,
    replies::{
        error::ReplyError,
        reply_report::{ChatRatings, OutcomeCounts, ReplyCounts, ReplyReport, ReplyReportFilter},
    },
    store::{Store, days},
    text::Language,
};

/// Most lines of each list of a report.
const MAX_LINES: i64 = 1000;
/// The lists of the statement.
const DAYS: i64 = 1;
const LANGUAGES: i64 = 2;
const AGENTS: i64 = 3;

/// Returns what became of what was shown in a period; by agent only if `with_agents`.
pub async fn report(store: &Store, workspace: &Workspace, asked: &ReplyReportFilter, with_agents: bool) -> Result<ReplyReport, ReplyError> {
    let ReplyReportFilter { days: period, language, agent_id, document_id } = asked;
    let stretches = period.stretches();
    let mut query = sqlx::query(AssertSqlSafe(counted(stretches.len())))
        .bind(workspace.as_str().to_owned())
        .bind(period.start())
        .bind(period.end())
        .bind(language.as_ref().map(Language::to_string).unwrap_or_default())
        .bind(agent_id.clone())
        .bind(document_id.clone())
        .bind(MAX_LINES);
    for stretch in &stretches {
        query = query.bind(stretch.end).bind(stretch.offset);
    }
    let rows = query.fetch_all(store.reads()).await?;
    let mut by_day = Vec::new();
    let mut total = ReplyCounts::default();
    for row in of_list(&rows, DAYS)? {
        let counts = reply_counts(row)?;
        total.add(&counts);
        by_day.push((row.try_get(1)?, counts));
    }
    by_day.sort_by_key(|(day, _)| *day);
    let agents = if with_agents { Some(lines(&rows, AGENTS)?) } else { None };
    Ok(ReplyReport { total, days: by_day, languages: lines(&rows, LANGUAGES)?, agents })
}

fn of_list(rows: &[AnyRow], list: i64) -> Result<Vec<&AnyRow>, sqlx::Error> {
    let mut found = Vec::new();
    for row in rows {
        if row.try_get::<i64, _>(0)? == list {
            found.push(row);
        }
    }
    Ok(found)
}

/// The lines of a list, the busiest first.
fn lines(rows: &[AnyRow], list: i64) -> Result<Lines<(String, ReplyCounts)>, sqlx::Error> {
    let rows = of_list(rows, list)?;
    let mut lines = Vec::new();
    let mut all = 0;
    for row in &rows {
        let name: String = row.try_get(2)?;
        lines.push((row.try_get::<i64, _>(3)?, (name, reply_counts(row)?)));
        all = row.try_get(16)?;
    }
    lines.sort_by(|(busy, (name, _)), (other, (other_name, _))| other.cmp(busy).then_with(|| name.cmp(other_name)));
    Ok(Lines { left_out: all - rows.len() as i64, lines: lines.into_iter().map(|(_, line)| line).collect() })
}

/// The statement of a period that is cut into so many stretches by changes of the clocks. It goes once through what was shown, looks up what
/// became of each, and counts that by day, language and agent at once; the lists are sums of these counts. Of ratings their own index leads:
/// there are few of them among the events. They have no document.
fn counted(stretches: usize) -> String {
    let day = days::day_of("at", stretches, 8);
    let sums = "CAST(SUM(cases) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 1), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 1 AND action = 1), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 1 AND action = 2), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 1 AND action = 3), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 2), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 2 AND action = 1), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 2 AND action = 2), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 2 AND action = 3), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 2 AND number = 1), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 2 AND number = 2), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases) FILTER (WHERE what = 3), 0) AS BIGINT),
         CAST(COALESCE(SUM(cases * number) FILTER (WHERE what = 3), 0) AS BIGINT)";
    format!(
        "WITH counted AS MATERIALIZED (
             SELECT {day} AS in_day, language, agent_id, what, number, action, COUNT(*) AS cases FROM (
                 SELECT suggestion.at, suggestion.language, suggestion.agent_id, 1 AS what, 0 AS number, (
                     SELECT outcome.action FROM outcome
                     WHERE outcome.workspace = suggestion.workspace AND outcome.suggestion_id = suggestion.suggestion_id
                     ORDER BY outcome.at DESC, outcome.outcome_id LIMIT 1
                 ) AS action FROM suggestion
                 WHERE suggestion.workspace = $1 AND suggestion.at >= $2 AND suggestion.at < $3 AND ($4 = '' OR suggestion.language = $4)
                 AND ($5 = '' OR suggestion.agent_id = $5) AND ($6 = '' OR suggestion.document_id = $6)
                 UNION ALL
                 SELECT draft.at, draft.reply_language, draft.agent_id, 2, draft.engine, (
                     SELECT outcome.action FROM outcome WHERE outcome.workspace = draft.workspace AND outcome.draft_id = draft.draft_id
                     ORDER BY outcome.at DESC, outcome.outcome_id LIMIT 1
                 ) FROM draft
                 WHERE draft.workspace = $1 AND draft.at >= $2 AND draft.at < $3 AND ($4 = '' OR draft.reply_language = $4)
                 AND ($5 = '' OR draft.agent_id = $5)
                 AND ($6 = '' OR draft.sources = $6 OR substr(draft.sources, 1, length($6) + 1) = $6 || '\n')
                 UNION ALL
                 SELECT event.at, chat.language, chat.agent_id, 3, CAST(substr(event.body, 26, 1) AS BIGINT), NULL FROM event CROSS JOIN chat
                 WHERE $6 = '' AND substr(event.body, 1, 16) = '{{\"kind\":\"rating\"'
                 AND event.at >= $2 AND event.at < $3
                 AND chat.number = event.chat AND chat.workspace = $1 AND ($4 = '' OR chat.language = $4)
                 AND ($5 = '' OR chat.agent_id = $5) AND event.sequence = (
                     SELECT last.sequence FROM event AS last WHERE last.chat = event.chat
                     AND substr(last.body, 1, 16) = '{{\"kind\":\"rating\"' ORDER BY last.sequence DESC LIMIT 1
                 )
             ) AS shown GROUP BY in_day, language, agent_id, what, number, action
         )
         SELECT * FROM (
             SELECT CAST({DAYS} AS BIGINT), in_day, '', {sums}, CAST(0 AS BIGINT) FROM counted GROUP BY in_day
         ) AS by_day
         UNION ALL SELECT * FROM (
             SELECT CAST({LANGUAGES} AS BIGINT), CAST(0 AS BIGINT), language, {sums}, COUNT(*) OVER () FROM counted
             GROUP BY language ORDER BY SUM(cases) DESC, language LIMIT $7
         ) AS by_language
         UNION ALL SELECT * FROM (
             SELECT CAST({AGENTS} AS BIGINT), CAST(0 AS BIGINT), agent_id, {sums}, COUNT(*) OVER () FROM counted
             GROUP BY agent_id ORDER BY SUM(cases) DESC, agent_id LIMIT $7
         ) AS by_agent"
    )
}

fn reply_counts(row: &AnyRow) -> Result<ReplyCounts, sqlx::Error> {
    let offers = |first: usize| {
        Ok::<_, sqlx::Error>(OutcomeCounts {
            shown: row.try_get(first)?,
            sent: row.try_get(first + 1)?,
            edited: row.try_get(first + 2)?,
            dismissed: row.try_get(first + 3)?,
        })
    };
    Ok(ReplyCounts {
        suggestions: offers(4)?,
        drafts: offers(8)?,
        by_model: row.try_get(12)?,
        built_in: row.try_get(13)?,
        ratings: ChatRatings { count: row.try_get(14)?, sum: row.try_get(15)? },
    })
}
