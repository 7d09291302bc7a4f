//! Reads the tables of models and of embeddings endpoints.

use toml::Value;

use crate::config::{
    did_you_mean,
    model::{EmbeddingSettings, ModelConfig},
    shown,
};

/// Reads the tables of models; `from` names their place in the file.
pub fn take_models(given: &Value, from: &str, problems: &mut Vec<String>) -> Vec<ModelConfig> {
    let Value::Array(tables) = given else {
        problems.push(format!("`{from}` must be tables, each begun with a line `[[{from}]]`"));
        return Vec::new();
    };
    let mut models = Vec::new();
    for (index, given) in tables.iter().enumerate() {
        let mut model = ModelConfig::default();
        match given.as_table() {
            Some(table) => {
                for (key, given) in table {
                    take_model(&mut model, key, given, &format!("{from}[{index}].{key}"), problems);
                }
            }
            None => problems.push(format!("`{from}[{index}]` must be a table, begun with a line `[[{from}]]`")),
        }
        models.push(model);
    }
    models
}

/// Reads the table of an embeddings endpoint; `from` names its place in the file.
pub fn take_embeddings(embedding: &mut EmbeddingSettings, given: &Value, from: &str, problems: &mut Vec<String>) {
    match given {
        Value::Table(table) => {
            for (key, given) in table {
                take_embedding(embedding, key, given, &format!("{from}.{key}"), problems);
            }
        }
        _ => problems.push(format!("`{from}` must be a table, begun with a line `[{from}]`")),
    }
}

/// Sets one key of a model; `from` names where its value came from.
pub fn take_model(model: &mut ModelConfig, key: &str, given: &Value, from: &str, problems: &mut Vec<String>) {
    match model.set(key, given) {
        Some(Ok(())) => {}
        Some(Err(allowed)) => problems.push(format!("`{from}` is `{}`: {allowed}", shown(key, given))),
        None => {
            let known = format!("{}{}", ModelConfig::KEYS.join(", "), did_you_mean(key, &ModelConfig::KEYS));
            problems.push(format!("unknown model setting `{from}`; expected one of {known}"));
        }
    }
}

/// Sets one key of an embeddings endpoint.
pub fn take_embedding(embedding: &mut EmbeddingSettings, key: &str, given: &Value, from: &str, problems: &mut Vec<String>) {
    match embedding.set(key, given) {
        Some(Ok(())) => {}
        Some(Err(allowed)) => problems.push(format!("`{from}` is `{}`: {allowed}", shown(key, given))),
        None => {
            let known = format!("{}{}", EmbeddingSettings::KEYS.join(", "), did_you_mean(key, &EmbeddingSettings::KEYS));
            problems.push(format!("unknown embedding setting `{from}`; expected one of {known}"));
        }
    }
}
