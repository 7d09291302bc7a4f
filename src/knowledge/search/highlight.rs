//! Highlighting, snippets, and passages: text with the matched words marked.

use std::collections::HashSet;

use crate::{
    knowledge::{
        index::schema::ACCENTED,
        search::{expansion::Alternative, query::Query, stop_words, terms::Term},
    },
    text::{Beginnings, Block, BlockKind, Word, blocks, signature, words, words_beginning},
};

/// A piece of text, and whether it is a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Whether the piece is a word that matched.
    pub matched: bool,
    /// The piece, plain; pieces joined are the text.
    pub text: String,
}

/// Longest snippet, in characters.
const MAX_SNIPPET: usize = 280;
/// Longest passage, in characters, unless one block alone is longer.
const MAX_PASSAGE: usize = 700;

/// Finds the words of a query in texts.
#[derive(Default)]
pub struct Highlighter {
    keys: HashSet<String>,
    /// The union of the keys' signatures.
    signature: u64,
    /// Phrases, by the keys of each of their words.
    phrases: Vec<Vec<Vec<String>>>,
    half: Option<String>,
    beginnings: Beginnings,
}

impl std::fmt::Debug for Highlighter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Highlighter")
    }
}

impl Highlighter {
    /// Marks what the terms of a query match, but for common words. `terms` are those of the query's words, or none.
    pub fn new(query: &Query, terms: &[Term]) -> Highlighter {
        let is_common = |place: usize| terms.get(place).is_some_and(|term| term.is_common);
        let asked = query.words.iter().enumerate().filter(|(place, _)| !is_common(*place)).map(|(_, word)| word);
        let own = asked.clone().flat_map(|word| word.word.keys().iter().chain(word.word.joined()).cloned());
        let alternatives = || terms.iter().filter(|term| !term.is_common).flat_map(|term| &term.alternatives);
        let (phrases, others): (Vec<&Alternative>, Vec<&Alternative>) =
            alternatives().partition(|alternative| !alternative.phrase.is_empty());
        let others = others.into_iter().map(|alternative| alternative.key.clone());
        let keys: HashSet<String> = own.chain(others).filter(|key| !key.starts_with(ACCENTED)).collect();
        let phrases: Vec<Vec<Vec<String>>> = phrases.into_iter().map(|alternative| alternative.phrase.clone()).collect();
        let half = asked.clone().find(|word| word.half).map(|word| word.word.folded().to_owned());
        let mut beginnings = Beginnings::default();
        keys.iter().chain(&half).chain(phrases.iter().flatten().flatten()).for_each(|key| beginnings.add(key));
        Highlighter { beginnings, signature: keys.iter().fold(0, |bits, key| bits | signature(key)), keys, phrases, half }
    }

    /// Returns the words of a text that match.
    pub fn matching(&self, text: &str, language: &str) -> Vec<Word> {
        let mut found = words_beginning(text, language, &self.beginnings);
        let mut in_phrase = vec![false; found.len()];
        for phrase in &self.phrases {
            for (at, window) in found.windows(phrase.len()).enumerate() {
                let has = |(word, keys): (&Word, &Vec<String>)| word.keys().iter().any(|key| keys.contains(key));
                let is_next = |pair: &[Word]| !text[pair[0].end..pair[1].start].contains(char::is_alphanumeric);
                if window.iter().zip(phrase).all(has) && window.windows(2).all(is_next) {
                    in_phrase[at..at + phrase.len()].fill(true);
                }
            }
        }
        let mut in_phrase = in_phrase.into_iter();
        found.retain(|word| in_phrase.next().unwrap_or(false) || self.matches(word));
        found
    }

    fn matches(&self, word: &Word) -> bool {
        (word.signature() & self.signature != 0 && word.keys().iter().any(|key| self.keys.contains(key)))
            || word.joined().iter().any(|joined| self.keys.contains(joined))
            || self.half.as_ref().is_some_and(|half| word.folded().starts_with(half.as_str()))
    }

    /// Splits a text into matching and other segments. Joined, they are the text.
    pub fn mark(&self, text: &str, language: &str) -> Vec<Segment> {
        segments(text, &self.matching(text, language))
    }

    /// Returns whether more than half of a phrase's words are words of the query, common ones left out.
    pub fn has_most_of(&self, phrase: &str, language: &str) -> bool {
        let telling = words(phrase, language).into_iter().filter(|word| stop_words::share(language, word.folded()) == 0.0);
        let (matching, other): (Vec<Word>, Vec<Word>) = telling.partition(|word| self.matches(word));
        matching.len() > other.len()
    }

    /// Returns the section of a Markdown body that has most words of the query, as text that can stand alone: from its first matching block
    /// on, without its heading; the first section when none matches.
    pub fn best_passage(&self, body: &str, language: &str) -> String {
        let blocks: Vec<(Block, HashSet<String>)> = blocks(body)
            .into_iter()
            .map(|block| {
                let found = self.found(&block.text, language);
                (block, found)
            })
            .collect();
        let mut best: (usize, &[(Block, HashSet<String>)]) = (0, &[]);
        for section in sections(&blocks) {
            let found = section.iter().flat_map(|(_, found)| found).collect::<HashSet<&String>>().len();
            if best.1.is_empty() || found > best.0 {
                best = (found, section);
            }
        }
        let mut section: Vec<&(Block, HashSet<String>)> = best.1.iter().filter(|(block, _)| block.kind != BlockKind::Heading).collect();
        if section.is_empty() {
            section = best.1.iter().collect();
        }
        let length: usize = section.iter().map(|(block, _)| block.text.chars().count()).sum();
        // A long section is cut before its best block.
        let max_matches = section.iter().map(|(_, found)| found.len()).max().unwrap_or(0);
        let fitting = section.iter().position(|(_, found)| found.len() == max_matches).unwrap_or(0);
        let from = if length <= MAX_PASSAGE { 0 } else { fitting };
        let mut passage = String::new();
        for (block, _) in &section[from..] {
            if !passage.is_empty() {
                if passage.chars().count() + block.text.chars().count() > MAX_PASSAGE {
                    break;
                }
                passage.push('\n');
            }
            if block.kind == BlockKind::Item {
                passage.push_str("- ");
            }
            passage.push_str(&block.text);
        }
        passage
    }

    /// Returns the block of a body that has most words of the query, cut to a snippet around its first match, with an ellipsis where it was
    /// cut.
    pub fn snippet(&self, body: &str, language: &str) -> Vec<Segment> {
        let mut best: (usize, String) = (0, String::new());
        for block in blocks(body) {
            let found = self.found(&block.text, language).len();
            if best.1.is_empty() || found > best.0 {
                best = (found, block.text);
            }
        }
        let block = best.1;
        if block.chars().count() <= MAX_SNIPPET {
            return self.mark(&block, language);
        }
        let found = words(&block, language);
        let first = self.matching(&block, language).first().map_or(0, |word| word.start);
        let start = if block[..first].chars().count() > MAX_SNIPPET / 3 {
            let near = block[..first].char_indices().rev().nth(MAX_SNIPPET / 4).map_or(0, |(index, _)| index);
            found.iter().find(|word| word.start >= near).map_or(0, |word| word.start)
        } else {
            0
        };
        let mut text = if start > 0 { "… ".to_owned() } else { String::new() };
        match block[start..].char_indices().nth(MAX_SNIPPET) {
            Some((cut, _)) => {
                let whole = |word: &&Word| word.end <= start + cut && word.start >= start;
                let end = found.iter().rev().find(whole).map_or(start + cut, |word| word.end);
                text.push_str(&block[start..end]);
                text.push_str(" …");
            }
            None => text.push_str(&block[start..]),
        }
        self.mark(&text, language)
    }

    /// Returns the keys of the query that a text has.
    fn found(&self, text: &str, language: &str) -> HashSet<String> {
        self.matching(text, language).into_iter().filter_map(|word| word.keys().last().cloned()).collect()
    }
}

/// Splits a text into its matching words and what is between them. Joined, they are the text.
pub fn segments(text: &str, matching: &[Word]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut from = 0;
    for word in matching {
        if from < word.start {
            segments.push(Segment { matched: false, text: text[from..word.start].to_owned() });
        }
        segments.push(Segment { matched: true, text: text[word.start..word.end].to_owned() });
        from = word.end;
    }
    if from < text.len() {
        segments.push(Segment { matched: false, text: text[from..].to_owned() });
    }
    segments
}

/// Returns the matching words of texts, each once, as the texts write them.
pub fn matched_words<'a>(texts: impl IntoIterator<Item = (&'a str, &'a [Word])>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut keys = HashSet::new();
    for (text, word) in texts.into_iter().flat_map(|(text, words)| words.iter().map(move |word| (text, word))) {
        if keys.insert(word.keys().last()) {
            found.push(text[word.start..word.end].to_owned());
        }
    }
    found
}

/// Splits a document into sections: the blocks before the first heading, then each heading with the blocks after it.
fn sections(blocks: &[(Block, HashSet<String>)]) -> Vec<&[(Block, HashSet<String>)]> {
    let mut starts: Vec<usize> = (0..blocks.len()).filter(|at| *at == 0 || blocks[*at].0.kind == BlockKind::Heading).collect();
    starts.push(blocks.len());
    starts.windows(2).map(|pair| &blocks[pair[0]..pair[1]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::search::query::Typed;

    fn highlighter(text: &str, language: &str) -> Highlighter {
        Highlighter::new(&Typed::read(text, language).query, &[])
    }

    #[test]
    fn segments_joined_are_the_text() {
        let text = "Siparişlerinizi takip edin: kargo 3 günde gelir.";
        let segments = highlighter("siparis kar", "tr").mark(text, "tr");
        assert_eq!(segments.iter().map(|segment| segment.text.as_str()).collect::<String>(), text);
        let matched: Vec<&str> = segments.iter().filter(|segment| segment.matched).map(|segment| segment.text.as_str()).collect();
        assert_eq!(matched, ["Siparişlerinizi", "kargo"]);
    }

    #[test]
    fn the_passage_that_answers_is_shown() {
        let body = "# Returns\n\nYou have 30 days.\n\n## Refund\n\nA refund takes five working days.\n\nOther text.";
        let highlighter = highlighter("how long does a refund take", "en");
        assert_eq!(highlighter.best_passage(body, "en"), "A refund takes five working days.\nOther text.");
        let list = "First.\n\n## Steps\n\nSo you get a refund:\n\n1. Pack.\n2. Send.";
        assert_eq!(highlighter.best_passage(list, "en"), "So you get a refund:\n- Pack.\n- Send.");
        let long = format!("{} refund {}", "word ".repeat(100), "tail ".repeat(100));
        let snippet: String = highlighter.snippet(&long, "en").into_iter().map(|segment| segment.text).collect();
        assert!(snippet.starts_with("… ") && snippet.ends_with(" …") && snippet.contains("refund"), "{snippet}");
        assert!(snippet.chars().count() < MAX_SNIPPET + 10);
    }
}
