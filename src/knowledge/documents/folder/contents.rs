//! What a knowledge base folder has beside documents.

use std::{path::Path, sync::Arc};

use crate::knowledge::{
    documents::folder::{Folder, words::Term},
    documents::voice::Voice,
    search::synonyms::Synonyms,
};

/// The voice, glossary and synonyms of a folder.
#[derive(Default)]
pub struct FolderContents {
    pub voice: Arc<Voice>,
    pub glossary: Arc<Vec<Term>>,
    pub synonyms: Arc<Synonyms>,
}

impl FolderContents {
    /// Replaces what could be read; a broken file's last good version stays.
    pub fn take(&mut self, folder: &mut Folder) {
        let broken = |name: &str| folder.problems.iter().any(|problem| problem.file == Path::new(name));
        match folder.voice.take() {
            Some(voice) => self.voice = Arc::new(voice),
            None if broken("voice.md") => {}
            None => self.voice = Arc::default(),
        }
        match folder.glossary.take() {
            Some(glossary) => self.glossary = Arc::new(glossary),
            None if broken("glossary.toml") => {}
            None => self.glossary = Arc::default(),
        }
        self.synonyms = Arc::new(Synonyms::new(std::mem::take(&mut folder.synonyms)));
    }
}
