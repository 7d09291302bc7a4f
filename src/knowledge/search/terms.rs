//! Query expansion: the keys that each word of a query is looked up by: its own forms, completions of an unfinished word, words joined or
//! apart, compounds, spelling corrections, and synonyms.

use tantivy::postings::TermInfo;

use crate::{
    knowledge::{
        index::schema::ACCENTED,
        search::{
            compounds::{compounds_with, forms_of, parts_of, written_apart},
            expansion::{Alternative, Expansion},
            half_words::{Completion, completions, shared_beginning},
            idf::{idf, word_idf},
            lookup::{find, find_counted, written_in},
            phrases::phrase,
            query::{Query, QueryWord},
            spelling::{SpellingCandidate, spelling_candidates},
            stop_words,
            synonyms::{Member, Synonyms},
            visible_terms::VisibleTerms,
        },
    },
    text::words,
};

/// Weight of a stem, against the word itself.
const FORM: f32 = 0.8;
/// Weight of the same word with other accents.
const UNACCENTED: f32 = 0.9;
/// Weight of a completion, where the unfinished word is itself a word.
const COMPLETION: f32 = 0.6;
/// Weight of a word that shares most of its beginning with an unfinished or long word that the scope does not have.
const SHARED_BEGINNING: f32 = 0.6;
/// Weight of a compound that has the word, and of a part of a compound.
const COMPOUND: f32 = 0.5;
/// Weight of a spelling correction, by edit distance.
const MISSPELT: [f32; 3] = [1.0, 0.7, 0.45];
const SYNONYM: f32 = 0.6;
/// Most words of a query that spelling corrections are looked up for.
const MAX_SPELLCHECKED: usize = 8;
/// Spelling corrections and completions whose other forms are looked up too, and completions whose synonyms are.
const MAX_CORRECTION_FORMS: usize = 5;
const MAX_COMPLETION_FORMS: usize = 8;
/// Letters of the longest unit, or prefix of a code.
const MAX_UNIT: usize = 3;
/// Most phrases that a query is expanded by.
const MAX_PHRASES: usize = 16;
/// A gram in more than 1 of FREQUENT documents, and in more than MAX_GRAMMED, is ignored: it says little for the time it takes. A small
/// index ignores none.
const FREQUENT: u64 = 32;
const MAX_GRAMMED: u64 = 512;

/// A word of a query with everything that it matches.
pub struct Term {
    pub weight: f32,
    pub idf: f32,
    pub alternatives: Vec<Alternative>,
    /// The word's character n-grams, each with its idf.
    pub grams: Vec<Gram>,
    /// Its spelling corrections, likeliest first: words of the scope, or stems of them where it has no word so near.
    pub corrections: Vec<String>,
    /// Whether it says nothing beside the other words: a stop word, or half of one. False for all words of a query that has no others.
    pub is_common: bool,
}

impl Term {
    /// The total length of its posting lists.
    pub fn length(&self) -> u64 {
        let of = |info: &Option<TermInfo>| info.as_ref().map_or(0, |info| u64::from(info.doc_freq));
        let words = self.alternatives.iter().flat_map(|alternative| &alternative.postings.segments).flatten().map(of).sum::<u64>();
        words + self.grams.iter().flat_map(|gram| &gram.postings).map(of).sum::<u64>()
    }

    /// What finding it tells, of the words that say something.
    pub fn information(&self) -> f32 {
        if self.is_common { 0.0 } else { self.weight * self.idf }
    }
}

/// A character n-gram of a word.
pub struct Gram {
    pub idf: f32,
    /// Its postings, by segment.
    pub postings: Vec<Option<TermInfo>>,
}

/// Expands every word of a query. `documents` is the number of documents in scope.
pub fn terms(within: &VisibleTerms<'_>, query: &Query, language: &str, synonyms: &Synonyms, documents: u64) -> tantivy::Result<Vec<Term>> {
    let mut expander = Expander { within, query, language, synonyms, documents, spellchecked: 0, phrases: 0 };
    let synonyms_of = synonyms.of(query, language);
    let terms = synonyms_of.iter().enumerate().map(|(place, members)| expander.term(place, members));
    Ok(informative(terms.collect::<tantivy::Result<Vec<Term>>>()?))
}

/// Expands a long query: each word by its own keys and synonyms only.
pub fn plain_terms(
    within: &VisibleTerms<'_>,
    query: &Query,
    language: &str,
    synonyms: &Synonyms,
    documents: u64,
) -> tantivy::Result<Vec<Term>> {
    let mut expander = Expander { within, query, language, synonyms, documents, spellchecked: 0, phrases: 0 };
    let synonyms_of = synonyms.of(query, language);
    let terms = synonyms_of.iter().enumerate().map(|(place, members)| expander.plain_term(place, members));
    Ok(informative(terms.collect::<tantivy::Result<Vec<Term>>>()?))
}

/// In a query of common words alone, they are what is asked for.
fn informative(mut terms: Vec<Term>) -> Vec<Term> {
    if terms.iter().all(|term| term.is_common) {
        terms.iter_mut().for_each(|term| term.is_common = false);
    }
    terms
}

/// Expands the words of a query, as many as are allowed.
struct Expander<'a> {
    within: &'a VisibleTerms<'a>,
    query: &'a Query,
    language: &'a str,
    synonyms: &'a Synonyms,
    documents: u64,
    spellchecked: usize,
    phrases: usize,
}

impl Expander<'_> {
    fn term(&mut self, place: usize, members: &[&Member]) -> tantivy::Result<Term> {
        let word = &self.query.words[place];
        let folded = word.word.folded();
        let mut expansion = self.own(place)?;
        // What only shares its beginning with the documents may be misspelt.
        let known = (word.half && self.complete(word, &mut expansion)?) || (!word.half && expansion.is_known());
        let within = self.within;
        if !known && !expansion.is_common {
            for (words, postings) in written_apart(within, folded)? {
                expansion.alternatives.push(Alternative { key: String::new(), phrase: words, weight: 1.0, postings });
            }
            let unglued = expansion.is_known();
            for form in forms_of(within, folded, self.language)? {
                expansion.add(&form, SHARED_BEGINNING, || find_counted(within, &form))?;
            }
            for part in parts_of(within, folded, self.language)? {
                expansion.add(&part, COMPOUND, || find_counted(within, &part))?;
            }
            if unglued || word.half {
                expansion.with = expansion.most();
            }
        }
        if !expansion.is_common {
            for compound in compounds_with(within, word, self.language)? {
                expansion.add(&compound, COMPOUND, || find_counted(within, &compound))?;
            }
        }
        self.correct(word, known, &mut expansion)?;
        self.add_synonyms(members, 1.0, &mut expansion)?;
        let mut grams = Vec::new();
        for gram in &word.grams {
            grams.extend(find_gram(within, gram, self.documents)?);
        }
        Ok(Term { grams, ..self.finish(word, expansion) })
    }

    fn plain_term(&mut self, place: usize, members: &[&Member]) -> tantivy::Result<Term> {
        let mut expansion = self.own(place)?;
        self.add_synonyms(members, 1.0, &mut expansion)?;
        Ok(self.finish(&self.query.words[place], expansion))
    }

    fn finish(&self, word: &QueryWord, mut expansion: Expansion) -> Term {
        expansion.alternatives.retain(|alternative| alternative.postings.documents > 0);
        let share = stop_words::share(self.language, word.word.folded());
        let idf = expansion.idf.unwrap_or_else(|| word_idf(self.documents, expansion.with, share));
        Term {
            weight: word.weight,
            idf,
            alternatives: expansion.alternatives,
            grams: Vec::new(),
            corrections: expansion.corrections,
            is_common: expansion.is_common,
        }
    }

    /// Returns the word as written, without accents, its stems, and the words that it makes with those beside it.
    fn own(&self, place: usize) -> tantivy::Result<Expansion> {
        let (within, word) = (self.within, &self.query.words[place]);
        let is_common = stop_words::share(self.language, word.word.folded()) > 0.0;
        let mut own = Expansion { alternatives: Vec::new(), with: 0, idf: None, corrections: Vec::new(), is_common };
        if let Some(accented) = word.word.accented() {
            let key = format!("{ACCENTED}{accented}");
            own.add(&key, 1.0, || find_counted(within, &key))?;
        }
        let folded = if own.alternatives.is_empty() { 1.0 } else { UNACCENTED };
        for (number, key) in word.word.keys().iter().enumerate() {
            own.add(key, if number == 0 { folded } else { FORM }, || find_counted(within, key))?;
        }
        own.with = own.most();
        // The letters of a code, and units, say nothing without their number.
        let is_unit = word.word.folded().chars().all(char::is_alphabetic)
            && word.word.folded().chars().count() <= MAX_UNIT
            && word.word.joined().iter().any(|joined| joined.bytes().any(|byte| byte.is_ascii_digit()));
        own.is_common |= is_unit;
        let beside =
            |other: Option<&QueryWord>| other.is_some_and(|other| other.word.end == word.word.start || word.word.end == other.word.start);
        for joined in word.word.joined() {
            let postings = find_counted(within, joined)?;
            let glued = (place > 0 && beside(self.query.words.get(place - 1))) || beside(self.query.words.get(place + 1));
            if postings.documents > 0 {
                if glued {
                    // The parts of what is written as one word are found elsewhere by chance.
                    own.alternatives.clear();
                    own.with = 0;
                }
                own.with = own.with.max(postings.documents);
                own.add(joined, 1.0, || Ok(postings))?;
                own.is_common = false;
                break;
            }
        }
        let neighbours = [place.checked_sub(1).map(|before| (before, place)), Some((place, place + 1))];
        for (one, other) in neighbours.into_iter().flatten().filter(|(_, other)| *other < self.query.words.len()) {
            let first = self.query.words[one].word.folded();
            let joined = format!("{first}{}", self.query.words[other].word.folded());
            // What begins with a common word is written together by chance (`a way`, `away`).
            let says_something = [first, &joined].iter().all(|word| stop_words::share(self.language, word) == 0.0);
            if says_something
                && self.query.pairs.iter().any(|(first, second, _)| (*first, *second) == (one, other))
                && written_in(within, &joined)? > 0
            {
                own.add(&joined, 1.0, || find_counted(within, &joined))?;
                own.with = own.with.max(own.most());
                // A part of it that says nothing by itself says what the whole says.
                own.is_common = false;
            }
        }
        Ok(own)
    }

    /// Adds what an unfinished word may become: words of the scope; where it has none, words that share its beginning, or those of the lists
    /// of synonyms. Returns whether the scope has the word or a completion of it.
    fn complete(&mut self, word: &QueryWord, expansion: &mut Expansion) -> tantivy::Result<bool> {
        let (within, folded) = (self.within, word.word.folded());
        let is_written = expansion.is_known() && written_in(within, folded)? > 0;
        let mut found = completions(within, folded, self.language, self.documents)?;
        found.retain(|completion| completion.word.folded() != folded);
        if !found.is_empty() {
            let weight = if is_written { COMPLETION } else { 1.0 };
            self.add_completions(found, weight, is_written, expansion)?;
            return Ok(true);
        }
        if expansion.is_known() {
            return Ok(true);
        }
        if stop_words::share_of_half(self.language, folded) > 0.0 {
            expansion.is_common = true;
            expansion.idf = Some(word_idf(self.documents, 0, stop_words::share_of_half(self.language, folded)));
            return Ok(false);
        }
        let found = shared_beginning(within, folded, self.language, self.documents)?;
        if found.is_empty() {
            let members = self.synonyms.of_half(folded, self.language);
            self.add_synonyms(&members, 1.0, expansion)?;
            expansion.with = expansion.most();
        } else {
            self.add_completions(found, SHARED_BEGINNING, false, expansion)?;
        }
        Ok(false)
    }

    /// Adds completions, each with its own idf and as likely as it is, the other forms of the likeliest, and their synonyms.
    fn add_completions(&mut self, found: Vec<Completion>, weight: f32, is_written: bool, expansion: &mut Expansion) -> tantivy::Result<()> {
        let within = self.within;
        let sum = |of: fn(&Completion) -> f32| found.iter().map(|completion| completion.likelihood.powi(2) * of(completion)).sum::<f32>();
        let likely = sum(|_| 1.0).max(f32::MIN_POSITIVE);
        if !is_written {
            // Half of common words is as common as they are.
            expansion.is_common = sum(|completion| f32::from(u8::from(completion.is_common))) > likely / 2.0;
            expansion.idf = Some(sum(|completion| completion.idf) / likely);
        }
        let idf = expansion.idf.unwrap_or_else(|| word_idf(self.documents, expansion.with, 0.0)).max(f32::MIN_POSITIVE);
        for (number, completion) in found.into_iter().enumerate() {
            let Completion { word, postings, likelihood, idf: own_idf, .. } = completion;
            let weight = weight * likelihood * (own_idf / idf).min(1.0);
            expansion.add(word.folded(), weight, || Ok(postings))?;
            if number < MAX_COMPLETION_FORMS {
                for key in word.keys().iter().skip(1) {
                    expansion.add(key, weight * FORM, || find_counted(within, key))?;
                }
                let members = self.synonyms.of_word(&word, self.language);
                self.add_synonyms(&members, weight, expansion)?;
            }
        }
        Ok(())
    }

    /// Adds what a word may be a misspelling of, unless the scope has it.
    fn correct(&mut self, word: &QueryWord, known: bool, expansion: &mut Expansion) -> tantivy::Result<()> {
        // A word that the scope has only in another form may be a misspelling that happens to have a known stem.
        let is_form = |alternative: &Alternative| alternative.weight == FORM || alternative.postings.documents == 0;
        let form_alone = known && !word.half && expansion.alternatives.iter().all(is_form);
        let is_apart = expansion.alternatives.iter().any(|alternative| !alternative.phrase.is_empty());
        if self.spellchecked == MAX_SPELLCHECKED || (known && !form_alone) || is_apart || expansion.is_common || word.is_right {
            return Ok(());
        }
        self.spellchecked += 1;
        let within = self.within;
        let mut candidates = spelling_candidates(within, word)?;
        if form_alone {
            candidates.retain(|candidate| candidate.distance == 1);
        } else if let Some(first) = candidates.first() {
            expansion.with = first.documents;
            expansion.is_common = stop_words::share(self.language, &first.word) > 0.0;
            let unfinished =
                if word.half { word.word.folded().char_indices().last().map(|(end, _)| &word.word.folded()[..end]) } else { None };
            // What differs in the last letter of an unfinished word goes on in another way; common words say nothing in any case.
            let is_meant = |candidate: &&SpellingCandidate| !unfinished.is_some_and(|begun| candidate.word.starts_with(begun));
            if !expansion.is_common {
                expansion.corrections = candidates.iter().filter(is_meant).map(|candidate| candidate.word.clone()).collect();
            }
        }
        for (number, SpellingCandidate { word, distance, .. }) in candidates.into_iter().enumerate() {
            let weight = MISSPELT[usize::from(distance)];
            expansion.add(&word, weight, || find_counted(within, &word))?;
            let family = if number < MAX_CORRECTION_FORMS { words(&word, self.language) } else { Vec::new() };
            for key in family.iter().flat_map(|word| word.keys()) {
                expansion.add(key, weight, || find_counted(within, key))?;
            }
        }
        Ok(())
    }

    /// Adds synonyms; those of several words are found as a whole.
    fn add_synonyms(&mut self, members: &[&Member], weight: f32, expansion: &mut Expansion) -> tantivy::Result<()> {
        let within = self.within;
        for Member(words) in members {
            match words.as_slice() {
                [keys] => {
                    for key in keys {
                        expansion.add(key, SYNONYM * weight, || find(within, key))?;
                    }
                }
                _ if self.phrases < MAX_PHRASES => {
                    self.phrases += 1;
                    let postings = phrase(within, words)?;
                    expansion.alternatives.push(Alternative {
                        key: String::new(),
                        phrase: words.clone(),
                        weight: SYNONYM * weight,
                        postings,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn find_gram(within: &VisibleTerms<'_>, gram: &str, documents: u64) -> tantivy::Result<Option<Gram>> {
    let max_documents = (documents / FREQUENT).max(MAX_GRAMMED);
    let mut with = 0;
    let mut postings = Vec::with_capacity(within.snapshot.segments.len());
    for (number, segment) in within.snapshot.segments.iter().enumerate() {
        let info = if within.reaches(number) { segment.grams.terms().get(gram.as_bytes())? } else { None };
        if let Some(info) = &info {
            with += within.count(number, &segment.grams, info)?.unwrap_or(u64::from(info.doc_freq));
        }
        postings.push(info);
    }
    // One that no document has tells that the word is another.
    Ok((with <= max_documents).then(|| Gram { idf: idf(documents, with), postings }))
}
