//! Known misspellings of English, and its words that are written in two ways.

use std::sync::LazyLock;

use tantivy_fst::{Map, raw::Fst};

/// By misspelling, where its word begins in [`CORRECTIONS`]. Written by `build.rs`.
static MISSPELLINGS: LazyLock<Map<&[u8]>> = LazyLock::new(|| {
    let bytes: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/misspellings.fst"));
    Map::from(Fst::new(bytes).expect("the build wrote it"))
});

/// The words, one a line.
const CORRECTIONS: &str = include_str!(concat!(env!("OUT_DIR"), "/corrections.txt"));

/// The one word that a known misspelling stands for; `None` where it may stand for several.
pub fn misspelling(lower: &str) -> Option<&'static str> {
    let place = MISSPELLINGS.get(lower)?;
    CORRECTIONS[place as usize..].lines().next()
}

/// Whether a word is right in some country's English: `colour`, `color`.
pub fn is_variant(lower: &str) -> bool {
    typos_vars::VARS.find(&lower.into()).is_some()
}

/// Whether two words differ as one word does from country to country: `carburettor`, `carburetor`. No list has all of them.
pub fn differ_by_country(typed: &str, meant: &str) -> bool {
    const ANYWHERE: [(&str, &str); 5] = [("ae", "e"), ("oe", "e"), ("our", "or"), ("is", "iz"), ("ys", "yz")];
    const ENDINGS: [(&str, &str); 7] =
        [("re", "er"), ("res", "ers"), ("or", "er"), ("ors", "ers"), ("ogue", "og"), ("ence", "ense"), ("l", "ll")];
    let replaced = |one: &str, other: &str| {
        typed.match_indices(one).any(|(at, _)| format!("{}{other}{}", &typed[..at], &typed[at + one.len()..]) == meant)
    };
    let ends = |one: &str, other: &str| typed.strip_suffix(one).is_some_and(|stem| meant.strip_suffix(other) == Some(stem));
    let doubled = |letter: &str| {
        let before_ending = |ending: &str| replaced(&format!("{letter}{letter}{ending}"), &format!("{letter}{ending}"));
        ["ed", "er", "ing", "or"].into_iter().any(before_ending)
    };
    ANYWHERE.iter().any(|(one, other)| replaced(one, other) || replaced(other, one))
        || ENDINGS.iter().any(|(one, other)| ends(one, other) || ends(other, one))
        // `travelled`, `benefitted`; `instalment`, `skilful`.
        || ["l", "p", "t"].into_iter().any(doubled)
        || replaced("lm", "llm")
        || replaced("lf", "llf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_mean_one_word_is_a_misspelling() {
        assert_eq!(misspelling("recieved"), Some("received"));
        assert_eq!(misspelling("teh"), Some("the"));
        assert_eq!(misspelling("received"), None);
        // `breath` and `berth`, among others.
        assert_eq!(misspelling("berthe"), None);
        for variant in ["colour", "color", "organise", "organize", "cheque"] {
            assert!(is_variant(variant), "{variant}");
        }
        assert!(!is_variant("recieved"));
    }

    #[test]
    fn spellings_of_another_country_are_known() {
        for (typed, meant) in [
            ("carburettor", "carburetor"),
            ("encyclopaedia", "encyclopedia"),
            ("adaptor", "adapter"),
            ("fulfil", "fulfill"),
            ("fibre", "fiber"),
            ("catalogue", "catalog"),
        ] {
            assert!(differ_by_country(typed, meant), "{typed}");
        }
        for (typed, meant) in [
            ("recieved", "received"),
            ("warrannty", "warranty"),
            ("adress", "address"),
            ("mesage", "message"),
            ("swalowed", "swallowed"),
            ("delivrey", "delivery"),
        ] {
            assert!(!differ_by_country(typed, meant), "{typed}");
        }
    }
}
