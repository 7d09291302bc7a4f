//! Settings: from a file, then from variables, then from flags; the later wins. One table names them all.

mod model;
mod settings;
mod value;
mod workspace;

use std::{
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::ArgMatches;
use toml::{Table, Value};

use crate::text::{FactKind, Language};
use settings::{EMBEDDING_SETTINGS, MODEL_SETTINGS, SETTINGS, embedding_argument, given, model_argument};

pub use model::{EmbeddingConfig, EmbeddingSettings, ModelConfig, Secret, Task, TokenLimits};
pub use settings::{embedding_flags, flags, storage_flags};
pub use workspace::Workspace;

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address and port of the one listener.
    pub listen: SocketAddr,
    /// Folder for everything that is kept.
    pub data: PathBuf,
    /// `None`: SQLite in the data folder.
    pub database_url: Option<String>,
    /// Folder of the documents; `None`: none.
    pub knowledge_base: Option<PathBuf>,
    /// What to log, as a tracing filter.
    pub log: String,
    /// Whether to serve beyond loopback although nobody needs a key.
    pub allow_remote_without_keys: bool,
    pub desk: Desk,
    /// In the order in which they are asked.
    pub models: Vec<ModelConfig>,
    pub embedding: EmbeddingSettings,
}

/// How a workspace works.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The language of whoever tells none.
    pub language: Language,
    /// The languages that customers are expected to write in.
    pub languages: Vec<Language>,
    /// Token budget of a prompt's context.
    pub context_tokens: usize,
    /// How many days a chat is kept after its last event; `None`: for ever.
    pub retention_days: Option<u32>,
    pub personal_data: PersonalData,
    /// Folder of prompts that take the place of the built-in ones.
    pub prompts: Option<PathBuf>,
    /// Links and hosts that may stand in any draft.
    pub allowed_links: Vec<String>,
    /// What models may cost.
    pub token_limits: TokenLimits,
}

/// What is kept from models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalData {
    pub kinds: Vec<FactKind>,
    /// Whether first names alone are, too.
    pub first_names: bool,
    /// Addresses, numbers and names that are not kept; `@shop.com` stands for all addresses there.
    pub exceptions: Vec<String>,
}

impl PersonalData {
    /// The kinds, by the names that the setting has for them.
    pub const KINDS: [(&'static str, FactKind); 7] = [
        ("email", FactKind::Email),
        ("phone", FactKind::Phone),
        ("card", FactKind::Card),
        ("iban", FactKind::Iban),
        ("national_id", FactKind::NationalId),
        ("address", FactKind::Address),
        ("name", FactKind::Person),
    ];

    /// Whether something is not to be kept from models.
    pub fn is_exception(&self, written: &str) -> bool {
        let bare = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        self.exceptions.iter().any(|exception| match exception.strip_prefix('@') {
            Some(_) => written.to_lowercase().ends_with(&exception.to_lowercase()),
            None => bare(exception) == bare(written),
        })
    }
}

impl Default for PersonalData {
    fn default() -> PersonalData {
        PersonalData { kinds: PersonalData::KINDS.map(|(_, kind)| kind).to_vec(), first_names: false, exceptions: Vec::new() }
    }
}

/// Every problem of a configuration at once.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the configuration has {} problem{}:", self.problems.len(), if self.problems.len() == 1 { "" } else { "s" })?;
        self.problems.iter().try_for_each(|problem| write!(formatter, "\n  - {problem}"))
    }
}

impl Default for Config {
    fn default() -> Config {
        let tag = |tag: &str| Language::parse(tag).expect("a constant tag");
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            data: PathBuf::from("data"),
            database_url: None,
            knowledge_base: Some(PathBuf::from("knowledge-base")),
            log: "info".to_owned(),
            allow_remote_without_keys: false,
            desk: Desk {
                language: tag("en"),
                languages: ["en", "tr", "hu", "de"].map(tag).to_vec(),
                context_tokens: 8000,
                retention_days: None,
                personal_data: PersonalData::default(),
                prompts: None,
                allowed_links: Vec::new(),
                token_limits: TokenLimits::default(),
            },
            models: Vec::new(),
            embedding: EmbeddingSettings::default(),
        }
    }
}

impl Config {
    /// Reads the file, if there is one, then the variables and flags that `matches` holds.
    pub fn read(file: Option<&Path>, matches: &ArgMatches) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        let mut problems = Vec::new();
        if let Some(file) = file {
            match fs::read_to_string(file) {
                Ok(text) => config.take_file(&text, &mut problems),
                Err(error) => problems.push(format!("`{}` can't be read: {error}", file.display())),
            }
        }
        for setting in &SETTINGS {
            if let Some((text, from)) = given(matches, setting.key, setting) {
                config.take(setting.key, &text, &from, &mut problems);
            }
        }
        for setting in &MODEL_SETTINGS {
            if let Some((text, from)) = given(matches, &model_argument(setting), setting) {
                if config.models.is_empty() {
                    config.models.push(ModelConfig::default());
                }
                take_model(&mut config.models[0], setting.key, &text, &from, &mut problems);
            }
        }
        for setting in &EMBEDDING_SETTINGS {
            if let Some((text, from)) = given(matches, &embedding_argument(setting), setting) {
                take_embedding(&mut config.embedding, setting.key, &text, &from, &mut problems);
            }
        }
        config.check(&mut problems);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
    }

    fn take_file(&mut self, text: &str, problems: &mut Vec<String>) {
        let table: Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return problems.push(format!("the file is no TOML: {}", error.to_string().trim().replace('\n', "\n    "))),
        };
        for (key, given) in &table {
            if !matches!(key.as_str(), "models" | "embedding") {
                self.take(key, given, key, problems);
            }
        }
        match table.get("embedding") {
            None => {}
            Some(Value::Table(table)) => {
                for (key, given) in table {
                    take_embedding(&mut self.embedding, key, given, &format!("embedding.{key}"), problems);
                }
            }
            Some(_) => problems.push("`embedding` must be a table, begun with a line `[embedding]`".to_owned()),
        }
        let tables: &[Value] = match table.get("models") {
            None => &[],
            Some(Value::Array(tables)) => tables,
            Some(_) => return problems.push("`models` must be tables, each begun with a line `[[models]]`".to_owned()),
        };
        for (index, given) in tables.iter().enumerate() {
            let mut model = ModelConfig::default();
            match given.as_table() {
                Some(table) => {
                    for (key, given) in table {
                        take_model(&mut model, key, given, &format!("models[{index}].{key}"), problems);
                    }
                }
                None => problems.push(format!("`models[{index}]` must be a table, begun with a line `[[models]]`")),
            }
            self.models.push(model);
        }
    }

    /// Sets one key; `from` names where it was given.
    fn take(&mut self, key: &str, given: &Value, from: &str, problems: &mut Vec<String>) {
        let set = match key {
            "listen" => value::address(given).map(|address| self.listen = address),
            "data" => value::text(given, "a folder").map(|folder| self.data = PathBuf::from(folder)),
            "database_url" => value::text(given, "a database's URL").and_then(|url| {
                if url.starts_with("sqlite:") || url.starts_with("postgres://") || url.starts_with("postgresql://") {
                    self.database_url = Some(url);
                    Ok(())
                } else {
                    Err("it must begin with `sqlite:` or `postgres://`".to_owned())
                }
            }),
            "knowledge_base" => value::text(given, "a folder").map(|folder| self.knowledge_base = Some(PathBuf::from(folder))),
            "language" => value::language(given).map(|language| self.desk.language = language),
            "languages" => value::languages(given).map(|languages| self.desk.languages = languages),
            "context_tokens" => value::whole(given, 500, 1_000_000).map(|most| self.desk.context_tokens = most as usize),
            "retention_days" => value::whole(given, 1, 36_500).map(|days| self.desk.retention_days = Some(days as u32)),
            "mask" => value::texts(given).and_then(|names| {
                let kind = |name: &String| PersonalData::KINDS.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind);
                let kinds: Option<Vec<FactKind>> = names.iter().filter(|name| *name != "none").map(kind).collect();
                let known = PersonalData::KINDS.map(|(name, _)| name).join(", ");
                kinds.map(|kinds| self.desk.personal_data.kinds = kinds).ok_or_else(|| format!("it must be `none`, or some of {known}"))
            }),
            "mask_first_names" => value::truth(given).map(|truth| self.desk.personal_data.first_names = truth),
            "mask_exceptions" => value::texts(given).map(|texts| self.desk.personal_data.exceptions = texts),
            "prompts" => value::text(given, "a folder").map(|folder| self.desk.prompts = Some(PathBuf::from(folder))),
            "allowed_links" => value::texts(given).map(|links| self.desk.allowed_links = links),
            "tokens_per_minute" => value::whole(given, 1, 1 << 40).map(|most| self.desk.token_limits.a_minute = Some(most as u64)),
            "tokens_per_day" => value::whole(given, 1, 1 << 40).map(|most| self.desk.token_limits.a_day = Some(most as u64)),
            "log" => value::text(given, "a log filter, such as `info`").and_then(|filter| {
                let parsed = tracing_subscriber::EnvFilter::try_new(&filter);
                parsed.map(|_| self.log = filter).map_err(|_| "it must be a log filter, such as `info` or `deskhand=debug`".to_owned())
            }),
            "allow_remote_without_keys" => value::truth(given).map(|truth| self.allow_remote_without_keys = truth),
            _ => {
                let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).chain(["[[models]]", "[embedding]"]).collect();
                return problems.push(format!("`{from}` is no setting; settings are {}", known.join(", ")));
            }
        };
        if let Err(allowed) = set {
            problems.push(format!("`{from}` is `{}`: {allowed}", shown(key, given)));
        }
    }

    fn check(&mut self, problems: &mut Vec<String>) {
        if !self.listen.ip().is_loopback() && !self.allow_remote_without_keys {
            problems.push(format!(
                "`listen` is `{}`: without keys it must be a loopback address such as 127.0.0.1:50051, as anybody who reaches it may read and erase everything; `allow_remote_without_keys = true` serves all the same",
                self.listen
            ));
        }
        if !self.desk.languages.contains(&self.desk.language) {
            self.desk.languages.insert(0, self.desk.language.clone());
        }
    }
}

fn take_model(model: &mut ModelConfig, key: &str, given: &Value, from: &str, problems: &mut Vec<String>) {
    match model.set(key, given) {
        Some(Ok(())) => {}
        Some(Err(allowed)) => problems.push(format!("`{from}` is `{}`: {allowed}", shown(key, given))),
        None => problems.push(format!("`{from}` is no setting of a model; they are {}", ModelConfig::KEYS.join(", "))),
    }
}

fn take_embedding(embedding: &mut EmbeddingSettings, key: &str, given: &Value, from: &str, problems: &mut Vec<String>) {
    match embedding.set(key, given) {
        Some(Ok(())) => {}
        Some(Err(allowed)) => problems.push(format!("`{from}` is `{}`: {allowed}", shown(key, given))),
        None => problems.push(format!("`{from}` is no setting of embeddings; they are {}", EmbeddingSettings::KEYS.join(", "))),
    }
}

/// A value as an error may show it.
fn shown(key: &str, given: &Value) -> String {
    match given {
        _ if matches!(key, "api_key" | "database_url") => "(not shown)".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, arguments: &[&str]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deskhand.toml");
        fs::write(&path, file).unwrap();
        let matches = clap::Command::new("serve").no_binary_name(true).args(flags()).get_matches_from(arguments);
        Config::read(Some(&path), &matches)
    }

    #[test]
    fn every_problem_is_told_at_once_with_what_is_allowed() {
        let file = "listen = 5\nlisen = \"x\"\nlanguages = [\"english language\"]\n[[models]]\nbase_url = \"ftp://x\"\napi_key = \"se cret\"\ntemprature = 1\n";
        let error = read(file, &["--context-tokens", "many"]).unwrap_err();
        assert_eq!(error.problems.len(), 7, "{error}");
        let text = error.to_string();
        for part in [
            "`listen` is `5`: it must be an address",
            "`lisen` is no setting",
            "`models[0].base_url` is `ftp://x`",
            "`models[0].temprature` is no setting",
            "`--context-tokens` is `many`: it must be a whole number from 500",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("se cret"));
    }

    #[test]
    fn flags_win_over_the_file() {
        let config = read(
            "listen = \"127.0.0.1:1\"\n[[models]]\nname = \"a\"\n[[models]]\nname = \"b\"\n",
            &["--listen", "127.0.0.1:2", "--model", "c"],
        )
        .unwrap();
        assert_eq!(config.listen.port(), 2);
        let names: Vec<&str> = config.models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, ["c", "b"]);
    }

    #[test]
    fn beyond_loopback_needs_a_word() {
        let error = read("listen = \"0.0.0.0:50051\"", &[]).unwrap_err();
        assert!(error.to_string().contains("allow_remote_without_keys"));
        assert!(read("listen = \"0.0.0.0:50051\"\nallow_remote_without_keys = true", &[]).is_ok());
    }

    #[test]
    fn the_example_file_is_the_default() {
        let example = include_str!("../../deskhand.example.toml");
        assert!(read(example, &[]).is_ok());
        // With its comments taken away, every setting of the example is still one that is allowed.
        let uncommented: String = example
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ") || line.starts_with('[')).unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        // Its files and variables are others'.
        let key = tempfile::NamedTempFile::new().unwrap();
        fs::write(key.path(), "sk-1\n").unwrap();
        let uncommented = uncommented.replace("/run/secrets/model", key.path().to_str().unwrap());
        let uncommented = uncommented.replace("\"MODEL_KEY\"", "\"CARGO_PKG_NAME\"").replace("AZURE_OPENAI_API_KEY", "CARGO_PKG_NAME");
        let config = read(&uncommented, &[]).unwrap();
        let token_limits = TokenLimits { a_minute: Some(100_000), a_day: Some(5_000_000) };
        let default = Desk { token_limits, retention_days: Some(730), prompts: Some(PathBuf::from("prompts")), ..Config::default().desk };
        assert_eq!(format!("{:?}", config.desk), format!("{default:?}"), "but for what has no default");
        for setting in &SETTINGS {
            assert!(uncommented.contains(&format!("\n{} = ", setting.key)), "{} is not in the example", setting.key);
        }
        for key in ModelConfig::KEYS.iter().chain(&EmbeddingSettings::KEYS) {
            assert!(uncommented.contains(&format!("\n{key} = ")), "{key} is not in the example");
        }
    }
}
