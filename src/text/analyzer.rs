//! Text analysis: tokenizing, folding, stemming.
//!
//! A word has up to three keys at one position: folded (no accents, no case), the folded stem, and the stem of the folded word. So text
//! typed without accents matches text written with them, and one form of a word another. Words that people also write as one (`e-mail`,
//! `KE-901377`, `5 kg`, `8,349.90`) have the joined word as a key besides. Scripts without spaces between words (Chinese, Japanese, Thai
//! and their neighbours) are segmented by dictionary. The same code serves documents, queries and the archive.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;

use crate::text::{
    fold::fold,
    joined::{self, Run},
    korean,
    segment::{digit, is_apostrophe, is_digit, is_unseen, is_unspaced, word_indices},
};

/// Longest word; longer ones are cut: nobody types them, and a key is bounded.
const MAX_CHARACTERS: usize = 64;
/// Letters of a character n-gram.
const GRAM: usize = 4;
/// Shortest word with grams: a shorter one would be its own gram.
const MIN_GRAMMED: usize = 4;
/// Marks a word's start and end in its grams.
const EDGE: char = '_';

/// Words whose forms a thread caches, about 4 MB of them.
const MAX_KEPT: usize = 16_384;
/// Longest word that is cached.
const MAX_KEPT_BYTES: usize = 48;

thread_local! {
    /// Few words make up most of any text, and stemming takes a hundred times as long as a cache lookup.
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its start in the text, in bytes.
    pub start: usize,
    /// Its end.
    pub end: usize,
    forms: Arc<Forms>,
    joined: Box<[String]>,
}

/// The forms of a word that it is indexed by.
#[derive(Debug, PartialEq, Eq)]
struct Forms {
    keys: Vec<String>,
    accented: Option<String>,
    signature: u64,
}

type FormsByWord = HashMap<Box<str>, Arc<Forms>>;

/// Forms by language and written word.
#[derive(Default)]
struct Kept {
    languages: Vec<(String, FormsByWord)>,
    words: usize,
}

impl Word {
    /// Its keys, without repeats; the first is the folded word itself.
    pub fn keys(&self) -> &[String] {
        &self.forms.keys
    }

    /// The word without accents and case.
    pub fn folded(&self) -> &str {
        &self.forms.keys[0]
    }

    /// The word in lower case with its accents, if it has any that folding drops.
    pub fn accented(&self) -> Option<&str> {
        self.forms.accented.as_deref()
    }

    /// The folded words that it makes together with the words beside it, as people may write them: `email` for both words of `e-mail`.
    pub fn joined(&self) -> &[String] {
        &self.joined
    }

    /// A bit for each of its keys, as in a Bloom filter: words whose signatures share none have no key in common.
    pub fn signature(&self) -> u64 {
        self.forms.signature
    }

    /// Returns whether this word and `other` are forms of one word.
    pub fn meets(&self, other: &Word) -> bool {
        self.keys().iter().any(|key| other.keys().contains(key))
    }
}

/// The bit of a key.
pub fn signature(key: &str) -> u64 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    1 << (hash >> 58)
}

/// A filter by prefix: a bit for each pair of first letters, of which there are 32 each.
#[derive(Debug, Clone, Default)]
pub struct Beginnings([u64; 16]);

impl Beginnings {
    /// Accepts words that begin like a folded word or key. No stemmer changes the first two letters, except `y`, which may become `i`
    /// (`dying`, `die`).
    pub fn add(&mut self, key: &str) {
        let letters = |letter: u8| if matches!(letter, b'i' | b'y') { vec![b'i', b'y'] } else { vec![letter] };
        match key.as_bytes() {
            [one, other, ..] if one.is_ascii() && other.is_ascii() => {
                for (one, other) in letters(*one).into_iter().flat_map(|one| letters(*other).into_iter().map(move |other| (one, other))) {
                    self.set(one, other);
                }
            }
            // Prefixes of one letter, and words that fold to other scripts, may continue in any way.
            _ => self.0 = [u64::MAX; 16],
        }
    }

    fn set(&mut self, one: u8, other: u8) {
        let bit = usize::from(one & 31) * 32 + usize::from(other & 31);
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    /// Returns whether a written word passes the filter. Letters beyond ASCII may fold to anything.
    fn allow(&self, word: &str) -> bool {
        match word.as_bytes() {
            // The number of a code is looked for by itself.
            [.., last] if last.is_ascii_digit() => true,
            // A sign inside a word, such as an apostrophe, is no part of its key.
            [one, other, ..] if one.is_ascii_alphanumeric() && other.is_ascii_alphanumeric() => {
                let bit = usize::from(one & 31) * 32 + usize::from(other & 31);
                self.0[bit / 64] & (1 << (bit % 64)) != 0
            }
            _ => true,
        }
    }
}

/// Splits `text` into words, with keys by the rules of the language whose primary subtag is `language`.
pub fn words(text: &str, language: &str) -> Vec<Word> {
    words_that(text, language, None)
}

/// Returns the words of `text` that pass the filter. Skipping the others costs next to nothing.
pub fn words_beginning(text: &str, language: &str, beginnings: &Beginnings) -> Vec<Word> {
    words_that(text, language, Some(beginnings))
}

fn words_that(text: &str, language: &str, beginnings: Option<&Beginnings>) -> Vec<Word> {
    KEPT.with_borrow_mut(|kept| {
        let mut found: Vec<Word> = Vec::with_capacity(if beginnings.is_some() { 0 } else { text.len() / 6 });
        let mut run = Run::default();
        let mut forms_of = |word: &str| kept.forms(word, language);
        let allows = |word: &str| beginnings.is_none_or(|beginnings| beginnings.allow(word));
        let mut each = |start: usize, word: &str| {
            let end = start + word.len();
            if !run.goes_on(text, start, end) {
                close(&mut run, text, &mut forms_of, allows, &mut found);
            }
            run.push(start, end);
        };
        word_indices(text, |start, word| match elision(word, language) {
            Some(end) => {
                each(start, &word[..end]);
                let rest = word[end..].trim_start_matches(is_apostrophe);
                each(start + word.len() - rest.len(), rest);
            }
            None => each(start, word),
        });
        close(&mut run, text, &mut forms_of, allows, &mut found);
        found
    })
}

/// Adds the words of a run, and empties it. Its first word decides whether all of them pass the filter: a joined word begins like it.
fn close(run: &mut Run, text: &str, mut forms_of: impl FnMut(&str) -> Arc<Forms>, allows: impl Fn(&str) -> bool, found: &mut Vec<Word>) {
    let whole = run.words.iter().any(|(start, end)| allows(&text[*start..*end]));
    let first = found.len();
    for (start, end) in run.words.drain(..) {
        if !whole {
            continue;
        }
        let forms = forms_of(&text[start..end]);
        if !forms.keys.is_empty() {
            found.push(Word { start, end, forms, joined: Box::default() });
        }
    }
    // Most words are alone, and are none of a code.
    if found.len() > first + 1 || found[first..].iter().any(|word| word.folded().ends_with(is_digit)) {
        let folded: Vec<&str> = found[first..].iter().map(Word::folded).collect();
        let joined = joined::joined(&folded);
        for (word, joined) in found[first..].iter_mut().zip(joined) {
            word.joined = joined.into_boxed_slice();
        }
    }
}

impl Kept {
    fn forms(&mut self, word: &str, language: &str) -> Arc<Forms> {
        if word.len() > MAX_KEPT_BYTES {
            return Arc::new(Forms::of(word, language));
        }
        if self.words == MAX_KEPT {
            *self = Kept::default();
        }
        let place = match self.languages.iter().position(|(known, _)| known == language) {
            Some(place) => place,
            None => {
                self.languages.push((language.to_owned(), HashMap::new()));
                self.languages.len() - 1
            }
        };
        let known = &mut self.languages[place].1;
        if let Some(forms) = known.get(word) {
            return Arc::clone(forms);
        }
        let forms = Arc::new(Forms::of(word, language));
        known.insert(word.into(), Arc::clone(&forms));
        self.words += 1;
        forms
    }
}

impl Forms {
    fn of(word: &str, language: &str) -> Forms {
        let core = without_suffix(word, language);
        let lower = lower(core, language);
        let folded = fold(&lower);
        if folded.is_empty() {
            return Forms { keys: Vec::new(), accented: None, signature: 0 };
        }
        let mut keys = vec![folded];
        // Codes and numbers have no forms.
        if !core.contains(is_digit) {
            let stems = match stemmer(language) {
                Some(stemmer) => vec![fold(&stemmer.stem(&lower)), fold(&stemmer.stem(&keys[0]))],
                None if language == "ko" => vec![fold(korean::stem(&lower))],
                None => Vec::new(),
            };
            for key in stems {
                if !key.is_empty() && !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        let signature = keys.iter().fold(0, |bits, key| bits | signature(key));
        Forms { accented: (lower != keys[0]).then_some(lower), keys, signature }
    }
}

/// Returns the character 4-grams of a word, its ends marked: what its other forms, its compounds and its misspellings share with it. None
/// for short words, numbers and codes, which have no forms.
pub fn grams(folded: &str) -> Vec<String> {
    let letters: Vec<char> = std::iter::once(EDGE).chain(folded.chars()).chain([EDGE]).collect();
    if letters.len() < MIN_GRAMMED + 2 || letters.iter().any(char::is_ascii_digit) {
        return Vec::new();
    }
    letters.windows(GRAM).map(|gram| gram.iter().collect()).collect()
}

/// Returns the letter pairs that begin in each word of a script without spaces, including the letter after the word: these match where the
/// dictionary segmented two texts differently.
pub fn letter_pairs(text: &str, word: &Word) -> Vec<String> {
    if !text[word.start..word.end].starts_with(is_unspaced) {
        return Vec::new();
    }
    let mut letters: Vec<char> = text[word.start..word.end].chars().collect();
    letters.extend(text[word.end..].chars().next().filter(|next| is_unspaced(*next)));
    letters.windows(2).map(|pair| pair.iter().collect()).collect()
}

/// Returns the first two letters of a folded word or key; `y` counts as `i`, the one change that a stemmer makes so early (`dying`, `die`).
pub fn beginning(folded: &str) -> String {
    folded.chars().take(2).map(|letter| if letter == 'y' { 'i' } else { letter }).collect()
}

/// Brings a word to lower case and to one way of writing: half and full width, digits of any script, nothing that is not seen.
fn lower(word: &str, language: &str) -> String {
    let composed = word.nfkc().filter(|letter| !is_unseen(*letter) && !is_apostrophe(*letter) && *letter != TATWEEL);
    let composed = composed.map(|letter| digit(letter).unwrap_or(letter)).take(MAX_CHARACTERS);
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

/// Stretches an Arabic word, without a meaning.
const TATWEEL: char = '\u{640}';
/// Letters from which on an apostrophe stands before a Turkish ending: before it is a name. After fewer it is in a name (`L'Oréal`).
const MIN_NAME: usize = 2;

/// Strips suffixes after an apostrophe: Turkish case endings (`Shopify'ın`), the English possessive (`shop's`).
fn without_suffix<'a>(word: &'a str, language: &str) -> &'a str {
    if !matches!(language, "tr" | "az" | "en") {
        return word;
    }
    for (at, apostrophe) in word.char_indices().filter(|(_, letter)| is_apostrophe(*letter)) {
        let after = &word[at + apostrophe.len_utf8()..];
        let ends = match language {
            "en" => after.eq_ignore_ascii_case("s"),
            _ => word[..at].chars().count() >= MIN_NAME || word[..at].contains(is_digit),
        };
        if ends && at > 0 {
            return &word[..at];
        }
    }
    word
}

/// Words that lose their vowel before another and are written together with it.
const ELIDED: &[(&str, &[&str])] = &[
    ("ca", &["l", "d", "m", "t", "s", "n"]),
    ("fr", &["l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu"]),
    ("it", &["l", "un", "d", "c", "m", "t", "s", "v", "n", "dell", "nell", "all", "sull", "dall", "coll", "quest", "quell", "gl", "anch"]),
];

/// Returns the end of an elided word before the word that it is written together with: `l’adresse`.
fn elision(word: &str, language: &str) -> Option<usize> {
    let end = word.find(is_apostrophe)?;
    let (_, elided) = ELIDED.iter().find(|(of, _)| *of == language)?;
    elided.contains(&word[..end].to_lowercase().as_str()).then_some(end)
}

fn stemmer(language: &str) -> Option<Stemmer> {
    let algorithm = match language {
        "ar" => Algorithm::Arabic,
        "ca" => Algorithm::Catalan,
        "cs" => Algorithm::Czech,
        "da" => Algorithm::Danish,
        "de" => Algorithm::German,
        "el" => Algorithm::Greek,
        "en" => Algorithm::English,
        "es" => Algorithm::Spanish,
        "et" => Algorithm::Estonian,
        "eu" => Algorithm::Basque,
        "fa" => Algorithm::Persian,
        "fi" => Algorithm::Finnish,
        "fr" => Algorithm::French,
        "ga" => Algorithm::Irish,
        "hi" => Algorithm::Hindi,
        "hu" => Algorithm::Hungarian,
        "hy" => Algorithm::Armenian,
        "id" => Algorithm::Indonesian,
        "it" => Algorithm::Italian,
        "lt" => Algorithm::Lithuanian,
        "nb" | "nn" | "no" => Algorithm::Norwegian,
        "ne" => Algorithm::Nepali,
        "nl" => Algorithm::Dutch,
        "pl" => Algorithm::Polish,
        "pt" => Algorithm::Portuguese,
        "ro" => Algorithm::Romanian,
        "ru" => Algorithm::Russian,
        "sr" => Algorithm::Serbian,
        "sv" => Algorithm::Swedish,
        "ta" => Algorithm::Tamil,
        "tr" => Algorithm::Turkish,
        "uk" => Algorithm::Ukrainian,
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
        assert_eq!(words(decomposed, "tr")[0].keys(), words("şehir", "tr")[0].keys());
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
                assert!(word.keys().iter().all(|key| beginning(key) == beginning(word.folded())), "{:?}", word.keys());
                for key in word.keys() {
                    let mut beginnings = Beginnings::default();
                    beginnings.add(key);
                    assert!(words_beginning(text, language, &beginnings).contains(&word), "{word:?}");
                }
            }
        }
    }

    fn folded(text: &str, language: &str) -> Vec<String> {
        words(text, language).iter().map(|word| word.folded().to_owned()).collect()
    }

    #[test]
    fn signs_part_words() {
        for (text, expected) in [
            ("Hours:Sundays", vec!["hours", "sundays"]),
            ("parcel_label_2", vec!["parcel", "label", "2"]),
            ("24.Mondays", vec!["24", "mondays"]),
            ("(hello), “world”! a.b@c.de -minus \u{a0}no\u{a0}break", vec!["hello", "world", "a", "b", "c", "de", "minus", "no", "break"]),
            ("naïve Ünlǘ şehir: привет, мир! 5€", vec!["naive", "unlu", "sehir", "привет", "мир", "5"]),
        ] {
            assert_eq!(folded(text, ""), expected, "{text}");
        }
    }

    #[test]
    fn letters_and_numbers_are_joined_or_apart() {
        for (one, other) in [
            ("QX440918", "QX-440918"),
            ("QX440918", "qx 440918"),
            ("QX440918", "440918"),
            ("galaxy24", "Galaxy 24"),
            ("12kg", "12 kg"),
            ("02125556677", "0212 555 66 77"),
            ("02125556677", "(0212) 555-66-77"),
            ("1299,00", "1.299,00"),
            ("1299", "1,299"),
            ("checkin", "check-in"),
            ("eimza", "e-imza"),
            ("rnb", "R’n’B"),
        ] {
            for (typed, written) in [(one, other), (other, one)] {
                // Every word that is typed is found in what is written, by its own keys or by a word that it makes with others.
                let written_words = words(written, "en");
                let has = |key: &String| written_words.iter().any(|word| word.keys().contains(key) || word.joined().contains(key));
                for word in words(typed, "en") {
                    assert!(word.keys().iter().chain(word.joined()).any(has), "{typed} in {written}: {word:?}");
                }
            }
        }
        assert!(words("1,299.00", "en")[0].joined().contains(&"1299".to_owned()), "without its decimals");
        assert_eq!(folded("a1b2c3d4 5kg mp3 A4 3D", ""), ["a1b2c3d4", "5kg", "mp3", "a4", "3d"], "codes and short words stay whole");
        assert!(words("gift card", "en").iter().all(|word| word.joined().is_empty()), "words apart are two words");
    }

    #[test]
    fn an_apostrophe_is_no_letter() {
        for (one, other, language) in [
            ("don't", "Don’t", "en"),
            ("wont", "won't", "en"),
            ("l’échange", "echange", "fr"),
            ("jusqu'au", "au", "fr"),
            ("dell'ordine", "ordine", "it"),
            ("D'Artagnan", "dartagnan", "tr"),
            ("O’Brien'ın", "obrien", "tr"),
            ("Migros'tan", "migros", "tr"),
            ("м'яч", "м’яч", "uk"),
        ] {
            let (one_words, other_words) = (words(one, language), words(other, language));
            assert!(one_words.iter().any(|word| word.meets(&other_words[0])), "{one} / {other}");
        }
        assert_eq!(folded("aujourd’hui", "fr"), ["aujourdhui"]);
    }

    #[test]
    fn what_is_not_seen_and_how_wide_it_is_makes_no_other_word() {
        for (one, other, language) in [
            ("Ver\u{ad}sand\u{ad}kos\u{ad}ten", "Versandkosten", "de"),
            ("pay\u{200b}ment", "payment", "en"),
            ("ＣＡＲＤ", "card", "en"),
            ("ﾎﾟｲﾝﾄ", "ポイント", "ja"),
            ("४५", "45", "hi"),
            ("٧٨", "78", "ar"),
            ("ﬁt", "fit", "en"),
        ] {
            assert_eq!(folded(one, language), folded(other, language), "{one} / {other}");
        }
        assert_eq!(folded("one\u{2028}two", "en"), ["one", "two"]);
    }

    #[test]
    fn signs_that_make_another_name_stay() {
        assert_eq!(folded("C, C# and C++.", "en"), ["c", "c#", "and", "c++"]);
        assert_eq!(folded("x+y 18+ Canal+ item#4 #1", "en"), ["x", "y", "18", "canal", "item", "4", "1"]);
    }

    #[test]
    fn korean_endings_fall_off() {
        for (one, other) in [("교환해주세요", "교환"), ("배송은", "배송"), ("결제하려면", "결제"), ("쿠폰을", "쿠폰")]
        {
            assert!(meet(one, other, "ko"), "{one} / {other}");
        }
    }

    #[test]
    fn what_is_kept_is_what_would_be_found() {
        for _ in 0..2 {
            assert_eq!(words("ISI", "tr")[0].folded(), "isi");
            assert_eq!(words("returned", "en")[0].keys(), ["returned", "return"]);
            assert_eq!(words("returned", "")[0].keys(), ["returned"]);
        }
    }

    #[test]
    fn long_words_are_bounded() {
        let found = words(&"x".repeat(2000), "en");
        let keys = found[0].keys();
        assert!(keys.iter().all(|key| key.len() <= MAX_CHARACTERS));
    }
}
