//! Which language a text is in, by its script: no model is needed for most that is not in Latin letters.

use std::collections::HashMap;

use icu_properties::{CodePointMapData, props::Script};

use crate::text::language::Language;

/// Languages that a script identifies: the script, and what is written in it, the most spoken first.
const SCRIPTS: [(Script, &[&str]); 20] = [
    (Script::Arabic, &["ar", "fa", "ur", "ps", "ckb"]),
    (Script::Han, &["zh", "ja", "yue"]),
    (Script::Hangul, &["ko"]),
    (Script::Thai, &["th"]),
    (Script::Greek, &["el"]),
    (Script::Hebrew, &["he", "yi"]),
    (Script::Cyrillic, &["ru", "uk", "bg", "be", "mk", "kk", "ky", "mn", "tg"]),
    (Script::Devanagari, &["hi", "mr", "ne"]),
    (Script::Bengali, &["bn", "as"]),
    (Script::Tamil, &["ta"]),
    (Script::Telugu, &["te"]),
    (Script::Gujarati, &["gu"]),
    (Script::Gurmukhi, &["pa"]),
    (Script::Kannada, &["kn"]),
    (Script::Malayalam, &["ml"]),
    (Script::Armenian, &["hy"]),
    (Script::Georgian, &["ka"]),
    (Script::Khmer, &["km"]),
    (Script::Lao, &["lo"]),
    (Script::Myanmar, &["my"]),
];
/// Letters that only some languages of a script have; the first that one is found of decides.
const LETTERS: [(Script, &[(&str, &str)]); 2] = [
    (Script::Arabic, &[("ckb", "ێۆڕڵ"), ("ps", "ټډړښږځڅۍ"), ("ur", "ٹڈڑںےہھ"), ("fa", "پچژگکی"), ("ar", "ةيكىأإؤئ")]),
    (
        Script::Cyrillic,
        &[("be", "ў"), ("kk", "әғқұһ"), ("mn", "өү"), ("uk", "їєґі"), ("mk", "ѓќѕ"), ("sr", "ђћ"), ("sr", "љњџј"), ("ru", "ыэё")],
    ),
];
/// A sign of these says as much as so many letters.
const WEIGHT_OF_A_SIGN: usize = 3;

/// What a text's script says of its language.
pub enum ByScript {
    /// The text is in this language.
    Identified(Language),
    /// It is in Latin letters, or has none.
    Latin,
    /// It is in letters of which nothing is known, or no script is the most.
    Unknown,
}

/// The language of a text that is mostly in another script than Latin: the workspace's own where a script has several.
pub fn by_script(text: &str, expected: &[Language]) -> ByScript {
    let scripts = CodePointMapData::<Script>::new();
    let mut counts: HashMap<Script, usize> = HashMap::new();
    let mut kana = false;
    // Links, addresses and codes are in Latin letters everywhere.
    let plain = text.split_whitespace().filter(|token| !token.contains(['@', '/', '_']) && !token.contains(|c: char| c.is_ascii_digit()));
    for letter in plain.flat_map(str::chars).filter(|letter| letter.is_alphabetic()) {
        let script = scripts.get(letter);
        kana |= matches!(script, Script::Hiragana | Script::Katakana);
        let (script, weight) = match script {
            Script::Han | Script::Hiragana | Script::Katakana => (Script::Han, WEIGHT_OF_A_SIGN),
            Script::Hangul => (script, WEIGHT_OF_A_SIGN),
            _ => (script, 1),
        };
        *counts.entry(script).or_default() += weight;
    }
    let all: usize = counts.values().sum();
    let Some((script, count)) = counts.into_iter().max_by_key(|(_, count)| *count) else { return ByScript::Latin };
    if 2 * count <= all {
        return ByScript::Unknown;
    }
    if script == Script::Latin {
        return ByScript::Latin;
    }
    match language_of(script, kana, text, expected) {
        Some(tag) => identified(tag, expected),
        None => ByScript::Unknown,
    }
}

/// Whether a language is written in another script than Latin, so that its texts are identified by it.
pub fn is_identified_by_script(language: &Language) -> bool {
    SCRIPTS.iter().any(|(_, tags)| tags.contains(&language.primary()))
}

fn language_of(script: Script, kana: bool, text: &str, expected: &[Language]) -> Option<&'static str> {
    if kana {
        return Some("ja");
    }
    let (_, tags) = SCRIPTS.iter().find(|(known, _)| *known == script)?;
    let lower = text.to_lowercase();
    let letters = LETTERS.iter().find(|(known, _)| *known == script).map_or(&[][..], |(_, letters)| letters);
    let by_letters = || letters.iter().find(|(_, letters)| lower.contains(|letter| letters.contains(letter))).map(|(tag, _)| *tag);
    let spoken = || expected.iter().find_map(|language| tags.iter().find(|tag| **tag == language.primary()).copied());
    let bulgarian = || (script == Script::Cyrillic && has_bulgarian_vowel(&lower)).then_some("bg");
    by_letters().or_else(bulgarian).or_else(spoken).or_else(|| tags.first().copied())
}

/// Whether `ъ` stands before a consonant, where it is a vowel, as in Bulgarian alone.
fn has_bulgarian_vowel(lower: &str) -> bool {
    let mut letters = lower.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == 'ъ' && letters.peek().is_some_and(|next| next.is_alphabetic() && !"аеёиоуюяэы".contains(*next)) {
            return true;
        }
    }
    false
}

fn identified(tag: &str, expected: &[Language]) -> ByScript {
    let own = expected.iter().find(|language| language.primary() == tag).cloned();
    own.or_else(|| Language::parse(tag).ok()).map_or(ByScript::Unknown, ByScript::Identified)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected_as(text: &str, expected: &[&str]) -> Option<String> {
        let expected: Vec<Language> = expected.iter().map(|tag| Language::parse(tag).unwrap()).collect();
        match by_script(text, &expected) {
            ByScript::Identified(language) => Some(language.to_string()),
            _ => None,
        }
    }

    #[test]
    fn scripts_identify_their_languages() {
        for (text, tag) in [
            ("أين طلبي؟", "ar"),
            ("شكرا", "ar"),
            ("سفارش من کجاست؟", "fa"),
            ("میرا آرڈر کہاں ہے؟", "ur"),
            ("我的订单在哪里？", "zh"),
            ("注文した商品はどこですか", "ja"),
            ("ありがとう", "ja"),
            ("주문한 상품이 어디에 있나요?", "ko"),
            ("สวัสดีครับ", "th"),
            ("Πού είναι η παραγγελία μου;", "el"),
            ("איפה ההזמנה שלי?", "he"),
            ("где мой заказ", "ru"),
            ("де моє замовлення", "uk"),
            ("къде е поръчката ми", "bg"),
            ("где је моја поруџбина", "sr"),
            ("дзе мой заказ, дзякуй за ўсё", "be"),
            ("मेरा ऑर्डर कहाँ है", "hi"),
            ("我的订单 KE-204815 https://shop.example/order 在哪里", "zh"),
            ("iPhone 在哪里", "zh"),
        ] {
            assert_eq!(detected_as(text, &["en", "tr"]).as_deref(), Some(tag), "{text}");
        }
    }

    #[test]
    fn where_a_script_has_several_the_workspaces_own_is_detected() {
        assert_eq!(detected_as("спасибо", &["en", "uk"]).as_deref(), Some("uk"));
        assert_eq!(detected_as("спасибо", &["en"]).as_deref(), Some("ru"));
        assert_eq!(detected_as("注文番号", &["ja"]).as_deref(), Some("ja"));
        assert_eq!(detected_as("注文番号", &["ja", "zh-Hans"]).as_deref(), Some("ja"));
        assert_eq!(detected_as("你好", &["zh-Hans"]).as_deref(), Some("zh-Hans"));
        assert_eq!(detected_as("سلام", &["fa"]).as_deref(), Some("fa"));
        for text in ["hello", "", "12345", "Ω", "merhaba 你"] {
            assert_ne!(detected_as(text, &["en"]).as_deref(), Some("zh"), "{text}");
        }
        assert_eq!(detected_as("order 12 https://a.example", &["zh"]), None);
    }
}
