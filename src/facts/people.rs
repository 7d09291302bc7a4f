//! Names of people that a chat knows, in the ways in which people write them: in any order, in capitals, with initials, without spaces or
//! accents, with endings.
//!
//! A part of a name that is also a word counts beside another part, with a title, in a greeting or as a signature: not in `the black duvet`.

use std::sync::LazyLock;

use crate::{
    facts::{addressed::is_addressed, suffixes},
    lexicon::{self, personal::personal_words},
    text::fold,
};

/// Most words of a name; what has more is no name.
const MAX_WORDS: usize = 12;
/// Longest text between two words of a name, in bytes.
const MAX_APART: usize = 3;
/// Fewest letters of a word that counts alone, and of one that takes endings without a mark.
const MIN_ALONE: usize = 3;
const MIN_WITH_ENDING: usize = 4;
/// Letters that are written as two where they are missing.
const RESPELT: [(char, &str); 9] =
    [('ä', "ae"), ('ö', "oe"), ('ü', "ue"), ('å', "aa"), ('ø', "oe"), ('æ', "ae"), ('ß', "ss"), ('ő', "oe"), ('ű', "ue")];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    First,
    Surname,
    /// `van`, `de`, the `O` of `O'Dwyer`.
    Particle,
}

#[derive(Debug, Clone, Hash)]
struct NameWord {
    folded: String,
    /// With two letters for one with an umlaut.
    respelt: String,
    role: Role,
    /// Whether it is also a word of a language.
    is_word: bool,
}

/// A person's name.
#[derive(Debug, Clone, Hash)]
pub struct PersonName {
    words: Vec<NameWord>,
    /// Whether first names count without the surname.
    first_names: bool,
    /// The name without spaces, in a script without capitals.
    caseless: Option<Caseless>,
}

/// A name in Chinese, Japanese or Korean, whose words nothing separates.
#[derive(Debug, Clone, Hash)]
struct Caseless {
    parts: Vec<String>,
}

/// What of a name stands at a place.
#[derive(Default)]
struct Run {
    used: u32,
    names: Vec<(usize, bool)>,
    initials: usize,
    joined: bool,
    particles: usize,
    end: usize,
}

static PARTICLES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| personal_words().iter().flat_map(|words| words.names.particles.iter()).collect());

/// Whether a name is a program's, a team's or nobody's: `Order Bot`, `Customer Service`, `Guest 4711`.
pub fn is_nobody(name: &str) -> bool {
    let folded = fold(name);
    let mut words = folded.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()).peekable();
    words.peek().is_none() || words.any(|word| personal_words().iter().any(|personal| personal.names.nobody.contains(word)))
}

/// Whether a folded word is also something else than a name.
fn is_word(folded: &str) -> bool {
    personal_words().iter().any(|words| words.names.also_words.contains(folded))
}

impl PersonName {
    /// A full name; `None` if it is nobody's.
    pub fn new(name: &str, surname_first: bool, first_names: bool) -> Option<PersonName> {
        let name = name.trim();
        // `Jones, Fiona`: the surname is before the comma.
        let (parts, surname_first): (Vec<&str>, bool) = match name.split_once(", ") {
            Some((surname, first)) if !is_suffix(first) => {
                let surname: Vec<&str> = surname.split_whitespace().collect();
                (first.split_whitespace().chain(surname).collect(), false)
            }
            _ => (name.split_whitespace().collect(), surname_first),
        };
        let parts: Vec<&str> = parts.into_iter().filter(|part| !is_title(part) && !is_suffix(part)).collect();
        if parts.is_empty() || parts.len() > MAX_WORDS || is_nobody(name) {
            return None;
        }
        let caseless = parts
            .iter()
            .all(|part| part.chars().all(is_caseless))
            .then(|| Caseless { parts: parts.iter().map(|part| (*part).to_owned()).collect() });
        let last = parts.len() - 1;
        let surname = if surname_first { 0 } else { last };
        let mut words = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            let role = if place == surname && (last > 0 || !first_names) { Role::Surname } else { Role::First };
            let pieces: Vec<&str> = part.split(|letter: char| !letter.is_alphanumeric()).filter(|piece| !piece.is_empty()).collect();
            for piece in &pieces {
                let folded = fold(piece);
                let particle = (last > 0 || pieces.len() > 1) && (PARTICLES.contains(&folded.as_str()) || folded.len() == 1);
                let is_word = is_word(&folded);
                words.push(NameWord { respelt: respelt(piece), folded, role: if particle { Role::Particle } else { role }, is_word });
            }
        }
        // `Wang Li`, `van de`: something must be the name itself.
        if words.iter().all(|word| word.role == Role::Particle) {
            words.iter_mut().for_each(|word| word.role = Role::Surname);
        }
        words.truncate(MAX_WORDS);
        (!words.is_empty()).then_some(PersonName { words, first_names, caseless })
    }

    /// The first letters of all that the name may begin with.
    pub fn beginnings(&self) -> impl Iterator<Item = char> {
        self.words.iter().filter_map(|word| word.folded.chars().next())
    }

    /// Where the name ends that begins here, if it does.
    pub fn at(&self, text: &str, at: usize) -> Option<usize> {
        if let Some(caseless) = &self.caseless {
            return caseless.at(text, at);
        }
        if text[..at].ends_with(char::is_alphanumeric) {
            return None;
        }
        let run = self.run(text, at);
        self.counts(&run, text, at).then(|| with_suffix(text, run.end))
    }

    /// Reads the words of the name that follow each other here.
    fn run(&self, text: &str, at: usize) -> Run {
        let mut run = Run::default();
        let mut start = at;
        loop {
            let end = word_end(text, start);
            let word = &text[start..end];
            let folded = fold(word);
            let capital = word.starts_with(char::is_uppercase);
            let unused = |place: &usize| run.used & (1 << place) == 0;
            let free: Vec<usize> = (0..self.words.len()).filter(unused).collect();
            let mut last = false;
            if let Some(place) = free.iter().copied().find(|place| self.words[*place].is_written(&folded)) {
                run.used |= 1 << place;
                if self.words[place].role == Role::Particle {
                    run.particles += 1;
                } else {
                    run.names.push((place, capital));
                    run.end = end;
                }
            } else if let Some(places) = self.joined(&folded, &free) {
                places.clone().for_each(|place| run.used |= 1 << place);
                let names = places.filter(|place| self.words[*place].role != Role::Particle);
                run.names.extend(names.map(|place| (place, capital)));
                run.joined = true;
                run.end = end;
            } else if let Some((place, length)) =
                free.iter().find_map(|place| Some((*place, self.words[*place].with_ending(word, &folded, !run.names.is_empty())?)))
            {
                run.used |= 1 << place;
                run.names.push((place, capital));
                run.end = start + length;
                last = length < word.len();
            } else if let Some(place) = free.iter().copied().find(|place| self.is_initial(*place, word, capital)) {
                run.used |= 1 << place;
                run.initials += 1;
                if !run.names.is_empty() {
                    run.end = end + usize::from(text[end..].starts_with('.'));
                }
            } else {
                break;
            }
            let Some(next) = next_word(text, end).filter(|_| !last) else { break };
            let between = &text[end..next];
            let has_surname = run.names.iter().any(|(place, _)| self.words[*place].role == Role::Surname);
            let short = folded.chars().count() <= 2;
            if between.contains(',') && !has_surname || between.contains('.') && !short {
                break;
            }
            start = next;
        }
        run
    }

    /// Whether what was read is the name.
    fn counts(&self, run: &Run, text: &str, at: usize) -> bool {
        let word = |place: usize| &self.words[place];
        let has_surname = run.names.iter().any(|(place, _)| word(*place).role == Role::Surname);
        if run.names.is_empty() || !self.first_names && !has_surname {
            return false;
        }
        let any_capital = run.names.iter().any(|(_, capital)| *capital);
        let all_words = run.names.iter().all(|(place, _)| word(*place).is_word || word(*place).folded.chars().count() < MIN_ALONE);
        // `de la Tour`, with all that belongs to the surname.
        let with_particles = run.particles > 0
            && self.words.iter().enumerate().all(|(place, word)| word.role != Role::Particle || run.used & (1 << place) != 0);
        if run.names.len() > 1 || run.joined {
            return !all_words || run.names.iter().all(|(_, capital)| *capital);
        }
        if run.initials > 0 || with_particles {
            return any_capital;
        }
        any_capital && (!all_words || is_addressed(text, at, run.end))
    }

    /// Several words of the name written as one.
    fn joined(&self, folded: &str, free: &[usize]) -> Option<std::ops::Range<usize>> {
        free.iter().find_map(|from| {
            let mut rest = folded;
            for place in *from..self.words.len() {
                let word = &self.words[place];
                rest = rest.strip_prefix(word.folded.as_str()).or_else(|| rest.strip_prefix(word.respelt.as_str()))?;
                if rest.is_empty() {
                    return (place > *from).then_some(*from..place + 1);
                }
            }
            None
        })
    }

    /// Whether a letter stands for a first name: `M. Koch`, `Mª Carmen`.
    fn is_initial(&self, place: usize, word: &str, capital: bool) -> bool {
        let name = &self.words[place];
        let letters = word.trim_end_matches('ª');
        capital && letters.chars().count() == 1 && name.role != Role::Particle && name.folded.starts_with(&fold(letters))
    }
}

impl NameWord {
    fn is_written(&self, folded: &str) -> bool {
        self.folded == folded || self.respelt == folded || (folded.len() < self.folded.len() && plain_of(&self.folded) == folded)
    }

    /// How much of a word is the name, where it has an ending.
    fn with_ending(&self, word: &str, folded: &str, follows_name: bool) -> Option<usize> {
        let letters = self.folded.chars().count();
        if self.role == Role::Particle || letters < MIN_ALONE || !word.starts_with(char::is_uppercase) {
            return None;
        }
        if let Some(rest) = folded.strip_prefix(self.folded.as_str()) {
            let last = self.folded.chars().next_back()?;
            // `Tamással`: the ending takes the name's last letter.
            let doubled = rest.strip_prefix(last).is_some_and(|rest| matches!(rest, "al" | "el"));
            if !suffixes::OF_NAMES.contains(&rest) && suffixes::OF_POLISH_NAMES.contains(&rest) {
                return (follows_name || !self.is_word).then_some(word.len());
            }
            let known = suffixes::OF_NAMES.contains(&rest)
                || doubled
                || (letters >= MIN_WITH_ENDING && !self.is_word && suffixes::OF_TURKISH_NAMES.contains(&rest));
            // A folded prefix and a written one are as many letters, or what is cut off would not be the name.
            let (length, _) = word.char_indices().nth(letters)?;
            return (known && fold(&word[..length]) == self.folded).then_some(length);
        }
        let stem = self.folded.strip_suffix(['a', 'o', 'e', 'i', 'y'])?;
        let inflected = folded.strip_prefix(stem).is_some_and(|rest| suffixes::OF_POLISH_NAMES.contains(&rest));
        (inflected && (follows_name || !self.is_word)).then_some(word.len())
    }
}

impl Caseless {
    /// The whole name, with or without spaces, or a part of it before a title.
    fn at(&self, text: &str, at: usize) -> Option<usize> {
        let mut end = at;
        let whole = self.parts.iter().all(|part| {
            let spaces = text[end..].len() - text[end..].trim_start_matches([' ', '・']).len();
            let from = if end == at { end } else { end + spaces };
            let found = text[from..].starts_with(part.as_str());
            end = from + part.len();
            found
        });
        if whole {
            return Some(end);
        }
        let part = self.parts.iter().find(|part| part.chars().count() > 1 && text[at..].starts_with(part.as_str()))?;
        let end = at + part.len();
        let next = text[end..].trim_start_matches(' ');
        ["様", "さん", "님", "씨", "先生", "女士", "小姐", "君"].iter().any(|title| next.starts_with(title)).then_some(end)
    }
}

/// Whether a letter belongs to a script without capitals in which words are not set apart.
pub fn is_caseless(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '々')
}

fn is_title(part: &str) -> bool {
    let folded = fold(part.trim_end_matches('.'));
    part.ends_with('.') && folded.len() > 1 && lexicon::any(|words| words.titles.has(&folded))
}

fn is_suffix(part: &str) -> bool {
    let folded = fold(part.trim_end_matches('.'));
    personal_words().iter().any(|words| words.names.suffixes.contains(&folded))
}

/// The end of a name with what may follow it: `Jr.`
fn with_suffix(text: &str, end: usize) -> usize {
    let next = text[end..].strip_prefix(", ").or_else(|| text[end..].strip_prefix(' '));
    let Some(next) = next.map(|next| text.len() - next.len()) else { return end };
    let after = word_end(text, next);
    if after > next && is_suffix(&text[next..after]) { after + usize::from(text[after..].starts_with('.')) } else { end }
}

fn next_word(text: &str, end: usize) -> Option<usize> {
    let apart = text[end..].find(char::is_alphanumeric)?;
    let between = &text[end..end + apart];
    let joins = |letter: char| matches!(letter, ' ' | '-' | '\'' | '’' | '.' | ',' | '\n' | '`');
    let fits = apart <= MAX_APART && between.chars().all(joins) && !(between.contains('\n') && between.len() > 1);
    fits.then_some(end + apart)
}

fn word_end(text: &str, at: usize) -> usize {
    at + text[at..].find(|letter: char| !letter.is_alphanumeric() && letter != 'ª').unwrap_or(text.len() - at)
}

fn respelt(word: &str) -> String {
    let mut respelt = String::with_capacity(word.len());
    for letter in word.chars().flat_map(char::to_lowercase) {
        match RESPELT.iter().find(|(written, _)| *written == letter) {
            Some((_, two)) => respelt.push_str(two),
            None => respelt.push(letter),
        }
    }
    fold(&respelt)
}

/// A name with one letter for two: `muller` of `mueller`.
fn plain_of(folded: &str) -> String {
    folded.replace("ae", "a").replace("oe", "o").replace("ue", "u")
}

#[cfg(test)]
mod tests {

    use crate::facts::{FactKind, facts, known::Known};

    fn found(name: &str, text: &str) -> Vec<String> {
        let surname_first = matches!(name, "Nagy Anna" | "Szabó Gergely" | "Kis Tamás");
        let mut known = Known::default();
        known.add_person(name, surname_first, true);
        facts(text, &known, |kind| kind == FactKind::Person).into_iter().map(|fact| text[fact.range].to_owned()).collect()
    }

    #[test]
    fn a_name_is_found_however_it_is_written() {
        for (name, text, written) in [
            ("Daniel Black", "I am Daniel Black.", "Daniel Black"),
            ("Daniel Black", "BLACK, DANIEL is me", "BLACK, DANIEL"),
            ("Daniel Black", "daniel black", "daniel black"),
            ("Daniel Black", "for Daniel's bed", "Daniel"),
            ("王小明", "我是王小明。", "王小明"),
            ("田中 太郎", "田中太郎です", "田中太郎"),
            ("田中 太郎", "田中様", "田中"),
            ("김민수", "저는 김민수입니다", "김민수"),
            ("Nguyễn Văn Tài", "it is NguyenVanTai", "NguyenVanTai"),
            ("Nguyễn Văn Tài", "it is Nguyen Van Tai", "Nguyen Van Tai"),
            ("Ludo van der Meer", "from Van der Meer", "Van der Meer"),
            ("Hélène de la Tour", "de la Tour writes", "de la Tour"),
            ("Leonor da Silva", "Sra. da Silva", "da Silva"),
            ("Jürgen von der Heide", "Kontoinhaber Jürgen von der Heide", "Jürgen von der Heide"),
            ("Siobhán O'Dwyer", "the label says ODWYER", "ODWYER"),
            ("Robert Downey Jr.", "ask Robert Downey Jr. now", "Robert Downey Jr."),
            ("Annegret Müller-Lüdenscheidt", "Frau Mueller-Luedenscheidt", "Mueller-Luedenscheidt"),
            ("Anke Mueller-Luedenscheidt", "Frau Müller-Lüdenscheidt", "Müller-Lüdenscheidt"),
            ("Jean-Pierre St. Clair", "Jean Pierre St Clair", "Jean Pierre St Clair"),
            ("MacKenzie-Jones, Fiona", "Signed: FIONA MACKENZIE-JONES", "FIONA MACKENZIE-JONES"),
            ("Matthias Koch", "bei M. Koch klingeln", "M. Koch"),
            ("Callum Reid", "it is Callum R. again", "Callum R."),
            ("Zeynep Demir", "Zeynepin siparişi", "Zeynep"),
            ("Zeynep Demir", "Zeynep Demir'e verin", "Zeynep Demir"),
            ("Nagy Anna", "Nagy Annának", "Nagy Anná"),
            ("Kis Tamás", "Kis Tamással", "Kis Tamás"),
            ("Ewa Sikora", "Ewie Sikorze", "Ewie Sikorze"),
            ("Jan Lis", "Jana Lisa", "Jana Lisa"),
            ("Thomas Weiß", "THOMAS WEISS", "THOMAS WEISS"),
            ("Dr. Wolfgang Lang", "Dr. Wolfgang Lang", "Wolfgang Lang"),
        ] {
            assert_eq!(found(name, text), [written], "{name}: {text}");
        }
    }

    #[test]
    fn a_name_that_is_a_word_is_found_where_it_is_used_as_the_name() {
        for (name, text) in [
            ("Daniel Black", "Dear Mr Black, hello"),
            ("Daniel Black", "it is late.\nRegards, Black"),
            ("Daniel Black", "it is late.\n\nBlack"),
            ("Rose Hill", "Hi Rose, hello"),
            ("Rose Hill", "My name is Rose"),
            ("Deniz Yıldız", "Deniz Hanım aradı"),
            ("Nagy Anna", "Nagy úr"),
            ("Thomas Weiß", "Sehr geehrter Herr Weiß"),
        ] {
            assert_eq!(found(name, text).len(), 1, "{name}: {text}");
        }
        for (name, text) in [
            ("Daniel Black", "the black duvet cover. Black is fine, Black too"),
            ("Nagy Anna", "egy nagy doboz. Nagy doboz"),
            ("Anna May", "in May and on 3 May. May I ask"),
            ("Thomas Weiß", "ich weiß es. Weiß matt, in Weiß"),
            ("Rose Hill", "a rose gold ring up the hill, Rose gold"),
            ("Mark Hill", "mark it as a gift"),
            ("Will Grant", "Will you grant me that"),
            ("Stefan Rot", "Farbe: Rot passt"),
            ("Petra Sommer", "im Sommer, Sommer"),
            ("Marina Costa", "blu marina costa 29,90"),
            ("Robert Winter-Green", "the winter green parka"),
            ("Hélène de la Tour", "la tour, de la Torre"),
            ("Jan de Boer", "de boer"),
            ("Order Bot", "Order Bot said"),
            ("Customer Service", "Customer Service told me"),
        ] {
            assert_eq!(found(name, text), Vec::<String>::new(), "{name}: {text}");
        }
    }

    #[test]
    fn first_names_alone_count_if_they_are_wanted() {
        let mut known = Known::default();
        known.add_person("Elif Kaya", false, false);
        let text = "Elif. Elif Kaya. Frau Kaya.";
        let found: Vec<&str> = facts(text, &known, |kind| kind == FactKind::Person).into_iter().map(|fact| &text[fact.range]).collect();
        assert_eq!(found, ["Elif Kaya", "Kaya"]);
    }
}
