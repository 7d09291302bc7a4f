//! Whether a number stands for another that what is known says of the same thing: `a refund takes 10 days` where it takes 14, and a report 10.

use std::collections::BTreeSet;

use crate::{
    facts::{FigureValue, figures, measure_of, unit_of_time},
    lexicon::{Lexicon, words::plain},
    replies::checks::counting::Counting,
    text::sentences,
};

/// By so many first letters words are taken for forms of one word, and shorter words say little.
const STEM: usize = 5;
const MIN_WORD: usize = 4;
/// So many words more a sentence shares with the one of the other number.
const MARGIN: usize = 2;

/// A number of a sentence, by what it counts.
struct Counted {
    readings: Vec<String>,
    counts: Counts,
    stems: BTreeSet<String>,
}

/// What a number counts.
#[derive(Debug, PartialEq, Eq)]
enum Counts {
    /// Time, in a unit of so many minutes.
    Time(u32),
    Measure(&'static str),
    /// Things, by the beginning of their name.
    Things(String),
}

/// The numbers of what is known, with their sentences.
pub struct Lines {
    counted: Vec<Counted>,
}

impl Lines {
    pub fn of<'a>(texts: impl Iterator<Item = &'a str>, words: &Counting) -> Lines {
        let mut counted = Vec::new();
        for sentence in texts.flat_map(sentences) {
            let stems = stems(sentence);
            let mut at = 0;
            for figure in figures(sentence) {
                let start = sentence[at..].find(&figure.written).map_or(at, |found| at + found);
                at = start + figure.written.len();
                if let FigureValue::Number(readings) = figure.value
                    && let Some(counts) = counts(sentence, start, at, words)
                {
                    counted.push(Counted { readings, counts, stems: near(sentence, start, at, &stems) });
                }
            }
        }
        Lines { counted }
    }

    /// Whether another number than this one of a draft's sentence is known to count the same in a sentence about the same.
    pub fn say_otherwise(&self, sentence: &str, start: usize, end: usize, readings: &[String], words: &Counting) -> bool {
        let Some(counts) = counts(sentence, start, end, words) else { return false };
        let own = stems(sentence);
        let shared = |same: bool| {
            let those = self
                .counted
                .iter()
                .filter(|counted| counted.counts == counts && counted.readings.iter().any(|one| readings.contains(one)) == same);
            those.map(|counted| counted.stems.intersection(&own).count()).max()
        };
        match (shared(true), shared(false)) {
            (None, Some(other)) => other >= if matches!(counts, Counts::Things(_)) { MARGIN + 1 } else { MARGIN },
            (Some(same), Some(other)) => other > same + MARGIN,
            _ => false,
        }
    }
}

fn counts(text: &str, start: usize, end: usize, words: &Counting) -> Option<Counts> {
    let after = &text[end..];
    let lexica: &[&Lexicon] = &words.lexica;
    unit_of_time(after, lexica)
        .map(Counts::Time)
        .or_else(|| measure_of(after).map(Counts::Measure))
        .or_else(|| words.counted(text, start, end).map(Counts::Things))
}

/// The beginnings of a sentence's longer words.
fn stems(sentence: &str) -> BTreeSet<String> {
    let folded = plain(sentence);
    let words = folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.chars().count() >= MIN_WORD);
    words.filter(|word| !word.bytes().any(|byte| byte.is_ascii_digit())).map(|word| word.chars().take(STEM).collect()).collect()
}

/// Of a sentence with several parts, the words of the part that a number stands in, if they are enough to tell.
fn near(sentence: &str, start: usize, end: usize, all: &BTreeSet<String>) -> BTreeSet<String> {
    let from = sentence[..start].rfind([',', ';', ':']).map_or(0, |at| at + 1);
    let to = sentence[end..].find([',', ';', ':']).map_or(sentence.len(), |at| end + at);
    let part = stems(&sentence[from..to]);
    if part.len() >= 2 { part } else { all.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::lexica;

    #[test]
    fn a_number_of_another_line_is_told() {
        let words = Counting { lexica: lexica().iter().collect() };
        let lines = Lines::of(
            ["Report damage within 10 days of delivery. A refund takes 14 days.", "A 24 cm cake serves 16 people."].into_iter(),
            &words,
        );
        let otherwise = |sentence: &str, number: &str| {
            let start = sentence.find(number).unwrap();
            lines.say_otherwise(sentence, start, start + number.len(), &[number.to_owned()], &words)
        };
        assert!(!otherwise("Please report the damage within 10 days of the delivery.", "10"));
        assert!(otherwise("The large cake serves 18 people.", "18"));
        assert!(!otherwise("You have 18 lessons left.", "18"));
    }
}
