//! Endings of Turkish and Hungarian names: which form one takes depends on the name's vowels and its last letter.

/// A name with an ending, as its language writes them; `ending` is in any of its forms, with the apostrophe or hyphen that stood before
/// it. An ending that isn't known stays as it is.
pub fn with_ending(name: &str, ending: &str, language: &str) -> String {
    let letters = ending.trim_start_matches(['\'', '’', '-']);
    let apart = &ending[..ending.len() - letters.len()];
    let ends_in_letter = name.ends_with(char::is_alphabetic);
    let changed = match language {
        "tr" if ends_in_letter => {
            turkish(name, letters).map(|letters| format!("{name}{}{letters}", if apart.is_empty() { "'" } else { apart }))
        }
        "hu" if ends_in_letter => hungarian(name, letters),
        _ => None,
    };
    changed.unwrap_or_else(|| format!("{name}{ending}"))
}

/// How many letters an ending may have.
pub const MAX_LETTERS: usize = 8;

/// Names with a soft l: their endings take front vowels.
const SOFT: [&str; 11] = ["kemal", "cemal", "celal", "bilal", "hilal", "nihal", "zuhal", "meral", "iclal", "ikbal", "iqbal"];

fn turkish(name: &str, ending: &str) -> Option<String> {
    let name = lower(name);
    let mut vowel = name.chars().rev().find(|letter| is_vowel(*letter))?;
    if SOFT.iter().any(|soft| crate::text::fold(&name).ends_with(soft)) {
        vowel = 'e';
    }
    // `A` stands for a and e, `I` for the four high vowels.
    let frame: String = lower(ending)
        .chars()
        .map(|letter| match letter {
            'a' | 'e' => 'A',
            'ı' | 'i' | 'u' | 'ü' => 'I',
            other => other,
        })
        .collect();
    let last = name.chars().next_back()?;
    let after_vowel = is_vowel(last);
    let hard = matches!(last, 'f' | 's' | 't' | 'k' | 'ç' | 'ş' | 'h' | 'p');
    let frame = match frame.as_str() {
        "In" | "nIn" => {
            if after_vowel {
                "nIn"
            } else {
                "In"
            }
        }
        "I" | "yI" => {
            if after_vowel {
                "yI"
            } else {
                "I"
            }
        }
        "A" | "yA" => {
            if after_vowel {
                "yA"
            } else {
                "A"
            }
        }
        "lA" | "ylA" => {
            if after_vowel {
                "ylA"
            } else {
                "lA"
            }
        }
        "dA" | "tA" => {
            if hard {
                "tA"
            } else {
                "dA"
            }
        }
        "dAn" | "tAn" => {
            if hard {
                "tAn"
            } else {
                "dAn"
            }
        }
        "dAki" | "tAki" | "dAkI" | "tAkI" => {
            if hard {
                "tAki"
            } else {
                "dAki"
            }
        }
        "sIn" | "sInIz" | "lAr" | "lArI" | "lArIn" | "lArA" | "cA" => frame.as_str(),
        _ => return None,
    };
    let grown = frame
        .chars()
        .map(|letter| {
            let back = matches!(vowel, 'a' | 'â' | 'ı' | 'o' | 'u' | 'û');
            let round = matches!(vowel, 'o' | 'ö' | 'u' | 'ü' | 'û');
            let grown = match letter {
                'A' => {
                    if back {
                        'a'
                    } else {
                        'e'
                    }
                }
                'I' => match (back, round) {
                    (true, false) => 'ı',
                    (true, true) => 'u',
                    (false, false) => 'i',
                    (false, true) => 'ü',
                },
                other => other,
            };
            if is_vowel(grown) {
                vowel = grown;
            }
            grown
        })
        .collect();
    Some(grown)
}

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'ı' | 'i' | 'o' | 'ö' | 'u' | 'ü' | 'â' | 'î' | 'û' | 'á' | 'é' | 'í' | 'ó' | 'ő' | 'ú' | 'ű' | 'ä' | 'y')
        && letter != 'y'
}

/// In lower case, as Turkish writes it.
fn lower(text: &str) -> String {
    text.chars().flat_map(|letter| if letter == 'I' { 'ı' } else { letter }.to_lowercase()).filter(|letter| *letter != '\u{307}').collect()
}

/// Hungarian endings: with back, front and rounded front vowels.
const HUNGARIAN: [[&str; 3]; 11] = [
    ["nak", "nek", "nek"],
    ["val", "vel", "vel"],
    ["ban", "ben", "ben"],
    ["ba", "be", "be"],
    ["ra", "re", "re"],
    ["ról", "ről", "ről"],
    ["tól", "től", "től"],
    ["ból", "ből", "ből"],
    ["hoz", "hez", "höz"],
    ["nál", "nél", "nél"],
    ["on", "en", "ön"],
];
const UNCHANGING: [&str; 4] = ["ért", "ig", "é", "ként"];
const DIGRAPHS: [&str; 8] = ["sz", "cs", "zs", "gy", "ly", "ny", "ty", "dz"];

fn hungarian(name: &str, ending: &str) -> Option<String> {
    let small = name.to_lowercase();
    // e and é count as front, i and í as whatever is before them.
    let harmony = small.chars().rev().find_map(|letter| match letter {
        'a' | 'á' | 'o' | 'ó' | 'u' | 'ú' | 'ı' => Some(0),
        'ö' | 'ő' | 'ü' | 'ű' => Some(2),
        'e' => Some(1),
        _ => None,
    });
    let harmony = harmony.unwrap_or(1);
    let wanted = ending.to_lowercase();
    let folded = crate::text::fold(&wanted);
    let last = small.chars().next_back()?;
    let after_vowel = is_vowel(last) || last == 'ı';
    // A last a or e grows long.
    let stem = || match last {
        'a' => format!("{}á", &name[..name.len() - 1]),
        'e' => format!("{}é", &name[..name.len() - 1]),
        _ => name.to_owned(),
    };
    if matches!(folded.as_str(), "t" | "at" | "ot" | "et") {
        let plain = after_vowel || matches!(last, 'n' | 'l' | 'r' | 's' | 'z' | 'j') || small.ends_with("ly") || small.ends_with("ny");
        return Some(format!("{}{}", stem(), if plain { "t" } else { ["ot", "et", "öt"][harmony] }));
    }
    if let Some(unchanging) = UNCHANGING.iter().find(|known| crate::text::fold(known) == folded) {
        let name = if *unchanging == "ként" { name.to_owned() } else { stem() };
        return Some(format!("{name}{unchanging}"));
    }
    let with = ["al", "el"].iter().any(|with| {
        folded.strip_suffix(with).is_some_and(|front| front == "v" || (!front.is_empty() && crate::text::fold(&small).ends_with(front)))
    });
    if with && !after_vowel {
        let with = ["al", "el", "el"][harmony];
        if small.ends_with("th") {
            return Some(format!("{name}t{with}"));
        }
        return Some(match DIGRAPHS.iter().find(|digraph| small.ends_with(*digraph)) {
            Some(digraph) => format!("{}{}{digraph}{with}", &name[..name.len() - 2], &digraph[..1]),
            None if small.chars().rev().nth(1) == Some(last) => format!("{name}{with}"),
            None => format!("{name}{last}{with}"),
        });
    }
    let forms = HUNGARIAN.iter().find(|forms| forms.iter().any(|form| crate::text::fold(form) == folded))?;
    if forms[0] == "on" && after_vowel {
        return Some(format!("{}n", stem()));
    }
    Some(format!("{}{}", stem(), forms[harmony]))
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
