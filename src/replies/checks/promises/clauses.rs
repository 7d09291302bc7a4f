//! The parts of a sentence that commit or deny for themselves.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::lexicon::lexica;

/// Where a sentence is cut: at its punctuation, and where it turns (` but `), in any language.
static CUTS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let turns = lexica().iter().flat_map(|lexicon| lexicon.words.commitments.turns.iter()).map(|turn| format!(" {turn} "));
    AhoCorasick::new([",", ";", ":", "–", "—"].map(str::to_owned).into_iter().chain(turns)).expect("a few short words fit an automaton")
});

/// The parts of a folded sentence between its commas, and where it turns.
pub fn clauses(sentence: &str) -> Vec<&str> {
    let mut clauses = Vec::new();
    let mut from = 0;
    for cut in CUTS.find_iter(sentence) {
        clauses.push(&sentence[from..cut.start()]);
        from = cut.end();
    }
    clauses.push(&sentence[from..]);
    clauses
}

/// A folded sentence without what stands in quotes.
pub fn without_quotes(folded: &str) -> String {
    const PAIRS: [(char, char); 5] = [('"', '"'), ('“', '”'), ('„', '“'), ('„', '”'), ('«', '»')];
    let mut left = folded.replace(" '", " \"").replace("' ", "\" ").replace("'.", "\".").replace("',", "\",");
    for (open, close) in PAIRS {
        while let Some(from) = left.find(open)
            && let Some(length) = left[from + open.len_utf8()..].find(close)
        {
            left.replace_range(from..from + open.len_utf8() + length + close.len_utf8(), "");
        }
    }
    left
}

/// Turkish says `as soon as it comes` as `comes, comes not`: that denies nothing.
pub fn without_at_once(clause: &str, language: &str) -> String {
    if language != "tr" {
        return clause.to_owned();
    }
    let words: Vec<&str> = clause.split(' ').collect();
    let denies_the_last = |at: usize| {
        let (one, other) = (words[at - 1], words[at]);
        one.len() >= 3 && one.ends_with('r') && other.get(..2) == one.get(..2) && (other.ends_with("mez") || other.ends_with("maz"))
    };
    let kept = (0..words.len()).filter(|at| *at == 0 || !denies_the_last(*at)).map(|at| words[at]);
    kept.collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_cut_at_its_commas_and_turns() {
        assert_eq!(clauses(" not that, this but pero eso "), [" not that", " this", "pero eso "]);
        assert_eq!(without_at_once(" gelir gelmez ararim ", "tr"), " gelir ararim ");
        assert_eq!(without_quotes(" the \"free\" one "), " the  one ");
    }
}
