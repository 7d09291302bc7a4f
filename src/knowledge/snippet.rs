//! What matched, shown: pieces of text with the words that were looked for marked.

use std::collections::HashSet;

use super::query::QueryWord;
use crate::text::{paragraphs, words};

/// A piece of text, and whether it matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub matched: bool,
    pub text: String,
}

/// Longest snippet, in characters.
const MOST_CHARACTERS: usize = 280;

/// Knows the words of a query again.
pub struct Marker {
    keys: HashSet<String>,
    half: Option<String>,
}

impl Marker {
    pub fn new(query: &[QueryWord]) -> Marker {
        let keys = query.iter().flat_map(|word| word.word.keys.iter().chain(&word.synonyms).cloned()).collect();
        let half = query.iter().find(|word| word.half).map(|word| word.word.folded().to_owned());
        Marker { keys, half }
    }

    fn matches(&self, word: &crate::text::Word) -> bool {
        word.keys.iter().any(|key| self.keys.contains(key))
            || self.half.as_ref().is_some_and(|half| word.folded().starts_with(half.as_str()))
    }

    /// Splits a text at the words that match. The segments joined are the text.
    pub fn mark(&self, text: &str, language: &str) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        let mut from = 0;
        for word in words(text, language).iter().filter(|word| self.matches(word)) {
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

    /// The words of a text that match, each once, as they stand there.
    pub fn matched_words(&self, text: &str, language: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut keys = HashSet::new();
        for word in words(text, language).iter().filter(|word| self.matches(word)) {
            if keys.insert(word.keys.last().cloned()) {
                found.push(text[word.start..word.end].to_owned());
            }
        }
        found
    }

    /// The paragraph of a Markdown body that holds most of what was looked for, and the one after it while they are short; the
    /// first when none holds any.
    pub fn best_passage(&self, body: &str, language: &str) -> String {
        let paragraphs = paragraphs(body);
        let score = |paragraph: &String| {
            let found: HashSet<String> = words(paragraph, language)
                .into_iter()
                .filter(|word| self.matches(word))
                .filter_map(|word| word.keys.last().cloned())
                .collect();
            found.len()
        };
        let mut best = (0, 0);
        for (index, paragraph) in paragraphs.iter().enumerate() {
            let score = score(paragraph);
            if score > best.1 {
                best = (index, score);
            }
        }
        let mut passage = paragraphs.get(best.0).cloned().unwrap_or_default();
        for next in paragraphs.iter().skip(best.0 + 1) {
            if passage.chars().count() + next.chars().count() > MOST_CHARACTERS {
                break;
            }
            passage.push('\n');
            passage.push_str(next);
        }
        passage
    }

    /// A passage cut to a snippet around its first match, with an ellipsis where it was cut.
    pub fn snippet(&self, body: &str, language: &str) -> Vec<Segment> {
        let passage = self.best_passage(body, language).replace('\n', " ");
        let found = words(&passage, language);
        let first = found.iter().find(|word| self.matches(word)).map_or(0, |word| word.start);
        let start = if passage[..first].chars().count() > MOST_CHARACTERS / 3 {
            let near = passage[..first].char_indices().rev().nth(MOST_CHARACTERS / 4).map_or(0, |(index, _)| index);
            found.iter().find(|word| word.start >= near).map_or(0, |word| word.start)
        } else {
            0
        };
        let mut text = if start > 0 { "… ".to_owned() } else { String::new() };
        match passage[start..].char_indices().nth(MOST_CHARACTERS) {
            Some((cut, _)) => {
                let end =
                    found.iter().rev().find(|word| word.end <= start + cut && word.start >= start).map_or(start + cut, |word| word.end);
                text.push_str(&passage[start..end]);
                text.push_str(" …");
            }
            None => text.push_str(&passage[start..]),
        }
        self.mark(&text, language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::query::typed_words;

    #[test]
    fn segments_joined_are_the_text() {
        let text = "Siparişlerinizi takip edin: kargo 3 günde gelir.";
        let segments = Marker::new(&typed_words("siparis kar", "tr")).mark(text, "tr");
        assert_eq!(segments.iter().map(|segment| segment.text.as_str()).collect::<String>(), text);
        let matched: Vec<&str> = segments.iter().filter(|segment| segment.matched).map(|segment| segment.text.as_str()).collect();
        assert_eq!(matched, ["Siparişlerinizi", "kargo"]);
    }

    #[test]
    fn the_passage_that_answers_is_shown() {
        let body = "# Returns\n\nYou have 30 days.\n\n## Refund\n\nA refund takes five working days.\n\nOther text.";
        let marker = Marker::new(&typed_words("how long does a refund take", "en"));
        assert!(marker.best_passage(body, "en").starts_with("A refund takes five working days."));
        let long = format!("{} refund {}", "word ".repeat(100), "tail ".repeat(100));
        let snippet: String = marker.snippet(&long, "en").into_iter().map(|segment| segment.text).collect();
        assert!(snippet.starts_with("… ") && snippet.ends_with(" …") && snippet.contains("refund"), "{snippet}");
        assert!(snippet.chars().count() < MOST_CHARACTERS + 10);
    }
}
