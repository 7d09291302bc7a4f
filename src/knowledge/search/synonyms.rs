//! Synonyms: built-in groups for the vocabulary of help desks, and the workspace's own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    knowledge::search::query::{Query, QueryWord},
    text::{Word, words},
};

/// Letters from which on an unfinished word may match a synonym.
const MIN_PREFIX: usize = 3;
/// Most words of one synonym.
const MAX_WORDS: usize = 4;
/// The built-in groups: one per line, separated by commas.
const BUILT_IN: [(&str, &str); 4] = [
    ("de", include_str!("synonyms/de.txt")),
    ("en", include_str!("synonyms/en.txt")),
    ("hu", include_str!("synonyms/hu.txt")),
    ("tr", include_str!("synonyms/tr.txt")),
];

/// Groups of synonyms, by language.
pub struct Synonyms(HashMap<String, Groups>);

#[derive(Default)]
struct Groups {
    /// The members of each group: the keys of their words.
    groups: Vec<Vec<Member>>,
    /// By each key of a member's first word: its group and member.
    by_key: BTreeMap<String, Vec<(usize, usize)>>,
}

/// A word or phrase: the keys of each word.
#[derive(Debug, PartialEq, Eq)]
pub struct Member(pub Vec<Vec<String>>);

impl Default for Synonyms {
    fn default() -> Synonyms {
        Synonyms::new(BTreeMap::new())
    }
}

impl Synonyms {
    /// Joins the built-in groups and a workspace's own.
    pub fn new(own: BTreeMap<String, Vec<Vec<String>>>) -> Synonyms {
        let mut languages: HashMap<String, Groups> = HashMap::new();
        for (language, text) in BUILT_IN {
            let groups = languages.entry(language.to_owned()).or_default();
            for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                groups.add(line.split(','), language);
            }
        }
        for (language, own) in own {
            let groups = languages.entry(language.clone()).or_default();
            for group in own {
                groups.add(group.iter().map(String::as_str), &language);
            }
        }
        Synonyms(languages)
    }

    /// Returns the synonyms of each word of a query. What means the same as several words is a synonym of each of them.
    pub fn of(&self, query: &Query, language: &str) -> Vec<Vec<&Member>> {
        let mut synonyms: Vec<Vec<&Member>> = vec![Vec::new(); query.words.len()];
        let Some(groups) = self.0.get(language) else { return synonyms };
        for (at, word) in query.words.iter().enumerate() {
            let matched: BTreeSet<(usize, usize)> =
                word.word.keys().iter().filter_map(|key| groups.by_key.get(key)).flatten().copied().collect();
            for (group, member) in matched {
                let length = groups.groups[group][member].0.len();
                if at + length > query.words.len() || !groups.groups[group][member].is_at(query, at) {
                    continue;
                }
                for synonyms in &mut synonyms[at..at + length] {
                    groups.add_others(group, member, synonyms);
                }
            }
        }
        synonyms
    }

    /// Returns the synonyms of a word by itself.
    pub fn of_word(&self, word: &Word, language: &str) -> Vec<&Member> {
        let mut synonyms = Vec::new();
        let Some(groups) = self.0.get(language) else { return synonyms };
        let matched: BTreeSet<(usize, usize)> = word.keys().iter().filter_map(|key| groups.by_key.get(key)).flatten().copied().collect();
        for (group, member) in matched {
            if groups.groups[group][member].0.len() == 1 {
                groups.add_others(group, member, &mut synonyms);
            }
        }
        synonyms
    }

    /// Returns the words and phrases of the lists that half a word may become, and their synonyms.
    pub fn of_half(&self, half: &str, language: &str) -> Vec<&Member> {
        let mut synonyms = Vec::new();
        let Some(groups) = self.0.get(language).filter(|_| half.chars().count() >= MIN_PREFIX) else { return synonyms };
        let longer = groups.by_key.range(half.to_owned()..).take_while(|(key, _)| key.starts_with(half));
        let matched: BTreeSet<(usize, usize)> = longer.flat_map(|(_, members)| members).copied().collect();
        for (group, member) in matched {
            synonyms.push(&groups.groups[group][member]);
            groups.add_others(group, member, &mut synonyms);
        }
        synonyms
    }
}

impl Groups {
    /// Adds the other members of a group.
    fn add_others<'a>(&'a self, group: usize, member: usize, synonyms: &mut Vec<&'a Member>) {
        let others = self.groups[group].iter().enumerate().filter(|(number, _)| *number != member).map(|(_, other)| other);
        for other in others {
            if !synonyms.contains(&other) {
                synonyms.push(other);
            }
        }
    }

    fn add<'a>(&mut self, group: impl Iterator<Item = &'a str>, language: &str) {
        let members: Vec<Member> = group.filter_map(|text| Member::new(text, language)).collect();
        let number = self.groups.len();
        for (place, member) in members.iter().enumerate() {
            for key in &member.0[0] {
                self.by_key.entry(key.clone()).or_default().push((number, place));
            }
        }
        self.groups.push(members);
    }
}

impl Member {
    fn new(text: &str, language: &str) -> Option<Member> {
        let keys: Vec<Vec<String>> = words(text, language).into_iter().take(MAX_WORDS).map(|word| word.keys().to_vec()).collect();
        (!keys.is_empty()).then_some(Member(keys))
    }

    /// Returns whether a query has it at `at`, the last word maybe unfinished. Its first word is known to match.
    fn is_at(&self, query: &Query, at: usize) -> bool {
        let has = |(keys, word): (&Vec<String>, &QueryWord)| {
            word.word.keys().iter().any(|key| keys.contains(key)) || (word.half && keys[0].starts_with(word.word.folded()))
        };
        self.0.iter().zip(&query.words[at..]).skip(1).all(has)
    }
}
