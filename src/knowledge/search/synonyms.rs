//! Words that mean the same: a built-in list of what help desks talk about, and the workspace's own.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{knowledge::search::query::Query, text::words};

/// Letters from which a half word may be one of a group's.
const HALF: usize = 3;
/// Most words of a synonym.
const MAX_WORDS: usize = 4;
/// The built-in groups: a line each, commas between what means the same.
const BUILT_IN: [(&str, &str); 4] = [
    ("de", include_str!("../synonyms/de.txt")),
    ("en", include_str!("../synonyms/en.txt")),
    ("hu", include_str!("../synonyms/hu.txt")),
    ("tr", include_str!("../synonyms/tr.txt")),
];

/// Groups of words that mean the same, by language.
pub struct Synonyms(HashMap<String, Groups>);

#[derive(Default)]
struct Groups {
    /// What each group's members are: the keys of their words.
    groups: Vec<Vec<Member>>,
    /// By the first key of a member's first word: the group and the member.
    by_key: BTreeMap<String, Vec<(usize, usize)>>,
}

/// A word or a few, each with its keys.
struct Member(Vec<Vec<String>>);

impl Default for Synonyms {
    fn default() -> Synonyms {
        Synonyms::new(BTreeMap::new())
    }
}

impl Synonyms {
    /// The built-in groups and a workspace's own.
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

    /// For each word of a query what means the same, with how much of it each key is.
    pub fn of(&self, query: &Query, language: &str) -> Vec<Vec<(String, f32)>> {
        let mut same: Vec<Vec<(String, f32)>> = vec![Vec::new(); query.words.len()];
        let Some(groups) = self.0.get(language) else { return same };
        for (at, word) in query.words.iter().enumerate() {
            let mut met: HashSet<(usize, usize)> = HashSet::new();
            for key in word.word.keys() {
                met.extend(groups.by_key.get(key).into_iter().flatten());
            }
            let half = word.half && word.word.folded().chars().count() >= HALF;
            if half {
                let folded = word.word.folded();
                let longer = groups.by_key.range(folded.to_owned()..).take_while(|(key, _)| key.starts_with(folded));
                met.extend(longer.flat_map(|(_, members)| members));
            }
            for (group, member) in met {
                let length = groups.groups[group][member].0.len();
                if at + length > query.words.len() || !groups.groups[group][member].is_at(query, at) {
                    continue;
                }
                for (number, other) in groups.groups[group].iter().enumerate() {
                    if number != member {
                        // Several words are one meaning together.
                        let share = 1.0 / other.0.len() as f32;
                        for keys in &other.0 {
                            same[at].extend(keys.iter().map(|key| (key.clone(), share)));
                        }
                    }
                }
            }
            same[at].sort_by(|one, other| one.0.cmp(&other.0).then(other.1.total_cmp(&one.1)));
            same[at].dedup_by(|one, other| one.0 == other.0);
        }
        same
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

    /// Whether it stands at a place of a query. Its first word does, or begins so.
    fn is_at(&self, query: &Query, at: usize) -> bool {
        let rest = self.0.iter().zip(&query.words[at..]).skip(1);
        rest.clone().all(|(keys, word)| word.word.keys().iter().any(|key| keys.contains(key)))
    }
}
