//! Intents: what a text asks for, in the vocabulary of help desks: a refund, a repair, a new password.
//!
//! A customer's words are often in no document ("it came apart at the seam"), while the intent is what the document is about. Each language
//! has a file of cue words for each intent. An intent is the same in all languages, so it also finds documents in another one.

use std::{collections::HashMap, sync::LazyLock};

use strsim::osa_distance;

use crate::text::{Word, words};

/// Words within which all words of a cue must stand, in any order.
const WINDOW: usize = 8;
/// Weight of a cue of one word, and of one with several, which says more.
const ONE_WORD: f32 = 1.0;
const SEVERAL_WORDS: f32 = 1.5;
/// Letters of the shortest word that may be a misspelt cue.
const MIN_MISSPELT: usize = 6;
/// Sum of cue weights at which an intent counts half.
const HALF_SURE: f32 = 1.0;
/// Said in passing: a greeting, and thanks.
pub const GREETING: Intent = "greeting";
pub const THANKS: Intent = "thanks";
/// News of a matter that is known already, whatever it is.
pub const NEWS: Intent = "news";
/// Something is late.
pub const LATE: Intent = "late";
/// Intents that ask how things stand, which the shop's records know.
pub const HOW_THINGS_STAND: [Intent; 9] =
    [NEWS, "track", LATE, "not_received", "return_received", "repair_status", "refund", "confirmation", "delivery_day"];
/// The key of the phrases that carry no matter.
const SMALL_TALK: &str = "small_talk";

/// A language's file. Each has the same keys: the intents.
const DE: &str = include_str!("intents/de.toml");
const EN: &str = include_str!("intents/en.toml");
const ES: &str = include_str!("intents/es.toml");
const FR: &str = include_str!("intents/fr.toml");
const HU: &str = include_str!("intents/hu.toml");
const TR: &str = include_str!("intents/tr.toml");

/// The cues by language, each parsed when the first text in it is read: over two thousand words take some milliseconds.
static LANGUAGES: [(&str, LazyLock<Cues>); 6] = [
    ("de", LazyLock::new(|| Cues::parse("de", DE))),
    ("en", LazyLock::new(|| Cues::parse("en", EN))),
    ("es", LazyLock::new(|| Cues::parse("es", ES))),
    ("fr", LazyLock::new(|| Cues::parse("fr", FR))),
    ("hu", LazyLock::new(|| Cues::parse("hu", HU))),
    ("tr", LazyLock::new(|| Cues::parse("tr", TR))),
];

fn cues_of(language: &str) -> Option<&'static Cues> {
    LANGUAGES.iter().find(|(known, _)| *known == language).map(|(_, cues)| &**cues)
}

/// An intent's key, such as `refund`.
pub type Intent = &'static str;

/// The cues of a language.
struct Cues {
    cues: Vec<Cue>,
    /// By each key of a cue's word: the cue, and which of its words it is.
    by_key: HashMap<String, Vec<(u32, u8)>>,
    /// Words of cues by themselves and without one of their letters: those that two words have in common are near each other.
    near: HashMap<String, Vec<Word>>,
    /// Phrases of small talk as folded words, by their first word.
    small_talk: HashMap<String, Vec<Vec<String>>>,
}

struct Cue {
    intent: Intent,
    words: u8,
    weight: f32,
}

impl Cues {
    fn parse(language: &str, text: &'static str) -> Cues {
        let table: HashMap<String, Vec<String>> = toml::from_str(text).expect("the built-in intents are valid TOML");
        let mut intents: Vec<(Intent, Vec<String>)> = Vec::new();
        let mut small_talk: HashMap<String, Vec<Vec<String>>> = HashMap::new();
        for (intent, cues) in table {
            if intent == SMALL_TALK {
                for phrase in cues {
                    let phrase: Vec<String> = words(&phrase, language).iter().map(|word| word.folded().to_owned()).collect();
                    if let Some(first) = phrase.first() {
                        small_talk.entry(first.clone()).or_default().push(phrase);
                    }
                }
            } else {
                intents.push((intent.leak(), cues));
            }
        }
        intents.sort_unstable_by_key(|(intent, _)| *intent);
        small_talk.values_mut().for_each(|phrases| phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len())));
        // A cue of several intents tells less of each.
        let mut shared_by: HashMap<Vec<String>, f32> = HashMap::new();
        let read = |cue: &str| words(cue, language).iter().map(|word| word.keys().to_vec()).collect::<Vec<Vec<String>>>();
        let name = |keys: &[Vec<String>]| {
            let mut name: Vec<String> = keys.iter().filter_map(|keys| keys.last().cloned()).collect();
            name.sort_unstable();
            name
        };
        for (_, cues) in &intents {
            let mut names: Vec<Vec<String>> = cues.iter().map(|cue| name(&read(cue))).collect();
            names.sort_unstable();
            names.dedup();
            names.into_iter().for_each(|name| *shared_by.entry(name).or_default() += 1.0);
        }
        let mut all = Cues { cues: Vec::new(), by_key: HashMap::new(), near: HashMap::new(), small_talk };
        for (intent, cues) in intents {
            let mut seen = Vec::new();
            for cue in cues {
                all.add_near(&cue, language);
                let keys = read(&cue);
                let name = name(&keys);
                if keys.is_empty() || seen.contains(&name) {
                    continue;
                }
                let weight = if keys.len() == 1 { ONE_WORD } else { SEVERAL_WORDS };
                let number = all.cues.len() as u32;
                all.cues.push(Cue { intent, words: keys.len() as u8, weight: weight / shared_by[&name] });
                for (place, keys) in keys.into_iter().enumerate() {
                    for key in keys {
                        all.by_key.entry(key).or_default().push((number, place as u8));
                    }
                }
                seen.push(name);
            }
        }
        all
    }

    fn add_near(&mut self, cue: &str, language: &str) {
        for word in words(cue, language).into_iter().filter(|word| word.folded().chars().count() >= MIN_MISSPELT) {
            for part in with_one_letter_less(word.folded()) {
                let known = self.near.entry(part).or_default();
                if known.iter().all(|known| known.folded() != word.folded()) {
                    known.push(word.clone());
                }
            }
        }
    }

    /// The word of a cue that a word is a misspelling of: one edit away, with the same first letter; `None` if that may be several.
    fn meant(&self, word: &Word) -> Option<&Word> {
        let folded = word.folded();
        let is_known = word.keys().iter().any(|key| self.by_key.contains_key(key));
        if is_known || folded.chars().count() + 1 < MIN_MISSPELT || !folded.chars().all(char::is_alphabetic) {
            return None;
        }
        let mut near: Vec<&Word> = with_one_letter_less(folded).iter().filter_map(|part| self.near.get(part)).flatten().collect();
        near.retain(|other| other.folded().chars().next() == folded.chars().next() && osa_distance(other.folded(), folded) == 1);
        let first = *near.first()?;
        near.iter().all(|other| other.keys().last() == first.keys().last()).then_some(first)
    }

    /// Adds the weight of each cue in a text to its intent.
    fn add(&self, found: &[Word], weight: f32, sums: &mut HashMap<Intent, f32>) {
        let keys = found.iter().enumerate().flat_map(|(at, word)| word.keys().iter().map(move |key| (at, key)));
        let cues_of = |(at, key): (usize, &String)| self.by_key.get(key).into_iter().flatten().map(move |(cue, place)| (*cue, at, *place));
        // By cue, in the order of the text.
        let mut seen: Vec<(u32, usize, u8)> = keys.flat_map(cues_of).collect();
        seen.sort_unstable();
        for of_cue in seen.chunk_by(|one, other| one.0 == other.0) {
            let cue = &self.cues[of_cue[0].0 as usize];
            if is_within_window(of_cue, cue.words) {
                *sums.entry(cue.intent).or_default() += weight * cue.weight;
            }
        }
    }
}

/// Whether all words of a cue stand near each other somewhere. `seen`: cue, where in the text, which of its words; in the order of the text.
fn is_within_window(seen: &[(u32, usize, u8)], words: u8) -> bool {
    if words == 1 {
        return true;
    }
    let mut last = vec![None; usize::from(words)];
    seen.iter().any(|(_, at, place)| {
        last[usize::from(*place)] = Some(*at);
        last.iter().all(|place| place.is_some_and(|place| at - place < WINDOW))
    })
}

/// The intents of weighted texts, each from 0 to 1, in order of their names.
pub fn intents<'a>(texts: impl IntoIterator<Item = (&'a [Word], f32)>, language: &str) -> Vec<(Intent, f32)> {
    let Some(cues) = cues_of(language) else { return Vec::new() };
    let mut sums = HashMap::new();
    texts.into_iter().for_each(|(found, weight)| cues.add(found, weight, &mut sums));
    let mut intents: Vec<(Intent, f32)> = sums.into_iter().map(|(intent, sum)| (intent, sum / (sum + HALF_SURE))).collect();
    intents.sort_unstable_by_key(|(intent, _)| *intent);
    intents
}

/// Returns a customer's words with misspelt words of cues mended.
pub fn mended(found: &[Word], language: &str) -> Vec<Word> {
    let cues = cues_of(language);
    let mend = |word: &Word| cues.and_then(|cues| cues.meant(word)).unwrap_or(word).clone();
    found.iter().map(mend).collect()
}

/// A word, and the word without each of its letters.
fn with_one_letter_less(word: &str) -> Vec<String> {
    let without = word.char_indices().map(|(at, letter)| format!("{}{}", &word[..at], &word[at + letter.len_utf8()..]));
    std::iter::once(word.to_owned()).chain(without).collect()
}

/// Returns for each word whether it belongs to a phrase of small talk.
pub fn small_talk(found: &[Word], language: &str) -> Vec<bool> {
    let mut is_small_talk = vec![false; found.len()];
    let Some(cues) = cues_of(language) else { return is_small_talk };
    let mut at = 0;
    while at < found.len() {
        let matches = |phrase: &&Vec<String>| {
            found.len() - at >= phrase.len() && phrase.iter().zip(&found[at..]).all(|(one, word)| one == word.folded())
        };
        let length = cues.small_talk.get(found[at].folded()).and_then(|phrases| phrases.iter().find(matches)).map_or(0, Vec::len);
        is_small_talk[at..at + length].fill(true);
        at += length.max(1);
    }
    is_small_talk
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn strongest(text: &str, language: &str) -> Option<Intent> {
        let found = words(text, language);
        let intents = intents([(found.as_slice(), 1.0)], language);
        intents.into_iter().max_by(|one, other| one.1.total_cmp(&other.1)).map(|(intent, _)| intent)
    }

    #[test]
    fn every_language_has_every_intent() {
        let keys = |text: &str| toml::from_str::<HashMap<String, Vec<String>>>(text).unwrap().into_keys().collect::<BTreeSet<String>>();
        let all = keys(EN);
        for (language, text) in [("de", DE), ("es", ES), ("fr", FR), ("hu", HU), ("tr", TR)] {
            assert_eq!(keys(text), all, "{language}");
        }
        for intent in [GREETING, THANKS].into_iter().chain(HOW_THINGS_STAND) {
            assert!(all.contains(intent), "{intent}");
        }
    }

    #[test]
    fn a_matter_is_recognised_by_other_words_than_its_name() {
        for (text, language, intent) in [
            ("the lamp came in pieces", "en", "defect"),
            ("i want to send the jacket back", "en", "return"),
            ("meine bestellung stornieren bitte", "de", "cancel"),
            ("das geld ist noch nicht zurück", "de", "refund"),
            ("siparişimi iptal etmek istiyorum", "tr", "cancel"),
            ("szeretném visszaküldeni a cipőt", "hu", "return"),
            ("je veux annuler ma commande", "fr", "cancel"),
            ("quiero devolver los zapatos", "es", "return"),
        ] {
            assert_eq!(strongest(text, language), Some(intent), "{text}");
        }
        assert_eq!(strongest("purple elephants dance", "en"), None);
        assert_eq!(strongest("anything", "xx"), None, "a language without a file has no intents");
    }

    #[test]
    fn the_words_of_a_cue_may_stand_apart_but_not_far() {
        let near = "where on earth is my big parcel";
        assert_eq!(strongest(near, "en"), Some("track"));
        let far = format!("where {} parcel", "la ".repeat(WINDOW));
        assert_eq!(strongest(&far, "en"), None);
    }

    #[test]
    fn a_misspelt_word_of_a_cue_is_mended_unless_it_may_be_several() {
        let right = |text: &str, language: &str| {
            mended(&words(text, language), language).iter().map(|word| word.folded().to_owned()).collect::<Vec<String>>().join(" ")
        };
        assert_eq!(right("wheres my packige", "en"), "wheres my package");
        assert_eq!(right("i want a refnud", "en"), "i want a refund");
        assert_eq!(right("meine bestelung stornieren", "de"), "meine bestellung stornieren");
        assert_eq!(right("purple elephants dance KE1234", "en"), "purple elephants dance ke1234");
    }

    #[test]
    fn small_talk_is_found_as_it_is_written() {
        let found = words("Good morning, i would like to know the price", "en");
        let telling: Vec<&str> =
            found.iter().zip(small_talk(&found, "en")).filter(|(_, is_small_talk)| !is_small_talk).map(|(word, _)| word.folded()).collect();
        assert_eq!(telling, ["the", "price"]);
    }
}
