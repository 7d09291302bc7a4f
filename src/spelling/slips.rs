//! Slips of the hand, one in a word.

use crate::spelling::language_data::LanguageData;

/// What a hand may have done to the word that was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlipKind {
    /// Two neighbours have changed places.
    Swapped,
    /// A letter stands twice.
    Doubled,
    /// A letter that stands twice stands once.
    Undoubled,
    /// A letter came along, from a key beside one of its neighbours.
    Extra,
    /// A letter is missing.
    Missing,
    /// A letter is another, whose key is beside its own.
    Other,
}

/// A word that one slip turns into the one that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    pub meant: Vec<char>,
    pub kind: SlipKind,
    /// The last letter of the meant word that the slip touched.
    pub at: usize,
}

/// Every word that one slip turns into this one. The first letter is rarely wrong, and one ending is as likely as another: neither is made
/// another letter.
pub fn slips(typed: &[char], data: &LanguageData) -> Vec<Slip> {
    let mut slips = Vec::new();
    let mut add = |meant: Vec<char>, kind: SlipKind, at: usize| {
        if meant != typed && !slips.iter().any(|slip: &Slip| slip.meant == meant) {
            slips.push(Slip { meant, kind, at });
        }
    };
    let last = typed.len().saturating_sub(1);
    for at in 0..last {
        let mut swapped = typed.to_vec();
        swapped.swap(at, at + 1);
        add(swapped, SlipKind::Swapped, at + 1);
    }
    for at in 1..typed.len() {
        let mut fewer = typed.to_vec();
        let letter = fewer.remove(at);
        let is_beside = |neighbour: Option<&char>| neighbour.is_some_and(|neighbour| data.are_neighbours(*neighbour, letter));
        if typed[at - 1] == letter {
            add(fewer, SlipKind::Doubled, at - 1);
        } else if is_beside(typed.get(at - 1)) || is_beside(typed.get(at + 1)) {
            add(fewer, SlipKind::Extra, at.min(last.saturating_sub(1)));
        }
    }
    for at in 1..typed.len() {
        let mut more = typed.to_vec();
        more.insert(at, typed[at - 1]);
        add(more, SlipKind::Undoubled, at);
        for letter in data.alphabet.iter().filter(|letter| **letter != typed[at - 1] && **letter != typed[at]) {
            let mut more = typed.to_vec();
            more.insert(at, *letter);
            add(more, SlipKind::Missing, at);
        }
    }
    for at in 1..last {
        for letter in data.alphabet.iter().filter(|letter| data.are_neighbours(typed[at], **letter)) {
            let mut other = typed.to_vec();
            other[at] = *letter;
            add(other, SlipKind::Other, at);
        }
    }
    slips
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelling::language_data::language_data;

    fn kind(typed: &str, meant: &str) -> Option<SlipKind> {
        let (typed, meant): (Vec<char>, Vec<char>) = (typed.chars().collect(), meant.chars().collect());
        slips(&typed, language_data("en").unwrap()).into_iter().find(|slip| slip.meant == meant).map(|slip| slip.kind)
    }

    #[test]
    fn each_slip_is_known() {
        for (typed, meant, slip) in [
            ("confrim", "confirm", SlipKind::Swapped),
            ("warrannty", "warranty", SlipKind::Doubled),
            ("mesage", "message", SlipKind::Undoubled),
            ("rerfund", "refund", SlipKind::Extra),
            ("delivry", "delivery", SlipKind::Missing),
            ("plamted", "planted", SlipKind::Other),
        ] {
            assert_eq!(kind(typed, meant), Some(slip), "{typed}");
        }
        for (typed, meant) in [("fefund", "refund"), ("refunf", "refund"), ("repund", "refund"), ("rfnd", "refund"), ("refund", "refund")] {
            assert_eq!(kind(typed, meant), None, "{typed}");
        }
    }

    #[test]
    fn a_slip_has_its_place_and_no_word_comes_twice() {
        let typed: Vec<char> = "garnati".chars().collect();
        let slips = slips(&typed, language_data("tr").unwrap());
        let swapped = slips.iter().find(|slip| slip.meant.iter().collect::<String>() == "garanti").unwrap();
        assert_eq!((swapped.kind, swapped.at), (SlipKind::Swapped, 4));
        let mut words: Vec<&Vec<char>> = slips.iter().map(|slip| &slip.meant).collect();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), slips.len());
    }
}
