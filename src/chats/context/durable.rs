//! A linear model that tells sentences with something lasting about the customer or what was agreed, and questions that need it: an allergy and
//! "is it all right for me?". Features are hashed words, pairs of words and n-grams of letters.
//!
//! The weights are trained by `cargo run --release -p deskhand-measure --bin train_durable` on `measure/durable/`, and on chats without
//! anything lasting.

use std::{cell::RefCell, collections::HashMap};

use crate::text::fold;

/// What is told or asked for: health and constraints, people, wishes for a delivery or an appointment, what was tried, measures and models,
/// exceptions, promises, gifts, complaints, language and form of address.
pub const KINDS: [&str; 10] = ["health", "people", "wish", "tried", "size", "exception", "promise", "gift", "complaint", "manner"];
/// The kinds, that it is of none, and whether it is of any.
pub const OUTPUTS: usize = KINDS.len() + 2;
/// The place of none.
pub const NONE: usize = KINDS.len();
/// The place of any.
pub const ANY: usize = KINDS.len() + 1;
/// Places for features. Features share a place where their hashes meet.
pub const PLACES: usize = 1 << 16;
/// Bytes of a model: for each output scale and bias as little-endian `f32`, then for each place a signed byte an output.
const HEAD: usize = OUTPUTS * 8;
const BYTES: usize = HEAD + PLACES * OUTPUTS;
/// Lengths of the n-grams, in letters; the blank before and after a word counts.
const GRAMS: std::ops::RangeInclusive<usize> = 3..=5;
/// Words of a sentence, and letters of a word, that are read.
const MAX_WORDS: usize = 60;
const MAX_LETTERS: usize = 24;
/// Words whose features a thread caches.
const MAX_KEPT: usize = 20_000;

/// Of sentences, then of questions.
static WEIGHTS: &[u8; 2 * BYTES] = include_bytes!("weights.bin");

/// For each kind and for none, which add up to 1, and for any by itself, how likely something is of it.
pub type Likelihoods = [f32; OUTPUTS];

/// Sums of weights, one an output.
type Sums = [i32; OUTPUTS];

/// A word: the hash of its folded letters, in both models the weights of the word and of its n-grams, and how many these are.
#[derive(Clone, Copy)]
struct Read {
    hash: u64,
    word: [Sums; 2],
    grams: [Sums; 2],
    gram_count: usize,
}

thread_local! {
    /// Few words make up most of any chat.
    static KEPT: RefCell<HashMap<Box<str>, Read>> = RefCell::default();
}

/// Returns how likely a sentence tells something of each kind; `by_agent`: an agent wrote it.
pub fn told(sentence: &str, by_agent: bool) -> Likelihoods {
    likelihoods(sentence, by_agent, 0)
}

/// Returns how likely a customer's question needs something of each kind.
pub fn asked(question: &str) -> Likelihoods {
    likelihoods(question, false, 1)
}

fn likelihoods(text: &str, by_agent: bool, model: usize) -> Likelihoods {
    let weights = &WEIGHTS[model * BYTES..][..BYTES];
    let (mut words, mut grams) = ((Sums::default(), 0), (Sums::default(), 0));
    let mut before = None;
    KEPT.with_borrow_mut(|kept| {
        for word in written(text) {
            let read = read(kept, word);
            add(&mut words.0, &read.word[model]);
            add(&mut grams.0, &read.grams[model]);
            words.1 += 1;
            grams.1 += read.gram_count;
            if let Some(before) = before {
                add(&mut words.0, &of_place(weights, pair(before, read.hash)));
                words.1 += 1;
            }
            before = Some(read.hash);
        }
    });
    if by_agent {
        add(&mut words.0, &of_place(weights, agent()));
        words.1 += 1;
    }
    let number = |at: usize| f32::from_le_bytes([weights[at], weights[at + 1], weights[at + 2], weights[at + 3]]);
    let logits = std::array::from_fn(|output| {
        let sum = words.0[output] as f32 / norm(words.1) + grams.0[output] as f32 / norm(grams.1);
        number(output * 8 + 4) + number(output * 8) * sum
    });
    likelihoods_of(logits)
}

/// Returns the natural logarithm of the odds of something this likely, which tells .99 from .9 as well as .9 from .5.
pub fn log_odds(likelihood: f32) -> f32 {
    let bounded = likelihood.clamp(1e-4, 1.0 - 1e-4);
    (bounded / (1.0 - bounded)).ln()
}

/// Returns the likelihoods of logits.
pub fn likelihoods_of(logits: [f32; OUTPUTS]) -> Likelihoods {
    let most = logits[..ANY].iter().copied().fold(f32::MIN, f32::max);
    let mut likelihoods = logits.map(|logit| (logit - most).exp());
    let sum: f32 = likelihoods[..ANY].iter().sum();
    likelihoods[..ANY].iter_mut().for_each(|likelihood| *likelihood /= sum);
    likelihoods[ANY] = 1.0 / (1.0 + (-logits[ANY]).exp());
    likelihoods
}

fn add(sums: &mut Sums, others: &Sums) {
    sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
}

fn of_place(weights: &[u8], place: u32) -> Sums {
    std::array::from_fn(|output| i32::from(weights[HEAD + place as usize * OUTPUTS + output].cast_signed()))
}

fn read(kept: &mut HashMap<Box<str>, Read>, word: &str) -> Read {
    if let Some(read) = kept.get(word) {
        return *read;
    }
    let folded = fold(word);
    let places = grams(&folded);
    let weights = |model: usize| &WEIGHTS[model * BYTES..][..BYTES];
    let of_grams = |model: usize| {
        let mut sums = Sums::default();
        places.iter().for_each(|place| add(&mut sums, &of_place(weights(model), *place)));
        sums
    };
    let hash = hash(b'w', &folded);
    let read = Read {
        hash,
        word: [0, 1].map(|model| of_place(weights(model), place(hash))),
        grams: [0, 1].map(of_grams),
        gram_count: places.len(),
    };
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(word.into(), read);
    read
}

/// What the sum of so many weights is divided by, so that long sentences don't outweigh short ones.
pub fn norm(features: usize) -> f32 {
    (features.max(1) as f32).sqrt()
}

/// Returns the features of a sentence, as places: words and pairs of words, and n-grams.
pub fn features(sentence: &str, by_agent: bool) -> (Vec<u32>, Vec<u32>) {
    let words: Vec<String> = written(sentence).map(fold).collect();
    let hashes: Vec<u64> = words.iter().map(|word| hash(b'w', word)).collect();
    let single = hashes.iter().map(|hash| place(*hash));
    let pairs = hashes.windows(2).map(|two| pair(two[0], two[1]));
    (single.chain(pairs).chain(by_agent.then(agent)).collect(), words.iter().flat_map(|word| grams(word)).collect())
}

fn written(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '\'' | '’')).filter(|word| !word.is_empty()).take(MAX_WORDS)
}

fn grams(folded: &str) -> Vec<u32> {
    let letters: Vec<char> = std::iter::once(' ').chain(folded.chars().take(MAX_LETTERS)).chain([' ']).collect();
    GRAMS.flat_map(|length| letters.windows(length).map(|gram| place(hash(b'g', &gram.iter().collect::<String>())))).collect()
}

fn pair(one: u64, other: u64) -> u32 {
    place(one.rotate_left(17) ^ other.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

fn agent() -> u32 {
    place(hash(b'a', ""))
}

fn place(hash: u64) -> u32 {
    ((hash ^ (hash >> 29)) as usize % PLACES) as u32
}

/// FNV-1a.
fn hash(kind: u8, text: &str) -> u64 {
    std::iter::once(kind)
        .chain(text.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
