//! Words that are known to be facts: names, addresses, terms of a glossary.

use std::collections::BTreeSet;

use crate::{
    facts::{FactKind, addresses::KnownAddress, people::PersonName, plain::Plain, suffixes},
    lexicon,
    text::fold,
};

/// Most words that are looked for.
const MAX_ENTRIES: usize = 400;
/// Most people and addresses.
const MAX_PEOPLE: usize = 40;
/// Fewest digits of a code, and words of a text, that are kept.
const MIN_CODE: usize = 6;
const MIN_KEPT: usize = 3;

/// What is looked for.
#[derive(Debug, Clone, Hash)]
struct Entry {
    words: Vec<String>,
    kind: FactKind,
    /// Only where each word begins with a capital.
    capital: bool,
    /// Only where a name is likely.
    also_a_word: bool,
    becomes: Option<String>,
}

/// Words that are known to be facts.
#[derive(Debug, Clone, Default, Hash)]
pub struct Known {
    entries: Vec<Entry>,
    /// The first letters of all entries.
    begins: Vec<char>,
    people: Vec<PersonName>,
    places: Vec<KnownAddress>,
    /// Words that are nobody's, although they look like a name or an address.
    kept: Vec<Vec<String>>,
    /// Digits of codes, which look like phone numbers.
    codes: BTreeSet<String>,
    strict: bool,
    written_addresses: bool,
}

/// Where known words were found.
pub struct Found {
    pub kind: FactKind,
    pub end: usize,
    /// What stands there in another language, if that is known.
    pub becomes: Option<String>,
}

impl Known {
    /// Adds a name as a whole. A single word counts only with a capital; one that is also another word, such as Can or Will, only where a
    /// name is likely, if `cautious`.
    pub fn add_name(&mut self, name: &str, kind: FactKind, cautious: bool) {
        let words = words_of(name);
        let single = words.len() == 1;
        let letters = words.iter().map(|word| word.chars().count()).sum::<usize>();
        if letters >= 2 && words.len() <= 6 {
            let also_a_word = cautious && single && lexicon::any(|lexicon| lexicon.names.also_words.contains(&words[0]));
            self.add(Entry { words, kind, capital: single, also_a_word, becomes: None });
        }
    }

    /// Adds a person's full name, which is found in any writing.
    pub fn add_person(&mut self, name: &str, surname_first: bool, first_names: bool) {
        let plain = Plain::of(name);
        if let Some(person) = PersonName::new(&plain.text, surname_first, first_names).filter(|_| self.people.len() < MAX_PEOPLE) {
            person.beginnings().for_each(|first| self.add_beginning(first));
            self.people.push(person);
        }
    }

    /// Adds what is known to be nobody's: a shop's address, a product's name, the number of a parcel. It stays.
    pub fn keep(&mut self, value: &str) {
        let words = words_of(value);
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        if digits.len() >= MIN_CODE && !value.contains(char::is_alphabetic) {
            self.codes.insert(digits);
        } else if words.len() >= MIN_KEPT && self.kept.len() < MAX_PEOPLE {
            words[0].chars().next().into_iter().for_each(|first| self.add_beginning(first));
            self.kept.push(words);
        }
    }

    /// Makes the scan look for personal data only as a prompt needs it: for addresses that the text writes out too, and for no numbers that
    /// words say are something else's.
    pub fn be_strict(&mut self) {
        self.strict = true;
        self.written_addresses = true;
    }

    /// Makes the scan leave addresses that a text writes out.
    pub fn find_no_addresses(&mut self) {
        self.written_addresses = false;
    }

    /// Whether addresses that a text writes out are looked for.
    pub fn finds_addresses(&self) -> bool {
        self.written_addresses
    }

    /// Whether the scan is for a prompt.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Whether digits are those of a code.
    pub fn is_code(&self, digits: &str) -> bool {
        self.codes.contains(digits)
    }

    /// Where words end that are kept, if they begin here.
    pub fn kept_at(&self, text: &str, at: usize) -> Option<usize> {
        if self.kept.is_empty() {
            return None;
        }
        let folded = fold(&text[at..word_end(text, at)]);
        let entry =
            |words: &Vec<String>| Entry { words: words.clone(), kind: FactKind::Term, capital: false, also_a_word: false, becomes: None };
        self.kept.iter().filter(|words| words[0] == folded).filter_map(|words| follow(&entry(words), text, at, &folded)).max()
    }

    /// Adds an address: the whole of it, and each part between commas that has a number or several words.
    pub fn add_address(&mut self, address: &str) {
        let parts = address
            .split([',', ';', '\n'])
            .filter(|part| part.trim().contains(' ') && part.chars().filter(|letter| letter.is_alphanumeric()).count() >= 6);
        if let Some(place) = KnownAddress::new(&Plain::of(address).text).filter(|_| self.places.len() < MAX_PEOPLE) {
            place.beginnings().for_each(|first| self.add_beginning(first));
            self.places.push(place);
        }
        for part in std::iter::once(address).chain(parts) {
            let words = words_of(part);
            if words.len() > 1 {
                self.add(Entry { words, kind: FactKind::Address, capital: false, also_a_word: false, becomes: None });
            }
        }
    }

    /// Adds a value to the letter, however long.
    pub fn add_value(&mut self, value: &str, kind: FactKind) {
        let words = words_of(value);
        if !words.is_empty() {
            self.add(Entry { words, kind, capital: false, also_a_word: false, becomes: None });
        }
    }

    /// Adds a term of a glossary, with what it becomes in the language that is written, if that is another word.
    pub fn add_term(&mut self, term: &str, becomes: Option<&str>) {
        let words = words_of(term);
        if !words.is_empty() {
            let becomes = becomes.map(str::to_owned);
            self.add(Entry { words, kind: FactKind::Term, capital: false, also_a_word: false, becomes });
        }
    }

    fn add(&mut self, entry: Entry) {
        if self.entries.len() >= MAX_ENTRIES || self.entries.iter().any(|known| known.words == entry.words) {
            return;
        }
        self.add_beginning(entry.words[0].chars().next().unwrap_or_default());
        // The longest first: a full name before its surname.
        let at = self.entries.partition_point(|known| known.words.len() >= entry.words.len());
        self.entries.insert(at, entry);
    }

    fn add_beginning(&mut self, first: char) {
        if !self.begins.contains(&first) {
            self.begins.push(first);
        }
    }

    /// What known words begin with the word that begins here: the longest.
    pub fn at(&self, text: &str, at: usize, wanted: impl Fn(FactKind) -> bool) -> Option<Found> {
        let mut first = fold_letter(text[at..].chars().next()?);
        if first == 'ı' {
            first = 'i';
        }
        if !self.begins.contains(&first) {
            return None;
        }
        let word = &text[at..word_end(text, at)];
        let begins = !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let folded = fold(word);
        let entry = self.entries.iter().filter(|entry| begins && wanted(entry.kind)).find_map(|entry| {
            let end = follow(entry, text, at, &folded)?;
            let likely = !entry.also_a_word || is_likely(text, at, end);
            likely.then(|| Found { kind: entry.kind, end, becomes: entry.becomes.clone() })
        });
        let found = |kind: FactKind| move |end: usize| Found { kind, end, becomes: None };
        let person = || self.people.iter().filter_map(|person| person.at(text, at)).max().map(found(FactKind::Person));
        let place = || self.places.iter().filter(|_| begins).filter_map(|place| place.at(text, at)).max().map(found(FactKind::Address));
        let person = if wanted(FactKind::Person) { person() } else { None };
        let place = if wanted(FactKind::Address) { place() } else { None };
        [entry, person, place].into_iter().flatten().reduce(|best, other| if other.end > best.end { other } else { best })
    }
}

/// Where an entry's words end that begin here.
fn follow(entry: &Entry, text: &str, at: usize, first: &str) -> Option<usize> {
    let mut start = at;
    for (place, wanted) in entry.words.iter().enumerate() {
        let end = word_end(text, start);
        let word = &text[start..end];
        let folded = if place == 0 { first.to_owned() } else { fold(word) };
        let last = place + 1 == entry.words.len();
        if entry.capital && !word.starts_with(char::is_uppercase) {
            return None;
        }
        if folded == *wanted {
            if last {
                return Some(end);
            }
            let apart = text[end..].char_indices().find(|(_, letter)| letter.is_alphanumeric())?;
            let between = &text[end..end + apart.0];
            if between.len() > 3 || between.contains('\n') && between.len() > 1 || between.contains(['!', '?', ':']) {
                return None;
            }
            start = end + apart.0;
        } else if last && matches!(entry.kind, FactKind::Name | FactKind::Person) && with_ending(&folded, wanted) {
            // A folded prefix and a written one are as many letters, or what is cut off would not be the name.
            let letters = wanted.chars().count();
            let (length, _) = word.char_indices().nth(letters)?;
            return (fold(&word[..length]) == *wanted).then_some(start + length);
        } else {
            return None;
        }
    }
    None
}

/// A name with an ending; a last vowel may have grown long: `Anna`, `Annának`.
fn with_ending(word: &str, name: &str) -> bool {
    word.strip_prefix(name).is_some_and(|rest| suffixes::OF_NAMES.contains(&rest))
}

/// Whether a word that is also something else is likely a name: after a greeting or before a title or a comma, or inside a sentence.
fn is_likely(text: &str, at: usize, end: usize) -> bool {
    let before = text[..at].trim_end_matches(' ');
    let last_word = |text: &str| fold(text.rsplit(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default());
    // `Dr. Weber`: a title's point ends no sentence.
    let title = before.strip_suffix('.').map(last_word).filter(|title| lexicon::any(|words| words.titles.abbreviated.contains(title)));
    let after_title = title.is_some();
    let last = title.unwrap_or_else(|| last_word(before));
    let next = text[end..].trim_start_matches([' ', '\'', '’']);
    let next_word = &next[..next.find(|letter: char| !letter.is_alphabetic()).unwrap_or(next.len())];
    let inside = !before.is_empty() && !before.ends_with(['.', '!', '?', '\n', ':', '"', '-', '*']);
    let next_word = fold(next_word);
    after_title
        || lexicon::any(|words| words.begins_address(&last) || words.signatures.sign_offs.contains(&last) || words.follows_name(&next_word))
        || text[end..].starts_with([',', '!', '\'', '’'])
        || inside
}

fn fold_letter(letter: char) -> char {
    if letter.is_ascii() { letter.to_ascii_lowercase() } else { fold(letter.encode_utf8(&mut [0; 4])).chars().next().unwrap_or(letter) }
}

fn word_end(text: &str, at: usize) -> usize {
    at + text[at..].find(|letter: char| !letter.is_alphanumeric()).unwrap_or(text.len() - at)
}

/// The folded words of a name or a value.
fn words_of(text: &str) -> Vec<String> {
    let plain = Plain::of(text);
    plain.text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(fold).collect()
}
