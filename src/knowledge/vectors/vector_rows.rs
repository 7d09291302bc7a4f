//! Rows of document vectors. Each write takes the next number of the catalog's counter, as changes of documents do.

use sqlx::{AssertSqlSafe, Row};

use crate::{
    ids::Workspace,
    knowledge::{
        documents::{
            document::{Document, DocumentKey},
            document_rows,
        },
        error::KnowledgeError,
        vectors::{DocumentVectors, KeptVectors},
    },
    store::{Store, Write},
};

/// Documents of a workspace, after a number, that have no vectors of a model.
const MISSING: &str = "FROM document LEFT JOIN document_vector ON document_vector.workspace = document.workspace
    AND document_vector.kind = document.kind AND document_vector.id = document.id AND document_vector.language = document.language
    WHERE document.workspace = $1 AND document.number > $2 AND deleted = 0
    AND (document_vector.id IS NULL OR document_vector.model <> $3 OR document_vector.hash <> document.hash)";

/// Returns the documents without vectors of a model for their current text: those that changed after a number, in order, at most `limit`,
/// each with its number.
pub async fn missing(
    store: &Store,
    workspace: &Workspace,
    model: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, Document)>, KnowledgeError> {
    let statement = format!(
        "SELECT document.kind, document.id, document.language, origin, deleted, updated_at, document.hash, document.number, content
         {MISSING} ORDER BY document.number LIMIT $4"
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(workspace.as_str().to_owned())
        .bind(after)
        .bind(model.to_owned())
        .bind(limit)
        .fetch_all(store.reads())
        .await?;
    rows.iter().map(|row| Ok((row.try_get(7)?, document_rows::document(row, 3, 8)?))).collect()
}

/// Returns how many there are.
pub async fn count_missing(store: &Store, workspace: &Workspace, model: &str, after: i64) -> Result<i64, KnowledgeError> {
    let count = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) {MISSING}")));
    let count = count.bind(workspace.as_str().to_owned()).bind(after).bind(model.to_owned());
    Ok(count.fetch_one(store.reads()).await?)
}

/// Stores a document's vectors under a number, unless it was changed or deleted since they were made.
pub async fn store(write: &mut Write, workspace: &Workspace, model: &str, kept: &KeptVectors, number: i64) -> Result<(), KnowledgeError> {
    let KeptVectors { key, hash, vectors } = kept;
    sqlx::query(
        "INSERT INTO document_vector (workspace, kind, id, language, number, model, hash, whole, length, vectors)
         SELECT workspace, kind, id, language, $5, $6, hash, $8, $9, $10 FROM document
         WHERE workspace = $1 AND kind = $2 AND id = $3 AND language = $4 AND deleted = 0 AND hash = $7
         ON CONFLICT (workspace, kind, id, language) DO UPDATE SET number = excluded.number, model = excluded.model,
         hash = excluded.hash, whole = excluded.whole, length = excluded.length, vectors = excluded.vectors",
    )
    .bind(workspace.as_str().to_owned())
    .bind(key.kind as i64)
    .bind(key.id.as_str().to_owned())
    .bind(key.language.as_str().to_owned())
    .bind(number)
    .bind(model.to_owned())
    .bind(hash.clone())
    .bind(i64::from(vectors.whole))
    .bind(vectors.length as i64)
    .bind(vectors.bytes())
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Clears a deleted document's vectors, under the number of the deletion.
pub async fn clear(write: &mut Write, workspace: &Workspace, key: &DocumentKey, number: i64) -> Result<(), KnowledgeError> {
    sqlx::query(
        "UPDATE document_vector SET number = $5, hash = '', vectors = $6 WHERE workspace = $1 AND kind = $2 AND id = $3 AND language = $4",
    )
    .bind(workspace.as_str().to_owned())
    .bind(key.kind as i64)
    .bind(key.id.as_str().to_owned())
    .bind(key.language.as_str().to_owned())
    .bind(number)
    .bind(Vec::<u8>::new())
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Returns a model's vectors that were written after a number, in order, at most `limit`, each with its number.
pub async fn after(
    store: &Store,
    workspace: &Workspace,
    model: &str,
    number: i64,
    limit: i64,
) -> Result<Vec<(i64, DocumentKey, DocumentVectors)>, KnowledgeError> {
    let rows = sqlx::query(
        "SELECT kind, id, language, number, whole, length, vectors FROM document_vector
         WHERE workspace = $1 AND number > $2 AND model = $3 ORDER BY number LIMIT $4",
    )
    .bind(workspace.as_str().to_owned())
    .bind(number)
    .bind(model.to_owned())
    .bind(limit)
    .fetch_all(store.reads())
    .await?;
    rows.iter()
        .map(|row| {
            let whole = row.try_get::<i64, _>(4)? != 0;
            let length = row.try_get::<i64, _>(5)?.max(1) as usize;
            let vectors = DocumentVectors::read(whole, length, &row.try_get::<Vec<u8>, _>(6)?);
            Ok((row.try_get(3)?, document_rows::key(row, 0)?, vectors))
        })
        .collect()
}
