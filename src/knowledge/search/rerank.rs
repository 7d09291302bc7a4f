//! A closer look at the documents that scored best: where in them the words stand.

use tantivy::{DocId, DocSet, postings::Postings, schema::IndexRecordOption};

use crate::knowledge::search::{corpus::Corpus, lookup::fields};
use crate::knowledge::{
    index::{
        schema::{PASSAGE, TAGS},
        snapshot::IndexSnapshot,
    },
    search::terms::{Term, idf, word_idf},
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
pub struct Reranked {
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

/// Terms that follow one another in a query, and what that counts.
struct Pairs<'a> {
    list: &'a [(usize, usize, f32)],
    /// By term: what follows it, and the pair's place in the list.
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

    /// Calls for every two terms that stand one right after the other and do so in the query, with the lesser of their weights.
    fn each(&self, places: &[Place], mut each: impl FnMut(usize, f32)) {
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

    /// What pairs count in each document.
    fn scores(&self, corpus: &Corpus, places: &[[Vec<Place>; 2]]) -> Vec<f32> {
        let mut documents_with = vec![0; self.list.len()];
        let mut counts = Tally::new(self.list.len());
        let mut found: Vec<Vec<(usize, f32)>> = Vec::with_capacity(places.len());
        for [names, body] in places {
            self.each(names, |pair, weight| counts.add(pair, NAMES_WEIGHT * weight));
            self.each(body, |pair, weight| counts.add(pair, weight));
            let here: Vec<(usize, f32)> = counts.take().collect();
            here.iter().for_each(|(pair, _)| documents_with[*pair] += 1);
            found.push(here);
        }
        // How rare a pair is: guessed from the documents that are looked at.
        let idf: Vec<f32> = documents_with.into_iter().map(|with| word_idf(places.len() as u64, with, 0.0)).collect();
        let score = |(pair, count): &(usize, f32)| PAIR * self.list[*pair].2 * idf[*pair] * corpus.bent(*count);
        found.iter().map(|here| here.iter().map(score).sum()).collect()
    }
}

/// Sums by number, of which few are not nothing.
struct Tally {
    sums: Vec<f32>,
    touched: Vec<usize>,
}

impl Tally {
    fn new(size: usize) -> Tally {
        Tally { sums: vec![0.0; size], touched: Vec::new() }
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

    /// The sums in order; none are left.
    fn take(&mut self) -> impl Iterator<Item = (usize, f32)> {
        self.touched.sort_unstable();
        let sums = &mut self.sums;
        self.touched.drain(..).map(|number| (number, std::mem::take(&mut sums[number])))
    }
}

/// What terms that follow one another as in the query count in each of some documents, named by part and document, in their order.
pub fn rerank_by_pairs(
    view: &IndexSnapshot,
    corpus: &Corpus,
    documents: &[(u32, DocId)],
    terms: &[Term],
    pairs: &[(usize, usize, f32)],
) -> tantivy::Result<Vec<f32>> {
    let mut wanted = vec![false; terms.len()];
    pairs.iter().for_each(|(one, other, _)| (wanted[*one], wanted[*other]) = (true, true));
    let places = places(view, documents, terms, |term| wanted[term])?;
    Ok(Pairs::new(pairs, terms.len()).scores(corpus, &places))
}

/// Looks closer at documents, named by part and document, in their order. `pairs` are the terms that follow one another in the query,
/// with what that counts.
pub fn look(
    view: &IndexSnapshot,
    corpus: &Corpus,
    documents: &[(u32, DocId)],
    terms: &[Term],
    pairs: &[(usize, usize, f32)],
) -> tantivy::Result<Vec<Reranked>> {
    let places = places(view, documents, terms, |_| true)?;
    let pairs = Pairs::new(pairs, terms.len());
    let scores = pairs.scores(corpus, &places);
    let lengths: Vec<Vec<u64>> =
        documents.iter().map(|(part, doc)| view.parts[*part as usize].passages.values_for_doc(*doc).collect()).collect();
    let all: u64 = lengths.iter().map(|lengths| lengths.len() as u64).sum();
    // How rare a term, and two that follow one another, are in passages: guessed from these.
    let mut with = vec![0; terms.len()];
    let mut pairs_with = vec![0; pairs.list.len()];
    for [_, body] in &places {
        pairs.each(body, |pair, _| pairs_with[pair] += 1);
        for place in body {
            with[place.term as usize] += 1;
        }
    }
    let glass = Reranker {
        corpus,
        terms,
        term_idf: with.into_iter().map(|with| idf(all.max(1), with)).collect(),
        pair_idf: pairs_with.into_iter().map(|with| idf(all.max(1), with)).collect(),
        pairs,
        average: (lengths.iter().flatten().sum::<u64>() as f32 / all.max(1) as f32).max(1.0),
    };
    let each = lengths.iter().zip(&places).zip(scores);
    Ok(each.map(|((lengths, places), pairs)| glass.look(places, lengths, pairs)).collect())
}

/// What a closer look at any document needs to know.
struct Reranker<'a> {
    corpus: &'a Corpus,
    terms: &'a [Term],
    pairs: Pairs<'a>,
    /// In passages.
    term_idf: Vec<f32>,
    pair_idf: Vec<f32>,
    /// Words of a passage.
    average: f32,
}

impl Reranker<'_> {
    fn look(&self, [names, body]: &[Vec<Place>; 2], lengths: &[u64], pairs: f32) -> Reranked {
        let title = &names[..names.partition_point(|place| (place.position as usize) < TAGS)];
        let mut best = self.passages(body, lengths);
        best.sort_unstable_by(|one, other| other.total_cmp(one));
        best.truncate(BEST_PASSAGES);
        let mut frequencies = vec![0.0; self.terms.len()];
        for (field, weight) in [(names, NAMES_WEIGHT), (body, 1.0)] {
            for place in field {
                frequencies[place.term as usize] += weight * place.weight;
            }
        }
        Reranked {
            pairs,
            passages: best.iter().sum::<f32>() / lengths.len().clamp(1, BEST_PASSAGES) as f32,
            title: self.title(title),
            terms: frequencies.into_iter().map(|frequency| frequency / (frequency + HALF_THERE)).collect(),
        }
    }

    /// What each passage that has a word counts for itself.
    fn passages(&self, body: &[Place], lengths: &[u64]) -> Vec<f32> {
        let mut scores = Vec::new();
        let mut best = Tally::new(self.terms.len());
        for places in body.chunk_by(|one, other| one.position as usize / PASSAGE == other.position as usize / PASSAGE) {
            let length = lengths.get(places[0].position as usize / PASSAGE).copied().unwrap_or(PASSAGE as u64) as f32;
            let once = self.corpus.bent(1.0 / (1.0 - PASSAGE_B + PASSAGE_B * length / self.average));
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
        self.pairs.each(title, |_, _| following += 1);
        let gaps = best.len() - 1;
        let together = if gaps > 0 { following.min(gaps) as f32 / gaps as f32 } else { 1.0 };
        let mean = best.iter().sum::<f32>() / best.len() as f32;
        mean * (1.0 - TOGETHER) + together * TOGETHER
    }
}

/// Where in each document, in its names and its body, the terms stand that are wanted.
fn places(
    view: &IndexSnapshot,
    documents: &[(u32, DocId)],
    terms: &[Term],
    wanted: impl Fn(usize) -> bool,
) -> tantivy::Result<Vec<[Vec<Place>; 2]>> {
    let mut places: Vec<[Vec<Place>; 2]> = vec![[Vec::new(), Vec::new()]; documents.len()];
    let mut positions = Vec::new();
    for (number, part) in view.parts.iter().enumerate() {
        let before = |most: usize| documents.partition_point(|(part, _)| (*part as usize) < most);
        let here = before(number)..before(number + 1);
        if here.is_empty() {
            continue;
        }
        for (term, alternative) in terms
            .iter()
            .enumerate()
            .filter(|(term, _)| wanted(*term))
            .flat_map(|(term, sought)| sought.alternatives.iter().map(move |one| (term, one)))
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
