//! A searchable snapshot: the index's segments, opened, with what ranking needs.

use std::{collections::HashMap, sync::Arc};

use tantivy::{
    BitSet, DocAddress, DocId, DocSet, InvertedIndexReader, Searcher, SegmentReader, TERMINATED, Term,
    columnar::{Column, StrColumn},
    fastfield::AliveBitSet,
    fieldnorm::FieldNormReader,
    index::SegmentId,
    schema::IndexRecordOption,
};

use crate::{
    knowledge::{
        documents::{
            document::{Document, Kind},
            reader::Reader,
        },
        error::KnowledgeError,
        index::{
            needs::Needs,
            schema::{Fields, NAMED},
        },
    },
    text::Language,
};

/// Documents of one kind, in one language, for the same readers.
#[derive(Debug, Clone)]
pub struct Class {
    pub kind: Kind,
    pub language: Language,
    /// `public`, `agents`, `everyone`, `group:…` or `agent:…`.
    pub access: String,
    pub sizes: Sizes,
}

/// The number of documents, and their total lengths.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sizes {
    pub documents: u64,
    pub names: u64,
    pub body: u64,
    pub asked: u64,
    pub grams: u64,
    pub passages: u64,
    /// Documents whose title, category, tags or `asked` have an intent.
    pub named: u64,
    /// Documents with phrases of `asked`.
    pub with_asked: u64,
}

impl Sizes {
    pub fn add(&mut self, other: &Sizes) {
        self.documents += other.documents;
        self.names += other.names;
        self.body += other.body;
        self.asked += other.asked;
        self.grams += other.grams;
        self.passages += other.passages;
        self.named += other.named;
        self.with_asked += other.with_asked;
    }

    fn subtract(&mut self, other: &Sizes) {
        self.documents -= other.documents;
        self.names -= other.names;
        self.body -= other.body;
        self.asked -= other.asked;
        self.grams -= other.grams;
        self.passages -= other.passages;
        self.named -= other.named;
        self.with_asked -= other.with_asked;
    }
}

/// A canned answer of a segment, and what it needs to know of a chat.
pub type DocumentNeeds = (DocId, Arc<Needs>);

/// A segment of the index.
#[derive(Clone)]
pub struct IndexSegment {
    pub names: Arc<InvertedIndexReader>,
    pub body: Arc<InvertedIndexReader>,
    pub asked: Arc<InvertedIndexReader>,
    pub grams: Arc<InvertedIndexReader>,
    pub intents: Arc<InvertedIndexReader>,
    pub vocabulary: Arc<InvertedIndexReader>,
    pub names_norms: FieldNormReader,
    pub body_norms: FieldNormReader,
    pub asked_norms: FieldNormReader,
    pub gram_norms: FieldNormReader,
    pub classes: Vec<Class>,
    /// The class of each document.
    pub class_of: Arc<[u32]>,
    pub passages: Column<u64>,
    pub phrases: Column<u64>,
    /// The canned answers that need to know something of a chat.
    pub needs: Arc<[DocumentNeeds]>,
    /// Which documents have an intent in their names: see [`NAMED`].
    named: Arc<BitSet>,
    categories: Option<StrColumn>,
    ids: Column<u64>,
    alive: Option<AliveBitSet>,
}

/// The index at one moment.
pub struct IndexSnapshot {
    pub searcher: Searcher,
    pub fields: Fields,
    pub segments: Vec<Arc<IndexSegment>>,
    ids: Vec<(SegmentId, u32)>,
    /// By segment, the number of each of its categories across all segments; `None` for the empty one.
    categories: Vec<Vec<Option<u32>>>,
}

impl IndexSnapshot {
    /// Opens what the searcher sees; segments of the last snapshot are reused.
    pub fn new(searcher: Searcher, fields: Fields, last: Option<&IndexSnapshot>) -> tantivy::Result<IndexSnapshot> {
        let known: HashMap<SegmentId, (u32, &Arc<IndexSegment>)> = last
            .iter()
            .flat_map(|snapshot| snapshot.ids.iter().zip(&snapshot.segments))
            .map(|((id, deleted), segment)| (*id, (*deleted, segment)))
            .collect();
        let mut segments = Vec::new();
        let mut ids = Vec::new();
        for reader in searcher.segment_readers() {
            let deleted = reader.num_deleted_docs();
            let segment = match known.get(&reader.segment_id()) {
                Some((before, segment)) if *before == deleted => Arc::clone(segment),
                Some((_, segment)) => Arc::new(segment.without(reader)),
                None => Arc::new(IndexSegment::open(reader, fields)?),
            };
            segments.push(segment);
            ids.push((reader.segment_id(), deleted));
        }
        let categories = number_categories(&segments)?;
        Ok(IndexSnapshot { searcher, fields, segments, ids, categories })
    }

    /// Returns how many documents it has, each language counted.
    pub fn documents(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// Returns the hash of a document's id, by which documents that score the same are ordered.
    pub fn id(&self, segment: u32, doc: DocId) -> u64 {
        self.segments[segment as usize].ids.first(doc).unwrap_or_default()
    }

    /// Returns the number of a document's category, if it has one.
    pub fn category(&self, segment: u32, doc: DocId) -> Option<u32> {
        let ord = self.segments[segment as usize].categories.as_ref()?.ords().first(doc)?;
        self.categories[segment as usize][ord as usize]
    }

    /// Returns whether any document has a category.
    pub fn has_categories(&self) -> bool {
        self.categories.iter().flatten().any(Option::is_some)
    }

    /// Reads a document.
    pub fn read(&self, segment: u32, doc: DocId) -> Result<Document, KnowledgeError> {
        use tantivy::schema::Value;
        let stored: tantivy::TantivyDocument = self.searcher.doc(DocAddress::new(segment, doc))?;
        let source = stored.get_first(self.fields.source).and_then(|value| value.as_str()).unwrap_or_default();
        Ok(serde_json::from_str(source)?)
    }
}

fn number_categories(segments: &[Arc<IndexSegment>]) -> tantivy::Result<Vec<Vec<Option<u32>>>> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut categories = Vec::new();
    for segment in segments {
        let mut here = Vec::new();
        if let Some(column) = &segment.categories {
            let mut category = String::new();
            for ord in 0..column.num_terms() as u64 {
                category.clear();
                column.ord_to_str(ord, &mut category)?;
                let next = numbers.len() as u32;
                here.push((!category.is_empty()).then(|| *numbers.entry(category.clone()).or_insert(next)));
            }
        }
        categories.push(here);
    }
    Ok(categories)
}

/// Returns which documents of a segment have an intent in their names.
fn named(intents: &InvertedIndexReader, fields: Fields, max_doc: DocId) -> tantivy::Result<BitSet> {
    let mut named = BitSet::with_max_value(max_doc);
    let key = Term::from_field_text(fields.intents, NAMED);
    if let Some(mut postings) = intents.read_postings(&key, IndexRecordOption::Basic)? {
        while postings.doc() != TERMINATED {
            named.insert(postings.doc());
            postings.advance();
        }
    }
    Ok(named)
}

/// Reads what the canned answers of a segment need.
fn needs(reader: &SegmentReader) -> tantivy::Result<Arc<[DocumentNeeds]>> {
    let Some(column) = reader.fast_fields().str("needs")? else { return Ok(Arc::default()) };
    let (mut text, mut parsed) = (String::new(), HashMap::new());
    let mut found = Vec::new();
    for doc in reader.doc_ids_alive() {
        let Some(ord) = column.ords().first(doc) else { continue };
        if let std::collections::hash_map::Entry::Vacant(entry) = parsed.entry(ord) {
            text.clear();
            column.ord_to_str(ord, &mut text)?;
            let needs: Needs = serde_json::from_str(&text).map_err(|error| tantivy::TantivyError::InternalError(error.to_string()))?;
            entry.insert(Arc::new(needs));
        }
        found.push((doc, Arc::clone(&parsed[&ord])));
    }
    Ok(found.into())
}

impl IndexSegment {
    fn open(reader: &SegmentReader, fields: Fields) -> tantivy::Result<IndexSegment> {
        let names_norms = reader.get_fieldnorms_reader(fields.names)?;
        let body_norms = reader.get_fieldnorms_reader(fields.body)?;
        let asked_norms = reader.get_fieldnorms_reader(fields.asked)?;
        let gram_norms = reader.get_fieldnorms_reader(fields.grams)?;
        let passages = reader.fast_fields().u64("passages")?;
        let phrases = reader.fast_fields().u64("phrases")?;
        let mut classes = Vec::new();
        let mut class_of = vec![0_u32; reader.max_doc() as usize];
        if let Some(column) = reader.fast_fields().str("class")? {
            let mut text = String::new();
            for ord in 0..column.num_terms() as u64 {
                text.clear();
                column.ord_to_str(ord, &mut text)?;
                classes.push(Class::parse(&text));
            }
            for doc in reader.doc_ids_alive() {
                class_of[doc as usize] = column.ords().first(doc).unwrap_or_default() as u32;
            }
        }
        let needs = needs(reader)?;
        let intents = reader.inverted_index(fields.intents)?;
        let named = named(&intents, fields, reader.max_doc())?;
        let mut segment = IndexSegment {
            names: reader.inverted_index(fields.names)?,
            body: reader.inverted_index(fields.body)?,
            asked: reader.inverted_index(fields.asked)?,
            grams: reader.inverted_index(fields.grams)?,
            intents,
            vocabulary: reader.inverted_index(fields.vocabulary)?,
            names_norms,
            body_norms,
            asked_norms,
            gram_norms,
            classes,
            class_of: class_of.into(),
            passages,
            phrases,
            needs,
            named: Arc::new(named),
            categories: reader.fast_fields().str("category")?,
            ids: reader.fast_fields().u64("id")?,
            alive: reader.alive_bitset().cloned(),
        };
        for doc in reader.doc_ids_alive() {
            let size = segment.size(doc);
            segment.classes[segment.class_of[doc as usize] as usize].sizes.add(&size);
        }
        Ok(segment)
    }

    /// Returns a copy without the documents that were deleted since.
    fn without(&self, reader: &SegmentReader) -> IndexSegment {
        let mut segment = IndexSegment { alive: reader.alive_bitset().cloned(), ..self.clone() };
        for doc in 0..reader.max_doc() {
            if !self.is_alive(doc) || segment.is_alive(doc) {
                continue;
            }
            segment.classes[self.class_of[doc as usize] as usize].sizes.subtract(&self.size(doc));
        }
        segment
    }

    /// Returns whether no document was deleted since it was written.
    pub fn is_complete(&self) -> bool {
        self.alive.is_none()
    }

    pub fn is_alive(&self, doc: DocId) -> bool {
        self.alive.as_ref().is_none_or(|alive| alive.is_alive(doc))
    }

    fn size(&self, doc: DocId) -> Sizes {
        let asked = self.asked_norms.fieldnorm(doc);
        Sizes {
            documents: 1,
            names: u64::from(self.names_norms.fieldnorm(doc)),
            body: u64::from(self.body_norms.fieldnorm(doc)),
            asked: u64::from(asked),
            grams: u64::from(self.gram_norms.fieldnorm(doc)),
            passages: self.passages.values_for_doc(doc).count() as u64,
            named: u64::from(self.named.contains(doc)),
            with_asked: u64::from(asked > 0),
        }
    }
}

impl Class {
    /// Reads what `schema::class` wrote.
    fn parse(text: &str) -> Class {
        let mut lines = text.splitn(3, '\n');
        let kind = if lines.next() == Some("1") { Kind::CannedAnswer } else { Kind::Article };
        let language = Language::parse(lines.next().unwrap_or_default());
        let language = language.unwrap_or_else(|_| Language::parse("und").expect("`und` is a language tag"));
        Class { kind, language, access: lines.next().unwrap_or_default().to_owned(), sizes: Sizes::default() }
    }

    /// Returns whether a reader may see its documents.
    pub fn is_seen_by(&self, reader: &Reader) -> bool {
        match self.access.as_str() {
            "public" | "everyone" => true,
            "agents" => reader.sees(crate::knowledge::documents::document::Audience::Agents),
            access => reader.owns(access),
        }
    }
}
