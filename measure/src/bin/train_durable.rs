//! Trains the model of what lasts in a chat (`src/chats/context/weights.bin`) on `measure/durable/*.tsv`, and shows how well it does on
//! sentences that it was not trained on (a fifth of them, in five turns).
//!
//!     cargo run --release -p deskhand-measure --bin train_durable
//!
//! Most of what is said in a chat lasts for nobody: the sentences of `measure/own-facts/*/filler-*.jsonl` that ask nothing are examples of none.
//!
//! A line of a file is a kind, `none`, `ask:KIND` or `ask:none`; a tab; `C` for a customer or `A` for an agent; a tab; and a sentence.

use std::fs;

use deskhand::chats::durable::{ANY, KINDS, Likelihoods, NONE, OUTPUTS, PLACES, features, likelihoods_of, norm};
use deskhand_measure::{Draws, root};

const ROUNDS: usize = 30;
const RATE: f32 = 0.5;
/// Shrinks weights that few sentences speak for.
const PENALTY: f32 = 7e-4;
const FOLDS: usize = 5;
/// The set that `own_facts` measures, of which nothing is trained on.
const HELD_OUT: &str = "measure/own-facts/third";

/// A message of a chat.
#[derive(serde::Deserialize)]
struct Line {
    author: String,
    text: String,
}

struct Sentence {
    /// One of [`KINDS`], or [`NONE`].
    kind: usize,
    asks: bool,
    /// Each with what it counts: words and pairs of words together as much as n-grams.
    features: Vec<(usize, f32)>,
}

/// For each place its weights, one an output; and the biases.
struct Weights {
    of: Vec<[f32; OUTPUTS]>,
    bias: [f32; OUTPUTS],
}

fn main() {
    let mut sentences = read();
    let mut draws = Draws(7);
    for at in (1..sentences.len()).rev() {
        sentences.swap(at, draws.below(at + 1));
    }
    let mut packed = Vec::new();
    for asks in [false, true] {
        let of: Vec<&Sentence> = sentences.iter().filter(|sentence| sentence.asks == asks).collect();
        println!("{} {}", of.len(), if asks { "questions" } else { "sentences" });
        println!("{:<10} {:>5} {:>8} {:>8} {:>8}", "", "all", "best", "above .5", "false");
        let mut likelihoods = vec![[0.0; OUTPUTS]; of.len()];
        for fold in 0..FOLDS {
            let rest: Vec<&Sentence> = of.iter().enumerate().filter(|(at, _)| at % FOLDS != fold).map(|(_, sentence)| *sentence).collect();
            let weights = train(&rest);
            for (at, sentence) in of.iter().enumerate().filter(|(at, _)| at % FOLDS == fold) {
                likelihoods[at] = weights.likelihoods(sentence);
            }
        }
        let judged: Vec<(&Likelihoods, usize)> = likelihoods.iter().zip(of.iter().map(|sentence| sentence.kind)).collect();
        for (kind, name) in KINDS.iter().enumerate() {
            let own: Vec<&Likelihoods> = judged.iter().filter(|(_, of)| *of == kind).map(|(found, _)| *found).collect();
            let best = own.iter().filter(|found| found[..NONE].iter().all(|other| *other <= found[kind])).count();
            let half = own.iter().filter(|found| found[kind] > 0.5).count();
            let wrong = judged.iter().filter(|(found, of)| *of == NONE && found[kind] > 0.5).count();
            let share = |some: usize| some as f64 / own.len().max(1) as f64;
            println!("{name:<10} {:>5} {:>8.2} {:>8.2} {wrong:>8}", own.len(), share(best), share(half));
        }
        for threshold in [0.3, 0.5, 0.7] {
            let share = |is_any: bool| {
                let all = judged.iter().filter(|(_, of)| (*of != NONE) == is_any);
                all.clone().filter(|(found, _)| found[ANY] > threshold).count() as f64 / all.count().max(1) as f64
            };
            println!("of any kind above {threshold}: {:.3} found, {:.3} false", share(true), share(false));
        }
        packed.extend(train(&of).packed());
    }
    let path = root().join("src/chats/context/weights.bin");
    fs::write(&path, packed).unwrap_or_else(|error| panic!("can't write {}: {error}", path.display()));
    println!("wrote {}", path.display());
}

fn read() -> Vec<Sentence> {
    let mut files: Vec<_> =
        fs::read_dir(root().join("measure/durable")).expect("measure/durable").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let counted = |(words, grams): (Vec<u32>, Vec<u32>)| {
        let shared = |places: Vec<u32>| {
            let share = 1.0 / norm(places.len());
            places.into_iter().map(move |place| (place as usize, share))
        };
        shared(words).chain(shared(grams)).collect()
    };
    let mut sentences = Vec::new();
    for path in files {
        for line in fs::read_to_string(&path).expect("text").lines().filter(|line| !line.is_empty()) {
            let [label, author, text] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else { panic!("{}: `{line}`", path.display()) };
            let (asks, name) = label.strip_prefix("ask:").map_or((false, label), |name| (true, name));
            let kind = if name == "none" { Some(NONE) } else { KINDS.iter().position(|kind| *kind == name) };
            let kind = kind.unwrap_or_else(|| panic!("{}: `{line}`", path.display()));
            sentences.push(Sentence { kind, asks, features: counted(features(text, author == "A" && !asks)) });
        }
    }
    for line in filler() {
        let told = deskhand::text::sentences(&line.text).filter(|sentence| !sentence.ends_with('?'));
        let of_none = |text| Sentence { kind: NONE, asks: false, features: counted(features(text, line.author == "AGENT")) };
        sentences.extend(told.map(of_none));
    }
    sentences
}

/// Returns the messages of whole chats without anything lasting.
fn filler() -> Vec<Line> {
    let folder = root().join("measure/own-facts");
    let sets = fs::read_dir(folder).expect("measure/own-facts").map(|entry| entry.expect("a folder").path());
    let mut files: Vec<_> =
        sets.flat_map(|set| ["de", "en", "hu", "tr"].map(|language| set.join(format!("filler-{language}.jsonl")))).collect();
    files.retain(|file| !file.starts_with(root().join(HELD_OUT)));
    files.sort();
    let read = |file| fs::read_to_string(file).expect("text");
    let line = |line: &str| serde_json::from_str(line).expect("an author and a text");
    files.iter().flat_map(|file| read(file).lines().filter(|line| !line.trim().is_empty()).map(line).collect::<Vec<Line>>()).collect()
}

/// Multinomial logistic regression over the kinds and none, and a binary one for any, by gradient descent, a sentence at a time, each place with
/// its own rate (AdaGrad). Kinds count alike, however many sentences they have.
fn train(sentences: &[&Sentence]) -> Weights {
    let mut weights = Weights { of: vec![[0.0; OUTPUTS]; PLACES], bias: [0.0; OUTPUTS] };
    let mut squares = vec![[1e-6_f32; OUTPUTS]; PLACES];
    let count = |kind: usize| sentences.iter().filter(|sentence| sentence.kind == kind).count();
    let even: Vec<f32> = (0..ANY).map(|kind| sentences.len() as f32 / (ANY * count(kind).max(1)) as f32).collect();
    let mut order: Vec<usize> = (0..sentences.len()).collect();
    let mut draws = Draws(11);
    for _ in 0..ROUNDS {
        for at in (1..order.len()).rev() {
            order.swap(at, draws.below(at + 1));
        }
        for sentence in order.iter().map(|at| sentences[*at]) {
            let mut errors = weights.likelihoods(sentence);
            errors[sentence.kind] -= 1.0;
            errors[ANY] -= f32::from(u8::from(sentence.kind != NONE));
            errors[..ANY].iter_mut().for_each(|error| *error *= even[sentence.kind]);
            for (place, share) in &sentence.features {
                for (output, error) in errors.iter().enumerate() {
                    let weight = &mut weights.of[*place][output];
                    let slope = error * share + PENALTY * *weight;
                    squares[*place][output] += slope * slope;
                    *weight -= RATE * slope / squares[*place][output].sqrt().max(0.05);
                }
            }
            weights.bias.iter_mut().zip(errors).for_each(|(bias, error)| *bias -= 0.02 * error);
        }
    }
    weights
}

impl Weights {
    fn likelihoods(&self, sentence: &Sentence) -> Likelihoods {
        let mut logits = self.bias;
        for (place, share) in &sentence.features {
            logits.iter_mut().zip(self.of[*place]).for_each(|(logit, weight)| *logit += weight * share);
        }
        likelihoods_of(logits)
    }

    fn packed(&self) -> Vec<u8> {
        let scale = |output: usize| self.of.iter().fold(0.0_f32, |most, weights| most.max(weights[output].abs())) / 127.0;
        let scales: [f32; OUTPUTS] = std::array::from_fn(scale);
        let head = scales.iter().zip(self.bias).flat_map(|(scale, bias)| [scale.to_le_bytes(), bias.to_le_bytes()].concat());
        let byte = |(weight, scale): (&f32, &f32)| ((weight / scale).round() as i8).cast_unsigned();
        head.chain(self.of.iter().flat_map(|weights| weights.iter().zip(&scales).map(byte))).collect()
    }
}
