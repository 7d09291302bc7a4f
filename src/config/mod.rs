//! Settings: from a file, then environment variables, then flags; the later wins. One table lists them all.

mod desk;
mod flags;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod help_center;
mod limits;
mod model;
mod model_settings;
mod model_tables;
mod opening_hours;
mod settings;
mod value;
mod workspace;

use std::{
    collections::{BTreeMap, HashMap},
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::ArgMatches;
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::{
    config::{
        flags::{embedding_argument, given, model_argument},
        model_settings::{EMBEDDING_SETTINGS, MODEL_SETTINGS},
        model_tables::{take_embedding, take_embeddings, take_model, take_models},
        settings::SETTINGS,
    },
    ids::Workspace,
    text::Language,
};

pub use desk::{DeskSettings, PersonalData};
pub use flags::{desk_flags, embedding_flags, flags, model_flags, storage_flags};
pub use help_center::HelpCenterConfig;
pub use limits::{ForwardedHeader, Limits};
pub use model::{ContextLimits, EmbeddingConfig, EmbeddingPrompts, EmbeddingSettings, ModelConfig, Secret, Task, TokenLimits};
pub use opening_hours::OpeningHours;
pub use workspace::WorkspaceConfig;

/// From how much likeness on a name is proposed for an unknown one, from 0 to 1.
const MIN_LIKENESS: f64 = 0.6;
/// Variables that are no settings: where the settings are, and of commands that call a server.
const CLIENT_VARIABLES: [&str; 3] = ["DESKHAND_CONFIG", "DESKHAND_ADDRESS", "DESKHAND_KEY"];

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address and port of the one listener.
    pub listen: SocketAddr,
    /// The address for metrics and probes alone; `None`: they are served with everything else.
    pub operations_listen: Option<SocketAddr>,
    /// The address for help pages alone, besides `listen`; `None`: there is none.
    pub help_listen: Option<SocketAddr>,
    /// Data folder: everything that is stored.
    pub data: PathBuf,
    /// `None`: SQLite in the data folder.
    pub database_url: Option<String>,
    /// Databases of workspaces that have one of their own.
    pub workspace_databases: BTreeMap<Workspace, String>,
    /// The help centers of the workspaces that have settings for one.
    pub help_centers: BTreeMap<Workspace, HelpCenterConfig>,
    /// Where the first key is written, if a start finds none; `None`: none is made.
    pub first_key_file: Option<PathBuf>,
    /// Where erasures are remembered; `None`: in the data folder.
    pub erasures_url: Option<String>,
    /// Knowledge base folder; `None`: documents come from the API only.
    pub knowledge_base: Option<PathBuf>,
    /// How changes in the folders of all workspaces are noticed. Default: file system events.
    pub knowledge_base_watch: FolderWatch,
    /// Folder of hunspell's spelling dictionaries.
    pub dictionaries: PathBuf,
    /// Whether a folder may delete more than half of its documents at this start.
    pub allow_mass_delete: bool,
    /// What to log, as a tracing filter.
    pub log: String,
    /// Whether the log is JSON, an object a line, with a line for each call.
    pub log_as_json: bool,
    /// The base URL of the collector that traces are sent to; `None`: no traces.
    pub otlp_endpoint: Option<String>,
    /// Whether to serve beyond loopback without requiring keys.
    pub allow_remote_without_keys: bool,
    /// Whether to serve beyond loopback without TLS, so that traffic can be read on the way.
    pub allow_remote_without_tls: bool,
    /// The PEM file of the certificate chain, leaf first; `None`: no TLS.
    pub tls_certificate: Option<PathBuf>,
    /// The PEM file of the certificate's private key. Set with `tls_certificate`, or not at all.
    pub tls_key: Option<PathBuf>,
    /// Whether the agents' console is served.
    pub console: bool,
    /// Limits on connections, calls, bytes and time, for all workspaces together.
    pub limits: Limits,
    /// The workspace `default`. Other workspaces inherit its settings where they set none of their own.
    pub desk: DeskSettings,
    /// Models in fallback order.
    pub models: Vec<ModelConfig>,
    /// The embeddings endpoint of the workspace `default`; none unless it names a model.
    pub embedding: EmbeddingSettings,
    /// The workspaces besides `default`.
    pub workspaces: Vec<WorkspaceConfig>,
    /// A fingerprint of each setting that was given: by it a change is noticed, and no secret is read.
    pub given: BTreeMap<String, Vec<u8>>,
}

/// How changes of knowledge base folders are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderWatch {
    /// File system events, plus a scan every 30 seconds.
    Events,
    /// A scan every two seconds, for network file systems, which report no events.
    Poll,
}

/// Every problem of a configuration, reported at once.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// A sentence each, with the setting's key and what is allowed; at least one.
    pub problems: Vec<String>,
}

impl ConfigError {
    /// An error with a single problem.
    pub fn new(problem: String) -> ConfigError {
        ConfigError { problems: vec![problem] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the configuration has {} problem{}:", self.problems.len(), if self.problems.len() == 1 { "" } else { "s" })?;
        self.problems.iter().try_for_each(|problem| write!(formatter, "\n  - {problem}"))
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            operations_listen: None,
            help_listen: None,
            data: PathBuf::from("data"),
            database_url: None,
            workspace_databases: BTreeMap::new(),
            help_centers: BTreeMap::new(),
            first_key_file: None,
            erasures_url: None,
            knowledge_base: Some(PathBuf::from("knowledge-base")),
            knowledge_base_watch: FolderWatch::Events,
            dictionaries: PathBuf::from("/usr/share/hunspell"),
            allow_mass_delete: false,
            log: "info".to_owned(),
            log_as_json: false,
            otlp_endpoint: None,
            allow_remote_without_keys: false,
            allow_remote_without_tls: false,
            tls_certificate: None,
            tls_key: None,
            console: false,
            limits: Limits::default(),
            desk: DeskSettings::default(),
            models: Vec::new(),
            embedding: EmbeddingSettings::default(),
            workspaces: Vec::new(),
            given: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads the file, if there is one, then the variables and flags in `matches`.
    pub fn read(file: Option<&Path>, matches: &ArgMatches) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        let mut problems = Vec::new();
        problems.extend(std::env::vars_os().filter_map(|(variable, _)| misspelled_variable(variable.to_str()?)));
        let table = file.map(|file| read_table(file, &mut problems)).unwrap_or_default();
        config.take_file(&table, &mut problems);
        config.given = table.iter().map(|(key, value)| (key.clone(), fingerprint(value))).collect();
        for setting in SETTINGS {
            if let Some((text, from)) = given(matches, setting.key, setting) {
                config.given.insert(setting.key.to_owned(), fingerprint(&text));
                config.take(setting.key, &text, &from, &mut problems);
            }
        }
        for setting in &MODEL_SETTINGS {
            if let Some((text, from)) = given(matches, &model_argument(setting), setting) {
                if config.models.is_empty() {
                    config.models.push(ModelConfig::default());
                }
                config.given.insert(model_argument(setting), fingerprint(&text));
                take_model(&mut config.models[0], setting.key, &text, &from, &mut problems);
            }
        }
        for setting in &EMBEDDING_SETTINGS {
            if let Some((text, from)) = given(matches, &embedding_argument(setting), setting) {
                config.given.insert(embedding_argument(setting), fingerprint(&text));
                take_embedding(&mut config.embedding, setting.key, &text, &from, &mut problems);
            }
        }
        config.desk.settle();
        if let Some(workspaces) = table.get("workspaces") {
            let mut own = workspace::Own::default();
            config.workspaces = workspace::take(workspaces, &config, &mut own, &mut problems);
            config.workspace_databases = own.databases;
            config.help_centers.extend(own.help_centers);
        }
        config.check(&mut problems);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
    }

    /// Every workspace, `default` first.
    pub fn workspaces(&self) -> Vec<WorkspaceConfig> {
        let default = WorkspaceConfig {
            name: Workspace::default(),
            knowledge_base: self.knowledge_base.clone(),
            desk: self.desk.clone(),
            models: None,
            embedding: self.embedding.clone(),
        };
        std::iter::once(default).chain(self.workspaces.iter().cloned()).collect()
    }

    /// The languages that each workspace's customers are expected to write in.
    pub fn languages(&self) -> HashMap<Workspace, Vec<Language>> {
        self.workspaces().into_iter().map(|workspace| (workspace.name, workspace.desk.languages)).collect()
    }

    fn take_file(&mut self, table: &Table, problems: &mut Vec<String>) {
        for (key, given) in table {
            if !matches!(key.as_str(), "models" | "embedding" | "workspaces") {
                self.take(key, given, key, problems);
            }
        }
        if let Some(given) = table.get("embedding") {
            take_embeddings(&mut self.embedding, given, "embedding", problems);
        }
        if let Some(given) = table.get("models") {
            self.models = take_models(given, "models", problems);
        }
    }

    /// Sets one key; `from` names where its value came from.
    fn take(&mut self, key: &str, given: &Value, from: &str, problems: &mut Vec<String>) {
        let set = match key {
            "listen" => value::address(given).map(|address| self.listen = address),
            "operations_listen" => value::address(given).map(|address| self.operations_listen = Some(address)),
            "help_listen" => value::address(given).map(|address| self.help_listen = Some(address)),
            "data" => value::text(given, "a folder").map(|folder| self.data = PathBuf::from(folder)),
            "database_url" => value::database_url(given).map(|url| self.database_url = Some(url)),
            "first_key_file" => value::optional_path(given, "a file").map(|file| self.first_key_file = file),
            "erasures_url" => value::database_url(given).map(|url| self.erasures_url = Some(url)),
            "knowledge_base" => value::optional_path(given, "a folder").map(|folder| self.knowledge_base = folder),
            "knowledge_base_watch" => value::folder_watch(given).map(|watch| self.knowledge_base_watch = watch),
            "dictionaries" => value::text(given, "a folder").map(|folder| self.dictionaries = PathBuf::from(folder)),
            "tls_certificate" => value::text(given, "a PEM file").map(|file| self.tls_certificate = Some(PathBuf::from(file))),
            "tls_key" => value::text(given, "a PEM file").map(|file| self.tls_key = Some(PathBuf::from(file))),
            "console" => value::truth(given).map(|truth| self.console = truth),
            "allow_remote_without_tls" => value::truth(given).map(|truth| self.allow_remote_without_tls = truth),
            "log" => value::text(given, "a log filter, such as `info`").and_then(|filter| {
                let parsed = tracing_subscriber::EnvFilter::try_new(&filter);
                parsed.map(|_| self.log = filter).map_err(|_| "it must be a log filter, such as `info` or `deskhand=debug`".to_owned())
            }),
            "log_format" => value::one_of(given, &["text", "json"]).map(|format| self.log_as_json = format == "json"),
            "otlp_endpoint" => value::web_address(given).map(|url| self.otlp_endpoint = Some(url)),
            "allow_remote_without_keys" => value::truth(given).map(|truth| self.allow_remote_without_keys = truth),
            "help_center" | "help_center_theme" => self.help_centers.entry(Workspace::default()).or_default().set(key, given),
            _ => match self.limits.set(key, given).or_else(|| self.desk.set(key, given)) {
                Some(set) => set,
                None => {
                    let tables = ["[[models]]", "[embedding]", "[workspaces.NAME]"];
                    let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).chain(tables).collect();
                    let known = format!("{}{}", known.join(", "), did_you_mean(key, &known));
                    return problems.push(format!("unknown setting `{from}`; expected one of {known}"));
                }
            },
        };
        if let Err(allowed) = set {
            problems.push(format!("`{from}` is `{}`: {allowed}", shown(key, given)));
        }
    }

    /// Checks that every knowledge base folder exists. A missing folder must not be taken for an empty one.
    pub fn check_folders(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        for WorkspaceConfig { name, knowledge_base, .. } in self.workspaces() {
            let Some(folder) = knowledge_base else { continue };
            let Err(error) = fs::read_dir(&folder) else { continue };
            let shown = std::path::absolute(&folder).unwrap_or(folder);
            let error =
                if error.kind() == std::io::ErrorKind::NotFound { "does not exist".to_owned() } else { format!("can't be read: {error}") };
            let key = if name == Workspace::default() { "knowledge_base".to_owned() } else { format!("workspaces.{name}.knowledge_base") };
            let how = match name == Workspace::default() {
                true => "`knowledge_base = \"\"`, `--knowledge-base=` or an empty DESKHAND_KNOWLEDGE_BASE",
                false => "leave it out",
            };
            problems.push(format!(
                "`{key}` is the folder `{}`, which {error}; create it or name another one; or, if documents come from the API only, set it to nothing: {how}",
                shown.display()
            ));
        }
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
    }

    fn check(&self, problems: &mut Vec<String>) {
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            problems.push("`tls_certificate` and `tls_key` must be set together".to_owned());
        }
        let databases = self.database_url.iter().chain(self.workspace_databases.values());
        if self.erasures_url.is_some() && databases.into_iter().any(|url| Some(url) == self.erasures_url.as_ref()) {
            problems.push(
                "`erasures_url` must name another database than `database_url`: a restore would bring back what it remembers".to_owned(),
            );
        }
        if self.limits.proxy_protocol && self.limits.trusted_proxies.is_empty() {
            problems.push("`proxy_protocol` needs `trusted_proxies`: anybody else could name another's address".to_owned());
        }
        help_center::check(&self.help_centers, problems);
        if self.limits.max_connections_per_peer > self.limits.max_connections {
            problems.push("`max_connections_per_peer` must be at most `max_connections`".to_owned());
        }
    }
}

fn fingerprint(value: &Value) -> Vec<u8> {
    Sha256::digest(value.to_string()).to_vec()
}

/// What is wrong with an environment variable of ours that nothing reads, if it is like one that is read. Others may have variables with our
/// prefix too: Kubernetes sets `DESKHAND_PORT` for a service of that name.
fn misspelled_variable(variable: &str) -> Option<String> {
    let name = variable.strip_prefix("DESKHAND_").filter(|name| !name.starts_with("TEST_"))?;
    let settings = SETTINGS.iter().chain(&MODEL_SETTINGS).chain(&EMBEDDING_SETTINGS).map(|setting| setting.variable);
    let known: Vec<&str> = settings.chain(CLIENT_VARIABLES).filter_map(|variable| variable.strip_prefix("DESKHAND_")).collect();
    let meant = did_you_mean(name, &known);
    let is_misspelled = !known.contains(&name) && !meant.is_empty();
    is_misspelled.then(|| format!("unknown variable `{variable}`{}", meant.replacen('`', "`DESKHAND_", 1)))
}

/// The likeliest of the known names for one that is not, as the end of a message; empty if none is like it.
pub fn did_you_mean(given: &str, known: &[&str]) -> String {
    let like = known.iter().map(|name| (strsim::normalized_damerau_levenshtein(given, name), name));
    let best = like.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|(likeness, _)| *likeness >= MIN_LIKENESS);
    best.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Parses a settings file. An unreadable file is reported as a problem and counts as empty.
fn read_table(file: &Path, problems: &mut Vec<String>) -> Table {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!("`{}` can't be read: {error}", file.display()));
            return Table::new();
        }
    };
    text.parse().unwrap_or_else(|error: toml::de::Error| {
        problems.push(format!("`{}` is not valid TOML: {}", file.display(), error.to_string().trim().replace('\n', "\n    ")));
        Table::new()
    })
}

/// A value as an error message may show it; secrets are left out.
fn shown(key: &str, given: &Value) -> String {
    match given {
        _ if matches!(key, "api_key" | "database_url" | "erasures_url") => "(not shown)".to_owned(),
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
    fn every_problem_is_reported_at_once_with_the_allowed_values() {
        let file = "listen = 5\nlisen = \"x\"\nlanguages = [\"english language\"]\n[[models]]\nbase_url = \"ftp://x\"\napi_key = \"se cret\"\ntemprature = 1\n";
        let error = read(file, &["--context-tokens", "many"]).unwrap_err();
        assert_eq!(error.problems.len(), 7, "{error}");
        let text = error.to_string();
        for part in [
            "`listen` is `5`: it must be an address",
            "unknown setting `lisen`; expected one of listen, ",
            "did you mean `listen`?",
            "did you mean `temperature`?",
            "`models[0].base_url` is `ftp://x`",
            "unknown model setting `models[0].temprature`",
            "`--context-tokens` is `many`: it must be a whole number from 500",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("se cret"));
    }

    #[test]
    fn misspelled_settings_are_told_what_was_meant() {
        for (variable, meant) in [
            ("DESKHAND_LISTN", Some("unknown variable `DESKHAND_LISTN`; did you mean `DESKHAND_LISTEN`?")),
            ("DESKHAND_DATABASEURL", Some("unknown variable `DESKHAND_DATABASEURL`; did you mean `DESKHAND_DATABASE_URL`?")),
            ("DESKHAND_LISTEN", None),
            ("DESKHAND_KEY", None),
            ("DESKHAND_PORT", None),
            ("DESKHAND_PORT_50051_TCP_ADDR", None),
            ("DESKHAND_SERVICE_HOST", None),
            ("DESKHAND_SERVICE_PORT_GRPC", None),
            ("LISTN", None),
        ] {
            assert_eq!(misspelled_variable(variable).as_deref(), meant, "{variable}");
        }
        let text = read("[embedding]\nmodle = \"x\"\n[workspaces.rose]\nlangauge = \"en\"\n", &[]).unwrap_err().to_string();
        assert!(text.contains("did you mean `model`?") && text.contains("did you mean `language`?"), "{text}");
        let text = read("listen = ", &[]).unwrap_err().to_string();
        assert!(text.contains("deskhand.toml` is not valid TOML"), "{text}");
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
    fn a_workspace_has_what_it_names_and_the_rest_of_default() {
        let file = "language = \"de\"\ntokens_per_day = 500\n[[models]]\nname = \"one\"\n[workspaces.rose]\nlanguage = \"tr\"\nknowledge_base = \"rose\"\n\
                    [workspaces.oak]\ntokens_per_day = 9\n[[workspaces.oak.models]]\nname = \"two\"\n";
        let config = read(file, &["--context-tokens", "900"]).unwrap();
        let [default, oak, rose] = config.workspaces().try_into().unwrap();
        assert_eq!(["default", "oak", "rose"], [&default.name, &oak.name, &rose.name].map(Workspace::as_str));
        assert_eq!(rose.desk.language.to_string(), "tr");
        assert_eq!((oak.desk.language.to_string(), oak.desk.context_tokens), ("de".to_owned(), 900));
        assert_eq!([&default, &oak, &rose].map(|workspace| workspace.desk.token_limits.per_day), [Some(500), Some(9), Some(500)]);
        assert_eq!(rose.knowledge_base, Some(PathBuf::from("rose")));
        assert_eq!(oak.knowledge_base, None, "a folder is not inherited");
        assert!(rose.models.is_none());
        assert_eq!(oak.models.unwrap()[0].name, "two");
    }

    #[test]
    fn a_folder_that_is_set_to_nothing_is_none_and_one_that_is_missing_is_an_error() {
        assert_eq!(read("knowledge_base = \"\"", &[]).unwrap().knowledge_base, None);
        assert_eq!(read("", &["--knowledge-base="]).unwrap().knowledge_base, None);
        assert_eq!(read("", &["--knowledge-base", ""]).unwrap().knowledge_base, None);
        assert!(read("knowledge_base = 5", &[]).is_err());
        assert!(read("knowledge_base_watch = \"sometimes\"", &[]).is_err());
        assert_eq!(read("knowledge_base_watch = \"poll\"", &[]).unwrap().knowledge_base_watch, FolderWatch::Poll);
        let config = read("knowledge_base = \"\"\n[workspaces.rose]\nknowledge_base = \"no/such\"\n[workspaces.oak]\n", &[]).unwrap();
        let error = config.check_folders().unwrap_err();
        let absolute = std::path::absolute("no/such").unwrap().display().to_string();
        assert_eq!(error.problems.len(), 1);
        assert!(error.problems[0].contains("`workspaces.rose.knowledge_base`") && error.problems[0].contains(&absolute), "{error}");
        assert!(read("knowledge_base = \"\"\n[workspaces.rose]\nknowledge_base = \"\"", &[]).unwrap().check_folders().is_ok());
    }

    #[test]
    fn problems_of_a_workspace_are_reported() {
        let error = read(
            "[workspaces.\"A b\"]\n[workspaces.rose]\nlisten = 1\nlanguage = 5\n[workspaces.oak]\nknowledge_base = \"x\"\n[workspaces.elm]\nknowledge_base = \"x\"\n",
            &[],
        );
        let text = error.unwrap_err().to_string();
        for part in [
            "`workspaces.A b`: a workspace's name must consist of a-z",
            "unknown workspace setting `workspaces.rose.listen`",
            "`workspaces.rose.language` is `5`",
            "`workspaces.elm.knowledge_base` is also that of `oak`",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(read("tls_key = \"x\"", &[]).unwrap_err().to_string().contains("`tls_certificate`"));
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
        // Its files and variables don't exist here.
        let key = tempfile::NamedTempFile::new().unwrap();
        fs::write(key.path(), "sk-1\n").unwrap();
        let uncommented = uncommented.replace("/run/secrets/model", key.path().to_str().unwrap());
        let uncommented = uncommented.replace("\"MODEL_KEY\"", "\"CARGO_PKG_NAME\"").replace("AZURE_OPENAI_API_KEY", "CARGO_PKG_NAME");
        let config = read(&uncommented, &[]).unwrap();
        let token_limits = TokenLimits { per_minute: Some(100_000), per_day: Some(5_000_000) };
        let hours = Value::from(vec!["mon-fri 09:00-18:00", "sat 10:00-14:00"]);
        let default = DeskSettings {
            token_limits,
            retention_days: Some(730),
            prompts: Some(PathBuf::from("prompts")),
            opening_hours: OpeningHours::parse(&hours).unwrap(),
            ..Config::default().desk
        };
        assert_eq!(format!("{:?}", config.desk), format!("{default:?}"), "except for what has no default");
        assert_eq!(format!("{:?}", config.limits), format!("{:?}", Limits::default()));
        for setting in SETTINGS {
            assert!(uncommented.contains(&format!("\n{} = ", setting.key)), "{} is not in the example", setting.key);
        }
        for key in ModelConfig::KEYS.iter().chain(&EmbeddingSettings::KEYS) {
            assert!(uncommented.contains(&format!("\n{key} = ")), "{key} is not in the example");
        }
    }
}
