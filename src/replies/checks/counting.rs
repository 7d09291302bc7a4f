//! What the words beside a number tell of it: what it counts, its unit of time or its currency, and what its sentence does with it.

use crate::{
    facts::unit_of_time,
    lexicon::{Lexicon, topics::Topic, vocabulary::Vocabulary},
    text::fold,
};

/// By so many first letters a word that is counted is known.
const COUNTED_LETTERS: usize = 5;
/// Shorter words tell nothing of what is counted.
const MIN_COUNTED: usize = 3;
pub const HOUR: u32 = 60;

/// The words of the languages that a workspace's texts are in.
pub struct Counting {
    pub lexica: Vec<&'static Lexicon>,
}

impl Counting {
    fn any(&self, is: impl Fn(&Vocabulary) -> bool) -> bool {
        self.lexica.iter().any(|lexicon| is(&lexicon.words))
    }

    /// The minutes of the unit of time that a text begins with.
    pub fn unit_of(&self, text: &str) -> Option<u32> {
        unit_of_time(text, &self.lexica)
    }

    /// The beginning of the word that says what a number counts: the one after it, or after the range that it begins; else the one before.
    pub fn counted(&self, text: &str, start: usize, end: usize) -> Option<String> {
        let gap = [' ', '\u{a0}', '-', '–', '—'];
        let key = |word: &str| {
            let folded = fold(word);
            let counts = folded.chars().count() >= MIN_COUNTED && !self.any(|words| words.counting.beside.contains(&folded));
            counts.then(|| counted_key(&folded))
        };
        let mut rest = text[end..].trim_start_matches(gap);
        let further = self.after_range(rest).unwrap_or(rest);
        let upper = further.trim_start_matches(|next: char| next.is_ascii_digit());
        if upper.len() < further.len() {
            rest = upper.trim_start_matches(gap);
        } else if further.len() < rest.len() {
            // The range's upper end is a word.
            rest = further.split_once(' ').map_or("", |(_, rest)| rest);
        }
        key(word(rest)).or_else(|| {
            let before = text[..start].trim_end_matches([' ', '\u{a0}']);
            let from =
                before.char_indices().rev().find(|(_, letter)| !letter.is_alphabetic()).map_or(0, |(at, letter)| at + letter.len_utf8());
            key(&before[from..])
        })
    }

    /// What follows the word between the ends of a range, if a text begins with one.
    fn after_range<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.lexica.iter().flat_map(|lexicon| &lexicon.words.counting.ranges).find_map(|range| text.strip_prefix(range.as_str()))
    }

    /// The words that hours of the clock are counted by.
    pub fn clocks(&self) -> impl Iterator<Item = String> {
        self.lexica.iter().flat_map(|lexicon| &lexicon.words.times.clock).map(|clock| counted_key(&fold(clock)))
    }

    /// Whether a folded word makes a time of the hour before it.
    pub fn is_clock(&self, folded: &str) -> bool {
        self.any(|words| words.times.clock.iter().any(|clock| fold(clock) == folded))
    }

    /// Whether a folded word begins as a currency's name does.
    pub fn is_currency(&self, folded: &str) -> bool {
        self.any(|words| words.currencies.names.begin(folded))
    }

    /// Whether what stands before a number says that it is only about right.
    pub fn is_about_right(&self, before: &str) -> bool {
        let words: Vec<String> = fold(before).split_whitespace().rev().take(2).map(|word| word.trim_end_matches('.').to_owned()).collect();
        let last = words.first().map_or("", String::as_str);
        let two = words.iter().rev().map(String::as_str).collect::<Vec<&str>>().join(" ");
        self.any(|vocabulary| vocabulary.counting.about.begin(last) || vocabulary.counting.about.begin(&two))
    }

    /// Whether a folded word is an article, or says one.
    pub fn is_one(&self, folded: &str) -> bool {
        self.any(|words| words.numbers.articles.contains(folded) || words.numbers.cardinals.get(folded) == Some(&1))
    }

    /// Whether a sentence says within which time something is.
    pub fn is_limit(&self, sentence: &str) -> bool {
        self.is_about(sentence, Topic::Limit)
    }

    /// Whether a sentence only repeats what the customer said, or denies it.
    pub fn is_mention(&self, sentence: &str) -> bool {
        self.is_about(sentence, Topic::Repeat)
    }

    fn is_about(&self, sentence: &str, topic: Topic) -> bool {
        let folded = fold(sentence);
        self.lexica.iter().any(|lexicon| lexicon.matcher.text(&folded).has(topic))
    }

    /// Whether a number counts the steps of a list, or names one.
    pub fn is_list_number(&self, text: &str, start: usize, end: usize) -> bool {
        let before = text[..start].trim_end_matches([' ', '\t', '*', '-']);
        let last = fold(before.rsplit(' ').next().unwrap_or_default());
        let begins = before.is_empty() || before.ends_with('\n');
        self.any(|words| words.counting.steps.contains(&last)) || (begins && text[end..].starts_with(['.', ')', ':']))
    }
}

/// The word that a text begins with, if it does with one.
pub fn word(text: &str) -> &str {
    &text[..text.find(|letter: char| !letter.is_alphabetic()).unwrap_or(text.len())]
}

fn counted_key(folded: &str) -> String {
    folded.chars().take(COUNTED_LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::lexica;

    #[test]
    fn words_beside_numbers_are_known_in_every_language() {
        let counting = Counting { lexica: lexica().iter().collect() };
        for (after, minutes) in [
            (" Tage", 1440),
            (" working days", 1440),
            ("-week", 10_080),
            ("h.", HOUR),
            (" semaines", 10_080),
            (" meses", 43_200),
            (" ans", 525_600),
        ] {
            assert_eq!(counting.unit_of(after), Some(minutes), "{after}");
        }
        for other in [" anneaux", " mesas", " towels", "   days", ""] {
            assert_eq!(counting.unit_of(other), None, "{other}");
        }
        assert_eq!(counting.counted("3 à 5 serviettes", 0, 1).as_deref(), Some("servi"));
        assert!(counting.is_limit("sous 14 jours") && counting.is_limit("en un plazo de 14 días") && !counting.is_limit("14 towels"));
        assert!(counting.is_one("une") && counting.is_one("bir") && counting.is_one("one") && !counting.is_one("two"));
    }
}
