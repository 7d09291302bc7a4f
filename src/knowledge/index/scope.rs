//! Which documents of the index a search covers.

use std::collections::BTreeSet;

use tantivy::{BitSet, DocId};

use crate::{
    knowledge::{
        documents::{document::Kind, reader::Reader},
        index::snapshot::{Class, IndexSnapshot, Sizes},
    },
    text::Language,
};

/// The documents that a search covers.
pub struct SearchScope<'a> {
    pub kinds: &'a [Kind],
    /// Its varieties are covered too: `de` covers `de-AT`. `None`: any.
    pub language: Option<&'a Language>,
    pub reader: &'a Reader,
    /// By segment, the documents that pass the filters.
    pub only: Option<&'a [BitSet]>,
}

impl SearchScope<'_> {
    /// Returns whether it covers the documents of a class.
    pub fn has(&self, class: &Class) -> bool {
        self.kinds.contains(&class.kind)
            && self.language.is_none_or(|language| language.covers(&class.language))
            && class.is_seen_by(self.reader)
    }

    /// Returns whether it covers a document.
    pub fn takes(&self, snapshot: &IndexSnapshot, segment: usize, doc: DocId) -> bool {
        let segment = &snapshot.segments[segment];
        segment.is_alive(doc) && self.has(&segment.classes[segment.class_of[doc as usize] as usize])
    }

    /// Returns the number and the sizes of its documents, of one kind or all.
    pub fn sizes(&self, snapshot: &IndexSnapshot, kind: Option<Kind>) -> Sizes {
        let mut sizes = Sizes::default();
        for class in snapshot.segments.iter().flat_map(|segment| &segment.classes) {
            if self.has(class) && kind.is_none_or(|kind| class.kind == kind) {
                sizes.add(&class.sizes);
            }
        }
        sizes
    }
}

impl IndexSnapshot {
    /// Returns the languages of all documents, by kind.
    pub fn all_languages(&self) -> BTreeSet<(Kind, Language)> {
        let classes = self.segments.iter().flat_map(|segment| &segment.classes).filter(|class| class.sizes.documents > 0);
        classes.map(|class| (class.kind, class.language.clone())).collect()
    }

    /// Returns the languages of the documents of these kinds that a reader may see, in order.
    pub fn languages(&self, kinds: &[Kind], reader: &Reader) -> Vec<Language> {
        let scope = SearchScope { kinds, language: None, reader, only: None };
        let classes =
            self.segments.iter().flat_map(|segment| &segment.classes).filter(|class| class.sizes.documents > 0 && scope.has(class));
        let mut found: Vec<Language> = classes.map(|class| class.language.clone()).collect();
        found.sort();
        found.dedup();
        found
    }
}
