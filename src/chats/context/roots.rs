//! Words of one root that no stemmer brings together: allergic and allergy, Verpackung and einpacken.

use std::sync::LazyLock;

use crate::lexicon::lexica;

/// First letters that roots are looked up by.
const FIRST: usize = 4;
/// Least letters that two roots share, of which the second is for roots without a prefix; and their least share of the shorter root.
const SHARED: [usize; 2] = [4, 5];
const SHARE: f32 = 0.6;

/// A word without the prefix that derives it, or as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    letters: String,
    /// Whether a prefix was taken off.
    bare: bool,
}

/// The prefixes of all languages: `ver`, `meg`, …
static PREFIXES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| lexica().iter().flat_map(|lexicon| lexicon.words.cues.prefixes.iter()).collect());

/// Returns the roots of a folded word: itself, and what follows a prefix. A word with too few letters has none.
pub fn roots(folded: &str) -> Vec<Root> {
    let bare = PREFIXES.iter().filter_map(|prefix| folded.strip_prefix(prefix)).map(|rest| (rest, true));
    let all = std::iter::once((folded, false)).chain(bare).filter(|(letters, _)| letters.is_ascii() && letters.len() >= FIRST);
    all.map(|(letters, bare)| Root { letters: letters.to_owned(), bare }).collect()
}

impl Root {
    /// The letters by which it is looked up.
    pub fn first_letters(&self) -> &str {
        &self.letters[..FIRST]
    }

    /// Returns whether it may be the same root as another.
    pub fn is_related(&self, other: &Root) -> bool {
        let shared = self.letters.bytes().zip(other.letters.bytes()).take_while(|(one, other)| one == other).count();
        let shorter = self.letters.len().min(other.letters.len());
        shared >= SHARED[usize::from(!self.bare && !other.bare)] && shared as f32 >= SHARE * shorter as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_words_are_related_and_others_are_not() {
        let related = |one: &str, other: &str| roots(one).iter().any(|root| roots(other).iter().any(|other| root.is_related(other)));
        for (one, other) in [
            ("allergic", "allergy"),
            ("verpackung", "einpacken"),
            ("alerjim", "alerjik"),
            ("allergias", "allergiam"),
            ("kiszallitas", "szallitsak"),
            ("delivery", "delivered"),
        ] {
            assert!(related(one, other), "{one} {other}");
        }
        for (one, other) in
            [("parcel", "parent"), ("order", "ordinary"), ("verlassen", "vergessen"), ("with", "without"), ("megint", "megvan")]
        {
            assert!(!related(one, other), "{one} {other}");
        }
    }
}
