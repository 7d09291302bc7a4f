//! Redacts personal data from texts that are stored for their words.

use crate::facts::{FactKind, facts, known::Known, marks::replaced};

/// Digits from which on a word may identify somebody: an order, a phone, a card.
const DIGITS: usize = 4;
/// Replacement of redacted text.
pub const MASK: &str = "⟦…⟧";

/// Replaces personal data, e-mail addresses, links, and words with four digits or more, also where a number is written in groups.
pub fn masked(text: &str) -> String {
    let text = &replaced(text, &facts(text, &Known::default(), FactKind::is_personal), |_| MASK.to_owned());
    let mut masked = String::with_capacity(text.len());
    let digits = |word: &str| word.chars().filter(|letter| letter.is_numeric()).count();
    let is_group = |word: &str| digits(word) > 0 && word.chars().all(|letter| letter.is_numeric() || "+-()./".contains(letter));
    let pieces: Vec<&str> = text.split_inclusive(char::is_whitespace).collect();
    let mut grouped = 0;
    for (place, piece) in pieces.iter().enumerate() {
        let word = piece.trim_end();
        if place >= grouped && is_group(word) {
            let groups = pieces[place..].iter().take_while(|piece| is_group(piece.trim_end()));
            let (count, all) = groups.fold((0, 0), |(count, all), piece| (count + 1, all + digits(piece)));
            grouped = if all >= DIGITS { place + count } else { place };
        }
        let identifies = place < grouped || word.contains('@') || word.contains("://") || digits(word) >= DIGITS;
        masked.push_str(if identifies { MASK } else { word });
        masked.push_str(&piece[word.len()..]);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_identifies_somebody_is_masked_and_words_stay() {
        assert_eq!(masked("where is KE-204815 for ann@example.com  now"), "where is ⟦…⟧ for ⟦…⟧  now");
        assert_eq!(masked("size 42, 30 days"), "size 42, 30 days");
        assert_eq!(masked("call +90 532 123 45 67 today"), "call ⟦…⟧ today");
    }
}
