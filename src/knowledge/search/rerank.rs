//! Reranks the documents that scored best by term positions: adjacent words, passages, and titles.

use tantivy::{DocId, DocSet, postings::Postings, schema::IndexRecordOption};

use crate::knowledge::{
    index::{
        schema::{PASSAGE, TAG, TAGS},
        snapshot::IndexSnapshot,
    },
    search::{
        corpus::Corpus,
        idf::{idf, word_idf},
        lookup::{FIELDS, fields},
        terms::Term,
    },
};

/// Weight of two words that are adjacent as in the query, as a share of their idf.
const PAIR: f32 = 0.5;
/// The same weight within a passage.
const PASSAGE_PAIR: f32 = 0.3;
/// Passages of a document that are scored: the best ones.
const BEST_PASSAGES: usize = 8;
/// Length normalization of passages: b of BM25.
const PASSAGE_B: f32 = 0.4;

/// Weight of the title and tags against the body.
const NAMES_WEIGHT: f32 = 2.0;
/// Share of the title score that depends on its words being adjacent as in the query.
const ADJACENCY: f32 = 0.1;

/// What the best three phrases of `asked` count together, beside the best one.
const OTHER_PHRASES: f32 = 0.3;
const BEST_PHRASES: usize = 3;
/// The information of a phrase's matched words, as a sum of idf, at which it counts for 1 - 1/e.
const TELLING: f32 = 4.0;

/// The position-based scores of a document.
#[derive(Debug, Clone, Default)]
pub struct Reranked {
    /// The score of adjacent words.
    pub pairs: f32,
    /// The mean score of the best passages.
    pub passages: f32,
    /// How well the title matches, from 0 to 1; 0 unless it has every term.
    pub title: f32,
    /// How well the best phrase of `asked` matches, from 0 to 1.
    pub asked: f32,
    /// The number of that phrase.
    pub best_phrase: usize,
    /// The same of the title, and of the best tag.
    pub title_phrase: f32,
    pub tag_phrase: f32,
}

/// An occurrence of a term.
#[derive(Clone, Copy)]
struct Occurrence {
    position: u32,
    term: u32,
    weight: f32,
}

/// The adjacent terms of a query, with their weights.
struct Pairs<'a> {
    list: &'a [(usize, usize, f32)],
    /// By term: the terms that follow it, each with its pair's index in the list.
    next: Vec<Vec<(u32, u32)>>,
}

impl<'a> Pairs<'a> {
    fn new(list: &'a [(usize, usize, f32)], terms: usize) -> Pairs<'a> {
        let mut next = vec![Vec::new(); terms];
        for (number, (one, other, _)) in list.iter().enumerate() {
            next[*one].push((*other as u32, number as u32));
        }
        Pairs { list, next }
    }

    /// Calls `each` for every two adjacent occurrences that are a pair of the query, with the lesser of their weights.
    fn each(&self, places: &[Occurrence], mut each: impl FnMut(usize, f32)) {
        for (at, one) in places.iter().enumerate() {
            let next = &self.next[one.term as usize];
            if next.is_empty() {
                continue;
            }
            for other in places[at + 1..].iter().take_while(|other| other.position <= one.position + 1) {
                if other.position == one.position + 1
                    && let Some((_, pair)) = next.iter().find(|(term, _)| *term == other.term)
                {
                    each(*pair as usize, one.weight.min(other.weight));
                }
            }
        }
    }

    /// Returns the pair score of each document.
    fn scores(&self, corpus: &Corpus, places: &[[Vec<Occurrence>; FIELDS]]) -> Vec<f32> {
        let mut documents_with = vec![0; self.list.len()];
        let mut counts = SparseSums::new(self.list.len());
        let mut found: Vec<Vec<(usize, f32)>> = Vec::with_capacity(places.len());
        for [names, body, _] in places {
            self.each(names, |pair, weight| counts.add(pair, NAMES_WEIGHT * weight));
            self.each(body, |pair, weight| counts.add(pair, weight));
            let in_document: Vec<(usize, f32)> = counts.take().collect();
            in_document.iter().for_each(|(pair, _)| documents_with[*pair] += 1);
            found.push(in_document);
        }
        // A pair's idf, estimated from the reranked documents.
        let idf: Vec<f32> = documents_with.into_iter().map(|with| word_idf(places.len() as u64, with, 0.0)).collect();
        let score = |(pair, count): &(usize, f32)| PAIR * self.list[*pair].2 * idf[*pair] * corpus.saturate(*count);
        found.iter().map(|in_document| in_document.iter().map(score).sum()).collect()
    }
}

/// A sparse vector of sums.
struct SparseSums {
    sums: Vec<f32>,
    touched: Vec<usize>,
}

impl SparseSums {
    fn new(size: usize) -> SparseSums {
        SparseSums { sums: vec![0.0; size], touched: Vec::new() }
    }

    fn add(&mut self, number: usize, value: f32) {
        self.change(number, |sum| sum + value);
    }

    fn raise(&mut self, number: usize, value: f32) {
        self.change(number, |sum| sum.max(value));
    }

    fn change(&mut self, number: usize, change: impl Fn(f32) -> f32) {
        if self.sums[number] == 0.0 {
            self.touched.push(number);
        }
        self.sums[number] = change(self.sums[number]);
    }

    /// Takes the nonzero sums, in order of their index.
    fn take(&mut self) -> impl Iterator<Item = (usize, f32)> {
        self.touched.sort_unstable();
        let sums = &mut self.sums;
        self.touched.drain(..).map(|number| (number, std::mem::take(&mut sums[number])))
    }
}

/// Returns the pair score of each document, named by segment and document id, in their order.
pub fn rerank_by_pairs(
    snapshot: &IndexSnapshot,
    corpus: &Corpus,
    documents: &[(u32, DocId)],
    terms: &[Term],
    pairs: &[(usize, usize, f32)],
) -> tantivy::Result<Vec<f32>> {
    let mut selected = vec![false; terms.len()];
    pairs.iter().for_each(|(one, other, _)| (selected[*one], selected[*other]) = (true, true));
    let places = places(snapshot, documents, terms, |term| selected[term])?;
    Ok(Pairs::new(pairs, terms.len()).scores(corpus, &places))
}

/// Reranks documents, named by segment and document id, in their order. `pairs` are the adjacent terms of the query, with their weights.
pub fn rerank(
    snapshot: &IndexSnapshot,
    corpus: &Corpus,
    documents: &[(u32, DocId)],
    terms: &[Term],
    pairs: &[(usize, usize, f32)],
) -> tantivy::Result<Vec<Reranked>> {
    let places = places(snapshot, documents, terms, |_| true)?;
    let pairs = Pairs::new(pairs, terms.len());
    let scores = pairs.scores(corpus, &places);
    let lengths: Vec<Vec<u64>> =
        documents.iter().map(|(segment, doc)| snapshot.segments[*segment as usize].passages.values_for_doc(*doc).collect()).collect();
    let all: u64 = lengths.iter().map(|lengths| lengths.len() as u64).sum();
    // The idf of terms and pairs among passages, estimated from these documents.
    let mut with = vec![0; terms.len()];
    let mut pairs_with = vec![0; pairs.list.len()];
    for [_, body, _] in &places {
        pairs.each(body, |pair, _| pairs_with[pair] += 1);
        for place in body {
            with[place.term as usize] += 1;
        }
    }
    let reranker = Reranker {
        corpus,
        terms,
        term_idf: with.into_iter().map(|with| idf(all.max(1), with)).collect(),
        pair_idf: pairs_with.into_iter().map(|with| idf(all.max(1), with)).collect(),
        pairs,
        average: (lengths.iter().flatten().sum::<u64>() as f32 / all.max(1) as f32).max(1.0),
    };
    let phrases: Vec<Vec<u64>> =
        documents.iter().map(|(segment, doc)| snapshot.segments[*segment as usize].phrases.values_for_doc(*doc).collect()).collect();
    let each = lengths.iter().zip(&phrases).zip(&places).zip(scores);
    Ok(each.map(|(((lengths, phrases), places), pairs)| reranker.rerank(places, lengths, phrases, pairs)).collect())
}

/// What reranking any document needs.
struct Reranker<'a> {
    corpus: &'a Corpus,
    terms: &'a [Term],
    pairs: Pairs<'a>,
    /// Idf of terms among passages.
    term_idf: Vec<f32>,
    pair_idf: Vec<f32>,
    /// Average length of a passage, in words.
    average: f32,
}

impl Reranker<'_> {
    fn rerank(&self, [names, body, asked]: &[Vec<Occurrence>; FIELDS], lengths: &[u64], phrases: &[u64], pairs: f32) -> Reranked {
        let (title_phrase, tag_phrase, (asked, best_phrase)) = self.phrases(names, asked, phrases);
        let title = &names[..names.partition_point(|place| (place.position as usize) < TAGS)];
        let mut best = self.passages(body, lengths);
        best.sort_unstable_by(|one, other| other.total_cmp(one));
        best.truncate(BEST_PASSAGES);
        Reranked {
            pairs,
            passages: best.iter().sum::<f32>() / lengths.len().clamp(1, BEST_PASSAGES) as f32,
            title: self.title(title),
            title_phrase,
            tag_phrase,
            asked,
            best_phrase,
        }
    }

    /// Returns the score of each passage that has a term.
    fn passages(&self, body: &[Occurrence], lengths: &[u64]) -> Vec<f32> {
        let mut scores = Vec::new();
        let mut best = SparseSums::new(self.terms.len());
        for places in body.chunk_by(|one, other| one.position as usize / PASSAGE == other.position as usize / PASSAGE) {
            let length = lengths.get(places[0].position as usize / PASSAGE).copied().unwrap_or(PASSAGE as u64) as f32;
            let once = self.corpus.saturate(1.0 / (1.0 - PASSAGE_B + PASSAGE_B * length / self.average));
            for place in places {
                best.raise(place.term as usize, place.weight);
            }
            let word = |(term, weight): (usize, f32)| self.terms[term].weight * self.term_idf[term] * weight * once;
            let mut score: f32 = best.take().map(word).sum();
            self.pairs.each(places, |pair, weight| {
                score += PASSAGE_PAIR * self.pairs.list[pair].2 * self.pair_idf[pair] * weight * once;
            });
            scores.push(score);
        }
        scores
    }

    /// Returns how well the title, the best tag, and the best phrases of `asked` match, each from 0 to 1, and the number of the best
    /// phrase.
    fn phrases(&self, names: &[Occurrence], asked: &[Occurrence], lengths: &[u64]) -> (f32, f32, (f32, usize)) {
        let mut lengths = lengths.iter().map(|length| *length as f32);
        let title_length = lengths.next().unwrap_or(1.0);
        let tags = lengths.next().unwrap_or_default() as usize;
        let lengths: Vec<f32> = lengths.collect();
        let (of_tags, of_asked) = lengths.split_at(tags.min(lengths.len()));
        let mut best_terms = SparseSums::new(self.terms.len());
        let (title, tags) = names.split_at(names.partition_point(|place| (place.position as usize) < TAGS));
        let title = self.phrase(title, title_length, &mut best_terms);
        let mut tag: f32 = 0.0;
        for places in tags.chunk_by(|one, other| one.position as usize / TAG == other.position as usize / TAG) {
            let number = (places[0].position as usize - TAGS) / TAG;
            tag = tag.max(self.phrase(places, of_tags.get(number).copied().unwrap_or(1.0), &mut best_terms));
        }
        let mut best = [0.0_f32; BEST_PHRASES];
        let mut best_phrase = 0;
        for places in asked.chunk_by(|one, other| one.position as usize / PASSAGE == other.position as usize / PASSAGE) {
            let number = places[0].position as usize / PASSAGE;
            let length = of_asked.get(number).copied().unwrap_or(1.0);
            let similarity = self.phrase(places, length, &mut best_terms);
            if similarity > best[0] {
                best_phrase = number;
            }
            if similarity > best[BEST_PHRASES - 1] {
                best[BEST_PHRASES - 1] = similarity;
                best.sort_unstable_by(|one, other| other.total_cmp(one));
            }
        }
        let more = OTHER_PHRASES;
        let asked = best[0] * (1.0 - more) + more * best.iter().sum::<f32>() / BEST_PHRASES as f32;
        (title, tag, (asked, best_phrase))
    }

    /// The share of a phrase's informative words that the query has, less where these carry little information.
    fn phrase(&self, places: &[Occurrence], length: f32, best_terms: &mut SparseSums) -> f32 {
        for place in places {
            if !self.terms[place.term as usize].is_common {
                best_terms.raise(place.term as usize, place.weight);
            }
        }
        let (mut mass, mut count) = (0.0, 0.0);
        for (term, weight) in best_terms.take() {
            let weight = weight * self.terms[term].weight.min(1.0);
            mass += self.terms[term].idf * weight;
            count += weight;
        }
        let coverage = (count / length.max(1.0)).min(1.0);
        coverage * (1.0 - (-mass / TELLING).exp())
    }

    /// Returns the title score: the mean of its terms' weights if it has every term, higher if they are adjacent as in the query.
    fn title(&self, title: &[Occurrence]) -> f32 {
        let mut best = vec![0.0_f32; self.terms.len()];
        for place in title {
            // An unfinished or misspelt word means the title no less.
            best[place.term as usize] = best[place.term as usize].max(place.weight.sqrt());
        }
        if best.is_empty() || best.contains(&0.0) {
            return 0.0;
        }
        let mut following = 0;
        self.pairs.each(title, |_, _| following += 1);
        let gaps = best.len() - 1;
        let adjacency = if gaps > 0 { following.min(gaps) as f32 / gaps as f32 } else { 1.0 };
        let mean = best.iter().sum::<f32>() / best.len() as f32;
        mean * (1.0 - ADJACENCY) + adjacency * ADJACENCY
    }
}

/// Returns the occurrences of the selected terms in each document, in its names and in its body.
fn places(
    snapshot: &IndexSnapshot,
    documents: &[(u32, DocId)],
    terms: &[Term],
    selected: impl Fn(usize) -> bool,
) -> tantivy::Result<Vec<[Vec<Occurrence>; FIELDS]>> {
    let mut places: Vec<[Vec<Occurrence>; FIELDS]> = vec![Default::default(); documents.len()];
    let mut positions = Vec::new();
    for (number, segment) in snapshot.segments.iter().enumerate() {
        let before = |end: usize| documents.partition_point(|(segment, _)| (*segment as usize) < end);
        let in_document = before(number)..before(number + 1);
        if in_document.is_empty() {
            continue;
        }
        for (term, alternative) in terms
            .iter()
            .enumerate()
            .filter(|(term, _)| selected(*term))
            .flat_map(|(term, term_of)| term_of.alternatives.iter().map(move |one| (term, one)))
        {
            let place = |position: &u32| Occurrence { position: *position, term: term as u32, weight: alternative.weight };
            if let Some(phrase) = &alternative.postings.phrase {
                for (field, of_field) in phrase.0[number].iter().enumerate() {
                    for at in in_document.clone() {
                        if let Ok(found) = of_field.binary_search_by_key(&documents[at].1, |(doc, _)| *doc) {
                            places[at][field].extend(of_field[found].1.iter().map(place));
                        }
                    }
                }
                continue;
            }
            let Some(postings_of) = alternative.postings.segments.get(number) else { continue };
            for (field, (info, reader)) in postings_of.iter().zip(fields(segment)).enumerate() {
                let Some(info) = info else { continue };
                let mut postings = reader.read_postings_from_terminfo(info, IndexRecordOption::WithFreqsAndPositions)?;
                for at in in_document.clone() {
                    if postings.doc() < documents[at].1 {
                        postings.seek(documents[at].1);
                    }
                    if postings.doc() == documents[at].1 {
                        postings.positions(&mut positions);
                        places[at][field].extend(positions.iter().map(place));
                    }
                }
            }
        }
    }
    for field in places.iter_mut().flatten() {
        field.sort_unstable_by(|one, other| {
            (one.position, one.term).cmp(&(other.position, other.term)).then(other.weight.total_cmp(&one.weight))
        });
        // A term occurs once at a position, with its best key.
        field.dedup_by_key(|place| (place.position, place.term));
    }
    Ok(places)
}
