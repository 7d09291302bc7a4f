//! Words and the keys they are found by.
//!
//! A word has up to three keys at one position: folded (no accents, no case), the folded stem, and the stem of the folded word. Text
//! typed without accents so meets text written with them, and one form of a word another. The same code serves documents,
//! queries and the archive.

use frostem::{Algorithm, Stemmer};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

/// Longer words are cut: nobody types them, and a key has a bound.
const MOST_CHARACTERS: usize = 64;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Where it stands in the text, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it is found by, without repeats; the first is the folded word itself.
    pub keys: Vec<String>,
}

impl Word {
    /// The word without accents and case.
    pub fn folded(&self) -> &str {
        &self.keys[0]
    }

    /// Whether this word and `other` are forms of one word.
    pub fn meets(&self, other: &Word) -> bool {
        self.keys.iter().any(|key| other.keys.contains(key))
    }
}

/// Splits `text` into words, with keys by the rules of the language whose primary subtag is `language`.
pub fn words(text: &str, language: &str) -> Vec<Word> {
    words_that(text, language, |_| true)
}

/// The words of `text` whose beginning passes: their first two folded letters (one, if they have no more). No stemmer changes these, so
/// what is looked for can be sorted out before the costly part.
pub fn words_that(text: &str, language: &str, passes: impl Fn(&str) -> bool) -> Vec<Word> {
    let stemmer = stemmer(language);
    let mut found: Vec<Word> = Vec::new();
    for (start, word) in text.unicode_word_indices() {
        // A number keeps its suffix apart (`204815'i`): it belongs to the number and has no meaning of its own.
        if matches!(language, "tr" | "az")
            && let Some(number) = found.last_mut()
            && text.get(number.end..start).is_some_and(|between| between.chars().count() == 1 && between.chars().all(is_apostrophe))
        {
            number.end = start + word.len();
            continue;
        }
        let core = without_suffix(word, language);
        let first_letters = core.char_indices().nth(4).map_or(core, |(end, _)| &core[..end]);
        if !passes(&beginning(&fold(&lower(first_letters, language)))) {
            continue;
        }
        let lower = lower(core, language);
        let folded = fold(&lower);
        if folded.is_empty() {
            continue;
        }
        let mut keys = vec![folded];
        // Codes and numbers have no forms.
        if let Some(stemmer) = stemmer.as_ref().filter(|_| !core.bytes().any(|byte| byte.is_ascii_digit())) {
            for key in [fold(&stemmer.stem(&lower)), fold(&stemmer.stem(&keys[0]))] {
                if !key.is_empty() && !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        found.push(Word { start, end: start + word.len(), keys });
    }
    found
}

/// The first two letters of a folded word or key; `y` counts as `i`, the one exchange that a stemmer makes so early (`dying`, `die`).
pub fn beginning(folded: &str) -> String {
    folded.chars().take(2).map(|letter| if letter == 'y' { 'i' } else { letter }).collect()
}

/// Drops case and accents: `İSTANBUL`, `istanbul` and `Istanbul` become one, as do `Größe` and `grosse`.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase) {
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
    folded
}

fn lower(word: &str, language: &str) -> String {
    let composed = word.nfc().take(MOST_CHARACTERS);
    if matches!(language, "tr" | "az") {
        composed
            .flat_map(|letter| match letter {
                'I' => 'ı'.to_lowercase(),
                'İ' => 'i'.to_lowercase(),
                _ => letter.to_lowercase(),
            })
            .collect()
    } else {
        composed.flat_map(char::to_lowercase).filter(|letter| *letter != '\u{307}').collect()
    }
}

/// Cuts what an apostrophe adds: Turkish case endings (`Shopify'ın`), the English possessive (`shop's`).
fn without_suffix<'a>(word: &'a str, language: &str) -> &'a str {
    match (language, word.find(is_apostrophe)) {
        ("tr" | "az", Some(end)) if end > 0 => &word[..end],
        ("en", Some(end)) if end > 0 && word[end..].trim_start_matches(is_apostrophe).eq_ignore_ascii_case("s") => &word[..end],
        _ => word,
    }
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | 'ʼ' | '`' | '´' | '‘')
}

fn stemmer(language: &str) -> Option<Stemmer> {
    let algorithm = match language {
        "ar" => Algorithm::Arabic,
        "da" => Algorithm::Danish,
        "de" => Algorithm::German,
        "el" => Algorithm::Greek,
        "en" => Algorithm::English,
        "es" => Algorithm::Spanish,
        "fi" => Algorithm::Finnish,
        "fr" => Algorithm::French,
        "hu" => Algorithm::Hungarian,
        "it" => Algorithm::Italian,
        "nl" => Algorithm::Dutch,
        "nb" | "nn" | "no" => Algorithm::Norwegian,
        "pl" => Algorithm::Polish,
        "pt" => Algorithm::Portuguese,
        "ro" => Algorithm::Romanian,
        "ru" => Algorithm::Russian,
        "sv" => Algorithm::Swedish,
        "ta" => Algorithm::Tamil,
        "tr" => Algorithm::Turkish,
        _ => return None,
    };
    Some(Stemmer::new(algorithm))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(one: &str, other: &str, language: &str) -> bool {
        words(one, language)[0].meets(&words(other, language)[0])
    }

    #[test]
    fn each_language_lowers_its_own_way() {
        for (one, other, language) in [
            ("İSTANBUL", "istanbul", "tr"),
            ("IŞIK", "ışık", "tr"),
            ("siparis", "siparişler", "tr"),
            ("Shopify'ın", "shopify", "tr"),
            ("kargolarım", "kargo", "tr"),
            ("SZÁLLÍTÁS", "szallitas", "hu"),
            ("csomagok", "csomag", "hu"),
            ("GRÖSSE", "Größe", "de"),
            ("Rücksendungen", "rucksendung", "de"),
            ("shop's", "shops", "en"),
            ("returning", "returned", "en"),
        ] {
            assert!(meet(one, other, language), "{one} / {other}");
        }
        assert!(!meet("kargo", "iade", "tr"));
    }

    #[test]
    fn decomposed_text_is_the_same_text() {
        let decomposed = "s\u{327}ehir";
        assert_eq!(words(decomposed, "tr")[0].keys, words("şehir", "tr")[0].keys);
        assert_eq!(words(decomposed, "tr")[0].end, decomposed.len());
    }

    #[test]
    fn words_know_where_they_stand() {
        let text = "Sipariş — KE-204815’i bekliyorum!";
        let found: Vec<&str> = words(text, "tr").iter().map(|word| &text[word.start..word.end]).collect();
        assert_eq!(found, ["Sipariş", "KE", "204815’i", "bekliyorum"]);
    }

    #[test]
    fn no_stemmer_changes_how_a_word_begins() {
        for (text, language) in [
            ("siparişlerinizden İADE ettiğim ürünün parası ölçüsü ağırlığı çünkü ısı", "tr"),
            ("szállításról árakat üzlet összegek éve őket ígéret visszaküldeni", "hu"),
            ("Größe Übergröße äußerst Rücksendungen zurückgegeben Öl ausprobieren", "de"),
            ("returned goods sizes y yes a an dying generously skis", "en"),
        ] {
            for word in words(text, language) {
                assert!(word.keys.iter().all(|key| beginning(key) == beginning(word.folded())), "{:?}", word.keys);
            }
            assert_eq!(words_that(text, language, |start| start.len() > 9), []);
        }
    }

    #[test]
    fn long_words_are_bounded() {
        let keys = &words(&"x".repeat(2000), "en")[0].keys;
        assert!(keys.iter().all(|key| key.len() <= MOST_CHARACTERS));
    }
}
