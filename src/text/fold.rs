//! Folding: normalizes case and accents for comparison.

use unicode_normalization::UnicodeNormalization;

/// Drops case and accents: `İSTANBUL`, `istanbul` and `Istanbul` become one, as do `Größe` and `grosse`.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    // Most text is ASCII, which has no accents; marks are never put in order across it.
    while !rest.is_empty() {
        let (plain, others) = rest.split_at(rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len()));
        let from = folded.len();
        folded.push_str(plain);
        folded[from..].make_ascii_lowercase();
        let (others, after) = others.split_at(others.bytes().position(|byte| byte.is_ascii()).unwrap_or(others.len()));
        fold_others(others, &mut folded);
        rest = after;
    }
    folded
}

fn fold_others(text: &str, folded: &mut String) {
    for letter in text.nfd().filter(|letter| !is_accent(*letter)).flat_map(char::to_lowercase) {
        match letter {
            'ı' => folded.push('i'),
            'ß' => folded.push_str("ss"),
            'ø' => folded.push('o'),
            'đ' => folded.push('d'),
            'ł' => folded.push('l'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            '\u{307}' => {}
            _ => folded.push(letter),
        }
    }
}

/// Diacritics that people omit: on Latin, Greek and Cyrillic letters, and the vowels of Arabic and Hebrew. In other scripts such marks are
/// letters like others.
fn is_accent(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_text_is_folded_as_a_whole(text in "(\\PC|[a-zA-Z ]|\u{301}|\u{323}|\u{94d}|İ|ß){0,30}") {
            let mut whole = String::new();
            fold_others(&text, &mut whole);
            proptest::prop_assert_eq!(fold(&text), whole);
        }
    }
}
