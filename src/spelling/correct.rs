//! Corrections: which word is wrong, and which one alone can be meant. A right word that is made another is worse than a slip that stays:
//! whatever is in doubt is left.

use std::ops::Range;

use crate::spelling::{
    accents::accented,
    dictionary::Dictionary,
    language_data::{LanguageData, is_common_elsewhere, language_data},
    misspellings::{differ_by_country, is_variant, misspelling},
    slips::{SlipKind, slips},
    tokens::{Token, tokens},
};

/// Unknown words of one text that are looked up with changed letters, which takes some milliseconds each.
const MAX_LOOKUPS: usize = 100;
/// Shorter and longer words are left alone.
const MIN_LETTERS: usize = 3;
const MAX_LETTERS: usize = 40;
/// Shorter words are one slip away from too many others; from words that nobody expects, longer ones are too.
const MIN_SLIP_LETTERS: usize = 5;
const MIN_RARE_LETTERS: usize = 7;
/// The shortest beginning that tells a word that help desks use.
const MIN_BEGINNING: usize = 5;
/// The shortest part of a compound, and of one that nobody expects.
const MIN_PART: usize = 3;
const MIN_RARE_PART: usize = 2;
/// A word that nobody expects gets no accents if it is shorter.
const MIN_RARE_READING: usize = 6;
/// From so many letters on, an expected word is meant although the slip may have been another.
const MIN_SURE_LETTERS: usize = 8;
/// What German puts between the parts of a compound.
const LINKS: [&str; 6] = ["", "s", "n", "en", "es", "er"];

/// Tells whether a word, in lower case, is one that the shop uses: a name of the chat, a term of the glossary, a word of the knowledge base.
pub type ShopWords<'a> = &'a dyn Fn(&str) -> bool;

/// The words that are right.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// The language's dictionary.
    pub dictionary: Option<&'a Dictionary>,
    pub english: Option<&'a Dictionary>,
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

/// What is right, and what may be meant by what is not.
struct Speller<'a> {
    language: &'a str,
    data: &'static LanguageData,
    dictionary: Option<&'a Dictionary>,
    /// Of texts in other languages, which have English words among their own.
    english: Option<&'a Dictionary>,
    shop: ShopWords<'a>,
    /// How many more words may be looked up with changed letters.
    lookups: usize,
}

/// A word that is wrong.
struct Wrong<'a> {
    lower: &'a str,
    /// Whether its first letter is a capital.
    capital: bool,
    /// Whether it may be a name.
    may_be_name: bool,
}

impl Speller<'_> {
    fn is_never_doubled(&self, word: &str) -> bool {
        self.data.never_doubled.iter().any(|never| never == word)
    }

    /// What a word should be; `None`: it is right, or it can't be told.
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

    fn is_right(&self, word: &str, lower: &str) -> bool {
        let in_dictionary = |word: &str| self.dictionary.is_some_and(|dictionary| dictionary.has(word));
        in_dictionary(word)
            || in_dictionary(lower)
            || (self.language == "en" && is_variant(lower))
            // A name without its capital, or a German noun.
            || in_dictionary(&self.capitalized(lower))
            || (self.shop)(lower)
            || accented(lower, &self.data.optional).iter().any(|word| in_dictionary(word))
    }

    /// Whether a word stands where names do: at a title or a greeting, before another name, before a comma, alone in its line.
    fn may_be_name(&self, capital: bool, token: &Token, around: &Around<'_>) -> bool {
        let is_title = |word: Option<&str>| word.is_some_and(|word| self.data.titles.contains(&self.lower(word)));
        if is_title(around.after) || (capital && is_title(around.before)) {
            return true;
        }
        // In German a capital alone tells nothing.
        let has_capital = |word: &str| self.lower(word) != word && !self.data.is_common_noun(word);
        let is_word = |word: &str| self.dictionary.is_some_and(|dictionary| dictionary.has(&self.lower(word)));
        let is_name = around.after.is_some_and(has_capital) || around.before.is_some_and(|before| has_capital(before) && !is_word(before));
        let before_comma = token.begins_sentence && matches!(token.next, Some(',' | '\'' | '’' | '!'));
        capital && (is_name || before_comma || token.is_alone)
    }

    /// The one word that is meant.
    fn meant(&mut self, wrong: &Wrong<'_>) -> Option<String> {
        let lower = wrong.lower;
        if self.language == "en"
            && let Some(meant) = misspelling(lower).filter(|meant| !differ_by_country(lower, meant))
        {
            // Of so few letters, many words of other languages are.
            let is_likely = lower.len() > MIN_LETTERS || sorted(lower) == sorted(meant);
            let may_change = is_likely && !is_common_elsewhere(lower, "en") && (!wrong.may_be_name || self.data.is_common(meant));
            return may_change.then(|| meant.to_owned());
        }
        let dictionary = self.dictionary?;
        if self.lookups == 0 {
            return None;
        }
        self.lookups -= 1;
        let plain = |word: &str| self.data.optional.iter().fold(word.to_owned(), |word, (plain, accented)| word.replace(accented, plain));
        let exists = |word: &String| self.exists(dictionary, word, wrong.capital) || self.exists(dictionary, &plain(word), wrong.capital);
        if let Some(meant) = self.data.misspelling(lower).filter(exists) {
            return Some(meant);
        }
        let is_foreign = || self.english.is_some_and(|english| english.has(lower)) || is_common_elsewhere(lower, self.language);
        let only_expected = wrong.may_be_name || self.is_compound(dictionary, lower, MIN_PART) || is_foreign();
        let readings = self.readings(dictionary, wrong);
        if readings.is_empty() {
            self.without_slip(dictionary, wrong, only_expected)
        } else {
            self.likeliest(dictionary, readings, only_expected)
        }
    }

    /// The words that this one is with accents.
    fn readings(&self, dictionary: &Dictionary, wrong: &Wrong<'_>) -> Vec<String> {
        let both: Vec<(String, String)> = self.data.accents.iter().chain(&self.data.optional).cloned().collect();
        // Accents inside a beginning that is right are no ones that were left out.
        let own = self.data.common_beginning(&letters(wrong.lower), MIN_BEGINNING).unwrap_or(0);
        let keeps_own = |word: &str| word.chars().take(own).eq(wrong.lower.chars().take(own));
        let exists = |word: &String| keeps_own(word) && self.exists(dictionary, word, wrong.capital);
        let mut found: Vec<String> = accented(wrong.lower, &both).into_iter().filter(exists).collect();
        let all = found.clone();
        found.retain(|word| {
            let rare = |(rare, usual): &(String, String)| {
                word.strip_suffix(rare.as_str()).is_some_and(|stem| all.contains(&format!("{stem}{usual}")))
            };
            !self.data.rare_endings.iter().any(rare)
        });
        found
    }

    /// The one of several readings that the shop uses, else help desks; the only one in any case, unless `only_expected`.
    fn likeliest(&self, dictionary: &Dictionary, readings: Vec<String>, only_expected: bool) -> Option<String> {
        let is_used = |word: &str| (self.shop)(word);
        let is_common = |word: &str| self.data.is_common(word);
        let begins_so = |word: &str| self.data.common_beginning(&letters(word), MIN_BEGINNING).is_some();
        // Compounds of short words can be made of anything: `őr` and `dér` of `order`.
        let is_any =
            |word: &str| !only_expected && word.chars().count() >= MIN_RARE_READING && !self.is_compound(dictionary, word, MIN_RARE_PART);
        let tiers: [&dyn Fn(&str) -> bool; 4] = [&is_used, &is_common, &begins_so, &is_any];
        let first =
            tiers.iter().map(|tier| readings.iter().filter(|word| tier(word)).collect::<Vec<&String>>()).find(|found| !found.is_empty());
        match first?.as_slice() {
            [only] => Some((*only).clone()),
            _ => None,
        }
    }

    /// The one word that a slip of the hand made this one of: of those that help desks or the shop use, else of all, if the slip is a usual
    /// one.
    fn without_slip(&self, dictionary: &Dictionary, wrong: &Wrong<'_>, only_expected: bool) -> Option<String> {
        let typed = letters(wrong.lower);
        if typed.len() < MIN_SLIP_LETTERS {
            return None;
        }
        let own_beginning = self.data.common_beginning(&typed, MIN_BEGINNING).unwrap_or(0);
        let (mut expected, mut others) = (Vec::new(), Vec::new());
        for slip in slips(&typed, self.data) {
            let meant: String = slip.meant.iter().collect();
            let is_usual = matches!(slip.kind, SlipKind::Swapped | SlipKind::Doubled | SlipKind::Undoubled);
            if (only_expected && !is_usual) || !self.exists(dictionary, &meant, wrong.capital) {
                continue;
            }
            // An edit behind a beginning that is right is one of endings, of which dictionaries lack many.
            let in_beginning = || {
                let end = self.data.common_beginning(&slip.meant, MIN_BEGINNING);
                end.is_some_and(|end| slip.at < end) && slip.at >= own_beginning
            };
            if self.data.is_common(&meant) || in_beginning() || (!only_expected && (self.shop)(&meant)) {
                expected.push((meant, is_usual || typed.len() >= MIN_SURE_LETTERS));
            } else {
                others.push((meant, is_usual && slip.at > 1));
            }
        }
        let meant = match (expected.as_slice(), others.as_slice()) {
            ([(only, is_sure)], others) if *is_sure || others.is_empty() => only,
            ([], [(only, true)]) if !only_expected && typed.len() >= MIN_RARE_LETTERS => only,
            _ => return None,
        };
        let is_doubtful = (self.language == "en" && differ_by_country(wrong.lower, meant))
            || (expected.is_empty() && self.is_compound(dictionary, meant, MIN_PART));
        (!is_doubtful).then(|| meant.clone())
    }

    fn exists(&self, dictionary: &Dictionary, word: &str, capital: bool) -> bool {
        dictionary.has(word) || (capital && self.data.nouns_have_capitals && dictionary.has(&self.capitalized(word)))
    }

    /// Whether a word is two that are right, put together: dictionaries have only some of these.
    fn is_compound(&self, dictionary: &Dictionary, word: &str, least: usize) -> bool {
        let letters: Vec<usize> = word.char_indices().map(|(at, _)| at).collect();
        if !self.data.compounds || letters.len() <= 2 * least {
            return false;
        }
        let is_word = |word: &str| word.chars().count() >= least && self.exists(dictionary, word, true);
        letters[least..=letters.len() - least].iter().any(|cut| {
            let (first, second) = word.split_at(*cut);
            let is_first = || {
                let links = if self.data.nouns_have_capitals { &LINKS[..] } else { &LINKS[..1] };
                links.iter().filter_map(|link| first.strip_suffix(link)).any(is_word)
            };
            is_word(second) && is_first()
        })
    }

    fn lower(&self, word: &str) -> String {
        match self.language {
            "tr" => word.replace('I', "ı").replace('İ', "i").to_lowercase(),
            _ => word.to_lowercase(),
        }
    }

    fn capitalized(&self, lower: &str) -> String {
        let mut letters = lower.chars();
        match (letters.next(), self.language) {
            (Some('i'), "tr") => format!("İ{}", letters.as_str()),
            (Some(first), _) => first.to_uppercase().chain(letters).collect(),
            (None, _) => String::new(),
        }
    }
}

fn sorted(word: &str) -> Vec<char> {
    let mut letters = letters(word);
    letters.sort_unstable();
    letters
}

fn letters(word: &str) -> Vec<char> {
    word.chars().collect()
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
