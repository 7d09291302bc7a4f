//! The order of a name's parts.

use crate::{
    lexicon,
    text::{Language, fold},
};

/// The most common Hungarian first names, without accents.
const HUNGARIAN: [&str; 96] = [
    "laszlo",
    "istvan",
    "jozsef",
    "janos",
    "zoltan",
    "sandor",
    "gabor",
    "ferenc",
    "attila",
    "peter",
    "tamas",
    "zsolt",
    "tibor",
    "andras",
    "csaba",
    "imre",
    "lajos",
    "gyorgy",
    "balazs",
    "gyula",
    "mihaly",
    "karoly",
    "robert",
    "bela",
    "david",
    "daniel",
    "adam",
    "krisztian",
    "miklos",
    "norbert",
    "bence",
    "mate",
    "gergo",
    "gergely",
    "akos",
    "marton",
    "levente",
    "kristof",
    "dominik",
    "barnabas",
    "botond",
    "arpad",
    "geza",
    "dezso",
    "erno",
    "jeno",
    "vilmos",
    "szabolcs",
    "maria",
    "erzsebet",
    "katalin",
    "ilona",
    "eva",
    "anna",
    "zsuzsanna",
    "margit",
    "judit",
    "agnes",
    "andrea",
    "julianna",
    "ildiko",
    "erika",
    "krisztina",
    "iren",
    "eszter",
    "magdolna",
    "monika",
    "edit",
    "gabriella",
    "szilvia",
    "anita",
    "aniko",
    "viktoria",
    "reka",
    "tunde",
    "dora",
    "nikolett",
    "orsolya",
    "zsofia",
    "klara",
    "boglarka",
    "luca",
    "hanna",
    "lili",
    "fanni",
    "noemi",
    "csilla",
    "melinda",
    "beata",
    "emese",
    "petra",
    "timea",
    "bernadett",
    "kinga",
    "virag",
    "henrietta",
];

/// Returns whether a name begins with the surname, as Hungarian ones do unless they were written for foreigners.
pub fn has_surname_first(name: &str, language: &Language) -> bool {
    let mut words = name.split_whitespace().map(fold);
    let is_first = |word: Option<String>| word.is_some_and(|word| HUNGARIAN.contains(&word.as_str()));
    match (is_first(words.next()), is_first(words.next_back())) {
        (true, false) => false,
        (false, true) => true,
        _ => language.primary() == "hu",
    }
}

/// The most common surnames of Vietnamese names, which they begin with, without accents.
const VIETNAMESE: [&str; 17] =
    ["nguyen", "tran", "le", "pham", "huynh", "hoang", "phan", "vu", "vo", "dang", "bui", "do", "ho", "ngo", "duong", "ly", "truong"];

/// The first name by which a person is addressed; `None` where a name doesn't tell it: `王小明`, `E. Kaya`, `Dr. Meier`.
pub fn first_name_of(name: &str, language: &Language) -> Option<String> {
    let title = |word: &&str| lexicon::any(|words| words.titles.has(&fold(word.trim_end_matches('.'))));
    let whole: Vec<&str> = name.split_whitespace().collect();
    let titled = whole.iter().any(title);
    let bare: Vec<&str> = whole.iter().copied().filter(|word| !title(word)).collect();
    // `KAYA, Elif`
    let comma = bare.iter().position(|word| word.ends_with(','));
    let words: Vec<&str> = match comma {
        Some(at) => bare[at + 1..].to_vec(),
        None => bare,
    };
    let vietnamese = words.len() > 2 && VIETNAMESE.contains(&fold(words[0]).as_str());
    let first = match words.as_slice() {
        [] => return None,
        // With a title alone it is the surname.
        [_] if comma.is_none() && titled => return None,
        [only] => only,
        [.., last] if vietnamese => last,
        [_, first, ..] if comma.is_none() && has_surname_first(&words.join(" "), language) => first,
        [first, ..] => first,
    };
    let letters = first.chars().filter(|letter| letter.is_alphabetic()).count();
    let unspaced =
        first.chars().any(|letter| matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'));
    (letters > 1 && !unspaced).then(|| (*first).to_owned())
}

/// Returns the forms of a name: the full name in both orders, the surname, and first names if these are masked too.
pub fn name_forms(name: &str, surname_first: bool, first_names: bool) -> Vec<String> {
    let words: Vec<&str> = name.split_whitespace().collect();
    let (surname, first) = match words.as_slice() {
        [] => return Vec::new(),
        [only] => return if first_names { vec![(*only).to_owned()] } else { Vec::new() },
        [surname, first @ ..] if surname_first => (*surname, first),
        [first @ .., surname] => (*surname, first),
    };
    let mut forms = vec![name.to_owned()];
    forms.push(if surname_first { format!("{} {surname}", first.join(" ")) } else { format!("{surname} {}", first.join(" ")) });
    if let [one, .., _] = words.as_slice()
        && words.len() > 2
    {
        forms.push(format!("{one} {surname}"));
    }
    forms.push(surname.to_owned());
    if first_names {
        forms.extend(first.iter().map(|name| (*name).to_owned()));
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_is_found_or_is_missing() {
        let language = |tag: &str| Language::parse(tag).unwrap();
        for (name, tag, first) in [
            ("Elif Kaya", "tr", Some("Elif")),
            ("Szabó Gergely", "hu", Some("Gergely")),
            ("Dr. Sofia Meier", "de", Some("Sofia")),
            ("Frau Sabine Weber", "de", Some("Sabine")),
            ("KAYA, Elif", "tr", Some("Elif")),
            ("Nguyễn Thị Lan", "en", Some("Lan")),
            ("Elif", "tr", Some("Elif")),
            ("Dr. Meier", "de", None),
            ("E. Kaya", "tr", None),
            ("王小明", "en", None),
            ("", "en", None),
        ] {
            assert_eq!(first_name_of(name, &language(tag)).as_deref(), first, "{name}");
        }
    }

    #[test]
    fn the_surname_is_found_on_either_side() {
        let language = |tag: &str| Language::parse(tag).unwrap();
        for (name, tag, first) in
            [("Szabó Gergely", "en", true), ("Gergely Szabó", "hu", false), ("Varga Xénia", "hu", true), ("Elif Kaya", "tr", false)]
        {
            assert_eq!(has_surname_first(name, &language(tag)), first, "{name}");
        }
    }
}
