//! Articles as a large help page has them, made from the words of the sample shop and from words that are spelt like them.

use crate::root;
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use deskhand::api::pb;

use crate::Draws;

const VOCABULARY: usize = 30_000;
/// Letters that decide the next one.
const SPELT_BY: usize = 3;

/// English words, the frequent ones first.
pub struct Vocabulary(Vec<String>);

impl Vocabulary {
    /// The sample shop's words, as often as it says them, then words made by its letters.
    pub fn of_sample_shop() -> Vocabulary {
        let folder = root().join("knowledge-base/articles/en");
        let mut counts: HashMap<String, usize> = HashMap::new();
        for file in files(&folder) {
            let text = fs::read_to_string(file).expect("an article").to_lowercase();
            for word in text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()) {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
        }
        let mut words: Vec<String> = counts.keys().cloned().collect();
        words.sort_by(|one, other| counts[other].cmp(&counts[one]).then_with(|| one.cmp(other)));
        let mut next: HashMap<Vec<char>, Vec<char>> = HashMap::new();
        for word in words.iter().filter(|word| word.chars().count() > SPELT_BY) {
            let letters: Vec<char> = "^".repeat(SPELT_BY).chars().chain(word.chars()).chain(['$']).collect();
            for letters in letters.windows(SPELT_BY + 1) {
                next.entry(letters[..SPELT_BY].to_vec()).or_default().push(letters[SPELT_BY]);
            }
        }
        let mut draws = Draws(7);
        let mut known: std::collections::HashSet<String> = words.iter().cloned().collect();
        while words.len() < VOCABULARY {
            let mut letters = vec!['^'; SPELT_BY];
            while letters.last() != Some(&'$') && letters.len() < 16 {
                let choices = &next[&letters[letters.len() - SPELT_BY..]];
                letters.push(choices[draws.below(choices.len())]);
            }
            let made: String = letters.into_iter().filter(|letter| letter.is_alphabetic()).collect();
            // What the shop's words end in may go on as another word.
            let made = if draws.below(2) == 0 { made } else { format!("{made}{}", words[draws.below(400)]) };
            if made.chars().count() > 3 && known.insert(made.clone()) {
                words.push(made);
            }
        }
        Vocabulary(words)
    }

    pub fn sentence(&self, draws: &mut Draws, words: usize) -> String {
        let words: Vec<&str> = (0..words).map(|_| self.0[draws.rank(VOCABULARY)].as_str()).collect();
        words.join(" ")
    }

    /// Words of a title: seldom the most frequent.
    fn title(&self, draws: &mut Draws) -> String {
        let words: Vec<&str> = (0..3 + draws.below(4)).map(|_| self.0[40 + draws.rank(VOCABULARY - 40)].as_str()).collect();
        words.join(" ")
    }

    /// The article of a number: about 220 words in six paragraphs under a title of three to six words that its text says again.
    pub fn article(&self, number: usize) -> pb::Article {
        let mut draws = Draws(number as u64);
        let title = self.title(&mut draws);
        let paragraph = |draws: &mut Draws| {
            let sentences: Vec<String> = (0..3)
                .map(|_| {
                    let words = 8 + draws.below(9);
                    self.sentence(draws, words)
                })
                .collect();
            sentences.join(". ")
        };
        let mut body: Vec<String> = (0..6).map(|_| paragraph(&mut draws)).collect();
        body[1].push_str(&format!(". {title}"));
        pb::Article { id: format!("article-{number}"), language: "en".into(), title, body: body.join("\n\n"), ..pb::Article::default() }
    }

    /// What somebody types who looks for an article: two or three words of its title, the last one half typed every other time, with a
    /// typo in one of four.
    pub fn query(&self, number: usize) -> String {
        let mut draws = Draws(number as u64);
        let title = self.title(&mut draws);
        let mut words: Vec<Vec<char>> = title.split(' ').take(2 + draws.below(2)).map(|word| word.chars().collect()).collect();
        if draws.below(4) == 0 && words[0].len() > 4 {
            words[0].swap(2, 3);
        }
        if draws.below(2) == 0 {
            let last = words.last_mut().expect("a title has words");
            last.truncate(last.len().div_ceil(2).max(3));
        }
        let words: Vec<String> = words.into_iter().map(String::from_iter).collect();
        words.join(" ")
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).expect("the sample shop").flatten().map(|entry| entry.path()).collect();
    found.sort();
    found.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
