//! Queries: built from words by our own rules, never by a parser, so that text is never syntax.

use std::collections::HashMap;

use tantivy::{
    Searcher, Term,
    query::{BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, Query, TermQuery},
    schema::{Field, IndexRecordOption},
};

use super::{
    Audience, Kind, Visibility,
    index::{Fields, audience_text, visibility_text},
};
use crate::text::{Language, Word, words};

/// Most words of a query that count.
pub const MOST_WORDS: usize = 64;
const TITLE_WEIGHT: f32 = 1.2;
const TAGS_WEIGHT: f32 = 1.1;
const BODY_WEIGHT: f32 = 1.0;
/// A form of a word counts a little less than the word itself, a word that only begins so less still.
const STEM_WEIGHT: f32 = 0.8;
const PREFIX_WEIGHT: f32 = 0.6;
const SYNONYM_WEIGHT: f32 = 0.4;
/// Most words that a half word stands for.
const MOST_EXPANSIONS: usize = 40;
/// How much the weaker fields of a word add to its best one.
const TIE_BREAKER: f32 = 0.2;
/// What a document gains whose title and tags hold every word, of the most that it could score.
const NAMED_BONUS: f32 = 0.25;
/// The most that BM25 makes of one idf (its k1 is 1.2).
const MOST_OF_IDF: f32 = 2.2;

/// Who reads what is found. It is a part of every query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Up to which audience articles may be seen.
    articles: Audience,
    agent_id: String,
    groups: Vec<String>,
}

impl Reader {
    /// Anyone: public articles, and canned answers for everyone.
    pub fn public() -> Reader {
        Reader { articles: Audience::Public, agent_id: String::new(), groups: Vec::new() }
    }

    /// An agent, with the teams they are in: articles for agents too, and their own canned answers.
    pub fn agent(agent_id: String, groups: Vec<String>) -> Reader {
        Reader { articles: Audience::Agents, agent_id, groups }
    }

    /// The same agent, writing to a customer: what is for agents only stays out.
    pub fn for_customers(self) -> Reader {
        Reader { articles: Audience::Public, ..self }
    }

    /// Whether a reader may see an article for this audience.
    pub fn sees(&self, audience: Audience) -> bool {
        self.articles == Audience::Agents || audience == Audience::Public
    }
}

/// A word that is looked for.
#[derive(Debug, Clone)]
pub struct QueryWord {
    pub word: Word,
    pub weight: f32,
    /// Whether it may be half a word.
    pub half: bool,
    pub synonyms: Vec<String>,
}

/// The words of a query as typed. The last may be half a word, unless something follows it.
pub fn typed_words(text: &str, language: &str) -> Vec<QueryWord> {
    let mut found: Vec<QueryWord> = words(text, language)
        .into_iter()
        .take(MOST_WORDS)
        .map(|word| QueryWord { word, weight: 1.0, half: false, synonyms: Vec::new() })
        .collect();
    if let Some(last) = found.last_mut() {
        last.half = last.word.end == text.len();
    }
    found
}

/// The words of weighted pieces of text, each once with its greatest weight; the heaviest count.
pub fn weighted_words(pieces: &[(String, f32)], language: &str) -> Vec<QueryWord> {
    let mut order: Vec<String> = Vec::new();
    let mut found: HashMap<String, QueryWord> = HashMap::new();
    for (text, weight) in pieces {
        for word in words(text, language) {
            let folded = word.folded().to_owned();
            let known = found.entry(folded.clone()).or_insert_with(|| {
                order.push(folded);
                QueryWord { word, weight: 0.0, half: false, synonyms: Vec::new() }
            });
            known.weight = known.weight.max(*weight);
        }
    }
    let mut found: Vec<QueryWord> = order.into_iter().filter_map(|folded| found.remove(&folded)).collect();
    found.sort_by(|one, other| other.weight.total_cmp(&one.weight));
    found.truncate(MOST_WORDS);
    found
}

/// Words with what they cost and how they are looked for.
pub struct Built {
    clauses: Vec<Box<dyn Query>>,
    /// Each word, in titles and tags alone.
    named: Vec<Box<dyn Query>>,
    /// The most that a document could score: the sum of the words' idf, an unknown word counted as the rarest.
    pub best: f32,
}

impl Built {
    /// Builds the words' clauses.
    pub fn new(searcher: &Searcher, fields: Fields, query: &[QueryWord]) -> tantivy::Result<Built> {
        let mut clauses = Vec::with_capacity(query.len());
        let mut named: Vec<Box<dyn Query>> = Vec::with_capacity(query.len());
        let mut best = 0.0;
        for word in query {
            let alternatives = alternatives(searcher, fields, word)?;
            let with = alternatives.iter().map(|alternative| alternative.documents).max().unwrap_or(0);
            best += word.weight * idf(searcher.num_docs(), with) * MOST_OF_IDF * TITLE_WEIGHT;
            let names =
                alternatives.iter().flat_map(|alternative| [fields.title, fields.tag_words].map(|field| term(field, &alternative.key)));
            named.push(Box::new(BooleanQuery::union(names.collect())));
            let mut terms: Vec<Box<dyn Query>> = Vec::new();
            for Alternative { key, weight, .. } in alternatives {
                for (field, field_weight) in [(fields.title, TITLE_WEIGHT), (fields.tag_words, TAGS_WEIGHT), (fields.body, BODY_WEIGHT)] {
                    let term = TermQuery::new(Term::from_field_text(field, &key), IndexRecordOption::WithFreqs);
                    terms.push(Box::new(BoostQuery::new(Box::new(term), weight * field_weight * word.weight)));
                }
            }
            clauses.push(Box::new(DisjunctionMaxQuery::with_tie_breaker(terms, TIE_BREAKER)) as Box<dyn Query>);
        }
        Ok(Built { clauses, named, best })
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.clauses.len()
    }

    /// A query for documents with at least `least` of the words, inside `filter`.
    pub fn at_least(&self, least: usize, filter: &[(Occur, Box<dyn Query>)]) -> BooleanQuery {
        let words =
            BooleanQuery::union_with_minimum_required_clauses(self.clauses.iter().map(|clause| clause.box_clone()).collect(), least);
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, Box::new(words))];
        // A title and tags that hold every word are what was meant, above all while somebody types.
        let named = BooleanQuery::intersection(self.named.iter().map(|word| word.box_clone()).collect());
        clauses.push((Occur::Should, Box::new(ConstScoreQuery::new(Box::new(named), NAMED_BONUS * self.best))));
        clauses.extend(filter.iter().map(|(occur, clause)| (*occur, clause.box_clone())));
        BooleanQuery::new(clauses)
    }
}

/// A term that a word is looked for by.
struct Alternative {
    key: String,
    weight: f32,
    /// How many documents have it.
    documents: u64,
}

/// The word's own keys, its synonyms, and, if it may be half a word, the words that begin with it.
fn alternatives(searcher: &Searcher, fields: Fields, word: &QueryWord) -> tantivy::Result<Vec<Alternative>> {
    let mut found: Vec<Alternative> = Vec::new();
    for (index, key) in word.word.keys.iter().enumerate() {
        let weight = if index == 0 { 1.0 } else { STEM_WEIGHT };
        found.push(Alternative { key: key.clone(), weight, documents: known(searcher, fields, key)? });
    }
    for synonym in &word.synonyms {
        found.push(Alternative { key: synonym.clone(), weight: SYNONYM_WEIGHT, documents: known(searcher, fields, synonym)? });
    }
    if word.half {
        let weight = if found[0].documents > 0 { PREFIX_WEIGHT } else { 1.0 };
        let longer = expand(searcher, fields, word.word.folded())?;
        let all = longer.iter().map(|(_, documents)| *documents).sum();
        for (key, documents) in longer {
            if !found.iter().any(|known| known.key == key) {
                found.push(Alternative { key, weight, documents });
            }
        }
        // A rare continuation says no more about what is meant than a frequent one, and the half word itself may be another word's
        // stem: all count as their sum would.
        let rarity = |documents| idf(searcher.num_docs(), documents);
        for alternative in &mut found {
            alternative.weight *= (rarity(all) / rarity(alternative.documents)).min(1.0);
        }
    }
    Ok(found)
}

/// What every query is bound to: a kind, what its reader may see, and one language or any.
pub fn bounds(fields: Fields, kind: Kind, reader: &Reader, language: Option<&Language>) -> Vec<(Occur, Box<dyn Query>)> {
    let mut bounds = vec![must(fields.kind, &(kind as i16).to_string())];
    match kind {
        Kind::Article if reader.articles == Audience::Public => bounds.push(must(fields.audience, audience_text(Audience::Public))),
        Kind::Article => {}
        Kind::CannedAnswer => {
            let mut visible = vec![visibility_text(&Visibility::Everyone)];
            if !reader.agent_id.is_empty() {
                visible.push(visibility_text(&Visibility::Agent(reader.agent_id.clone())));
            }
            visible.extend(reader.groups.iter().map(|group| visibility_text(&Visibility::Group(group.clone()))));
            let any = visible.iter().map(|text| (Occur::Should, term(fields.visibility, text))).collect();
            bounds.push((Occur::Must, unscored(Box::new(BooleanQuery::new(any)))));
        }
    }
    if let Some(language) = language {
        bounds.push(must(fields.language, language.as_str()));
    }
    bounds
}

/// A condition that does not count in the score.
pub fn must(field: Field, text: &str) -> (Occur, Box<dyn Query>) {
    (Occur::Must, unscored(term(field, text)))
}

fn term(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
}

fn unscored(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

/// The languages that the index has documents in.
pub fn languages(searcher: &Searcher, fields: Fields) -> tantivy::Result<Vec<Language>> {
    let mut found: Vec<Language> = Vec::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(fields.language)?;
        let mut terms = index.terms().stream()?;
        while terms.advance() {
            if let Ok(language) = Language::parse(&String::from_utf8_lossy(terms.key()))
                && !found.contains(&language)
            {
                found.push(language);
            }
        }
    }
    Ok(found)
}

fn known(searcher: &Searcher, fields: Fields, key: &str) -> tantivy::Result<u64> {
    let mut most = 0;
    for field in [fields.body, fields.title, fields.tag_words] {
        most = most.max(searcher.doc_freq(&Term::from_field_text(field, key))?);
    }
    Ok(most)
}

/// The words of the index that begin with `prefix`, the most frequent ones, and how many documents have each.
fn expand(searcher: &Searcher, fields: Fields, prefix: &str) -> tantivy::Result<Vec<(String, u64)>> {
    let mut found: HashMap<String, u64> = HashMap::new();
    for segment in searcher.segment_readers() {
        for field in [fields.title, fields.tag_words, fields.body] {
            let index = segment.inverted_index(field)?;
            let mut terms = index.terms().range().ge(prefix.as_bytes()).into_stream()?;
            while terms.advance() {
                if !terms.key().starts_with(prefix.as_bytes()) {
                    break;
                }
                *found.entry(String::from_utf8_lossy(terms.key()).into_owned()).or_default() += u64::from(terms.value().doc_freq);
            }
        }
    }
    let mut found: Vec<(String, u64)> = found.into_iter().collect();
    found.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    found.truncate(MOST_EXPANSIONS);
    Ok(found)
}

/// Robertson and Sparck Jones's idf, as in BM25.
fn idf(documents: u64, with: u64) -> f32 {
    let (documents, with) = (documents as f32, with.min(documents) as f32);
    (1.0 + (documents - with + 0.5) / (with + 0.5)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_after_the_last_word_ends_it() {
        assert!(typed_words("iade sür", "tr")[1].half);
        assert!(!typed_words("iade sür ", "tr")[1].half);
    }

    #[test]
    fn a_word_counts_once_with_its_greatest_weight() {
        let words = weighted_words(&[("parcel where".into(), 0.5), ("Parcel".into(), 1.0)], "en");
        assert_eq!(words.len(), 2);
        assert_eq!((words[0].word.folded(), words[0].weight), ("parcel", 1.0));
    }
}
