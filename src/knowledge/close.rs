//! A closer look at the documents that scored best: where in them the words stand.

use std::collections::{BTreeMap, HashMap};

use tantivy::{DocId, DocSet, postings::Postings, schema::IndexRecordOption};

use super::{
    schema::{PASSAGE, TAGS},
    score::Corpus,
    terms::{Term, fields, idf, word_idf},
    view::View,
};

/// What words that follow one another as in the query count, of their idf.
const PAIR: f32 = 0.5;
/// The same in a passage.
const PASSAGE_PAIR: f32 = 0.3;
/// How many of a document's best passages count.
const BEST_PASSAGES: usize = 8;
/// What shortens a passage's words: b of BM25.
const PASSAGE_B: f32 = 0.4;

/// What names count beside the body.
const NAMES_WEIGHT: f32 = 2.0;
/// What of a title's fit is that its words follow one another as in the query.
const TOGETHER: f32 = 0.1;
/// How often a word must stand in a document to be half there.
const HALF_THERE: f32 = 1.2;

/// What a closer look finds.
#[derive(Debug, Clone, Default)]
pub struct Closer {
    /// What words count that follow one another.
    pub pairs: f32,
    /// The mean of the best passages.
    pub passages: f32,
    /// How well the words are those of the title, from 0 to 1; 0 unless all of them are there.
    pub title: f32,
    /// How much of each term is there, from 0 to 1.
    pub terms: Vec<f32>,
}

/// Where a term stands.
#[derive(Clone, Copy)]
struct Place {
    position: u32,
    term: u32,
    weight: f32,
}

/// Looks closer at documents, named by part and document, in their order. `pairs` are the terms that follow one
/// another in the query, with what that counts.
pub fn look(
    view: &View,
    corpus: &Corpus,
    documents: &[(u32, DocId)],
    terms: &[Term],
    pairs: &[(usize, usize, f32)],
) -> tantivy::Result<Vec<Closer>> {
    let places = places(view, documents, terms)?;
    let lengths: Vec<Vec<u64>> =
        documents.iter().map(|(part, doc)| view.parts[*part as usize].passages.values_for_doc(*doc).collect()).collect();
    let all: u64 = lengths.iter().map(|lengths| lengths.len() as u64).sum();
    let follows: HashMap<Pair, f32> = pairs.iter().map(|(one, other, weight)| ((*one as u32, *other as u32), *weight)).collect();
    // How rare a term, and two that follow one another, are in passages, and the two in documents: guessed from these.
    let mut with = vec![0; terms.len()];
    let mut passages_with: HashMap<Pair, u64> = HashMap::new();
    let mut documents_with: HashMap<Pair, u64> = HashMap::new();
    let mut following: Vec<BTreeMap<Pair, f32>> = Vec::with_capacity(places.len());
    for [names, body] in &places {
        let mut here: BTreeMap<Pair, f32> = BTreeMap::new();
        for_pairs(names, &follows, |pair, weight| *here.entry(pair).or_default() += NAMES_WEIGHT * weight);
        for_pairs(body, &follows, |pair, weight| {
            *here.entry(pair).or_default() += weight;
            *passages_with.entry(pair).or_default() += 1;
        });
        for pair in here.keys() {
            *documents_with.entry(*pair).or_default() += 1;
        }
        for place in body {
            with[place.term as usize] += 1;
        }
        following.push(here);
    }
    let glass = Glass {
        corpus,
        terms,
        term_idf: with.into_iter().map(|with| idf(all.max(1), with)).collect(),
        passage_pair_idf: passages_with.into_iter().map(|(pair, with)| (pair, idf(all.max(1), with))).collect(),
        pair_idf: documents_with.into_iter().map(|(pair, with)| (pair, word_idf(documents.len() as u64, with, 0.0))).collect(),
        follows,
        average: (lengths.iter().flatten().sum::<u64>() as f32 / all.max(1) as f32).max(1.0),
    };
    let each = lengths.iter().zip(&places).zip(&following);
    Ok(each.map(|((lengths, places), following)| glass.look(places, lengths, following)).collect())
}

/// Terms that follow one another.
type Pair = (u32, u32);

/// What a closer look at any document needs to know.
struct Glass<'a> {
    corpus: &'a Corpus,
    terms: &'a [Term],
    follows: HashMap<Pair, f32>,
    term_idf: Vec<f32>,
    passage_pair_idf: HashMap<Pair, f32>,
    pair_idf: HashMap<Pair, f32>,
    /// Words of a passage.
    average: f32,
}

impl Glass<'_> {
    fn look(&self, [names, body]: &[Vec<Place>; 2], lengths: &[u64], following: &BTreeMap<Pair, f32>) -> Closer {
        let title = &names[..names.partition_point(|place| (place.position as usize) < TAGS)];
        let pair = |(pair, count): (&Pair, &f32)| PAIR * self.follows[pair] * self.pair_idf[pair] * self.corpus.bent(*count);
        let mut best = self.passages(body, lengths);
        best.sort_unstable_by(|one, other| other.total_cmp(one));
        best.truncate(BEST_PASSAGES);
        let mut frequencies = vec![0.0; self.terms.len()];
        for (field, weight) in [(names, NAMES_WEIGHT), (body, 1.0)] {
            for place in field {
                frequencies[place.term as usize] += weight * place.weight;
            }
        }
        Closer {
            pairs: following.iter().map(pair).sum(),
            passages: best.iter().sum::<f32>() / lengths.len().clamp(1, BEST_PASSAGES) as f32,
            title: self.title(title),
            terms: frequencies.into_iter().map(|frequency| frequency / (frequency + HALF_THERE)).collect(),
        }
    }

    /// What each passage that has a word counts for itself.
    fn passages(&self, body: &[Place], lengths: &[u64]) -> Vec<f32> {
        let mut scores = Vec::new();
        for places in body.chunk_by(|one, other| one.position as usize / PASSAGE == other.position as usize / PASSAGE) {
            let length = lengths.get(places[0].position as usize / PASSAGE).copied().unwrap_or(PASSAGE as u64) as f32;
            let once = self.corpus.bent(1.0 / (1.0 - PASSAGE_B + PASSAGE_B * length / self.average));
            let mut best: BTreeMap<u32, f32> = BTreeMap::new();
            for place in places {
                let weight = best.entry(place.term).or_default();
                *weight = weight.max(place.weight);
            }
            let word = |(term, weight): (u32, f32)| self.terms[term as usize].weight * self.term_idf[term as usize] * weight * once;
            let mut score: f32 = best.into_iter().map(word).sum();
            for_pairs(places, &self.follows, |pair, weight| {
                score += PASSAGE_PAIR * self.follows[&pair] * self.passage_pair_idf[&pair] * weight * once;
            });
            scores.push(score);
        }
        scores
    }

    /// How well a title fits: the mean of its words' weights if every term is there, more for those that follow one another.
    fn title(&self, title: &[Place]) -> f32 {
        let mut best = vec![0.0_f32; self.terms.len()];
        for place in title {
            // Whoever types half a word, or misspells it, means the title no less for it.
            best[place.term as usize] = best[place.term as usize].max(place.weight.sqrt());
        }
        if best.is_empty() || best.contains(&0.0) {
            return 0.0;
        }
        let mut following = 0;
        for_pairs(title, &self.follows, |_, _| following += 1);
        let gaps = best.len() - 1;
        let together = if gaps > 0 { following.min(gaps) as f32 / gaps as f32 } else { 1.0 };
        let mean = best.iter().sum::<f32>() / best.len() as f32;
        mean * (1.0 - TOGETHER) + together * TOGETHER
    }
}

/// Where in each document, in its names and its body, the terms stand.
fn places(view: &View, documents: &[(u32, DocId)], terms: &[Term]) -> tantivy::Result<Vec<[Vec<Place>; 2]>> {
    let mut places: Vec<[Vec<Place>; 2]> = vec![[Vec::new(), Vec::new()]; documents.len()];
    let mut positions = Vec::new();
    for (number, part) in view.parts.iter().enumerate() {
        let before = |most: usize| documents.partition_point(|(part, _)| (*part as usize) < most);
        let here = before(number)..before(number + 1);
        if here.is_empty() {
            continue;
        }
        for (term, alternative) in
            terms.iter().enumerate().flat_map(|(term, sought)| sought.alternatives.iter().map(move |one| (term, one)))
        {
            let Some(infos) = alternative.postings.parts.get(number) else { continue };
            for (field, (info, reader)) in infos.iter().zip(fields(part)).enumerate() {
                let Some(info) = info else { continue };
                let mut postings = reader.read_postings_from_terminfo(info, IndexRecordOption::WithFreqsAndPositions)?;
                for at in here.clone() {
                    if postings.doc() < documents[at].1 {
                        postings.seek(documents[at].1);
                    }
                    if postings.doc() == documents[at].1 {
                        postings.positions(&mut positions);
                        let place = |position: &u32| Place { position: *position, term: term as u32, weight: alternative.weight };
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
        // A word stands once at a place, by its best key.
        field.dedup_by_key(|place| (place.position, place.term));
    }
    Ok(places)
}

/// Calls for every two terms that stand one right after the other and do so in the query, with the lesser of their weights.
fn for_pairs(places: &[Place], follows: &HashMap<Pair, f32>, mut each: impl FnMut(Pair, f32)) {
    for (at, one) in places.iter().enumerate() {
        for other in places[at + 1..].iter().take_while(|other| other.position <= one.position + 1) {
            if other.position == one.position + 1 && follows.contains_key(&(one.term, other.term)) {
                each((one.term, other.term), one.weight.min(other.weight));
            }
        }
    }
}
