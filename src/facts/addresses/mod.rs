//! Postal addresses: those that a chat knows, in any writing, and those that a text writes out.

mod known;
mod postcodes;
mod written;

pub use known::KnownAddress;
pub use written::written_address;

use std::{collections::HashSet, sync::LazyLock};

use crate::{
    lexicon::{personal::personal_words, personal_tables::Addresses, words::Words},
    text::fold,
};

/// Most words of an address, and its longest text in bytes.
const MAX_TOKENS: usize = 32;
const MAX_ADDRESS: usize = 240;
/// Fewest letters of a street's own name before the ending that it is one word with.
const MIN_STEM: usize = 3;
/// Longest text between two words of an address, in bytes.
const MAX_APART: usize = 4;

/// A word or a number of a text.
pub struct Token {
    start: usize,
    end: usize,
    folded: String,
    digits: usize,
    letters: usize,
    capital: bool,
}

impl Token {
    fn is_number(&self) -> bool {
        self.digits > 0 && self.letters == 0
    }

    fn is_word(&self) -> bool {
        self.digits == 0
    }

    /// A number of a house: up to five digits, with a letter or two.
    fn is_house_number(&self) -> bool {
        (1..=5).contains(&self.digits) && self.letters <= 3 && self.folded.starts_with(|letter: char| letter.is_ascii_digit())
    }

    /// A letter or a Roman number, in capitals.
    fn is_short(&self) -> bool {
        self.is_word()
            && self.capital
            && self.folded.chars().count() <= 3
            && (self.letters == 1 || self.folded.chars().all(|letter| "ivx".contains(letter)))
    }
}

/// The words of addresses of all languages.
struct AddressWords {
    before: HashSet<&'static str>,
    after: HashSet<&'static str>,
    endings: Vec<&'static str>,
    units: HashSet<&'static str>,
    introductions: Vec<&'static str>,
    shops: HashSet<&'static str>,
}

static WORDS: LazyLock<AddressWords> = LazyLock::new(|| {
    let all = |table: fn(&Addresses) -> &Words| personal_words().iter().flat_map(move |words| table(words.addresses).iter());
    let mut endings: Vec<&str> = all(|addresses| &addresses.endings).collect();
    endings.sort_by_key(|ending| std::cmp::Reverse(ending.len()));
    AddressWords {
        before: all(|addresses| &addresses.types_before).collect(),
        after: all(|addresses| &addresses.types_after).collect(),
        endings,
        units: all(|addresses| &addresses.units).collect(),
        introductions: all(|addresses| &addresses.introductions).collect(),
        shops: all(|addresses| &addresses.shops).collect(),
    }
});

impl AddressWords {
    fn is_type(&self, folded: &str) -> bool {
        self.before.contains(folded) || self.after.contains(folded)
    }

    /// A street's name without the kind of street that ends it: `goethe` of `goethestr`.
    fn stem<'a>(&self, folded: &'a str) -> Option<&'a str> {
        let stem = |ending: &&str| folded.strip_suffix(*ending).filter(|stem| stem.chars().count() >= MIN_STEM);
        self.endings.iter().find_map(stem).map(|stem| stem.trim_end_matches('-'))
    }
}

/// The words and numbers that an address may be made of, from a place on.
fn tokens(text: &str, at: usize) -> Vec<Token> {
    let mut end = text.len().min(at + MAX_ADDRESS);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut tokens: Vec<Token> = Vec::new();
    let mut place = at;
    while tokens.len() < MAX_TOKENS {
        let Some(apart) = text[place..end].find(char::is_alphanumeric) else { break };
        let start = place + apart;
        let between = &text[place..start];
        if !tokens.is_empty()
            && (between.len() > MAX_APART
                || between.contains(['!', '?', ';', '\t', '|', '=', '+', '@', '#', '€', '$', '£'])
                || between.matches('\n').count() > 1)
        {
            break;
        }
        let length = text[start..].find(|letter: char| !letter.is_alphanumeric()).unwrap_or(text.len() - start);
        let word = &text[start..start + length];
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        tokens.push(Token {
            start,
            end: start + length,
            folded: fold(word),
            digits,
            letters: word.chars().count() - digits,
            capital: word.starts_with(char::is_uppercase),
        });
        place = start + length;
        if place >= end {
            break;
        }
    }
    tokens
}

/// What stands before a token.
fn gap<'a>(text: &'a str, tokens: &[Token], place: usize) -> &'a str {
    if place == 0 || place >= tokens.len() { "" } else { &text[tokens[place - 1].end..tokens[place].start] }
}
