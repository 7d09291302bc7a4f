//! Endings that words take. Which ones a language has is a matter of rules, not of words alone: so they are code, and each question of
//! them is one `match` over languages. A language without endings needs nothing here.

mod hungarian;
mod turkish;

/// A name with an ending, as its language writes them; `ending` is in any of its forms, with the apostrophe or hyphen that stood before
/// it. An ending that isn't known stays as it is.
pub fn with_ending(name: &str, ending: &str, language: &str) -> String {
    let letters = ending.trim_start_matches(['\'', '’', '-']);
    let apart = &ending[..ending.len() - letters.len()];
    let ends_in_letter = name.ends_with(char::is_alphabetic);
    let changed = match language {
        "tr" if ends_in_letter => {
            turkish::ending(name, letters).map(|letters| format!("{name}{}{letters}", if apart.is_empty() { "'" } else { apart }))
        }
        "hu" if ends_in_letter => hungarian::with_ending(name, letters),
        _ => None,
    };
    changed.unwrap_or_else(|| format!("{name}{ending}"))
}

/// How many letters an ending may have.
pub const MAX_LETTERS: usize = 8;

/// What may follow a month's name in the same word.
pub fn of_months(language: &str) -> &'static [&'static str] {
    match language {
        "tr" => &["i", "da", "de", "ta", "te", "dan", "den", "tan", "ten", "a", "e", "in", "nin", "un"],
        "hu" => &["i", "ig", "ban", "ben", "tol", "re", "ra", "nak", "nek", "a", "e"],
        _ => &["s"],
    }
}

/// What may follow a currency's name in the same word.
pub fn of_currencies(language: &str) -> &'static [&'static str] {
    match language {
        "tr" => &["yi", "ya", "si"],
        "hu" => &["t", "ot", "ert"],
        _ => &["s", "es"],
    }
}

/// What stands at names without a mark between them: German and English genitive, Hungarian cases. Turkish sets them apart.
pub const OF_NAMES: [&str; 46] = [
    "s", "nak", "nek", "val", "vel", "t", "at", "et", "ot", "ert", "hoz", "hez", "tol", "rol", "bol", "ban", "ben", "ba", "be", "ra", "re",
    "on", "en", "n", "nal", "nel", "e", "ek", "ig", "kent", "ja", "je", "ek", "ell", "eknek", "eket", "aval", "aert", "anak", "enek", "at",
    "okat", "eket", "ot", "al", "el",
];

/// What Turkish names take, where the apostrophe is left out.
pub const OF_TURKISH_NAMES: [&str; 20] =
    ["in", "un", "nin", "nun", "e", "a", "ye", "ya", "i", "u", "yi", "yu", "den", "dan", "de", "da", "le", "la", "yle", "yla"];

/// What Polish names take in place of their last vowel.
pub const OF_POLISH_NAMES: [&str; 19] =
    ["a", "y", "i", "e", "ie", "ze", "rze", "owi", "em", "iem", "o", "u", "ego", "emu", "ej", "iej", "iego", "iemu", "im"];

/// A folded word without the ending that a time of day takes, and the letters of that ending: `hatig`, `négytől`.
pub fn without_clock_ending<'a>(folded: &'a str, language: &str) -> Option<(&'a str, usize)> {
    const HUNGARIAN: [&str; 6] = ["kor", "ig", "tol", "re", "ra", "es"];
    if language != "hu" {
        return None;
    }
    HUNGARIAN.into_iter().find_map(|ending| Some((folded.strip_suffix(ending)?, ending.len())))
}

/// Whether a number word may go on after its number: `háromnapos`, `dreitägig`.
pub fn follow_numbers(language: &str) -> bool {
    matches!(language, "hu" | "de")
}

/// The same where it is enough that a number is named: `yedinci`.
pub fn may_follow_numbers(language: &str) -> bool {
    matches!(language, "hu" | "de" | "tr")
}

/// Whether ones stand before tens, in one word: `fünfundzwanzig`.
pub fn ones_before_tens(language: &str) -> bool {
    language == "de"
}

/// What an ordinal's cardinal is, and its language: `fourth`, `negyedik`, `vierten`.
pub fn cardinal_of<'a>(ordinal: &'a str, language: &str) -> Option<&'a str> {
    match language {
        "en" => ordinal.strip_suffix("th"),
        "hu" => ["adik", "edik", "odik"].iter().find_map(|ending| ordinal.split_once(ending)).map(|(bare, _)| bare),
        "de" => ["te", "ten", "ter", "tes"].iter().find_map(|ending| ordinal.strip_suffix(ending)).map(|bare| bare.trim_end_matches('s')),
        _ => None,
    }
}

/// Whether a word, or what follows a number word's own letters, makes an ordinal of it: `im vierten Stock`, `a harmadik emeleten`.
pub fn is_ordinal(rest: &str, next_word: &str) -> bool {
    rest.starts_with("te") || next_word.ends_with("dik")
}

/// Whether a word may be a day of the month that stands after the month: `elsején`, `huszonnegyedikén`.
pub fn may_be_day_after_month(word: &str) -> bool {
    word.contains("dik") || word.starts_with("elsej")
}

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'ı' | 'i' | 'o' | 'ö' | 'u' | 'ü' | 'â' | 'î' | 'û' | 'á' | 'é' | 'í' | 'ó' | 'ő' | 'ú' | 'ű' | 'ä' | 'y')
        && letter != 'y'
}

#[cfg(test)]
mod tests {
    use crate::facts::suffixes::with_ending;

    #[test]
    fn turkish_endings_follow_the_name() {
        for (name, ending, right) in [
            ("Elif", "'nin", "Elif'in"),
            ("Ayşe", "'in", "Ayşe'nin"),
            ("Burak", "'nin", "Burak'ın"),
            ("Onur", "'nın", "Onur'un"),
            ("Gülsüm", "’in", "Gülsüm’ün"),
            ("Ali", "'a", "Ali'ye"),
            ("Ahmet", "'dan", "Ahmet'ten"),
            ("Selin", "'te", "Selin'de"),
            ("Kemal", "'ı", "Kemal'i"),
            ("Elif Kaya", "nin", "Elif Kaya'nın"),
            ("Zoë", "xyz", "Zoëxyz"),
        ] {
            assert_eq!(with_ending(name, ending, "tr"), right, "{name} {ending}");
        }
        assert_eq!(with_ending("Elif", "'s", "en"), "Elif's");
    }

    #[test]
    fn hungarian_endings_follow_the_name() {
        for (name, ending, right) in [
            ("Elif", "nak", "Elifnek"),
            ("Elif", "-nak", "Elifnek"),
            ("Anna", "nek", "Annának"),
            ("Katalin", "nek", "Katalinnak"),
            ("Ágnes", "nak", "Ágnesnek"),
            ("Gergely", "val", "Gergellyel"),
            ("Gábor", "vel", "Gáborral"),
            ("Imre", "val", "Imrével"),
            ("Gábor", "t", "Gábort"),
            ("Elif", "ot", "Elifet"),
            ("Tóth", "vel", "Tóthtal"),
            ("Györgyi", "hoz", "Györgyihöz"),
            ("Anna", "ként", "Annaként"),
        ] {
            assert_eq!(with_ending(name, ending, "hu"), right, "{name} {ending}");
        }
    }
}
