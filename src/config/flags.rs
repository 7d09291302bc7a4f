//! The flags and environment variables of the settings, for clap, and what was given by them.

use clap::{Arg, ArgMatches, parser::ValueSource};
use toml::Value;

use crate::config::{
    desk::DeskSettings,
    model_settings::{EMBEDDING_SETTINGS, MODEL_SETTINGS},
    settings::{SETTINGS, Setting},
};

/// The flags of the storage settings, for clap.
pub fn storage_flags() -> Vec<Arg> {
    let storage = SETTINGS.iter().filter(|setting| matches!(setting.key, "data" | "database_url" | "erasures_url"));
    storage.map(|setting| flag(setting, setting.key.to_owned())).collect()
}

/// The flags of the settings that bear on what a workspace answers, for clap: its own, its knowledge base and the dictionaries.
pub fn desk_flags() -> Vec<Arg> {
    let bears = |key: &str| DeskSettings::KEYS.contains(&key) || matches!(key, "knowledge_base" | "dictionaries");
    SETTINGS.iter().filter(|setting| bears(setting.key)).map(|setting| flag(setting, setting.key.to_owned())).collect()
}

/// The flags of all settings, for clap.
pub fn flags() -> Vec<Arg> {
    let top = SETTINGS.iter().map(|setting| flag(setting, setting.key.to_owned()));
    top.chain(model_flags()).chain(embedding_flags()).collect()
}

/// The flags of the first model, for clap.
pub fn model_flags() -> Vec<Arg> {
    MODEL_SETTINGS.iter().map(|setting| flag(setting, model_argument(setting)).help_heading("The first model")).collect()
}

/// The flags of the embeddings endpoint, for clap.
pub fn embedding_flags() -> Vec<Arg> {
    EMBEDDING_SETTINGS.iter().map(|setting| flag(setting, embedding_argument(setting)).help_heading("Embeddings")).collect()
}

fn flag(setting: &Setting, name: String) -> Arg {
    let long = name.replace('_', "-");
    let argument = Arg::new(name).long(long).env(setting.variable).hide_env_values(true).value_name(setting.value).help(setting.help);
    // `--console` alone means `true`.
    if setting.value == "true|false" { argument.num_args(0..=1).default_missing_value("true") } else { argument }
}

/// The name of a model setting's clap argument.
pub fn model_argument(setting: &Setting) -> String {
    if setting.key == "name" { "model".to_owned() } else { format!("model_{}", setting.key) }
}

/// The name of an embedding setting's clap argument.
pub fn embedding_argument(setting: &Setting) -> String {
    format!("embedding_{}", setting.key)
}

/// The value of a flag or variable, and its name. An empty variable counts as not set, except for the one whose empty value means "none".
pub fn given(matches: &ArgMatches, argument: &str, setting: &Setting) -> Option<(Value, String)> {
    // Some commands have only some of the flags.
    let text = matches.try_get_one::<String>(argument).ok()??;
    let from = match matches.value_source(argument)? {
        ValueSource::EnvVariable if text.trim().is_empty() && setting.key != "knowledge_base" => return None,
        ValueSource::EnvVariable => setting.variable.to_owned(),
        _ => format!("--{}", argument.replace('_', "-")),
    };
    Some((Value::String(text.clone()), from))
}
