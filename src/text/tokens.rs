//! How many tokens a text will cost.

/// Estimates the tokens of `text` without a tokenizer: characters over a factor per script, which was measured against o200k
/// and errs on the safe side (Latin ASCII 3.5 characters a token, other Latin 2.8, Cyrillic, Greek, Arabic and Hebrew 2.2, CJK and
/// Thai 1.2).
pub fn estimate_tokens(text: &str) -> usize {
    let mut tokens = 0.0;
    // One letter with a diacritic makes its whole text of that kind: it is the language that costs more.
    let latin = if text.chars().any(|letter| matches!(letter, '\u{80}'..='\u{24f}')) { 2.8 } else { 3.5 };
    for letter in text.chars() {
        tokens += 1.0
            / match letter {
                '\0'..='\u{24f}' => latin,
                '\u{370}'..='\u{6ff}' => 2.2,
                _ => 1.2,
            };
    }
    f64::ceil(tokens) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_cost_what_they_cost() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens(&"a".repeat(35)), 10);
        assert!(estimate_tokens("Siparişiniz kargoda") > estimate_tokens("Siparisiniz kargoda"));
        assert!(estimate_tokens("你好世界") >= 3);
    }
}
