//! What authors do beside writing documents: they set how the workspace writes, and have documents checked.

use crate::{
    knowledge::{
        Checked, Document, Entry, Knowledge, KnowledgeError, Listed, PutStatus, SynonymGroup, Term, Voice,
        documents::stored_check::{LookedUp, linked_articles},
        search::shortcuts::with_shortcuts_of,
        wording::in_force::Wording,
    },
    task,
};

impl Knowledge {
    /// Returns the voice as its author wrote it, with where it comes from.
    pub fn listed_voice(&self) -> Listed<Voice> {
        self.base.wording.of(Wording::listed_voice)
    }

    /// Returns the glossary with where each term comes from, in the order of the terms.
    pub fn listed_terms(&self) -> Vec<Listed<Term>> {
        self.base.wording.of(Wording::listed_terms)
    }

    /// Returns the workspace's groups of synonyms with where each comes from, ordered by language and id.
    pub fn listed_groups(&self) -> Vec<Listed<SynonymGroup>> {
        self.base.wording.of(Wording::listed_groups)
    }

    /// Creates or updates the voice, terms or groups of synonyms, each with the etag that the stored one must have; an empty etag asks for none.
    /// Returns each one's status and new etag, once this server goes by them. The write continues if the caller hangs up.
    pub async fn put_wording<E: Entry>(&self, entries: Vec<(E, String)>) -> Result<Vec<(PutStatus, String)>, KnowledgeError> {
        let wording = self.base.wording.clone();
        task::detached("the write of the wording", async move { wording.put(&entries).await }).await?
    }

    /// Deletes terms or groups of synonyms, and returns how many there were, once this server does not go by them any more.
    pub async fn delete_wording<E: Entry>(&self, ids: Vec<String>) -> Result<usize, KnowledgeError> {
        let wording = self.base.wording.clone();
        task::detached("the deletion of the wording", async move { wording.delete::<E>(&ids).await }).await?
    }

    /// Checks documents as they would be put, or all that are stored if there are none. What stands around those to be put is looked up in the
    /// index and by id, so that it takes as long with a large catalog as with a small one.
    pub async fn check(&self, documents: Vec<Document>) -> Result<Checked, KnowledgeError> {
        if documents.is_empty() {
            return self.base.catalog.check_all().await;
        }
        self.wait_for_revision(self.last_number().await?).await?;
        let look_up = move |knowledge: &Knowledge| {
            let snapshot = knowledge.base.index.snapshot();
            let same_shortcut = knowledge.base.checked(|| with_shortcuts_of(&snapshot, &documents))?;
            let linked_articles = linked_articles(&documents);
            Ok((LookedUp { same_shortcut, languages: snapshot.all_languages(), linked_articles }, documents))
        };
        let (looked_up, documents) = self.run_cpu_bound(look_up).await?;
        self.base.catalog.check_new(documents, looked_up).await
    }
}
