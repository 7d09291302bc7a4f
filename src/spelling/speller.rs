//! Which word alone can be meant by one that is wrong. A right word that is made another is worse than a slip that stays: whatever is in
//! doubt is left.

use crate::spelling::{
    accents::accented,
    dictionary::Dictionary,
    language_data::{LanguageData, is_common_elsewhere},
    misspellings::{differ_by_country, is_variant, misspelling},
    slips::{SlipKind, slips},
};

/// Tells whether a word, in lower case, is one that the shop uses: a name of the chat, a term of the glossary, a word of the knowledge base.
pub type ShopWords<'a> = &'a dyn Fn(&str) -> bool;

/// Shorter words are left alone.
pub const MIN_LETTERS: usize = 3;
/// Shorter words are one slip away from too many others; from words that nobody expects, longer ones are too.
const MIN_SLIP_LETTERS: usize = 5;
const MIN_RARE_LETTERS: usize = 7;
/// The shortest beginning that identifies a word that help desks use.
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

/// What is right, and what may be meant by what is not.
pub struct Speller<'a> {
    pub language: &'a str,
    pub data: &'static LanguageData,
    pub dictionary: Option<&'a Dictionary>,
    /// Of texts in other languages, which have English words among their own.
    pub english: Option<&'a Dictionary>,
    pub shop: ShopWords<'a>,
    /// How many more words may be looked up with changed letters.
    pub lookups: usize,
}

/// A word that is wrong.
pub struct Wrong<'a> {
    pub lower: &'a str,
    /// Whether its first letter is a capital.
    pub capital: bool,
    /// Whether it may be a name.
    pub may_be_name: bool,
}

impl Speller<'_> {
    /// Whether a word is right as it is written.
    pub fn is_right(&self, word: &str, lower: &str) -> bool {
        let in_dictionary = |word: &str| self.dictionary.is_some_and(|dictionary| dictionary.has(word));
        in_dictionary(word)
            || in_dictionary(lower)
            || (self.language == "en" && is_variant(lower))
            // A name without its capital, or a German noun.
            || in_dictionary(&self.capitalized(lower))
            || (self.shop)(lower)
            || accented(lower, &self.data.optional).iter().any(|word| in_dictionary(word))
    }

    /// The one word that is meant.
    pub fn meant(&mut self, wrong: &Wrong<'_>) -> Option<String> {
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

    /// A word in lower case, as its language has it.
    pub fn lower(&self, word: &str) -> String {
        match self.language {
            "tr" => word.replace('I', "ı").replace('İ', "i").to_lowercase(),
            _ => word.to_lowercase(),
        }
    }

    /// A word in lower case with a capital.
    pub fn capitalized(&self, lower: &str) -> String {
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
