//! The wording in force: what the folder has, and beside it what is stored.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::Arc,
};

use crate::{
    ids::Id,
    knowledge::{
        documents::{
            folder::{Folder, words::Term},
            voice::Voice,
        },
        search::synonyms::Synonyms,
        wording::entry::{Entry, Listed, NONE, SynonymGroup},
    },
    text::{Language, fold, without_comments},
};

/// What the ids of the folder's groups begin with.
pub const FOLDER_GROUPS: &str = "folder:";

/// Groups of synonyms by language, as they are written.
type Groups = BTreeMap<String, Vec<Vec<String>>>;

/// The voice, glossary and synonyms in force.
#[derive(Default)]
pub struct Wording {
    folder_voice: Option<Voice>,
    folder_glossary: Vec<Term>,
    folder_synonyms: Groups,
    stored: StoredWording,
    pub voice: Arc<Voice>,
    pub glossary: Arc<Vec<Term>>,
    pub synonyms: Arc<Synonyms>,
}

/// What is stored.
#[derive(Default)]
pub struct StoredWording {
    /// The number of its last change.
    pub number: i64,
    pub voice: Option<Listed<Voice>>,
    /// Ordered by term.
    pub terms: Vec<Listed<Term>>,
    /// Ordered by id.
    pub groups: Vec<Listed<SynonymGroup>>,
}

impl Wording {
    /// Replaces what could be read of the folder; a broken file's last good version stays.
    pub fn take_folder(&mut self, folder: &mut Folder) {
        let broken = |name: &str| folder.problems.iter().any(|problem| problem.file == Path::new(name));
        match folder.voice.take() {
            None if broken("voice.md") => {}
            voice => self.folder_voice = voice,
        }
        match folder.glossary.take() {
            None if broken("glossary.toml") => {}
            glossary => self.folder_glossary = glossary.unwrap_or_default(),
        }
        self.folder_synonyms = std::mem::take(&mut folder.synonyms);
        self.join();
    }

    /// Replaces what is stored.
    pub fn take_stored(&mut self, stored: StoredWording) {
        self.stored = stored;
        self.join();
    }

    fn join(&mut self) {
        let of_author = || {
            let Voice { text, several_messages, sign_off } = self.stored.voice.as_ref()?.content.clone();
            Some(Voice { text: without_comments(&text).trim().to_owned(), several_messages, sign_off })
        };
        self.voice = Arc::new(self.folder_voice.clone().or_else(of_author).unwrap_or_default());
        let authors = self.authors_terms().map(|term| by_language(term.content.clone()));
        self.glossary = Arc::new(self.folder_glossary.iter().cloned().chain(authors).collect());
        let mut groups = self.folder_synonyms.clone();
        for Listed { content: SynonymGroup { id: _, language, words }, .. } in &self.stored.groups {
            groups.entry(language.primary().to_owned()).or_default().push(words.clone());
        }
        for word in groups.values_mut().flatten().flatten() {
            *word = fold(word);
        }
        self.synonyms = Arc::new(Synonyms::new(groups));
    }

    /// The terms that are stored, without those that the folder has.
    fn authors_terms(&self) -> impl Iterator<Item = &Listed<Term>> {
        let of_folder: HashSet<&str> = self.folder_glossary.iter().map(|term| term.term.as_str()).collect();
        self.stored.terms.iter().filter(move |term| !of_folder.contains(term.content.term.as_str()))
    }

    /// The number of the last change that is in force.
    pub fn number(&self) -> i64 {
        self.stored.number
    }

    /// Whether the folder has an entry of this kind and id.
    pub fn is_of_folder<E: Entry>(&self, id: &str) -> bool {
        match E::KIND {
            Voice::KIND => self.folder_voice.is_some(),
            Term::KIND => self.folder_glossary.iter().any(|known| known.term == id),
            _ => id.starts_with(FOLDER_GROUPS),
        }
    }

    /// The voice, as its author wrote it.
    pub fn listed_voice(&self) -> Listed<Voice> {
        let none = || Listed { content: Voice::default(), updated_at: None, from_folder: false, etag: NONE.to_owned() };
        let folder = self.folder_voice.clone().map(Listed::of_folder);
        folder.or_else(|| self.stored.voice.clone()).unwrap_or_else(none)
    }

    /// The terms, in their order.
    pub fn listed_terms(&self) -> Vec<Listed<Term>> {
        let folder = self.folder_glossary.iter().cloned().map(Listed::of_folder);
        let mut terms: Vec<Listed<Term>> = folder.chain(self.authors_terms().cloned()).collect();
        terms.sort_by(|one, other| one.content.term.cmp(&other.content.term));
        terms
    }

    /// The groups, ordered by language and id.
    pub fn listed_groups(&self) -> Vec<Listed<SynonymGroup>> {
        let folder = self.folder_synonyms.iter().flat_map(|(language, groups)| {
            groups.iter().enumerate().filter_map(move |(number, words)| {
                let id = Id::new(format!("{FOLDER_GROUPS}{language}:{:05}", number + 1)).ok()?;
                let language = Language::parse(language).ok()?;
                Some(Listed::of_folder(SynonymGroup { id, language, words: words.clone() }))
            })
        });
        let mut groups: Vec<Listed<SynonymGroup>> = folder.chain(self.stored.groups.iter().cloned()).collect();
        groups.sort_by(|one, other| (&one.content.language, &one.content.id).cmp(&(&other.content.language, &other.content.id)));
        groups
    }
}

/// A term whose words for a region serve its language, too, unless that has one of its own.
fn by_language(mut term: Term) -> Term {
    for (tag, word) in term.words.clone() {
        if let Ok(language) = Language::parse(&tag) {
            term.words.entry(language.primary().to_owned()).or_insert(word);
        }
    }
    term
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_folder_has_goes_first_and_what_it_had_comes_back() {
        let term = |term: &str, tr: &str| Term { term: term.into(), keep: false, words: [("tr".to_owned(), tr.to_owned())].into() };
        let listed = |content| Listed { content, updated_at: None, from_folder: false, etag: "e".to_owned() };
        let voice = |text: &str| Voice { text: text.into(), ..Voice::default() };
        let mut wording = Wording::default();
        wording.take_stored(StoredWording {
            number: 7,
            voice: Some(Listed { content: voice("Stored. <!-- for us -->"), updated_at: None, from_folder: false, etag: "e".to_owned() }),
            terms: vec![
                listed(term("refund", "stored")),
                listed(Term { words: [("tr-TR".to_owned(), "havlu".to_owned())].into(), ..term("towel", "") }),
            ],
            groups: Vec::new(),
        });
        assert_eq!((wording.voice.text.as_str(), wording.glossary.len(), wording.number()), ("Stored.", 2, 7));
        let read = |voice, glossary| Folder { voice, glossary, ..Folder::default() };
        wording.take_folder(&mut read(Some(voice("Folder.")), Some(vec![term("refund", "iade")])));
        assert_eq!(wording.voice.text, "Folder.");
        let words = |wording: &Wording| wording.glossary.iter().map(|term| term.words["tr"].clone()).collect::<Vec<_>>();
        assert_eq!(words(&wording), ["iade", "havlu"]);
        assert!(wording.is_of_folder::<Voice>("") && wording.is_of_folder::<Term>("refund") && !wording.is_of_folder::<Term>("towel"));
        wording.take_folder(&mut read(None, None));
        assert_eq!((wording.voice.text.as_str(), words(&wording)), ("Stored.", vec!["stored".to_owned(), "havlu".to_owned()]));
    }
}
