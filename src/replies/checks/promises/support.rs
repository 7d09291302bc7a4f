//! How well what the shop said supports a promise of a draft: by the words that both have.

use std::collections::BTreeSet;

use crate::{
    facts::numbers_said,
    lexicon::{
        Lexicon,
        topics::{Topic, Topics},
        words::plain,
    },
    promises::likelihood,
    text::{Language, detect, sentences},
};

/// By so many first letters words are taken for forms of one word, and shorter words say little.
const STEM: usize = 5;
const MIN_WORD: usize = 4;
/// A text of fewer letters tells no language.
const MIN_LETTERS: usize = 40;
/// What a sentence of another language gives is taken for so large a share of its words.
const OTHER_LANGUAGE: f32 = 0.5;
/// The weights of what tells a promise that nothing supports, and from which sum on it is one: fitted by logistic regression on 4,506
/// sentences of `tests/drafts`, 123 of them such promises. A longer sentence says more, one with a number is checked by that.
const COMMITS: f32 = 0.61;
const SAID_ANYWHERE: f32 = -1.72;
const SAID_IN_ONE_SENTENCE: f32 = -1.7;
const THAT_SENTENCE_COMMITS: f32 = -1.05;
const HAS_NUMBER: f32 = -1.67;
const A_WORD: f32 = 0.13;
const BIAS: f32 = -3.39;
const UNSUPPORTED: f32 = -0.9;
/// Longer sentences count as of so many words.
const MAX_WORDS: usize = 25;
/// What a promise gives.
const GIVES: Topics = Topics::of(&[
    Topic::Refund,
    Topic::Replacement,
    Topic::ForLess,
    Topic::Gift,
    Topic::Guarantee,
    Topic::Exception,
    Topic::Cancellation,
    Topic::Extension,
    Topic::CallBack,
    Topic::Delivery,
    Topic::Answer,
]);

/// What the shop said.
#[derive(Default)]
pub struct Support<'a> {
    /// Each sentence with its words.
    sentences: Vec<(BTreeSet<String>, &'a str)>,
    /// What sentences in other languages than the draft's give.
    given_elsewhere: Topics,
}

impl<'a> Support<'a> {
    /// What texts say, for a draft in a language.
    pub fn of(texts: &'a [String], language: &str, languages: &[Language], lexica: &[&Lexicon]) -> Support<'a> {
        let mut support = Support::default();
        for text in texts {
            let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
            let foreign = letters >= MIN_LETTERS && detect(text, languages).is_some_and(|detected| detected.primary() != language);
            for sentence in sentences(text) {
                if foreign {
                    support.given_elsewhere |= topics(sentence, lexica);
                }
                support.sentences.push((stems(sentence), sentence));
            }
        }
        support
    }

    /// Whether a sentence in a language promises what nothing of this supports.
    pub fn lacks(&self, sentence: &str, language: &str, lexica: &[&Lexicon]) -> bool {
        let likely = likelihood(sentence).clamp(0.01, 0.99);
        let (own, words) = (stems(sentence), sentence.split_whitespace().count().min(MAX_WORDS));
        let share = |count: usize| count as f32 / own.len().max(1) as f32;
        let shares = self.sentences.iter().map(|(said, sentence)| (share(own.intersection(said).count()), Some(*sentence)));
        let (mut in_one, nearest) = shares.fold((0.0, None), |best, one| if one.0 > best.0 { one } else { best });
        let its_likelihood = nearest.map_or(0.0, likelihood);
        let mut anywhere = share(own.iter().filter(|stem| self.sentences.iter().any(|(said, _)| said.contains(*stem))).count());
        if !(topics(sentence, lexica) & self.given_elsewhere & GIVES).is_empty() {
            (in_one, anywhere) = (in_one.max(OTHER_LANGUAGE), anywhere.max(OTHER_LANGUAGE));
        }
        let has_number = sentence.bytes().any(|byte| byte.is_ascii_digit()) || !numbers_said(sentence, language).is_empty();
        let sum = COMMITS * (likely / (1.0 - likely)).ln()
            + SAID_ANYWHERE * anywhere
            + SAID_IN_ONE_SENTENCE * in_one
            + THAT_SENTENCE_COMMITS * its_likelihood
            + HAS_NUMBER * f32::from(u8::from(has_number))
            + A_WORD * words as f32
            + BIAS;
        sum >= UNSUPPORTED
    }
}

fn topics(sentence: &str, lexica: &[&Lexicon]) -> Topics {
    let folded = format!(" {} ", plain(sentence));
    lexica.iter().fold(Topics::default(), |topics, lexicon| topics | lexicon.matcher.text(&folded))
}

/// The beginnings of a sentence's longer words.
fn stems(sentence: &str) -> BTreeSet<String> {
    let folded = plain(sentence);
    let words = folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.chars().count() >= MIN_WORD);
    words.filter(|word| !word.bytes().any(|byte| byte.is_ascii_digit())).map(|word| word.chars().take(STEM).collect()).collect()
}
