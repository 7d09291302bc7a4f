//! What the reply report reads: counts that the database makes of suggestions, drafts, their outcomes, and ratings of chats.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use crate::{
    ids::Workspace,
    knowledge::Lines,
    replies::{
        error::ReplyError,
        reply_report::{AskedReplies, ChatRatings, OutcomeCounts, ReplyCounts, ReplyReport},
    },
    store::{
        Store,
        days::{DAY, Stretch},
    },
    text::Language,
};

/// Most lines of each list of a report.
const MAX_LINES: i64 = 1000;

/// What is counted by: what a suggestion, a draft and a rating have of it.
struct Part {
    of_suggestion: String,
    of_draft: String,
    of_rating: String,
    /// What tells which ratings are counted.
    ratings: &'static str,
}

/// Ratings have neither a language nor a document.
const RATINGS: &str = "$4 = '' AND $6 = ''";
const NO_RATINGS: &str = "1 = 0";

/// Returns what became of what was shown in a period; by agent only if `with_agents`.
pub async fn report(store: &Store, workspace: &Workspace, asked: &AskedReplies, with_agents: bool) -> Result<ReplyReport, ReplyError> {
    let by_day = by_day(store, workspace, asked).await?;
    let mut total = ReplyCounts::default();
    by_day.iter().for_each(|(_, counts)| total.add(counts));
    let part = |suggestion: &str, draft: &str, rating: &str, ratings| Part {
        of_suggestion: suggestion.to_owned(),
        of_draft: draft.to_owned(),
        of_rating: rating.to_owned(),
        ratings,
    };
    let by_language = part("suggestion.language", "draft.reply_language", "''", NO_RATINGS);
    let by_agent = part("suggestion.agent_id", "draft.agent_id", "chat.agent_id", RATINGS);
    Ok(ReplyReport {
        total,
        days: by_day,
        languages: lines(store, workspace, asked, &by_language).await?,
        agents: if with_agents { Some(lines(store, workspace, asked, &by_agent).await?) } else { None },
    })
}

async fn by_day(store: &Store, workspace: &Workspace, asked: &AskedReplies) -> Result<Vec<(i64, ReplyCounts)>, ReplyError> {
    let day = |table: &str| format!("({table}.at + $8) / {DAY}");
    let part = Part { of_suggestion: day("suggestion"), of_draft: day("draft"), of_rating: day("event"), ratings: RATINGS };
    let mut days: Vec<(i64, ReplyCounts)> = Vec::new();
    for stretch in asked.days.stretches() {
        for row in rows(store, workspace, asked, &part, stretch, i64::MAX, Some(stretch.offset)).await? {
            let (day, counts) = (row.try_get(0)?, reply_counts(&row)?);
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

async fn lines(
    store: &Store,
    workspace: &Workspace,
    asked: &AskedReplies,
    part: &Part,
) -> Result<Lines<(String, ReplyCounts)>, ReplyError> {
    let period = Stretch { start: asked.days.start(), end: asked.days.end(), offset: 0 };
    let rows = rows(store, workspace, asked, part, period, MAX_LINES, None).await?;
    let all: i64 = rows.first().map(|row| row.try_get(row.len() - 1)).transpose()?.unwrap_or_default();
    let line = |row: &AnyRow| Ok((row.try_get(0)?, reply_counts(row)?));
    Ok(Lines { left_out: all - rows.len() as i64, lines: rows.iter().map(line).collect::<Result<_, ReplyError>>()? })
}

async fn rows(
    store: &Store,
    workspace: &Workspace,
    asked: &AskedReplies,
    part: &Part,
    Stretch { start, end, .. }: Stretch,
    max: i64,
    offset: Option<i64>,
) -> Result<Vec<AnyRow>, ReplyError> {
    let AskedReplies { days: _, language, agent_id, document_id } = asked;
    let query = sqlx::query(AssertSqlSafe(counted(part)))
        .bind(workspace.as_str().to_owned())
        .bind(start)
        .bind(end)
        .bind(language.as_ref().map(Language::to_string).unwrap_or_default())
        .bind(agent_id.clone())
        .bind(document_id.clone())
        .bind(max);
    Ok(offset.into_iter().fold(query, |query, offset| query.bind(offset)).fetch_all(store.reads()).await?)
}

/// The statement that counts by a part. What became of each is looked up before it is counted. The ratings' own index leads: there are few of
/// them among the events. Of a chat the last one counts.
fn counted(Part { of_suggestion, of_draft, of_rating, ratings }: &Part) -> String {
    format!(
        "WITH offered AS MATERIALIZED (
             SELECT {of_suggestion} AS part, 1 AS what, 0 AS number, (
                 SELECT outcome.action FROM outcome
                 WHERE outcome.workspace = suggestion.workspace AND outcome.suggestion_id = suggestion.suggestion_id
                 ORDER BY outcome.at DESC, outcome.outcome_id LIMIT 1
             ) AS action FROM suggestion
             WHERE suggestion.workspace = $1 AND suggestion.at >= $2 AND suggestion.at < $3 AND ($4 = '' OR suggestion.language = $4)
             AND ($5 = '' OR suggestion.agent_id = $5) AND ($6 = '' OR suggestion.document_id = $6)
             UNION ALL
             SELECT {of_draft}, 2, draft.engine, (
                 SELECT outcome.action FROM outcome WHERE outcome.workspace = draft.workspace AND outcome.draft_id = draft.draft_id
                 ORDER BY outcome.at DESC, outcome.outcome_id LIMIT 1
             ) FROM draft
             WHERE draft.workspace = $1 AND draft.at >= $2 AND draft.at < $3 AND ($4 = '' OR draft.reply_language = $4)
             AND ($5 = '' OR draft.agent_id = $5)
             AND ($6 = '' OR draft.sources = $6 OR substr(draft.sources, 1, length($6) + 1) = $6 || '\n')
             UNION ALL
             SELECT {of_rating}, 3, CAST(substr(event.body, 26, 1) AS BIGINT), NULL FROM event CROSS JOIN chat
             WHERE {ratings} AND substr(event.body, 1, 16) = '{{\"kind\":\"rating\"' AND event.at >= $2 AND event.at < $3
             AND chat.number = event.chat AND chat.workspace = $1 AND ($5 = '' OR chat.agent_id = $5) AND event.sequence = (
                 SELECT last.sequence FROM event AS last WHERE last.chat = event.chat
                 AND substr(last.body, 1, 16) = '{{\"kind\":\"rating\"' ORDER BY last.sequence DESC LIMIT 1
             )
         )
         SELECT part,
         COUNT(*) FILTER (WHERE what = 1), COUNT(*) FILTER (WHERE what = 1 AND action = 1),
         COUNT(*) FILTER (WHERE what = 1 AND action = 2), COUNT(*) FILTER (WHERE what = 1 AND action = 3),
         COUNT(*) FILTER (WHERE what = 2), COUNT(*) FILTER (WHERE what = 2 AND action = 1),
         COUNT(*) FILTER (WHERE what = 2 AND action = 2), COUNT(*) FILTER (WHERE what = 2 AND action = 3),
         COUNT(*) FILTER (WHERE what = 2 AND number = 1), COUNT(*) FILTER (WHERE what = 2 AND number = 2),
         COUNT(*) FILTER (WHERE what = 3), CAST(COALESCE(SUM(number) FILTER (WHERE what = 3), 0) AS BIGINT), COUNT(*) OVER ()
         FROM offered GROUP BY part ORDER BY COUNT(*) DESC, part LIMIT $7"
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
        suggestions: offers(1)?,
        drafts: offers(5)?,
        by_model: row.try_get(9)?,
        built_in: row.try_get(10)?,
        ratings: ChatRatings { count: row.try_get(11)?, sum: row.try_get(12)? },
    })
}
