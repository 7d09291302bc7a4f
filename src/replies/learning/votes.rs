//! Votes: which documents answered in earlier chats that were like this one.
//!
//! Chats are compared field by field (their last turns, the turns before, all of them), each field scored by BM25 and normalized by its
//! best score, so that none dominates. The most similar chats vote for the documents that answered them; the more similar, the heavier the
//! vote.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    knowledge::{DocumentKey, Vote},
    replies::learning::{
        lesson_rows::{self, Lesson},
        situation::{FIELDS, Situation},
    },
};

/// BM25's constants.
const K1: f32 = 1.2;
const B: f32 = 0.9;
/// Virtual chats without any word that are counted for the idf: a few chats are too few to show which words carry no information.
const VIRTUAL_CHATS: f32 = 50.0;
/// The weight of each field: the last words of the customer and of the agent, the words before these, all of the customer's, the whole
/// chat; then the last words again, each as a whole.
const WEIGHTS: [f32; FIELDS] = [0.7, 0.5, 0.4, 0.1, 1.0, 0.2, 0.2, 0.4];
/// How many of the most similar chats vote, and the exponent that favours the more similar ones.
const VOTERS: usize = 40;
const SHARPNESS: i32 = 4;
/// Least customers behind a document's votes, so that no single person can shift the ranking.
const MIN_CUSTOMERS: usize = 3;
/// Days after which a lesson weighs half.
const HALF_LIFE_DAYS: f32 = 180.0;

/// The lessons, in memory.
#[derive(Default)]
pub struct Learned {
    lessons: Vec<Taught>,
    documents: HashMap<DocumentKey, Document>,
    fields: [Field; FIELDS],
}

struct Taught {
    document: Arc<DocumentKey>,
    at: Timestamp,
}

struct Document {
    key: Arc<DocumentKey>,
    customers: HashSet<String>,
}

#[derive(Default)]
struct Field {
    /// By word: the lessons that have it, and the number of occurrences.
    postings: HashMap<String, Vec<(u32, f32)>>,
    lengths: Vec<f32>,
    length: f32,
}

impl Learned {
    pub fn is_empty(&self) -> bool {
        self.lessons.is_empty()
    }

    /// Returns whether so many discarded lessons are in memory that it should be rebuilt.
    pub fn is_overfull(&self) -> bool {
        self.lessons.len() as i64 > lesson_rows::MAX_LESSONS + lesson_rows::MAX_LESSONS / 10
    }

    pub fn add(&mut self, lesson: Lesson) {
        let number = self.lessons.len() as u32;
        let document = self
            .documents
            .entry(lesson.document.clone())
            .or_insert_with(|| Document { key: Arc::new(lesson.document.clone()), customers: HashSet::new() });
        document.customers.insert(lesson.customer);
        self.lessons.push(Taught { document: Arc::clone(&document.key), at: lesson.at });
        for (field, words) in self.fields.iter_mut().zip(lesson.situation.fields()) {
            field.add(number, words);
        }
    }

    /// Returns the votes of similar chats, the highest first.
    pub fn votes(&self, situation: &Situation, now: Timestamp) -> Vec<Vote> {
        if self.is_empty() || situation.is_empty() {
            return Vec::new();
        }
        let mut sums = vec![0.0_f32; self.lessons.len()];
        let mut likeness = vec![0.0_f32; self.lessons.len()];
        let mut similarity_weight = 0.0;
        for (number, ((field, words), weight)) in self.fields.iter().zip(situation.fields()).zip(WEIGHTS).enumerate() {
            let (scores, max_score) = field.score(&words);
            let best = scores.iter().copied().fold(0.0, f32::max);
            if best > 0.0 {
                sums.iter_mut().zip(&scores).for_each(|(sum, score)| *sum += weight * score / best);
            }
            if number < 2 && max_score > 0.0 {
                likeness.iter_mut().zip(&scores).for_each(|(sum, score)| *sum += weight * (score / max_score).min(1.0));
                similarity_weight += weight;
            }
        }
        let age = |at: Timestamp| (now.duration_since(at).as_secs_f32() / 86_400.0).max(0.0);
        let mut voters: Vec<u32> = (0..self.lessons.len() as u32)
            .filter(|lesson| {
                let document = &self.lessons[*lesson as usize].document;
                sums[*lesson as usize] > 0.0
                    && self.documents.get(&**document).is_some_and(|document| document.customers.len() >= MIN_CUSTOMERS)
            })
            .collect();
        let by_similarity = |one: &u32, other: &u32| sums[*other as usize].total_cmp(&sums[*one as usize]).then(other.cmp(one));
        if voters.len() > VOTERS {
            voters.select_nth_unstable_by(VOTERS, by_similarity);
            voters.truncate(VOTERS);
        }
        voters.sort_by(by_similarity);
        let Some(best) = voters.first().map(|first| sums[*first as usize]) else { return Vec::new() };
        let mut votes: Vec<Vote> = Vec::new();
        let mut all = 0.0;
        for voter in voters {
            let Taught { document, at } = &self.lessons[voter as usize];
            let share = (sums[voter as usize] / best).powi(SHARPNESS) * 0.5_f32.powf(age(*at) / HALF_LIFE_DAYS);
            let likeness = likeness[voter as usize] / similarity_weight.max(f32::MIN_POSITIVE);
            all += share;
            match votes.iter_mut().find(|vote| vote.document == **document) {
                Some(vote) => {
                    vote.share += share;
                    vote.likeness = vote.likeness.max(likeness);
                    vote.chats += 1;
                }
                None => votes.push(Vote { document: DocumentKey::clone(document), share, likeness, chats: 1 }),
            }
        }
        votes.iter_mut().for_each(|vote| vote.share /= all.max(f32::MIN_POSITIVE));
        votes.sort_by(|one, other| other.share.total_cmp(&one.share));
        votes
    }
}

impl Field {
    fn add(&mut self, lesson: u32, words: Vec<String>) {
        self.lengths.push(words.len() as f32);
        self.length += words.len() as f32;
        for word in words {
            let postings = self.postings.entry(word).or_default();
            match postings.last_mut() {
                Some((last, count)) if *last == lesson => *count += 1.0,
                _ => postings.push((lesson, 1.0)),
            }
        }
    }

    /// Returns the score of each lesson, and the score of an identical one.
    fn score(&self, words: &[String]) -> (Vec<f32>, f32) {
        let mut scores = vec![0.0; self.lengths.len()];
        let average = (self.length / self.lengths.len().max(1) as f32).max(1.0);
        let mut max_score = 0.0;
        let mut seen: BTreeMap<&str, f32> = BTreeMap::new();
        words.iter().for_each(|word| *seen.entry(word).or_default() += 1.0);
        let same = words.len() as f32;
        let saturated = |count: f32, length: f32| count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / average));
        for (word, count) in seen {
            let postings = self.postings.get(word).map_or(&[][..], Vec::as_slice);
            let (all, with) = (self.lengths.len() as f32 + VIRTUAL_CHATS, postings.len() as f32);
            let idf = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
            max_score += idf * saturated(count, same);
            for (lesson, count) in postings {
                scores[*lesson as usize] += idf * saturated(*count, self.lengths[*lesson as usize]);
            }
        }
        (scores, max_score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_situation_is_read_back() {
        let situation = Situation { last_customer: "a b".into(), agent: "c".into(), ..Situation::default() };
        assert_eq!(Situation::read(&situation.lines()), situation);
    }
}
