//! Imports a folder's documents into the catalog.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::{
    knowledge::{
        documents::{
            catalog::Catalog,
            document::{Document, DocumentKey, Kind},
            document_rows::{self, StoredDocument},
            folder::Folder,
        },
        error::KnowledgeError,
    },
    store::Write,
    text::fingerprint,
};

/// A folder with fewer documents may lose them all at once.
const MIN_GUARDED_DOCUMENTS: usize = 2;

/// Whether a folder may delete more than half of the documents that were imported from it. Most often this is the wrong folder: a wrong
/// working directory, a missing mount, a release that is half copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MassDelete {
    /// Such an import changes nothing and is a problem of the folder.
    Refuse,
    /// Such an import is done like any other.
    Allow,
}

/// The outcome of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intake {
    Taken {
        changes: usize,
        /// Documents whose last good version only agents see, as their file can't be read.
        withdrawn: usize,
    },
    /// Nothing was imported, not even new documents.
    Refused { deleted: usize, documents: usize },
}

impl Catalog {
    /// Makes the catalog's folder documents those of `folder`. A version whose file can't be read stays, for agents only. Only one server
    /// at a time does this, and unless it `leads` it only finds out whether the folder would be refused.
    pub async fn take_folder(&self, folder: &Folder, mass_delete: MassDelete, leads: bool) -> Result<Intake, KnowledgeError> {
        let now = Timestamp::now();
        let mut write = self.store.begin().await?;
        self.store.lock(&mut write, &format!("folder of {}", self.workspace)).await?;
        document_rows::take_numbers(&mut write, &self.workspace, 0).await?;
        let known = document_rows::from_folder(&mut write, &self.workspace).await?;
        let current: HashMap<DocumentKey, &Document> = folder.documents.iter().map(|document| (document.key(), document)).collect();
        let broken: HashSet<&DocumentKey> = folder.broken.iter().filter(|key| known.contains_key(key)).collect();

        let mut missing: Vec<&DocumentKey> =
            known.keys().filter(|key| !folder.incomplete && !current.contains_key(key) && !broken.contains(key)).collect();
        missing.sort();
        let is_most = |lost: usize| known.len() >= MIN_GUARDED_DOCUMENTS && lost * 2 > known.len();
        if mass_delete == MassDelete::Refuse && is_most(missing.len()) {
            let lost = missing.len() - self.renamed(&mut write, &missing, &current, &known).await?;
            if is_most(lost) {
                write.roll_back().await?;
                return Ok(Intake::Refused { deleted: lost, documents: known.len() });
            }
        }
        if !leads {
            write.roll_back().await?;
            return Ok(Intake::Taken { changes: 0, withdrawn: broken.len() });
        }

        let mut changed: Vec<Document> = current
            .iter()
            .filter(|(key, document)| known.get(key).is_none_or(|kept| kept.hash != document.hash()))
            .map(|(_, document)| (*document).clone())
            .collect();
        for key in &broken {
            let last_good = document_rows::written(&mut write, &self.workspace, key).await?;
            changed.extend(last_good.filter(|document| !document.withdrawn).map(|document| Document { withdrawn: true, ..document }));
        }
        changed.sort_by_key(Document::key);

        let count = changed.len() + missing.len();
        let last = document_rows::take_numbers(&mut write, &self.workspace, count).await?;
        let mut number = last - count as i64;
        for mut document in changed {
            number += 1;
            if document.updated_at == Timestamp::default() {
                document.updated_at = now;
            }
            document_rows::store(&mut write, &self.workspace, &document, number).await?;
        }
        for key in missing {
            number += 1;
            self.delete_version(&mut write, key, number, now).await?;
        }
        write.commit().await?;
        Ok(Intake::Taken { changes: count, withdrawn: broken.len() })
    }

    /// Returns how many of the missing documents exist under another id or language: a new document of the same kind has the same title and
    /// body.
    async fn renamed(
        &self,
        write: &mut Write,
        missing: &[&DocumentKey],
        current: &HashMap<DocumentKey, &Document>,
        known: &HashMap<DocumentKey, StoredDocument>,
    ) -> Result<usize, KnowledgeError> {
        let content = |document: &Document| (document.kind(), fingerprint(format!("{}\n{}", document.title, document.body)));
        let mut new: HashMap<(Kind, String), usize> = HashMap::new();
        for (_, document) in current.iter().filter(|(key, _)| !known.contains_key(key)) {
            *new.entry(content(document)).or_default() += 1;
        }
        let mut renamed = 0;
        for key in missing {
            if new.is_empty() {
                break;
            }
            let Some(document) = document_rows::written(write, &self.workspace, key).await? else { continue };
            if let Some(count) = new.get_mut(&content(&document)).filter(|count| **count > 0) {
                *count -= 1;
                renamed += 1;
            }
        }
        Ok(renamed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::Id,
        ids::Workspace,
        knowledge::documents::document::{Audience, Details},
        store::Store,
        text::Language,
    };

    fn document(id: &str, body: &str) -> Document {
        Document {
            id: Id::new(id).unwrap(),
            language: Language::parse("en").unwrap(),
            title: "T".into(),
            body: body.into(),
            category: String::new(),
            tags: Vec::new(),
            asked: Vec::new(),
            from_folder: true,
            updated_at: Timestamp::default(),
            withdrawn: false,
            details: Details::Article { audience: Audience::Public, url: String::new() },
        }
    }

    fn folder(documents: &[(&str, &str)]) -> Folder {
        Folder { documents: documents.iter().map(|(id, body)| document(id, body)).collect(), ..Folder::default() }
    }

    async fn catalog() -> (tempfile::TempDir, Catalog) {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(&Store::sqlite_url(data.path())).await.unwrap();
        (data, Catalog { store, workspace: Workspace::default() })
    }

    #[tokio::test]
    async fn more_than_half_is_deleted_only_if_allowed() {
        let (_data, catalog) = catalog().await;
        let take =
            async |documents: &[(&str, &str)], mass_delete| catalog.take_folder(&folder(documents), mass_delete, true).await.unwrap();
        let taken = |changes| Intake::Taken { changes, withdrawn: 0 };
        let four = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")];
        assert_eq!(take(&four, MassDelete::Refuse).await, taken(4));
        assert_eq!(take(&[], MassDelete::Refuse).await, Intake::Refused { deleted: 4, documents: 4 });
        // Nothing is imported, not even new documents.
        let other = [("a", "changed"), ("x", "new")];
        assert_eq!(take(&other, MassDelete::Refuse).await, Intake::Refused { deleted: 3, documents: 4 });
        assert_eq!(take(&four, MassDelete::Refuse).await, taken(0));
        // A renamed document, or one in another language, is not lost.
        let renamed = [("a", "1"), ("b2", "2"), ("c2", "3"), ("d2", "4")];
        assert_eq!(take(&renamed, MassDelete::Refuse).await, taken(6));
        // One new text makes up for one missing document.
        let one_for_three = [("a", "1"), ("n", "2")];
        assert_eq!(take(&one_for_three, MassDelete::Refuse).await, taken(4), "half of them is lost");
        assert_eq!(take(&[("x", "y")], MassDelete::Refuse).await, Intake::Refused { deleted: 2, documents: 2 });
        assert_eq!(take(&[("x", "y")], MassDelete::Allow).await, taken(3));
        assert_eq!(take(&[], MassDelete::Refuse).await, taken(1), "a single document may go");
    }

    #[tokio::test]
    async fn a_document_whose_file_breaks_is_for_agents_until_it_is_right_again() {
        let (_data, catalog) = catalog().await;
        let good = folder(&[("a", "1"), ("b", "2")]);
        catalog.take_folder(&good, MassDelete::Refuse, true).await.unwrap();
        let all_broken = Folder { broken: good.documents.iter().map(Document::key).collect(), ..Folder::default() };
        let audiences = async || {
            let changes = catalog.changes(0, 10).await.unwrap();
            changes.into_iter().map(|change| change.document.map(|document| document.audience())).collect::<Vec<_>>()
        };
        for changes in [2, 0] {
            let intake = catalog.take_folder(&all_broken, MassDelete::Refuse, true).await.unwrap();
            assert_eq!(intake, Intake::Taken { changes, withdrawn: 2 });
            assert_eq!(audiences().await, [Some(Audience::Agents); 2]);
        }
        let unknown = Folder { broken: vec![document("new", "").key()], ..good.clone() };
        let intake = catalog.take_folder(&unknown, MassDelete::Refuse, true).await.unwrap();
        assert_eq!(intake, Intake::Taken { changes: 2, withdrawn: 0 });
        assert_eq!(audiences().await, [Some(Audience::Public); 2]);
    }
}
