//! The catalog: documents written through the API, and those of the folder.

use jiff::Timestamp;

use crate::{
    ids::{Id, Workspace},
    knowledge::{
        documents::{
            document::{Details, Document, DocumentKey, Kind, Visibility, etag_of},
            document_rows::{self, Change, PutStatus},
        },
        error::KnowledgeError,
        vectors::{DocumentVectors, KeptVectors, vector_rows},
        wording::NONE,
    },
    store::{Store, Write},
    text::Language,
};

/// A document that a client puts; without a time it gets the service's clock.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// The document; its own `updated_at` is not used.
    pub document: Document,
    /// When its author changed it last. Older than the stored version: the put is stale.
    pub updated_at: Option<Timestamp>,
}

/// The filter of a listing. Empty fields match everything.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// Only versions in this language, compared as a whole tag.
    pub language: Option<Language>,
    /// Only documents of this category, compared as a whole.
    pub category: String,
    /// Only documents with all of these tags.
    pub tags: Vec<String>,
    /// Only articles for this audience.
    pub audience: Option<crate::knowledge::documents::document::Audience>,
    /// Only canned answers of this visibility.
    pub visibility: Option<VisibilityFilter>,
    /// Only canned answers of this team.
    pub owner_group: String,
    /// Only canned answers of the agent with this id.
    pub owner_agent_id: String,
}

/// A visibility without its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisibilityFilter {
    /// Offered to every agent.
    Everyone,
    /// Offered to the agents of some team.
    Group,
    /// Offered to some agent alone.
    Agent,
}

/// A page of documents.
#[derive(Debug)]
pub struct DocumentPage {
    /// Ordered by id and language. A page ends early at the listing's `max_bytes`, but has at least one document.
    pub documents: Vec<Document>,
    /// Empty on the last page.
    pub next_page_token: String,
}

/// The documents of one workspace, in the database.
#[derive(Clone)]
pub struct Catalog {
    /// The database of all workspaces.
    pub store: Store,
    /// The workspace whose documents these are; part of every statement.
    pub workspace: Workspace,
}

/// Rows read at a time while a page is filled.
const ROWS_PER_READ: i64 = 200;

impl Catalog {
    /// Creates or updates documents, all or none. Returns the number of the last change, `None` if nothing changed.
    pub async fn put(&self, documents: Vec<NewDocument>) -> Result<(Vec<PutStatus>, Option<i64>), KnowledgeError> {
        self.put_if(documents, &[]).await
    }

    /// The same, each with the etag that the stored version must have ([`NONE`]: there must be none); one that is empty or left out asks for none.
    pub async fn put_if(&self, documents: Vec<NewDocument>, etags: &[String]) -> Result<(Vec<PutStatus>, Option<i64>), KnowledgeError> {
        let now = Timestamp::now();
        let keys: Vec<DocumentKey> = documents.iter().map(|new| new.document.key()).collect();
        let mut write = self.store.begin().await?;
        let last = document_rows::take_numbers(&mut write, &self.workspace, documents.len()).await?;
        let kept = document_rows::kept(&mut write, &self.workspace, &keys).await?;
        let mut number = last - documents.len() as i64;
        let mut changed = None;
        let mut statuses = Vec::with_capacity(documents.len());
        for (place, NewDocument { mut document, updated_at }) in documents.into_iter().enumerate() {
            let key = document.key();
            let etag = etags.get(place).map_or("", String::as_str);
            let known = kept.get(&key).filter(|known| !known.deleted);
            document.updated_at = updated_at.unwrap_or(now);
            let has_changed = !etag.is_empty() && etag != known.map_or(NONE, |known| etag_of(&known.hash));
            let status = match known {
                None if has_changed => PutStatus::Stale,
                None => PutStatus::Created,
                Some(known) if known.from_folder => {
                    return Err(KnowledgeError::FolderDocument { kind: key.kind, id: key.id.to_string() });
                }
                Some(known) if known.hash == document.hash() => PutStatus::Unchanged,
                Some(_) if has_changed => PutStatus::Stale,
                Some(known) if document.updated_at < known.updated_at => PutStatus::Stale,
                Some(_) => PutStatus::Updated,
            };
            match status {
                PutStatus::Created | PutStatus::Updated => {
                    number += 1;
                    document_rows::store(&mut write, &self.workspace, &document, number).await?;
                    changed = Some(number);
                }
                PutStatus::Unchanged if known.is_some_and(|known| known.updated_at < document.updated_at) => {
                    document_rows::touch(&mut write, &self.workspace, &key, document.updated_at).await?;
                }
                PutStatus::Unchanged | PutStatus::Stale => {}
            }
            statuses.push(status);
        }
        write.commit().await?;
        Ok((statuses, changed))
    }

    /// Deletes documents, all or none. Returns how many versions were deleted, and the number of the last change.
    pub async fn delete(&self, kind: Kind, ids: &[Id], language: Option<&Language>) -> Result<(usize, Option<i64>), KnowledgeError> {
        let now = Timestamp::now();
        let mut write = self.store.begin().await?;
        // Locks the counter's row first, and takes numbers once it is known how many are needed.
        document_rows::take_numbers(&mut write, &self.workspace, 0).await?;
        let versions = document_rows::versions(&mut write, &self.workspace, kind, ids, language).await?;
        if let Some((key, _)) = versions.iter().find(|(_, kept)| kept.from_folder) {
            return Err(KnowledgeError::FolderDocument { kind, id: key.id.to_string() });
        }
        let last = document_rows::take_numbers(&mut write, &self.workspace, versions.len()).await?;
        let first = last - versions.len() as i64;
        for (number, (key, _)) in (first + 1..).zip(&versions) {
            self.delete_version(&mut write, key, number, now).await?;
        }
        write.commit().await?;
        Ok((versions.len(), (!versions.is_empty()).then_some(last)))
    }

    /// Returns the changes after a number, in order, at most `limit`.
    pub async fn changes(&self, after: i64, limit: i64) -> Result<Vec<Change>, KnowledgeError> {
        document_rows::changes(&self.store, &self.workspace, after, limit).await
    }

    /// Returns how many documents changed after a number.
    pub async fn count_changes(&self, after: i64) -> Result<i64, KnowledgeError> {
        document_rows::count_changes(&self.store, &self.workspace, after).await
    }

    /// Returns the number of the last change.
    pub async fn last_number(&self) -> Result<i64, KnowledgeError> {
        document_rows::last_number(&self.store, &self.workspace).await
    }

    /// Marks a version as deleted under a number, and erases its text and its vectors.
    pub async fn delete_version(&self, write: &mut Write, key: &DocumentKey, number: i64, now: Timestamp) -> Result<(), KnowledgeError> {
        document_rows::delete(write, &self.workspace, key, number, now).await?;
        vector_rows::clear(write, &self.workspace, key, number).await
    }

    /// Returns the documents without vectors of a model: see [`vector_rows::missing`].
    pub async fn without_vectors(&self, model: &str, after: i64, limit: i64) -> Result<Vec<(i64, Document)>, KnowledgeError> {
        vector_rows::missing(&self.store, &self.workspace, model, after, limit).await
    }

    /// Returns how many such documents there are.
    pub async fn count_without_vectors(&self, model: &str, after: i64) -> Result<i64, KnowledgeError> {
        vector_rows::count_missing(&self.store, &self.workspace, model, after).await
    }

    /// Stores documents' vectors.
    pub async fn store_vectors(&self, model: &str, kept: &[KeptVectors]) -> Result<(), KnowledgeError> {
        let mut write = self.store.begin().await?;
        let last = document_rows::take_numbers(&mut write, &self.workspace, kept.len()).await?;
        for (number, kept) in (last + 1 - kept.len() as i64..).zip(kept) {
            vector_rows::store(&mut write, &self.workspace, model, kept, number).await?;
        }
        write.commit().await?;
        Ok(())
    }

    /// Returns a model's vectors that were stored after a number, in order, at most `limit`.
    pub async fn vectors(&self, model: &str, after: i64, limit: i64) -> Result<Vec<(i64, DocumentKey, DocumentVectors)>, KnowledgeError> {
        vector_rows::after(&self.store, &self.workspace, model, after, limit).await
    }

    /// Returns every language version of a document; empty if it does not exist.
    pub async fn versions(&self, kind: Kind, id: &Id) -> Result<Vec<Document>, KnowledgeError> {
        document_rows::document_versions(&self.store, &self.workspace, kind, id).await
    }

    /// Lists documents in order of id and language. The page ends before its text exceeds `max_bytes`.
    pub async fn list(
        &self,
        kind: Kind,
        filter: &ListFilter,
        page_size: usize,
        page_token: &str,
        max_bytes: usize,
    ) -> Result<DocumentPage, KnowledgeError> {
        let mut after =
            if page_token.is_empty() { (String::new(), String::new()) } else { read_token(page_token).ok_or(KnowledgeError::PageToken)? };
        let mut documents: Vec<Document> = Vec::new();
        let mut bytes = 0;
        loop {
            let rows = document_rows::list(&self.store, &self.workspace, kind, &after, ROWS_PER_READ).await?;
            if rows.is_empty() {
                return Ok(DocumentPage { documents, next_page_token: String::new() });
            }
            for document in rows {
                let position = (document.id.to_string(), document.language.to_string());
                if filter.passes(&document) {
                    bytes += document.size();
                    if documents.len() == page_size || (bytes > max_bytes && !documents.is_empty()) {
                        return Ok(DocumentPage { documents, next_page_token: format!("{}\n{}", after.1, after.0) });
                    }
                    documents.push(document);
                }
                after = position;
            }
        }
    }
}

impl DocumentPage {
    /// Returns whether a text is a page token.
    pub fn is_token(text: &str) -> bool {
        read_token(text).is_some()
    }
}

fn read_token(token: &str) -> Option<(String, String)> {
    let (language, id) = token.split_once('\n')?;
    Some((id.to_owned(), language.to_owned()))
}

impl ListFilter {
    fn passes(&self, document: &Document) -> bool {
        let owner = match &document.details {
            Details::Article { .. } => self.visibility.is_none() && self.owner_group.is_empty() && self.owner_agent_id.is_empty(),
            Details::CannedAnswer { visibility, .. } => {
                let (kind, group, agent) = match visibility {
                    Visibility::Everyone => (VisibilityFilter::Everyone, "", ""),
                    Visibility::Group(group) => (VisibilityFilter::Group, group.as_str(), ""),
                    Visibility::Agent(agent) => (VisibilityFilter::Agent, "", agent.as_str()),
                };
                self.visibility.is_none_or(|wanted| wanted == kind)
                    && (self.owner_group.is_empty() || self.owner_group == group)
                    && (self.owner_agent_id.is_empty() || self.owner_agent_id == agent)
            }
        };
        owner
            && self.language.as_ref().is_none_or(|language| document.language == *language)
            && (self.category.is_empty() || self.category == document.category)
            && self.tags.iter().all(|tag| document.tags.contains(tag))
            && self.audience.is_none_or(|audience| document.audience() == audience)
    }
}
