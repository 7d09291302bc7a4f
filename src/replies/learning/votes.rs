//! Votes: which documents answered in earlier chats that were like this one, and which were dismissed in them.
//!
//! Chats are compared field by field (their last turns, the turns before, all of them), each field scored by BM25 and normalized by its
//! best score, so that none dominates. The most similar chats vote for the documents that answered them, and as many against those that
//! were dismissed; the more similar, the heavier the vote. Votes against a document are taken from those for it; what is left of them
//! tells how much speaks against it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    knowledge::{DocumentKey, Vote},
    replies::learning::{
        lesson_rows::{Lesson, MAX_LESSONS, MAX_LESSONS_AGAINST},
        outcome::Verdict,
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
/// How many of the most similar chats vote, for documents and against, and the exponent that favours the more similar ones.
const VOTERS: usize = 40;
const SHARPNESS: i32 = 4;
/// Least customers behind a document's votes, for it or against it, so that no single person can shift the ranking.
const MIN_CUSTOMERS: usize = 3;
/// Votes that are counted besides where more votes are against a document than for it, so that a few, or old ones, say less.
const VIRTUAL_VOTES: f32 = 2.0;
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
    verdict: Verdict,
    at: Timestamp,
}

struct Document {
    key: Arc<DocumentKey>,
    /// The customers whose chats taught something of it.
    customers: HashMap<Verdict, HashSet<String>>,
}

/// The votes for a document, and those against it.
#[derive(Default)]
struct Ballot {
    share: f32,
    /// The similarity of the most similar chat.
    likeness: f32,
    chats: usize,
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
        self.lessons.len() as i64 > (MAX_LESSONS + MAX_LESSONS_AGAINST) / 10 * 11
    }

    pub fn add(&mut self, lesson: Lesson) {
        let number = self.lessons.len() as u32;
        let document = self
            .documents
            .entry(lesson.document.clone())
            .or_insert_with(|| Document { key: Arc::new(lesson.document.clone()), customers: HashMap::new() });
        document.customers.entry(lesson.verdict).or_default().insert(lesson.customer);
        self.lessons.push(Taught { document: Arc::clone(&document.key), verdict: lesson.verdict, at: lesson.at });
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
        let mut voters = self.voters(&sums, Verdict::For);
        voters.extend(self.voters(&sums, Verdict::Against));
        let best = voters.iter().map(|voter| sums[*voter as usize]).fold(f32::MIN_POSITIVE, f32::max);
        let age = |at: Timestamp| (now.duration_since(at).as_secs_f32() / 86_400.0).max(0.0);
        let mut ballots: HashMap<&DocumentKey, [Ballot; 2]> = HashMap::new();
        let mut all = 0.0;
        for voter in voters {
            let Taught { document, verdict, at } = &self.lessons[voter as usize];
            let share = (sums[voter as usize] / best).powi(SHARPNESS) * 0.5_f32.powf(age(*at) / HALF_LIFE_DAYS);
            let [supporting, opposing] = ballots.entry(document).or_default();
            let ballot = match verdict {
                Verdict::For => {
                    all += share;
                    supporting
                }
                Verdict::Against => opposing,
            };
            ballot.share += share;
            ballot.likeness = ballot.likeness.max(likeness[voter as usize] / similarity_weight.max(f32::MIN_POSITIVE));
            ballot.chats += 1;
        }
        let vote = |(document, [supporting, opposing]): (&DocumentKey, [Ballot; 2])| {
            let is_for = supporting.share >= opposing.share;
            Vote {
                document: document.clone(),
                share: (supporting.share - opposing.share).max(0.0) / all.max(f32::MIN_POSITIVE),
                against: (opposing.share - supporting.share).max(0.0) / (opposing.share + supporting.share + VIRTUAL_VOTES),
                likeness: if is_for { supporting.likeness } else { opposing.likeness },
                chats: supporting.chats,
            }
        };
        let mut votes: Vec<Vote> = ballots.into_iter().map(vote).collect();
        votes.sort_by(|one, other| other.share.total_cmp(&one.share).then_with(|| one.document.cmp(&other.document)));
        votes
    }

    /// Returns the most similar lessons of a verdict, the most similar first: those on documents of which enough customers taught it.
    fn voters(&self, sums: &[f32], verdict: Verdict) -> Vec<u32> {
        let enough = |document: &DocumentKey| {
            let customers = self.documents.get(document).and_then(|document| document.customers.get(&verdict));
            customers.is_some_and(|customers| customers.len() >= MIN_CUSTOMERS)
        };
        let mut voters: Vec<u32> = (0..self.lessons.len() as u32)
            .filter(|number| {
                let lesson = &self.lessons[*number as usize];
                sums[*number as usize] > 0.0 && lesson.verdict == verdict && enough(&lesson.document)
            })
            .collect();
        let by_similarity = |one: &u32, other: &u32| sums[*other as usize].total_cmp(&sums[*one as usize]).then(other.cmp(one));
        if voters.len() > VOTERS {
            voters.select_nth_unstable_by(VOTERS, by_similarity);
            voters.truncate(VOTERS);
        }
        voters.sort_by(by_similarity);
        voters
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
    use crate::{ids::Id, knowledge::Kind, text::Language};

    #[test]
    fn a_stored_situation_is_read_back() {
        let situation = Situation { last_customer: "a b".into(), agent: "c".into(), ..Situation::default() };
        assert_eq!(Situation::read(&situation.lines()), situation);
    }

    fn zipper() -> Situation {
        Situation { last_customer: "zipper jam".into(), customer: "zipper jam".into(), ..Situation::default() }
    }

    fn learn(learned: &mut Learned, id: &str, verdict: Verdict, customers: &[&str]) {
        for customer in customers {
            learned.add(Lesson {
                chat_id: (*customer).to_owned(),
                document: DocumentKey { kind: Kind::CannedAnswer, id: Id::new(id).unwrap(), language: Language::parse("en").unwrap() },
                verdict,
                turn: 1,
                hash: String::new(),
                customer: (*customer).to_owned(),
                at: Timestamp::UNIX_EPOCH,
                situation: zipper(),
            });
        }
    }

    fn shares(learned: &Learned) -> Vec<(String, f32, f32)> {
        let votes = learned.votes(&zipper(), Timestamp::UNIX_EPOCH);
        votes.into_iter().map(|vote| (vote.document.id.to_string(), vote.share, vote.against)).collect()
    }

    #[test]
    fn votes_against_are_taken_from_those_for_a_document() {
        let mut learned = Learned::default();
        learn(&mut learned, "a", Verdict::For, &["1", "2", "3", "4"]);
        learn(&mut learned, "b", Verdict::For, &["1", "2", "3", "4"]);
        learn(&mut learned, "b", Verdict::Against, &["5", "6", "5", "5"]);
        let even = [("a".to_owned(), 0.5, 0.0), ("b".to_owned(), 0.5, 0.0)];
        assert_eq!(shares(&learned), even, "two customers are too few, however often they dismiss it");
        learn(&mut learned, "b", Verdict::Against, &["7"]);
        assert_eq!(shares(&learned), [("a".to_owned(), 0.5, 0.0), ("b".to_owned(), 0.0, 1.0 / 11.0)], "five against four");
        learn(&mut learned, "b", Verdict::For, &["8", "9", "10"]);
        assert_eq!(shares(&learned), [("a".to_owned(), 4.0 / 11.0, 0.0), ("b".to_owned(), 2.0 / 11.0, 0.0)]);
        learn(&mut learned, "c", Verdict::Against, &["1", "2", "3"]);
        assert_eq!(shares(&learned)[2], ("c".to_owned(), 0.0, 0.6), "nothing speaks for it");
    }
}
