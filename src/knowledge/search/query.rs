//! Query parsing: the words of a search box or of a conversation.

use std::collections::HashMap;

use crate::{
    knowledge::index::schema::word_grams,
    text::{Word, words},
};

/// Most words of a typed query, those in quotes and after a minus included.
pub const MAX_WORDS: usize = 64;
/// Saturation of a repeated word's weight, as k1 of BM25.
const AGAIN: f32 = 1.0;

/// A word of a query.
#[derive(Debug, Clone)]
pub struct QueryWord {
    pub word: Word,
    pub weight: f32,
    /// Whether the word may be unfinished, so that it is also matched as a prefix.
    pub half: bool,
    /// Whether it is known to be a right word of its language, so that it is no misspelling.
    pub is_right: bool,
    pub grams: Vec<String>,
}

/// The words of a query.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub words: Vec<QueryWord>,
    /// Adjacent words, by their indexes in `words`, with the weight of finding them adjacent.
    pub pairs: Vec<(usize, usize, f32)>,
}

/// A query typed into a search box.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    pub query: Query,
    /// The query as typed, without the exclusions.
    pub text: String,
    /// Quoted phrases: folded words that must be adjacent, in this order.
    pub phrases: Vec<Vec<String>>,
    /// Exclusions after a minus: each a word in any of its forms, or a phrase.
    pub excluded: Vec<Excluded>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excluded {
    /// By its keys.
    Word(Vec<String>),
    Phrase(Vec<String>),
}

/// A part of a typed query.
#[derive(Debug, PartialEq, Eq)]
struct Piece<'a> {
    text: &'a str,
    /// Its byte offset in the query.
    from: usize,
    quoted: bool,
    excluded: bool,
}

impl Typed {
    /// Parses a typed query: words, `"phrases"`, and `-exclusions`; a minus before a number is its sign. The last word may be unfinished,
    /// unless something follows it. Everything else is text; nothing is a syntax error.
    pub fn read(text: &str, language: &str) -> Typed {
        let mut typed = Typed::default();
        let mut room = MAX_WORDS;
        for piece in pieces(text) {
            if !piece.excluded {
                typed.text.push_str(piece.text);
                typed.text.push(' ');
            }
            let mut found = words(piece.text, language);
            found.truncate(room);
            room -= found.len();
            let folded = || found.iter().map(|word| word.folded().to_owned()).collect::<Vec<String>>();
            match (piece.excluded, piece.quoted) {
                _ if found.is_empty() => {}
                (true, false) => typed.excluded.extend(found.into_iter().map(|word| Excluded::Word(word.keys().to_vec()))),
                (true, true) => typed.excluded.push(Excluded::Phrase(folded())),
                (false, quoted) => {
                    if quoted {
                        typed.phrases.push(folded());
                    }
                    typed.query.append(piece.text, found, 1.0);
                    if let Some(last) = typed.query.words.last_mut()
                        && !quoted
                    {
                        last.half = piece.from + last.word.end == text.len();
                    }
                }
            }
        }
        typed
    }
}

impl Query {
    /// Appends the adjacent words of `text`.
    fn append(&mut self, text: &str, found: Vec<Word>, weight: f32) {
        for word in found {
            let grams = word_grams(text, &word);
            self.words.push(QueryWord { word, weight, half: false, is_right: false, grams });
            let last = self.words.len() - 1;
            if last > 0 {
                self.pairs.push((last - 1, last, weight));
            }
        }
    }

    /// Builds a query from weighted texts, with each word once: a repeated word weighs more, but its weight saturates. The `limit` heaviest
    /// words are kept.
    pub fn weighted(pieces: &[(&str, Vec<Word>)], weights: &[f32], limit: usize) -> Query {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        // Each word with its weight and the first text that has it.
        let mut all: Vec<(&Word, f32, usize)> = Vec::new();
        let mut pairs: HashMap<(usize, usize), f32> = HashMap::new();
        for (piece, ((_, words), weight)) in pieces.iter().zip(weights).enumerate() {
            let mut before = None;
            for word in words {
                let number = *numbers.entry(word.folded()).or_insert_with(|| {
                    all.push((word, 0.0, piece));
                    all.len() - 1
                });
                all[number].1 += weight;
                if let Some(before) = before {
                    *pairs.entry((before, number)).or_default() += weight;
                }
                before = Some(number);
            }
        }
        let saturated = |weight: f32| weight * (1.0 + AGAIN) / (weight + AGAIN);
        let mut kept: Vec<usize> = (0..all.len()).collect();
        kept.sort_by(|one, other| all[*other].1.total_cmp(&all[*one].1));
        kept.truncate(limit);
        kept.sort_unstable();
        let place: HashMap<usize, usize> = kept.iter().enumerate().map(|(place, number)| (*number, place)).collect();
        let word = |number: &usize| {
            let (word, weight, piece) = all[*number];
            QueryWord {
                word: word.clone(),
                weight: saturated(weight),
                half: false,
                is_right: false,
                grams: word_grams(pieces[piece].0, word),
            }
        };
        let pair = |((one, other), weight): (&(usize, usize), &f32)| Some((*place.get(one)?, *place.get(other)?, saturated(*weight)));
        let mut pairs: Vec<(usize, usize, f32)> = pairs.iter().filter_map(pair).collect();
        pairs.sort_unstable_by_key(|(one, other, _)| (*one, *other));
        Query { words: kept.iter().map(word).collect(), pairs }
    }
}

/// Splits a typed query into quoted, excluded, and plain parts.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut at = 0;
    let plain = |from: usize, to: usize| (from < to).then(|| Piece { text: &text[from..to], from, quoted: false, excluded: false });
    while let Some(letter) = text[at..].chars().next() {
        let begins = text[..at].chars().next_back().is_none_or(char::is_whitespace);
        let excluded = letter == '-' && begins && text[at + 1..].starts_with(|next: char| next.is_alphabetic() || closing(next).is_some());
        let open = if excluded { at + 1 } else { at };
        let opening = text[open..].chars().next().filter(|_| begins);
        let quoted = opening.and_then(|opening| {
            let inner = open + opening.len_utf8();
            let end = text[inner..].find(closing(opening)?)?;
            Some((inner, inner + end))
        });
        if let Some((inner, end)) = quoted {
            pieces.extend(plain(from, at));
            pieces.push(Piece { text: &text[inner..end], from: inner, quoted: true, excluded });
            at = end + text[end..].chars().next().map_or(0, char::len_utf8);
            from = at;
        } else if excluded {
            pieces.extend(plain(from, at));
            let end = text[open..].find(char::is_whitespace).map_or(text.len(), |end| open + end);
            pieces.push(Piece { text: &text[open..end], from: open, quoted: false, excluded: true });
            at = end;
            from = end;
        } else {
            at += letter.len_utf8();
        }
    }
    pieces.extend(plain(from, text.len()));
    pieces
}

/// Returns the closing quotation marks for an opening one.
fn closing(opening: char) -> Option<&'static [char]> {
    match opening {
        '"' => Some(&['"']),
        '“' => Some(&['”', '"']),
        '„' => Some(&['“', '”', '"']),
        '«' => Some(&['»']),
        '»' => Some(&['«']),
        '「' => Some(&['」']),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_after_the_last_word_ends_it() {
        assert!(Typed::read("iade sür", "tr").query.words[1].half);
        assert!(!Typed::read("iade sür ", "tr").query.words[1].half);
        assert!(!Typed::read("\"iade sür\"", "tr").query.words[1].half);
    }

    #[test]
    fn quotes_and_minus_are_read_and_all_else_is_text() {
        let typed = Typed::read("red \"Gift Card\" -plastic -\"store credit\" e-mail -", "en");
        assert_eq!(typed.phrases, [["gift", "card"]]);
        assert_eq!(typed.excluded[0], Excluded::Word(vec!["plastic".to_owned()]));
        assert_eq!(typed.excluded[1], Excluded::Phrase(vec!["store".to_owned(), "credit".to_owned()]));
        let words: Vec<&str> = typed.query.words.iter().map(|word| word.word.folded()).collect();
        assert_eq!(words, ["red", "gift", "card", "e", "mail"]);
        let number = Typed::read("fault -4012", "en");
        assert_eq!((number.query.words.len(), number.excluded.len()), (2, 0), "a minus before a number is its sign");
        let long = Typed::read(&"-a \"b c\" d ".repeat(500), "en");
        assert_eq!(long.query.words.len() + long.excluded.len(), MAX_WORDS);
        for text in ["\"", "-", "--", "\"\"", "-\"", "a \"b c", "\"-\"-\"", "„a“ «b» -»c"] {
            Typed::read(text, "en");
        }
        assert_eq!(Typed::read("a \"b c", "en").query.words.len(), 3, "a quotation without an end is text");
    }

    #[test]
    fn a_word_counts_once_and_more_if_it_is_said_again() {
        let read = |text: &'static str| (text, words(text, "en"));
        let query = Query::weighted(&[read("parcel where"), read("Parcel")], &[0.5, 1.0], 10);
        assert_eq!(query.words.len(), 2);
        assert_eq!(query.words[0].word.folded(), "parcel");
        assert!((1.0..1.5).contains(&query.words[0].weight), "{}", query.words[0].weight);
        assert_eq!((query.pairs[0].0, query.pairs[0].1), (0, 1));
        let two = Query::weighted(&[read("a b c"), read("b c")], &[0.1, 1.0], 2);
        assert_eq!(two.words.iter().map(|word| word.word.folded()).collect::<Vec<&str>>(), ["b", "c"]);
        assert_eq!((two.pairs.len(), two.pairs[0].0, two.pairs[0].1), (1, 0, 1));
    }
}
