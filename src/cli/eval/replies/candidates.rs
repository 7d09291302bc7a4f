//! The models to choose from, and what they cost.

use std::collections::BTreeMap;

use anyhow::{anyhow, ensure};
use clap::ArgMatches;

use crate::{
    cli::models::configured,
    config::{Config, DeskSettings, EmbeddingSettings, ModelConfig},
};

/// A model, with the settings of the workspace that it is configured for.
#[derive(Clone)]
pub struct Candidate {
    /// Its name in tables; a second model of the same name has a number.
    pub label: String,
    pub model: ModelConfig,
    pub desk: DeskSettings,
    pub embedding: EmbeddingSettings,
}

/// Prices of a million tokens that are read and written, by the model's name.
pub struct Prices {
    read: BTreeMap<String, f64>,
    written: BTreeMap<String, f64>,
}

/// The models of the configuration, and the judging one apart.
pub struct Candidates {
    pub asked: Vec<Candidate>,
    pub judge: Option<Candidate>,
}

impl Candidates {
    /// Takes those that `--model` names, else all but the judge. A name that is not configured is another model of the first one's server.
    pub fn of(config: &Config, matches: &ArgMatches) -> anyhow::Result<Candidates> {
        let mut all: Vec<Candidate> = Vec::new();
        for (model, desk, embedding) in configured(config)? {
            let same = all.iter().filter(|other| other.model.name == model.name).count();
            let label = if same == 0 { model.name.clone() } else { format!("{}#{}", model.name, same + 1) };
            // An endpoint that is set by its model's name alone is the first model's, whichever model is asked here.
            let mut embedding = embedding.clone();
            if let Some(endpoint) = embedding.endpoint(config.models.first()) {
                (embedding.base_url, embedding.api_key) = (Some(endpoint.base_url), Some(endpoint.api_key));
            }
            all.push(Candidate { label, model: model.clone(), desk: desk.clone(), embedding });
        }
        let named = |name: &String| {
            let known: Vec<Candidate> = all.iter().filter(|known| known.label == *name || known.model.name == *name).cloned().collect();
            if known.is_empty() {
                let first = all[0].clone();
                return vec![Candidate { label: name.clone(), model: ModelConfig { name: name.clone(), ..first.model }, ..first }];
            }
            known
        };
        let names: Vec<&String> = matches.get_many("only_model").into_iter().flatten().collect();
        let judge = matches.get_one::<String>("judge").and_then(|name| named(name).into_iter().next());
        let mut asked: Vec<Candidate> = if names.is_empty() { all.clone() } else { names.iter().flat_map(|name| named(name)).collect() };
        if let Some(judge) = judge.as_ref().filter(|_| names.is_empty()) {
            asked.retain(|candidate| candidate.label != judge.label);
            ensure!(!asked.is_empty(), "only the judging model is configured; name the models to judge with --model");
        }
        Ok(Candidates { asked, judge })
    }
}

impl Prices {
    /// Reads `--price-in` and `--price-out`; a name that no model has is an error.
    pub fn of(matches: &ArgMatches, candidates: &[Candidate]) -> anyhow::Result<Prices> {
        let read = |argument: &str| {
            let given = matches.get_many::<(String, f64)>(argument).into_iter().flatten();
            let prices: BTreeMap<String, f64> = given.cloned().collect();
            match prices.keys().find(|name| !candidates.iter().any(|known| known.label == **name)) {
                Some(name) => {
                    let known: Vec<&str> = candidates.iter().map(|known| known.label.as_str()).collect();
                    Err(anyhow!("--{} names `{name}`, which is none of the models: {}", argument.replace('_', "-"), known.join(", ")))
                }
                None => Ok(prices),
            }
        };
        Ok(Prices { read: read("price_in")?, written: read("price_out")? })
    }

    /// Parses `NAME=PRICE`.
    pub fn parse(given: &str) -> Result<(String, f64), String> {
        let (name, price) = given.rsplit_once('=').ok_or_else(|| "expected NAME=PRICE, such as `small=0.15`".to_owned())?;
        let price: f64 = price.trim().parse().map_err(|_| format!("`{price}` is not a number"))?;
        if name.is_empty() || !price.is_finite() || price < 0.0 {
            return Err("expected NAME=PRICE with a price of 0 or more".to_owned());
        }
        Ok((name.to_owned(), price))
    }

    /// Whether any model has a price.
    pub fn are_given(&self) -> bool {
        !self.read.is_empty() || !self.written.is_empty()
    }

    /// What a model's tokens cost; `None` if it has no price.
    pub fn cost(&self, label: &str, tokens_read: u64, tokens_written: u64) -> Option<f64> {
        let (read, written) = (self.read.get(label), self.written.get(label));
        if read.is_none() && written.is_none() {
            return None;
        }
        let of = |price: Option<&f64>, tokens: u64| price.copied().unwrap_or_default() * tokens as f64 / 1e6;
        Some(of(read, tokens_read) + of(written, tokens_written))
    }
}
