//! What a knowledge base folder holds beside documents.

use std::{path::Path, sync::Arc};

use crate::knowledge::{
    documents::folder::{Folder, words::Term},
    documents::voice::Voice,
    search::synonyms::Synonyms,
};

/// What the folder holds beside documents.
#[derive(Default)]
pub struct FolderContents {
    pub voice: Arc<Voice>,
    pub glossary: Arc<Vec<Term>>,
    pub synonyms: Arc<Synonyms>,
}

impl FolderContents {
    /// Takes what could be read; what is broken stays as it was.
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
