//! A sketch of a text: tells how much of it another text has, and can't be read.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::text::words;

/// Most hashes of a sketch.
const MAX_HASHES: usize = 128;

/// Returns short hashes of a text's words, the lowest ones, as hexadecimal digits. Different words can have the same hash.
pub fn sketch(text: &str) -> String {
    let hash = |word: &str| {
        let digest = Sha256::digest(word);
        u16::from_be_bytes([digest[0], digest[1]])
    };
    let hashes: BTreeSet<u16> = words(text, "").iter().map(|word| hash(word.folded())).collect();
    hashes.into_iter().take(MAX_HASHES).map(|hash| format!("{hash:04x}")).collect()
}

/// Returns how alike two sketched texts are: the share of all their words that both have, from 0 to 1; 0 if one has none.
pub fn likeness(one: &str, other: &str) -> f32 {
    let (one, other) = (hashes(one), hashes(other));
    if one.is_empty() || other.is_empty() {
        return 0.0;
    }
    // The lowest hashes of both together are a fair sample of both.
    let all: BTreeSet<&[u8]> = one.union(&other).copied().take(MAX_HASHES).collect();
    let common = all.iter().filter(|hash| one.contains(*hash) && other.contains(*hash)).count();
    common as f32 / all.len() as f32
}

fn hashes(sketch: &str) -> BTreeSet<&[u8]> {
    sketch.as_bytes().chunks_exact(4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_other_words_leave_a_text_alike() {
        let draft = "Hello Elif, your parcel left our warehouse on Monday and arrives within three days.";
        let near = |text: &str| likeness(&sketch(draft), &sketch(text));
        assert_eq!(near("hello elif — your parcel left our warehouse on MONDAY and arrives within three days"), 1.0);
        assert!(near("Hi Elif, your parcel left our warehouse on Monday and arrives within two days.") > 0.6);
        assert!(near("We are sorry, that is not possible.") < 0.1);
        assert_eq!((near(""), likeness("", "")), (0.0, 0.0));
        let long: String = (0..1000).map(|number| format!("word{number} ")).collect();
        assert_eq!(sketch(&long).len(), 4 * MAX_HASHES);
        assert!(likeness(&sketch(&long), &sketch(&format!("{long} and more"))) > 0.95);
    }
}
