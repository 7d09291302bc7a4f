//! Corrections of a text: which words may be wrong, and where they stand.

use std::ops::Range;

use crate::spelling::{
    dictionary::Dictionary,
    language_data::language_data,
    speller::{MIN_LETTERS, ShopWords, Speller, Wrong},
    tokens::{Token, tokens},
};

/// Unknown words of one text that are looked up with changed letters, which takes some milliseconds each.
const MAX_LOOKUPS: usize = 100;
/// Longer words are left alone.
const MAX_LETTERS: usize = 40;

/// The words that are right.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// The language's dictionary.
    pub dictionary: Option<&'a Dictionary>,
    /// The English dictionary, for English words in other languages' texts.
    pub english: Option<&'a Dictionary>,
    /// The shop's own words, which no dictionary has.
    pub shop: ShopWords<'a>,
}

/// Corrects a text in a language, named by its primary subtag. Without its dictionary only English can be corrected.
pub fn correct(text: &str, language: &str, words: Words<'_>) -> String {
    let Some(data) = language_data(language) else { return text.to_owned() };
    let Words { dictionary, english, shop } = words;
    let mut speller = Speller { language, data, dictionary, english: english.filter(|_| language != "en"), shop, lookups: MAX_LOOKUPS };
    let found = tokens(text);
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for (place, token) in found.iter().enumerate() {
        let around = Around::of(text, &found, place);
        let word = &text[token.word.clone()];
        if around.before.is_some_and(|before| before.eq_ignore_ascii_case(word)) && speller.is_never_doubled(word) {
            edits.push((token.word.start - 1..token.word.end, String::new()));
        } else if let Some(right) = speller.correction(word, token, &around) {
            edits.push((token.word.clone(), right));
        }
    }
    let mut corrected = text.to_owned();
    for (range, right) in edits.into_iter().rev() {
        corrected.replace_range(range, &right);
    }
    corrected
}

/// The words beside a word, with nothing but a space between.
struct Around<'a> {
    before: Option<&'a str>,
    after: Option<&'a str>,
}

impl<'a> Around<'a> {
    fn of(text: &'a str, tokens: &[Token], place: usize) -> Around<'a> {
        let word = |other: &Token| &text[other.word.clone()];
        let touch = |one: &Token, other: &Token| other.follows_a_space && one.word.end + 1 == other.word.start;
        let before = place.checked_sub(1).map(|before| &tokens[before]).filter(|before| touch(before, &tokens[place]));
        let after = tokens.get(place + 1).filter(|after| touch(&tokens[place], after));
        Around { before: before.map(word), after: after.map(word) }
    }
}

impl Speller<'_> {
    fn is_never_doubled(&self, word: &str) -> bool {
        self.data.never_doubled.iter().any(|never| never == word)
    }

    /// What a word should be; `None`: it is right, or nothing is likely enough.
    fn correction(&mut self, word: &str, token: &Token, around: &Around<'_>) -> Option<String> {
        if self.language == "en" && matches!(word, "i" | "i'm" | "i'll" | "i've" | "i'd") {
            // `i.` numbers an item.
            return (token.next == Some(' ') || word.len() > 1).then(|| word.replacen('i', "I", 1));
        }
        let lower = self.lower(word);
        let capital = lower != word;
        // A capital marks a name, but at a sentence's beginning and on German nouns. Further ones mark a code or an abbreviation.
        if capital && (!(token.begins_sentence || self.data.nouns_have_capitals) || self.capitalized(&lower) != word) {
            return None;
        }
        let letters = lower.chars().count();
        if !(MIN_LETTERS..=MAX_LETTERS).contains(&letters) || self.is_right(word, &lower) {
            return None;
        }
        let may_be_name = self.may_be_name(capital, token, around);
        let meant = self.meant(&Wrong { lower: &lower, capital, may_be_name })?;
        Some(if capital { self.capitalized(&meant) } else { meant })
    }

    /// Whether a word stands where names do: at a title or a greeting, before another name, before a comma, alone in its line.
    fn may_be_name(&self, capital: bool, token: &Token, around: &Around<'_>) -> bool {
        let is_title = |word: Option<&str>| word.is_some_and(|word| self.data.titles.contains(&self.lower(word)));
        if is_title(around.after) || (capital && is_title(around.before)) {
            return true;
        }
        // In German a capital alone proves nothing.
        let has_capital = |word: &str| self.lower(word) != word && !self.data.is_common_noun(word);
        let is_word = |word: &str| self.dictionary.is_some_and(|dictionary| dictionary.has(&self.lower(word)));
        let is_name = around.after.is_some_and(has_capital) || around.before.is_some_and(|before| has_capital(before) && !is_word(before));
        let before_comma = token.begins_sentence && matches!(token.next, Some(',' | '\'' | '’' | '!'));
        capital && (is_name || before_comma || token.is_alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_table(text: &str) -> String {
        correct(text, "en", Words { dictionary: None, english: None, shop: &|word| word == "teh-shop" || word == "recieve" })
    }

    fn by_dictionary(text: &str, language: &str, words: &str, shop: &dyn Fn(&str) -> bool) -> String {
        let words = format!("{}\n{}\n", words.split(' ').count(), words.replace(' ', "\n"));
        let dictionary = Dictionary::parse("SET UTF-8\n", &words).unwrap();
        correct(text, language, Words { dictionary: Some(&dictionary), english: None, shop })
    }

    #[test]
    fn known_misspellings_of_english_need_no_dictionary() {
        assert_eq!(
            by_table("Thank you for the the patience, i recieved teh parcel. Definately send the adress tommorow; i'm here."),
            "Thank you for the patience, I received the parcel. Definitely send the address tomorrow; I'm here."
        );
    }

    #[test]
    fn names_codes_links_and_right_words_are_left_alone() {
        for right in [
            "Dear Ayse, your colour is grey. Use SAVE10 at https://ketenev.example/en/teh, order KE-204815.",
            "Hello {{customer.first_name}}, we will refund 79.90 TRY to teh@mail.example.",
            "> teh quoted line\n\n- one\n- two\n\nBest,\nMárton",
            "He had had a towel. i. one ii. two",
            "Write to Teh. ⟦NAME_1⟧ recieve_it TEH",
            "The carburettor is unter the hood",
            "We recieve",
        ] {
            assert_eq!(by_table(right), right);
        }
        assert_eq!(correct("siparisiniz", "xx", Words { dictionary: None, english: None, shop: &|_| false }), "siparisiniz");
    }

    #[test]
    fn accents_are_restored_where_one_word_alone_is_meant() {
        let nothing = |_: &str| false;
        let turkish =
            |text: &str| by_dictionary(text, "tr", "siparişiniz yolda kadın kâdın gelişme gelisme alınmış alınmıs açılan acılan", &nothing);
        assert_eq!(turkish("siparisiniz yolda"), "siparişiniz yolda");
        assert_eq!(turkish("Siparisiniz yolda"), "Siparişiniz yolda");
        assert_eq!(turkish("acilan"), "acilan", "`açılan` or `acılan`");
        assert_eq!(turkish("SIPARISINIZ"), "SIPARISINIZ", "an abbreviation, as far as one can tell");
        let used = |word: &str| word == "açılan";
        assert_eq!(by_dictionary("acilan", "tr", "açılan acılan", &used), "açılan", "the shop's own word");
        assert_eq!(by_dictionary("iade dâhil", "tr", "iade dahil", &nothing), "iade dâhil", "a circumflex is written or not");
    }

    #[test]
    fn slips_are_mended_into_words_that_are_expected() {
        let nothing = |_: &str| false;
        assert_eq!(by_dictionary("kagro ve adrsiniz", "tr", "kargo ve adresiniz", &nothing), "kargo ve adresiniz");
        // A rare word that another one is near: the dictionary may lack it.
        assert_eq!(by_dictionary("kefilinizin", "tr", "kefirinizin", &nothing), "kefilinizin");
        // An ending behind a beginning that is right.
        assert_eq!(by_dictionary("siparişlerinizde", "tr", "siparişlerinizle", &nothing), "siparişlerinizde");
        assert_eq!(by_dictionary("Die Lieefrung ist da", "de", "Die Lieferung ist da", &nothing), "Die Lieferung ist da");
    }

    #[test]
    fn what_may_be_a_name_or_a_compound_is_left_alone() {
        let nothing = |_: &str| false;
        let german = |text: &str| by_dictionary(text, "de", "Die Köhler Müller Jörg Frau Kissen Bezug kommt", &nothing);
        for name in ["Frau Kohler kommt", "Die Frau Muller", "Jorg Kohler", "Kohler"] {
            assert_eq!(german(name), name);
        }
        assert_eq!(german("Die Kissenbezug kommt"), "Die Kissenbezug kommt");
        assert_eq!(by_dictionary("keménytáblás könyv", "hu", "kemény táblás kéménytáblás könyv", &nothing), "keménytáblás könyv");
        assert_eq!(by_dictionary("gul hanım", "tr", "gül hanım", &nothing), "gul hanım");
    }

    #[test]
    fn a_long_text_is_corrected_within_bounds() {
        let unknown = "qzxwvkqabcdefgh ".repeat(500);
        let began = std::time::Instant::now();
        let corrected = by_dictionary(&unknown, "hu", "szállítás", &|_| false);
        assert_eq!(corrected, unknown);
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
