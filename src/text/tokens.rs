//! Token estimates.

/// Estimates the tokens of `text` without a tokenizer: characters over a factor per script, which was measured against o200k
/// and errs on the safe side (Latin ASCII 3.5 characters a token, other Latin 2.8, Cyrillic, Greek, Arabic and Hebrew 2.2, CJK and
/// Thai 1.2).
pub fn estimate_tokens(text: &str) -> usize {
    let (mut latin, mut accented, mut middle, mut dense) = (0_usize, false, 0_usize, 0_usize);
    for letter in text.chars() {
        match letter {
            '\0'..='\u{24f}' => {
                latin += 1;
                // One letter with a diacritic makes its whole text of that kind: it is the language that costs more.
                accented |= !letter.is_ascii();
            }
            '\u{370}'..='\u{6ff}' => middle += 1,
            _ => dense += 1,
        }
    }
    let latin = latin as f64 / if accented { 2.8 } else { 3.5 };
    (latin + middle as f64 / 2.2 + dense as f64 / 1.2).ceil() as usize
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
