//! The table of all settings: from it come the flags, the variables and the keys of the file.

use clap::{Arg, ArgMatches, parser::ValueSource};
use toml::Value;

/// A setting: its key in the file, its variable, and what it is. Its flag is the key with dashes.
pub struct Setting {
    pub key: &'static str,
    variable: &'static str,
    value: &'static str,
    help: &'static str,
}

/// The settings that stand at the top of the file.
pub const SETTINGS: [Setting; 35] = [
    Setting {
        key: "listen",
        variable: "DESKHAND_LISTEN",
        value: "ADDRESS",
        help: "Address and port of the one listener; port 0 takes a free one [default: 127.0.0.1:50051]",
    },
    Setting {
        key: "data",
        variable: "DESKHAND_DATA",
        value: "FOLDER",
        help: "Folder for everything that is kept, made at first start [default: data]",
    },
    Setting {
        key: "database_url",
        variable: "DESKHAND_DATABASE_URL",
        value: "URL",
        help: "sqlite:… or postgres://… [default: SQLite in the data folder]",
    },
    Setting {
        key: "knowledge_base",
        variable: "DESKHAND_KNOWLEDGE_BASE",
        value: "FOLDER",
        help: "Folder of articles and canned answers; empty: documents come from the API alone [default: knowledge-base]",
    },
    Setting {
        key: "knowledge_base_watch",
        variable: "DESKHAND_KNOWLEDGE_BASE_WATCH",
        value: "events|poll",
        help: "How changes of the folder are noticed: by the system's events, or by looking every two seconds, for network file systems [default: events]",
    },
    Setting {
        key: "dictionaries",
        variable: "DESKHAND_DICTIONARIES",
        value: "FOLDER",
        help: "Folder of hunspell's dictionaries, by which texts are corrected without a model [default: /usr/share/hunspell]",
    },
    Setting { key: "language", variable: "DESKHAND_LANGUAGE", value: "TAG", help: "The language of whoever tells none [default: en]" },
    Setting {
        key: "languages",
        variable: "DESKHAND_LANGUAGES",
        value: "TAGS",
        help: "The languages that customers are expected to write in, with commas between them [default: en,tr,hu,de]",
    },
    Setting {
        key: "context_tokens",
        variable: "DESKHAND_CONTEXT_TOKENS",
        value: "NUMBER",
        help: "Token budget of a prompt's context [default: 8000]",
    },
    Setting {
        key: "retention_days",
        variable: "DESKHAND_RETENTION_DAYS",
        value: "DAYS",
        help: "How many days a chat is kept after its last event; searches and ratings no longer, and 90 days at most [default: for ever]",
    },
    Setting {
        key: "mask",
        variable: "DESKHAND_MASK",
        value: "KINDS",
        help: "Which personal data models get as marks only: `none`, or email,phone,card,iban,national_id,address,name [default: all]",
    },
    Setting {
        key: "mask_first_names",
        variable: "DESKHAND_MASK_FIRST_NAMES",
        value: "true|false",
        help: "Whether first names alone are masked, too [default: false]",
    },
    Setting {
        key: "mask_exceptions",
        variable: "DESKHAND_MASK_EXCEPTIONS",
        value: "TEXTS",
        help: "What is never masked, with commas: addresses, numbers, names; `@shop.com` for all addresses there [default: nothing]",
    },
    Setting {
        key: "prompts",
        variable: "DESKHAND_PROMPTS",
        value: "FOLDER",
        help: "Folder of prompts that take the place of the built-in ones: draft.md, correct.md, retone.md, translate.md, summarize.md [default: none]",
    },
    Setting {
        key: "allowed_links",
        variable: "DESKHAND_ALLOWED_LINKS",
        value: "LINKS",
        help: "Links and hosts that may stand in any draft, with commas between them; others must be in a source [default: none]",
    },
    Setting {
        key: "tokens_per_minute",
        variable: "DESKHAND_TOKENS_PER_MINUTE",
        value: "NUMBER",
        help: "Most tokens of prompts and answers together in a minute [default: no limit]",
    },
    Setting {
        key: "tokens_per_day",
        variable: "DESKHAND_TOKENS_PER_DAY",
        value: "NUMBER",
        help: "Most tokens of prompts and answers together in a day; a restart counts anew [default: no limit]",
    },
    Setting {
        key: "log",
        variable: "DESKHAND_LOG",
        value: "FILTER",
        help: "What to log, such as `info` or `deskhand=debug` [default: info]",
    },
    Setting {
        key: "tls_certificate",
        variable: "DESKHAND_TLS_CERTIFICATE",
        value: "FILE",
        help: "PEM file of the certificate, followed by those that vouch for it; read anew when it changes [default: no TLS]",
    },
    Setting { key: "tls_key", variable: "DESKHAND_TLS_KEY", value: "FILE", help: "PEM file of the certificate's private key" },
    Setting {
        key: "console",
        variable: "DESKHAND_CONSOLE",
        value: "true|false",
        help: "Serve the agents' console at /console [default: false]",
    },
    Setting {
        key: "allow_remote_without_tls",
        variable: "DESKHAND_ALLOW_REMOTE_WITHOUT_TLS",
        value: "true|false",
        help: "Serve beyond loopback although what is said, keys too, can be read on the way; for a proxy that does TLS [default: false]",
    },
    Setting {
        key: "allow_remote_without_keys",
        variable: "DESKHAND_ALLOW_REMOTE_WITHOUT_KEYS",
        value: "true|false",
        help: "Serve beyond loopback although nobody needs a key [default: false]",
    },
    Setting {
        key: "max_connections",
        variable: "DESKHAND_MAX_CONNECTIONS",
        value: "NUMBER",
        help: "Most connections at once; when there are more, the one that has been idle longest is closed [default: 1024]",
    },
    Setting {
        key: "max_connections_per_peer",
        variable: "DESKHAND_MAX_CONNECTIONS_PER_PEER",
        value: "NUMBER",
        help: "The same for one IPv4 address, or one IPv6 network of 64 bits [default: 256]",
    },
    Setting {
        key: "max_calls",
        variable: "DESKHAND_MAX_CALLS",
        value: "NUMBER",
        help: "Most calls that run at once; others are refused at once [default: 1024]",
    },
    Setting {
        key: "max_bytes_in_flight",
        variable: "DESKHAND_MAX_BYTES_IN_FLIGHT",
        value: "BYTES",
        help: "Most bytes of requests being received and of replies not yet read, of all connections together [default: 100663296]",
    },
    Setting {
        key: "keyless_timeout",
        variable: "DESKHAND_KEYLESS_TIMEOUT",
        value: "TIME",
        help: "How long a connection that has not shown a valid key may stay without a call [default: 5s]",
    },
    Setting {
        key: "idle_timeout",
        variable: "DESKHAND_IDLE_TIMEOUT",
        value: "TIME",
        help: "How long a connection that has shown one may stay without a call [default: 5m]",
    },
    Setting {
        key: "request_timeout",
        variable: "DESKHAND_REQUEST_TIMEOUT",
        value: "TIME",
        help: "Longest time for a request to be whole, headers and body [default: 10s]",
    },
    Setting {
        key: "write_timeout",
        variable: "DESKHAND_WRITE_TIMEOUT",
        value: "TIME",
        help: "How long a caller may read nothing of what waits for it [default: 30s]",
    },
    Setting {
        key: "drain_timeout",
        variable: "DESKHAND_DRAIN_TIMEOUT",
        value: "TIME",
        help: "How long running calls may take to end when the server stops [default: 10s]",
    },
    Setting {
        key: "calls_per_visitor",
        variable: "DESKHAND_CALLS_PER_VISITOR",
        value: "NUMBER",
        help: "Most calls a second of one address with one publishable key [default: 10]",
    },
    Setting {
        key: "report_bytes_per_day",
        variable: "DESKHAND_REPORT_BYTES_PER_DAY",
        value: "BYTES",
        help: "Most bytes a day that the public's searches and ratings add to a workspace's report; one address gets a 16th [default: 67108864]",
    },
    Setting {
        key: "trusted_proxies",
        variable: "DESKHAND_TRUSTED_PROXIES",
        value: "ADDRESSES",
        help: "IP addresses of proxies whose X-Forwarded-For says who calls, with commas between them [default: none]",
    },
];

/// The settings of the first model; in the file they are those of the first `[[models]]`.
pub const MODEL_SETTINGS: [Setting; 10] = [
    Setting {
        key: "name",
        variable: "DESKHAND_MODEL",
        value: "NAME",
        help: "The first model's name, as its server knows it [default: gpt-4o-mini]",
    },
    Setting {
        key: "base_url",
        variable: "OPENAI_BASE_URL",
        value: "URL",
        help: "Where its OpenAI-compatible API begins [default: https://api.openai.com/v1]",
    },
    Setting {
        key: "api_key",
        variable: "OPENAI_API_KEY",
        value: "KEY",
        help: "Its key; better given by the variable, which other users of the machine can't see",
    },
    Setting {
        key: "connect_timeout",
        variable: "DESKHAND_MODEL_CONNECT_TIMEOUT",
        value: "TIME",
        help: "Longest wait for a connection to it [default: 3s]",
    },
    Setting {
        key: "first_token_timeout",
        variable: "DESKHAND_MODEL_FIRST_TOKEN_TIMEOUT",
        value: "TIME",
        help: "Longest wait for its first token [default: 15s]",
    },
    Setting {
        key: "token_gap_timeout",
        variable: "DESKHAND_MODEL_TOKEN_GAP_TIMEOUT",
        value: "TIME",
        help: "Longest wait between two of its tokens [default: 10s]",
    },
    Setting {
        key: "total_timeout",
        variable: "DESKHAND_MODEL_TOTAL_TIMEOUT",
        value: "TIME",
        help: "Longest time for a whole answer [default: 60s]",
    },
    Setting { key: "max_tokens", variable: "DESKHAND_MODEL_MAX_TOKENS", value: "NUMBER", help: "Most tokens of an answer [default: 2048]" },
    Setting {
        key: "temperature",
        variable: "DESKHAND_MODEL_TEMPERATURE",
        value: "NUMBER",
        help: "How freely it writes, from 0 to 2 [default: its server's own]",
    },
    Setting {
        key: "context_tokens",
        variable: "DESKHAND_MODEL_CONTEXT_TOKENS",
        value: "NUMBER",
        help: "Token budget of its prompts' context [default: that of all models]",
    },
];

/// The settings of the embeddings endpoint; in the file they are those of `[embedding]`.
pub const EMBEDDING_SETTINGS: [Setting; 5] = [
    Setting {
        key: "model",
        variable: "DESKHAND_EMBEDDING_MODEL",
        value: "NAME",
        help: "A model for embeddings, such as `text-embedding-3-small`: search and suggestions then also go by what words mean [default: none]",
    },
    Setting {
        key: "base_url",
        variable: "DESKHAND_EMBEDDING_BASE_URL",
        value: "URL",
        help: "Where its OpenAI-compatible API begins [default: that of the first model]",
    },
    Setting {
        key: "api_key",
        variable: "DESKHAND_EMBEDDING_API_KEY",
        value: "KEY",
        help: "Its key [default: that of the first model, if it has the same address]",
    },
    Setting {
        key: "search_timeout",
        variable: "DESKHAND_EMBEDDING_SEARCH_TIMEOUT",
        value: "TIME",
        help: "How long a search waits for it, before it goes by words alone [default: 50ms]",
    },
    Setting {
        key: "suggest_timeout",
        variable: "DESKHAND_EMBEDDING_SUGGEST_TIMEOUT",
        value: "TIME",
        help: "The same for suggestions and drafts [default: 300ms]",
    },
];

/// The flags of the settings that say where everything is kept.
pub fn storage_flags() -> Vec<Arg> {
    let storage = SETTINGS.iter().filter(|setting| matches!(setting.key, "data" | "database_url"));
    storage.map(|setting| flag(setting, setting.key.to_owned())).collect()
}

/// The flags of all settings, for clap.
pub fn flags() -> Vec<Arg> {
    let top = SETTINGS.iter().map(|setting| flag(setting, setting.key.to_owned()));
    let model = MODEL_SETTINGS.iter().map(|setting| flag(setting, model_argument(setting)).help_heading("The first model"));
    top.chain(model).chain(embedding_flags()).collect()
}

/// The flags of the embeddings endpoint.
pub fn embedding_flags() -> Vec<Arg> {
    EMBEDDING_SETTINGS.iter().map(|setting| flag(setting, embedding_argument(setting)).help_heading("Embeddings")).collect()
}

fn flag(setting: &Setting, name: String) -> Arg {
    let long = name.replace('_', "-");
    let argument = Arg::new(name).long(long).env(setting.variable).hide_env_values(true).value_name(setting.value).help(setting.help);
    // `--console` alone says yes.
    if setting.value == "true|false" { argument.num_args(0..=1).default_missing_value("true") } else { argument }
}

/// The name of a model setting's argument.
pub fn model_argument(setting: &Setting) -> String {
    if setting.key == "name" { "model".to_owned() } else { format!("model_{}", setting.key) }
}

/// The name of an embedding setting's argument.
pub fn embedding_argument(setting: &Setting) -> String {
    format!("embedding_{}", setting.key)
}

/// What a flag or variable says, and its name. An empty variable says nothing, but for the one whose empty value means none.
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
