//! Synonyms: built-in groups for the vocabulary of help desks, and the workspace's own.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{knowledge::search::query::Query, text::words};

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
struct Member(Vec<Vec<String>>);

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

    /// Returns the synonyms of each word of a query: keys, each with its share of the synonym's weight.
    pub fn of(&self, query: &Query, language: &str) -> Vec<Vec<(String, f32)>> {
        let mut synonyms: Vec<Vec<(String, f32)>> = vec![Vec::new(); query.words.len()];
        let Some(groups) = self.0.get(language) else { return synonyms };
        for (at, word) in query.words.iter().enumerate() {
            let mut matched: HashSet<(usize, usize)> = HashSet::new();
            for key in word.word.keys() {
                matched.extend(groups.by_key.get(key).into_iter().flatten());
            }
            let unfinished = word.half && word.word.folded().chars().count() >= MIN_PREFIX;
            if unfinished {
                let folded = word.word.folded();
                let longer = groups.by_key.range(folded.to_owned()..).take_while(|(key, _)| key.starts_with(folded));
                matched.extend(longer.flat_map(|(_, members)| members));
            }
            for (group, member) in matched {
                let length = groups.groups[group][member].0.len();
                if at + length > query.words.len() || !groups.groups[group][member].is_at(query, at) {
                    continue;
                }
                for (number, other) in groups.groups[group].iter().enumerate() {
                    if number != member {
                        // The words of a phrase share its weight.
                        let share = 1.0 / other.0.len() as f32;
                        for keys in &other.0 {
                            synonyms[at].extend(keys.iter().map(|key| (key.clone(), share)));
                        }
                    }
                }
            }
            synonyms[at].sort_by(|one, other| one.0.cmp(&other.0).then(other.1.total_cmp(&one.1)));
            synonyms[at].dedup_by(|one, other| one.0 == other.0);
        }
        synonyms
    }
}

impl Groups {
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

    /// Returns whether a query has it at `at`. Its first word is known to match, or to match as a prefix.
    fn is_at(&self, query: &Query, at: usize) -> bool {
        let rest = self.0.iter().zip(&query.words[at..]).skip(1);
        rest.clone().all(|(keys, word)| word.word.keys().iter().any(|key| keys.contains(key)))
    }
}
