//! Hungarian endings: with the vowels that follow the name's, and the name as it stands before them.

use crate::{facts::suffixes::is_vowel, text::fold};

/// With back, front and rounded front vowels.
const ENDINGS: [[&str; 3]; 11] = [
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

/// The name with the ending as it takes it, whichever of its forms that is in.
pub fn with_ending(name: &str, ending: &str) -> Option<String> {
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
    let folded = fold(&wanted);
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
    if let Some(unchanging) = UNCHANGING.iter().find(|known| fold(known) == folded) {
        let name = if *unchanging == "ként" { name.to_owned() } else { stem() };
        return Some(format!("{name}{unchanging}"));
    }
    let with = ["al", "el"]
        .iter()
        .any(|with| folded.strip_suffix(with).is_some_and(|front| front == "v" || (!front.is_empty() && fold(&small).ends_with(front))));
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
    let forms = ENDINGS.iter().find(|forms| forms.iter().any(|form| fold(form) == folded))?;
    if forms[0] == "on" && after_vowel {
        return Some(format!("{}n", stem()));
    }
    Some(format!("{}{}", stem(), forms[harmony]))
}
