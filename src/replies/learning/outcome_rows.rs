//! The rows of suggestions, drafts, and outcomes.

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::{ChatError, Chats, Redacted},
    failpoint::failpoint,
    ids::{Id, Workspace},
    knowledge::{DocumentKey, Kind, ReportFilter},
    replies::{
        error::ReplyError,
        learning::{
            lesson_rows,
            offer_id::{self, Offer, OfferKind},
            outcome::{AnswerUse, Drafted, ErasedOutcomes, Judgment, Outcome, OutcomeAction, OutcomeTarget, Shown, Verdict},
            sketch::{likeness, sketch},
        },
    },
    store::{Signer, Store, StoreError, Write, nanoseconds, sql, timestamp},
    text::{Language, fingerprint},
};

/// Most lines of a report.
const MAX_LINES: i64 = 1000;
/// Most outcomes of a chat that are learned from: the latest ones.
const MAX_JUDGMENTS: i64 = 100;
/// Least likeness, as `likeness` has it, of what was sent and the draft that it was made of: about one word in five is another.
const MIN_SENT: f32 = 0.65;

/// Returns the outcomes of suggestions in a period, most shown first, and how many more documents there are.
pub async fn answer_use(store: &Store, workspace: &Workspace, asked: &ReportFilter) -> Result<(Vec<AnswerUse>, i64), ReplyError> {
    let ReportFilter { days, language, document_id } = asked;
    let rows = sqlx::query(
        "SELECT suggestion.kind, suggestion.document_id, COUNT(DISTINCT suggestion.suggestion_id),
         COUNT(*) FILTER (WHERE outcome.action = 1), COUNT(*) FILTER (WHERE outcome.action = 2), COUNT(*) FILTER (WHERE outcome.action = 3),
         COUNT(*) OVER () FROM suggestion LEFT JOIN outcome
         ON outcome.workspace = suggestion.workspace AND outcome.suggestion_id = suggestion.suggestion_id
         WHERE suggestion.workspace = $1 AND suggestion.at >= $2 AND suggestion.at < $3 AND ($4 = '' OR suggestion.language = $4)
         AND ($5 = '' OR suggestion.document_id = $5) GROUP BY suggestion.kind, suggestion.document_id
         ORDER BY COUNT(DISTINCT suggestion.suggestion_id) DESC, suggestion.document_id LIMIT $6",
    )
    .bind(workspace.as_str().to_owned())
    .bind(days.start())
    .bind(days.end())
    .bind(language.as_ref().map(Language::to_string).unwrap_or_default())
    .bind(document_id.clone())
    .bind(MAX_LINES)
    .fetch_all(store.reads())
    .await?;
    let all: i64 = rows.first().map(|row| row.try_get(6)).transpose()?.unwrap_or_default();
    let answers: Result<Vec<AnswerUse>, ReplyError> = rows
        .iter()
        .map(|row| {
            let kind = Kind::from_stored(row.try_get(0)?)?;
            Ok(AnswerUse {
                kind,
                document_id: row.try_get(1)?,
                shown: row.try_get(2)?,
                sent: row.try_get(3)?,
                edited: row.try_get(4)?,
                dismissed: row.try_get(5)?,
            })
        })
        .collect();
    Ok((answers?, all - rows.len() as i64))
}

/// Returns a chat's suggestions, drafts and outcomes, as JSON.
pub async fn export(store: &Store, workspace: &Workspace, chat_id: &str) -> Result<Value, ReplyError> {
    let mut export = serde_json::Map::new();
    for (name, statement) in [
        ("suggestions", "SELECT suggestion_id, document_id, at FROM suggestion WHERE workspace = $1 AND chat_id = $2 ORDER BY at"),
        ("drafts", "SELECT draft_id, sources, at FROM draft WHERE workspace = $1 AND chat_id = $2 ORDER BY at"),
        ("outcomes", "SELECT outcome_id, final_text, at FROM outcome WHERE workspace = $1 AND chat_id = $2 ORDER BY at"),
        ("lessons", "SELECT document_id, words, at FROM lesson WHERE workspace = $1 AND chat_id = $2 AND deleted_at = 0 ORDER BY at"),
    ] {
        let rows: Vec<(String, String, i64)> =
            sqlx::query_as(statement).bind(workspace.as_str().to_owned()).bind(chat_id.to_owned()).fetch_all(store.reads()).await?;
        let what = match name {
            "outcomes" => "final_text",
            "lessons" => "words",
            _ => "documents",
        };
        let time = |at| timestamp(at).map(|at| at.to_string()).unwrap_or_default();
        let rows = rows.into_iter().map(|(id, text, at): (String, String, i64)| json!({ "id": id, what: text, "at": time(at) }));
        export.insert(name.to_owned(), rows.collect());
    }
    Ok(Value::Object(export))
}

/// Returns what the agents of a chat did with suggestions and drafts, as far as it says whether a document fits; the latest ones, oldest
/// first. A draft says it of its first source. One that was edited so much that little of it was sent says nothing, as does one of which
/// the client does not tell what was sent.
pub async fn judgments(store: &Store, workspace: &Workspace, chat_id: &str) -> Result<Vec<Judgment>, ReplyError> {
    let statement = format!(
        "SELECT COALESCE(suggestion.kind, draft.kind), COALESCE(suggestion.document_id, draft.sources),
           COALESCE(suggestion.language, draft.language), outcome.action, outcome.at, draft.sketch, outcome.final_text
         FROM outcome
         LEFT JOIN suggestion ON suggestion.workspace = outcome.workspace AND suggestion.suggestion_id = outcome.suggestion_id
         LEFT JOIN draft ON draft.workspace = outcome.workspace AND draft.draft_id = outcome.draft_id
         WHERE outcome.workspace = $1 AND outcome.chat_id = $2 AND (suggestion.kind > 0 OR draft.kind > 0)
         ORDER BY outcome.at DESC LIMIT {MAX_JUDGMENTS}"
    );
    let rows =
        sqlx::query(AssertSqlSafe(statement)).bind(workspace.as_str().to_owned()).bind(chat_id.to_owned()).fetch_all(store.reads()).await?;
    let mut judgments = Vec::new();
    for row in rows.iter().rev() {
        let (kind, ids, language): (i64, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let (action, at): (i64, i64) = (row.try_get(3)?, row.try_get(4)?);
        let (drafted, sent): (Option<String>, String) = (row.try_get(5)?, row.try_get(6)?);
        let verdict = if action == OutcomeAction::Dismissed as i64 { Verdict::Against } else { Verdict::For };
        let much_edited = |draft: String| action == OutcomeAction::Edited as i64 && likeness(&draft, &sketch(&sent)) < MIN_SENT;
        if drafted.is_some_and(much_edited) {
            continue;
        }
        let id = Id::new(ids.lines().next().unwrap_or_default()).map_err(StoreError::malformed)?;
        let language = Language::parse(&language).map_err(StoreError::malformed)?;
        judgments.push(Judgment { document: DocumentKey { kind: Kind::from_stored(kind)?, id, language }, verdict, at: timestamp(at)? });
    }
    Ok(judgments)
}

/// Erases what was offered in these chats, inside a write that the caller commits.
pub async fn erase(write: &mut Write, workspace: &Workspace, chat_ids: &[String]) -> Result<ErasedOutcomes, ReplyError> {
    let mut erased = ErasedOutcomes::default();
    for chat_id in chat_ids {
        for (statement, count) in [
            ("DELETE FROM draft WHERE workspace = $1 AND chat_id = $2", &mut erased.drafts),
            ("DELETE FROM suggestion WHERE workspace = $1 AND chat_id = $2", &mut erased.suggestions),
            ("DELETE FROM outcome WHERE workspace = $1 AND chat_id = $2", &mut erased.outcomes),
        ] {
            let done = sqlx::query(statement).bind(workspace.as_str().to_owned()).bind(chat_id.clone()).execute(&mut **write).await?;
            *count += done.rows_affected();
        }
    }
    lesson_rows::erase(write, workspace, chat_ids).await?;
    Ok(erased)
}

/// Adds suggestions that were shown.
pub async fn write_suggestions(store: &Store, workspace: &str, at: Timestamp, chat_id: &str, shown: &[Shown]) -> Result<(), ReplyError> {
    let mut write = store.begin().await?;
    // Suggestions are erased with their chat; a chat that was erased meanwhile gets no new ones.
    if !chat_id.is_empty() && Chats::hold(&mut write, workspace, chat_id).await?.is_none() {
        return Ok(write.roll_back().await?);
    }
    insert_suggestions(&mut write, workspace, at, chat_id, shown).await?;
    Ok(write.commit().await?)
}

async fn insert_suggestions(write: &mut Write, workspace: &str, at: Timestamp, chat_id: &str, shown: &[Shown]) -> Result<(), ReplyError> {
    const COLUMNS: usize = 8;
    for piece in sql::pieces(shown, COLUMNS) {
        let statement = format!(
            "INSERT INTO suggestion (workspace, suggestion_id, chat_id, kind, document_id, language, agent_id, at) VALUES {}
             ON CONFLICT (workspace, suggestion_id) DO NOTHING",
            sql::placeholders(1, piece.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for Shown { suggestion_id, agent_id, kind, document_id, language } in piece {
            query = query
                .bind(workspace.to_owned())
                .bind(suggestion_id.clone())
                .bind(chat_id.to_owned())
                .bind(*kind as i64)
                .bind(document_id.clone())
                .bind(language.clone())
                .bind(agent_id.clone())
                .bind(nanoseconds(at));
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Adds a draft.
pub async fn write_draft(store: &Store, workspace: &str, at: Timestamp, chat_id: &str, drafted: &Drafted) -> Result<(), ReplyError> {
    let mut write = store.begin().await?;
    if Chats::hold(&mut write, workspace, chat_id).await?.is_none() {
        return Ok(write.roll_back().await?);
    }
    insert_draft(&mut write, workspace, at, chat_id, drafted).await?;
    Ok(write.commit().await?)
}

/// Adds a draft, or what an outcome of it did not know.
async fn insert_draft(write: &mut Write, workspace: &str, at: Timestamp, chat_id: &str, drafted: &Drafted) -> Result<(), ReplyError> {
    let Drafted { draft_id, sources, first_source, sketch, agent_id, engine, language: reply_language } = drafted;
    let (kind, language) = first_source.as_ref().map_or((0, ""), |(kind, language)| (*kind as i64, language.as_str()));
    sqlx::query(
        "INSERT INTO draft (workspace, draft_id, chat_id, sources, kind, language, sketch, at, agent_id, engine, reply_language)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (workspace, draft_id) DO UPDATE SET
         sources = CASE WHEN excluded.sketch = '' THEN draft.sources ELSE excluded.sources END,
         sketch = CASE WHEN excluded.sketch = '' THEN draft.sketch ELSE excluded.sketch END,
         agent_id = CASE WHEN excluded.engine = 0 THEN draft.agent_id ELSE excluded.agent_id END,
         reply_language = CASE WHEN excluded.engine = 0 THEN draft.reply_language ELSE excluded.reply_language END,
         engine = CASE WHEN excluded.engine = 0 THEN draft.engine ELSE excluded.engine END",
    )
    .bind(workspace.to_owned())
    .bind(draft_id.clone())
    .bind(chat_id.to_owned())
    .bind(sources.clone())
    .bind(kind)
    .bind(language.to_owned())
    .bind(sketch.clone())
    .bind(nanoseconds(at))
    .bind(agent_id.clone())
    .bind(*engine)
    .bind(reply_language.clone())
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Adds an outcome; repeating it changes nothing.
pub async fn write_outcome(store: &Store, workspace: &str, at: Timestamp, outcome: &Outcome) -> Result<(), ReplyError> {
    let Outcome { chat_id, outcome_id, agent_id, offer, action, final_text } = outcome;
    let (what, offer_id) = match offer {
        OutcomeTarget::Suggestion(id) => ("suggestion", id),
        OutcomeTarget::Draft(id) => ("draft", id),
    };
    let hash = fingerprint(format!("{what}\n{offer_id}\n{}\n{agent_id}\n{final_text}", *action as i16));

    failpoint("outcome", chat_id.as_str());
    let mut write = store.begin().await?;
    let Some(chat) = Chats::hold(&mut write, workspace, chat_id.as_str()).await? else {
        write.roll_back().await?;
        return Err(ChatError::NotFound(chat_id.to_string()).into());
    };
    let known: Option<String> = sqlx::query_scalar("SELECT hash FROM outcome WHERE workspace = $1 AND chat_id = $2 AND outcome_id = $3")
        .bind(workspace.to_owned())
        .bind(chat_id.to_string())
        .bind(outcome_id.to_string())
        .fetch_optional(&mut *write)
        .await?;
    if let Some(known) = known {
        write.roll_back().await?;
        return if known == hash || known.is_empty() { Ok(()) } else { Err(ReplyError::OutcomeExists(outcome_id.to_string())) };
    }
    if !is_offered(&mut write, store.signer(), workspace, (chat_id.as_str(), chat), outcome).await? {
        write.roll_back().await?;
        return Err(match offer {
            OutcomeTarget::Suggestion(id) => ReplyError::SuggestionNotFound(id.to_string()),
            OutcomeTarget::Draft(id) => ReplyError::DraftNotFound(id.to_string()),
        });
    }
    let (suggestion_id, draft_id) = match offer {
        OutcomeTarget::Suggestion(id) => (id.to_string(), String::new()),
        OutcomeTarget::Draft(id) => (String::new(), id.to_string()),
    };
    sqlx::query(
        "INSERT INTO outcome (workspace, chat_id, outcome_id, suggestion_id, draft_id, action, agent_id, final_text, hash, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(workspace.to_owned())
    .bind(chat_id.to_string())
    .bind(outcome_id.to_string())
    .bind(suggestion_id)
    .bind(draft_id)
    .bind(*action as i64)
    .bind(agent_id.clone())
    .bind(final_text.clone())
    .bind(hash)
    .bind(nanoseconds(at))
    .execute(&mut *write)
    .await?;
    Chats::teaches(&mut write, workspace, chat_id.as_str()).await?;
    Ok(write.commit().await?)
}

/// Returns whether a suggestion or draft was made for a chat: its id says so, or the row of one whose id is older than that. Adds the row of one
/// that is not written yet, or was lost with its server.
async fn is_offered(
    write: &mut Write,
    signer: &Signer,
    workspace: &str,
    (chat_id, chat): (&str, i64),
    Outcome { offer, agent_id, .. }: &Outcome,
) -> Result<bool, ReplyError> {
    // A suggestion may have been made without a chat.
    let (kind, id, chats, statement) = match offer {
        OutcomeTarget::Suggestion(id) => {
            let statement = "SELECT COUNT(*) FROM suggestion WHERE workspace = $1 AND chat_id IN ($2, '') AND suggestion_id = $3";
            (OfferKind::Suggestion, id, vec![(chat_id, Some(chat)), ("", None)], statement)
        }
        OutcomeTarget::Draft(id) => {
            let statement = "SELECT COUNT(*) FROM draft WHERE workspace = $1 AND chat_id = $2 AND draft_id = $3";
            (OfferKind::Draft, id, vec![(chat_id, Some(chat))], statement)
        }
    };
    let read = |(chat_id, chat)| Some((chat_id, offer_id::read(signer, kind, workspace, chat, id.as_str())?));
    let mut offers = chats.into_iter().filter_map(read);
    let Some((chat_id, Offer { at, document })) = offers.next() else {
        let query = sqlx::query_scalar(statement).bind(workspace.to_owned()).bind(chat_id.to_owned()).bind(id.to_string());
        let offers: i64 = query.fetch_one(&mut **write).await?;
        return Ok(offers > 0);
    };
    let document = document.map(|key| (key.kind, key.id.to_string(), key.language.to_string()));
    match (kind, document) {
        (OfferKind::Suggestion, Some((kind, document_id, language))) => {
            // Whoever acted on it is the one to whom it was shown, as far as is known.
            let agent_id = if chat_id.is_empty() { String::new() } else { agent_id.clone() };
            let shown = Shown { suggestion_id: id.to_string(), agent_id, kind, document_id, language };
            insert_suggestions(write, workspace, at, chat_id, &[shown]).await?;
        }
        (OfferKind::Draft, document) => {
            let (sources, first_source) =
                document.map_or((String::new(), None), |(kind, document_id, language)| (document_id, Some((kind, language))));
            // What the draft said is not known: an edit of it tells nothing, unless its server still writes it.
            let drafted = Drafted {
                draft_id: id.to_string(),
                sources,
                first_source,
                sketch: String::new(),
                agent_id: agent_id.clone(),
                engine: 0,
                language: String::new(),
            };
            insert_draft(write, workspace, at, chat_id, &drafted).await?;
        }
        (OfferKind::Suggestion, None) => return Ok(false),
    }
    Ok(true)
}

/// Wipes what agents sent of a message that lost its text, and the sketches of the chat's drafts, which could confirm a guess.
pub async fn wipe_sent(write: &mut Write, redacted: &Redacted<'_>) -> Result<(), StoreError> {
    let Redacted { workspace, chat_id, text } = *redacted;
    sqlx::query("UPDATE draft SET sketch = '' WHERE workspace = $1 AND chat_id = $2 AND sketch <> ''")
        .bind(workspace.to_owned())
        .bind(chat_id.to_owned())
        .execute(&mut **write)
        .await?;
    let statement = "SELECT outcome_id, final_text FROM outcome WHERE workspace = $1 AND chat_id = $2 AND final_text <> ''";
    let query = sqlx::query_as::<_, (String, String)>(statement).bind(workspace.to_owned()).bind(chat_id.to_owned());
    for (outcome_id, sent) in query.fetch_all(&mut **write).await? {
        let sent = sent.trim();
        if !sent.is_empty() && !text.is_empty() && (text.contains(sent) || sent.contains(text)) {
            // Without its hash, which could confirm a guess, the outcome is identified by its id alone.
            sqlx::query("UPDATE outcome SET final_text = '', hash = '' WHERE workspace = $1 AND chat_id = $2 AND outcome_id = $3")
                .bind(workspace.to_owned())
                .bind(chat_id.to_owned())
                .bind(outcome_id)
                .execute(&mut **write)
                .await?;
        }
    }
    Ok(())
}
