//! Text without what tells who somebody is, for where words are kept for their own sake.

/// Digits from which a word is a number of somebody's: an order, a phone, a card.
const DIGITS: usize = 4;
/// What stands where something was left out.
pub const MASK: &str = "⟦…⟧";

/// Replaces e-mail addresses, links, and words with four digits or more.
pub fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let tells = word.contains('@') || word.contains("://") || word.chars().filter(|letter| letter.is_numeric()).count() >= DIGITS;
        masked.push_str(if tells { MASK } else { word });
        masked.push_str(&piece[word.len()..]);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_who_somebody_is_goes_and_words_stay() {
        assert_eq!(masked("where is KE-204815 for ann@example.com  now"), "where is ⟦…⟧ for ⟦…⟧  now");
        assert_eq!(masked("size 42, 30 days"), "size 42, 30 days");
    }
}
