//! The order of a name's parts.

use crate::text::{Language, fold};

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
    fn the_surname_is_found_on_either_side() {
        let language = |tag: &str| Language::parse(tag).unwrap();
        for (name, tag, first) in
            [("Szabó Gergely", "en", true), ("Gergely Szabó", "hu", false), ("Varga Xénia", "hu", true), ("Elif Kaya", "tr", false)]
        {
            assert_eq!(has_surname_first(name, &language(tag)), first, "{name}");
        }
    }
}
