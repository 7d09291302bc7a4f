//! Trains the model that tells sentences that commit the shop (`src/promises/weights.bin`) on `measure/promises/*.tsv`, and shows how well it
//! does on sentences that it was not trained on: each language has two files of sentences (and one of plain ones, that is always trained on), written apart from each other, and each is judged by weights that
//! were trained on the other files alone.
//!
//!     cargo run --release -p deskhand-measure --bin train_promises
//!
//! A line of a file is `P` (commits) or `N`, a tab, and a sentence; the file's name begins with its language.

use std::{collections::BTreeMap, fs};

use deskhand::promises::classifier::{PLACES, features, norm};
use deskhand_measure::{Draws, root};

const ROUNDS: usize = 30;
const RATE: f32 = 0.3;
/// Shrinks weights that few sentences speak for.
const PENALTY: f32 = 2e-5;

struct Sentence {
    language: String,
    /// Whether it is of its language's second file; `None` of the plain ones.
    second: Option<bool>,
    text: String,
    commits: bool,
    features: Vec<u32>,
}

struct Weights {
    of: Vec<f32>,
    bias: f32,
}

fn main() {
    let mut sentences = read();
    let mut draws = Draws(7);
    for at in (1..sentences.len()).rev() {
        sentences.swap(at, (draws.draw() % (at as u64 + 1)) as usize);
    }
    let mut table: BTreeMap<String, [[usize; 2]; 3]> = BTreeMap::new();
    let mut likelihoods: Vec<(f32, bool)> = Vec::new();
    for second in [false, true] {
        let (held, rest): (Vec<&Sentence>, Vec<&Sentence>) = sentences.iter().partition(|sentence| sentence.second == Some(second));
        let weights = train(&rest);
        for sentence in held {
            let likelihood = weights.likelihood(&sentence.features);
            likelihoods.push((likelihood, sentence.commits));
            let counts = table.entry(sentence.language.clone()).or_default();
            let class = usize::from(sentence.commits);
            counts[0][class] += 1;
            for (at, found) in [likelihood > 0.5, likelihood > 0.7].into_iter().enumerate() {
                counts[at + 1][class] += usize::from(found);
            }
        }
    }
    println!(
        "found of those that commit, and of those that don't\nlanguage  sentences    above .5     above .7     by rules     rules or .5"
    );
    for (language, counts) in &table {
        let share = |at: usize| [1, 0].map(|class| counts[at][class] as f32 / counts[0][class] as f32);
        let [half, most] = [1, 2].map(|at| share(at).map(|share| format!("{share:.3}")).join(" "));
        println!("{language:<9} {:>9} {half:>12} {most:>12}", counts[0][0] + counts[0][1]);
    }
    println!("AUROC {:.3}", auroc(&mut likelihoods));
    let weights = train(&sentences.iter().collect::<Vec<_>>());
    let path = root().join("src/promises/weights.bin");
    fs::write(&path, weights.packed()).unwrap_or_else(|error| panic!("can't write {}: {error}", path.display()));
    println!("wrote {}", path.display());
}

fn read() -> Vec<Sentence> {
    let folder = root().join("measure/promises");
    let mut sentences = Vec::new();
    for entry in fs::read_dir(&folder).expect("measure/promises") {
        let path = entry.expect("a file").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let (language, second) = (name[..2].to_owned(), (!name.ends_with("-plain")).then(|| name.ends_with("-2")));
        for line in fs::read_to_string(&path).expect("text").lines().filter(|line| !line.is_empty()) {
            let (label, text) = line.split_once('\t').unwrap_or_else(|| panic!("{}: `{line}`", path.display()));
            sentences.push(Sentence {
                language: language.clone(),
                second,
                text: text.to_owned(),
                commits: label == "P",
                features: features(text),
            });
        }
    }
    sentences.sort_by(|one, other| (&one.language, &one.text).cmp(&(&other.language, &other.text)));
    sentences
}

/// Logistic regression by gradient descent, a sentence at a time, each place with its own rate (AdaGrad).
fn train(sentences: &[&Sentence]) -> Weights {
    let mut weights = Weights { of: vec![0.0; PLACES], bias: 0.0 };
    let mut squares = vec![1e-6_f32; PLACES];
    let mut order: Vec<usize> = (0..sentences.len()).collect();
    let mut draws = Draws(11);
    for _ in 0..ROUNDS {
        for at in (1..order.len()).rev() {
            order.swap(at, (draws.draw() % (at as u64 + 1)) as usize);
        }
        for sentence in order.iter().map(|at| sentences[*at]) {
            let error = weights.likelihood(&sentence.features) - f32::from(u8::from(sentence.commits));
            let step = error / norm(sentence.features.len());
            for place in sentence.features.iter().map(|place| *place as usize) {
                let slope = step + PENALTY * weights.of[place];
                squares[place] += slope * slope;
                weights.of[place] -= RATE * slope / squares[place].sqrt().max(0.05);
            }
            weights.bias -= 0.01 * error;
        }
    }
    weights
}

impl Weights {
    fn likelihood(&self, features: &[u32]) -> f32 {
        let sum: f32 = features.iter().map(|place| self.of[*place as usize]).sum();
        1.0 / (1.0 + (-(self.bias + sum / norm(features.len()))).exp())
    }

    fn packed(&self) -> Vec<u8> {
        let largest = self.of.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
        let scale = largest / 127.0;
        let mut packed = [scale.to_le_bytes(), self.bias.to_le_bytes()].concat();
        packed.extend(self.of.iter().map(|weight| ((weight / scale).round() as i8).cast_unsigned()));
        packed
    }
}

/// The share of pairs of one that commits and one that doesn't that stand in the right order.
fn auroc(likelihoods: &mut [(f32, bool)]) -> f64 {
    likelihoods.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut below, mut right) = (0_u64, 0_u64);
    for (_, commits) in &*likelihoods {
        if *commits { right += below } else { below += 1 }
    }
    let commits = likelihoods.len() as u64 - below;
    right as f64 / (below * commits) as f64
}
