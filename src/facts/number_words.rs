//! Numbers that are written as words: `yirmi beş`, `tizennyolcadika`, `fünfundzwanzig`, `two hundred and twelve`.

use std::{cmp::Reverse, sync::LazyLock};

use crate::{
    facts::suffixes,
    lexicon::{Lexicon, lexica, lexicon, words::plain},
    text::fold,
};

/// What number words of a language are made of.
struct NumberWords {
    language: &'static str,
    /// Parts without accents, with their worth, the longest first: one goes before one that it begins with.
    parts: Vec<(String, u64)>,
    /// Numbers of two words that are no sum of both: `quatre-vingt`.
    pairs: Vec<(String, String, u64)>,
}

static NUMBER_WORDS: LazyLock<Vec<NumberWords>> = LazyLock::new(|| {
    let words = |lexicon: &'static Lexicon| {
        let numbers = &lexicon.words.numbers;
        let (mut parts, mut pairs) = (Vec::new(), Vec::new());
        for (word, worth) in &numbers.cardinals {
            let word = plain(word);
            match word.split_once('-') {
                Some((one, other)) => pairs.push((one.to_owned(), other.to_owned(), *worth)),
                None => parts.push((word, *worth)),
            }
        }
        parts.extend(numbers.joints.iter().map(|joint| (joint.to_owned(), 0)));
        parts.sort_by_key(|(part, _)| Reverse(part.len()));
        NumberWords { language: lexicon.language, parts, pairs }
    };
    lexica().iter().map(words).collect()
});

/// The numbers that a text writes as words in a language, each with where it stands, without its ending; none in a language not known here.
pub fn worded(text: &str, language: &str) -> Vec<((usize, usize), u64)> {
    read_all(text, language, suffixes::follow_numbers(language))
}

/// The number that a text begins with as words, and where it ends.
pub fn number_at(text: &str, lexicon: &Lexicon) -> Option<(u64, usize)> {
    let rest =
        text.char_indices().find(|(_, letter)| !letter.is_alphabetic() && !matches!(letter, ' ' | '-')).map_or(text.len(), |(at, _)| at);
    let numbers = worded(&text[..rest], lexicon.language);
    numbers.first().filter(|((start, _), _)| *start == 0).map(|((_, end), number)| (*number, *end))
}

/// The number that a text begins with as words, with or without an ending, and where it ends.
pub fn inflected_number_at(text: &str, lexicon: &Lexicon) -> Option<(u64, usize)> {
    let end = text.find(|letter: char| !letter.is_alphabetic()).unwrap_or(text.len());
    let numbers = read_all(&text[..end], lexicon.language, suffixes::may_follow_numbers(lexicon.language));
    numbers.first().filter(|((start, _), _)| *start == 0).map(|((_, end), number)| (*number, *end))
}

/// The numbers among a text's words, as its language has them; of one in an unknown language, as any has. Articles are no numbers: every
/// text has them.
pub fn numbers_said(text: &str, language: &str) -> Vec<u64> {
    numbers_said_at(text, language).into_iter().map(|(_, number)| number).collect()
}

/// The same, each with where it stands.
pub fn numbers_said_at(text: &str, language: &str) -> Vec<((usize, usize), u64)> {
    let own = lexicon(language);
    let mut said: Vec<((usize, usize), u64)> = Vec::new();
    for lexicon in lexica().iter().filter(|lexicon| own.is_none_or(|own| own.language == lexicon.language)) {
        let numbers = &lexicon.words.numbers;
        let is_article = |(start, end): (usize, usize)| numbers.articles.contains(&fold(&text[start..end]));
        let worded = read_all(text, lexicon.language, suffixes::may_follow_numbers(lexicon.language));
        let others = words_of(text).filter_map(|(start, end)| {
            let folded = fold(&text[start..end]);
            numbers.others.iter().find(|(word, _)| plain(word) == folded).map(|(_, worth)| ((start, end), *worth))
        });
        for number in worded.into_iter().filter(|(place, _)| !is_article(*place)).chain(others) {
            // Two languages may have the same word.
            if !said.contains(&number) {
                said.push(number);
            }
        }
    }
    said
}

fn words_of(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(char::is_alphabetic)?;
        at = start + text[start..].find(|letter: char| !letter.is_alphabetic()).unwrap_or(text.len() - start);
        Some((start, at))
    })
}

/// A number that is being read: where it begins, where its last word ends, and where the last one that says something ends.
struct Open {
    start: usize,
    last: usize,
    end: usize,
    sum: Sum,
}

fn read_all(text: &str, language: &str, endings: bool) -> Vec<((usize, usize), u64)> {
    let Some(NumberWords { parts, pairs, .. }) = NUMBER_WORDS.iter().find(|words| words.language == language) else { return Vec::new() };
    let mut found: Vec<((usize, usize), u64)> = Vec::new();
    let mut open: Option<Open> = None;
    let mut words = words_of(text).peekable();
    while let Some((start, mut end)) = words.next() {
        // A number of several words has nothing but a space or a hyphen between them.
        if open.as_ref().is_some_and(|open| !matches!(&text[open.last..start], " " | "-")) {
            close(&mut open, &mut found);
        }
        let folded = fold(&text[start..end]);
        let pair = pairs.iter().filter(|(one, ..)| *one == folded).find_map(|(_, other, worth)| {
            let (second, second_end) = *words.peek()?;
            (matches!(&text[end..second], " " | "-") && fold(&text[second..second_end]) == *other).then_some((second_end, *worth))
        });
        let number = match pair {
            Some((second_end, worth)) => {
                words.next();
                end = second_end;
                Some((vec![worth], 0))
            }
            None => read(&folded, parts, endings).or_else(|| {
                suffixes::without_clock_ending(&folded, language).and_then(|(word, ending)| {
                    let (worths, rest) = read(word, parts, false)?;
                    Some((worths, rest + ending))
                })
            }),
        };
        let Some((worths, ending)) = number else {
            close(&mut open, &mut found);
            continue;
        };
        let joint = worths.iter().all(|worth| *worth == 0);
        if joint && open.is_none() {
            continue;
        }
        // `one to three`, `two three-day passes`: two numbers.
        if open.as_ref().is_some_and(|open| open.sum.below % 10 > 0)
            && worths.first().is_some_and(|worth| (1..100).contains(worth))
            && !suffixes::ones_before_tens(language)
        {
            close(&mut open, &mut found);
        }
        let open_number = open.get_or_insert(Open { start, last: end, end, sum: Sum::default() });
        open_number.last = text[..end].char_indices().rev().nth(ending.wrapping_sub(1)).map_or(end, |(at, _)| at);
        if !joint {
            open_number.end = open_number.last;
        }
        worths.into_iter().for_each(|worth| open_number.sum.add(worth));
        if ending > 0 {
            close(&mut open, &mut found);
        }
    }
    close(&mut open, &mut found);
    found
}

fn close(open: &mut Option<Open>, found: &mut Vec<((usize, usize), u64)>) {
    if let Some(open) = open.take()
        && open.sum.said
    {
        found.push(((open.start, open.end), open.sum.worth()));
    }
}

/// The worths of a word's parts, and how many letters follow them; `None` if it is no number. With `endings` a word may go on after its number.
fn read(word: &str, parts: &[(String, u64)], endings: bool) -> Option<(Vec<u64>, usize)> {
    let mut worths = Vec::new();
    let mut rest = word;
    while let Some((part, worth)) = parts.iter().find(|(part, _)| rest.starts_with(part.as_str())) {
        worths.push(*worth);
        rest = &rest[part.len()..];
    }
    // `ötöt` is five with an ending.
    if worths.len() == 2 && worths[0] == worths[1] && worths[0] < 10 {
        worths.pop();
        return Some((worths, word.chars().count() / 2));
    }
    let read = word.len() - rest.len();
    // A quarter is no four.
    let ends = rest.is_empty() || (endings && read >= 4 && rest.len() <= 10 && rest != "ed");
    (ends && !worths.is_empty()).then(|| (worths, rest.chars().count()))
}

/// A number as its words add up.
#[derive(Default)]
struct Sum {
    thousands: u64,
    below: u64,
    /// Whether any of it is more than a joint.
    said: bool,
}

impl Sum {
    fn add(&mut self, worth: u64) {
        self.said |= worth > 0;
        match worth {
            1000 => {
                self.thousands = self.thousands.saturating_add(self.below.max(1).saturating_mul(1000));
                self.below = 0;
            }
            100 => self.below = self.below.max(1).saturating_mul(100),
            _ => self.below = self.below.saturating_add(worth),
        }
    }

    fn worth(&self) -> u64 {
        self.thousands.saturating_add(self.below)
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::number_words::{numbers_said, worded};

    #[test]
    fn numbers_are_read_as_they_are_said() {
        for (text, language, number) in [
            ("two hundred and twelve days", "en", 212),
            ("thirty-seven dollars", "en", 37),
            ("yirmi beş Aralık", "tr", 25),
            ("on dört gün", "tr", 14),
            ("bin iki yüz elli", "tr", 1250),
            ("január tizennyolcadikáig", "hu", 18),
            ("ötezer-kilencszázkilencven forint", "hu", 5990),
            ("háromnapos", "hu", 3),
            ("fünfundzwanzig Tage", "de", 25),
            ("dreitägig", "de", 3),
            ("zweihundert", "de", 200),
            ("quatre-vingt-dix-neuf", "fr", 99),
            ("vingt et un jours", "fr", 21),
            ("deux mille quatre cents", "fr", 2400),
            ("veintiuno", "es", 21),
            ("treinta y un días", "es", 31),
            ("doscientos cincuenta", "es", 250),
            ("diecisiete", "es", 17),
        ] {
            assert_eq!(worded(text, language).first().map(|(_, number)| *number), Some(number), "{text}");
        }
        for (text, language) in
            [("and then", "en"), ("once", "en"), ("alone", "en"), ("Sanduhr", "de"), ("biraz", "tr"), ("et", "fr"), ("six", "xx")]
        {
            assert_eq!(worded(text, language), [], "{text}");
        }
    }

    #[test]
    fn a_number_is_said_by_words_that_are_no_article() {
        for (text, language, numbers) in [
            ("a dozen, twice", "en", &[12, 2][..]),
            ("ein Paket, eins davon", "de", &[1]),
            ("yedinci gün", "tr", &[7]),
            ("vierzig", "", &[40]),
            ("six", "", &[6]),
            ("une douzaine", "fr", &[12]),
        ] {
            assert_eq!(numbers_said(text, language), numbers, "{text}");
        }
    }
}
