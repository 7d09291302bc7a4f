//! Which documents of the index are looked at.

use tantivy::{BitSet, DocId};

use crate::{
    knowledge::{
        documents::{document::Kind, reader::Reader},
        index::snapshot::{Class, IndexSnapshot, Sizes},
    },
    text::Language,
};

/// Which documents are looked at.
pub struct SearchScope<'a> {
    pub kinds: &'a [Kind],
    /// `None`: any.
    pub language: Option<&'a Language>,
    pub reader: &'a Reader,
    /// By part, what else must hold.
    pub only: Option<&'a [BitSet]>,
}

impl SearchScope<'_> {
    /// Whether it has the documents of a class.
    pub fn has(&self, class: &Class) -> bool {
        self.kinds.contains(&class.kind)
            && self.language.is_none_or(|language| class.language == *language)
            && class.is_seen_by(self.reader)
    }

    /// Whether it has a document.
    pub fn takes(&self, view: &IndexSnapshot, part: usize, doc: DocId) -> bool {
        let part = &view.parts[part];
        part.is_alive(doc) && self.has(&part.classes[part.class_of[doc as usize] as usize])
    }

    /// How many documents it has, and how long they are, by kind.
    pub fn sizes(&self, view: &IndexSnapshot, kind: Option<Kind>) -> Sizes {
        let mut sizes = Sizes::default();
        for class in view.parts.iter().flat_map(|part| &part.classes) {
            if self.has(class) && kind.is_none_or(|kind| class.kind == kind) {
                sizes.add(&class.sizes);
            }
        }
        sizes
    }
}

impl IndexSnapshot {
    /// The languages that a reader may be shown documents of these kinds in, in order.
    pub fn languages(&self, kinds: &[Kind], reader: &Reader) -> Vec<Language> {
        let scope = SearchScope { kinds, language: None, reader, only: None };
        let classes = self.parts.iter().flat_map(|part| &part.classes).filter(|class| class.sizes.documents > 0 && scope.has(class));
        let mut found: Vec<Language> = classes.map(|class| class.language.clone()).collect();
        found.sort();
        found.dedup();
        found
    }
}
