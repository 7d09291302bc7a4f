//! Turkish endings: with the vowels that follow the name's, and a consonant where two vowels would meet.

use crate::{facts::suffixes::is_vowel, text::fold};

/// Names with a soft l: their endings take front vowels.
const SOFT: [&str; 11] = ["kemal", "cemal", "celal", "bilal", "hilal", "nihal", "zuhal", "meral", "iclal", "ikbal", "iqbal"];

/// The ending as the name takes it, whichever of its forms it is in.
pub fn ending(name: &str, ending: &str) -> Option<String> {
    let name = lower(name);
    let mut vowel = name.chars().rev().find(|letter| is_vowel(*letter))?;
    if SOFT.iter().any(|soft| fold(&name).ends_with(soft)) {
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

/// In lower case, as Turkish writes it.
fn lower(text: &str) -> String {
    text.chars().flat_map(|letter| if letter == 'I' { 'ı' } else { letter }.to_lowercase()).filter(|letter| *letter != '\u{307}').collect()
}
