//! The table of all settings, from which the flags, the environment variables and the keys of the file are made.

/// A setting: its key in the file, its environment variable and its help text. Its flag is the key with dashes.
pub struct Setting {
    pub key: &'static str,
    pub variable: &'static str,
    pub value: &'static str,
    pub help: &'static str,
}

/// The top-level settings of the file.
pub const SETTINGS: [Setting; 46] = [
    Setting {
        key: "listen",
        variable: "DESKHAND_LISTEN",
        value: "ADDRESS",
        help: "Address and port to listen on; port 0 takes a free port [default: 127.0.0.1:50051]",
    },
    Setting { key: "data", variable: "DESKHAND_DATA", value: "FOLDER", help: "Data folder, created at first start [default: data]" },
    Setting {
        key: "database_url",
        variable: "DESKHAND_DATABASE_URL",
        value: "URL",
        help: "sqlite:… or postgres://… [default: SQLite in the data folder]",
    },
    Setting { key: "first_key_file", variable: "DESKHAND_FIRST_KEY_FILE", value: "FILE", help: "Where a first key is written" },
    Setting { key: "erasures_url", variable: "DESKHAND_ERASURES_URL", value: "URL", help: "Database that remembers erasures" },
    Setting {
        key: "knowledge_base",
        variable: "DESKHAND_KNOWLEDGE_BASE",
        value: "FOLDER",
        help: "Folder of articles and canned answers; empty: documents come from the API only [default: knowledge-base]",
    },
    Setting {
        key: "knowledge_base_watch",
        variable: "DESKHAND_KNOWLEDGE_BASE_WATCH",
        value: "events|poll",
        help: "How changes of the folder are detected: by file system events, or by polling every two seconds, for network file systems [default: events]",
    },
    Setting {
        key: "language",
        variable: "DESKHAND_LANGUAGE",
        value: "TAG",
        help: "Default language when a request names none [default: en]",
    },
    Setting {
        key: "dictionaries",
        variable: "DESKHAND_DICTIONARIES",
        value: "FOLDER",
        help: "Folder of hunspell's dictionaries, by which texts are corrected without a model [default: /usr/share/hunspell]",
    },
    Setting {
        key: "languages",
        variable: "DESKHAND_LANGUAGES",
        value: "TAGS",
        help: "Languages that customers are expected to write in, comma-separated [default: en,tr,hu,de]",
    },
    Setting {
        key: "time_zone",
        variable: "DESKHAND_TIME_ZONE",
        value: "NAME",
        help: "IANA name of the time zone of `today` and opening hours in the conditions of canned answers, such as `Europe/Istanbul` [default: UTC]",
    },
    Setting {
        key: "opening_hours",
        variable: "DESKHAND_OPENING_HOURS",
        value: "HOURS",
        help: "When the team is there, for conditions of canned answers, comma-separated: `mon-fri 09:00-18:00,sat 10:00-14:00` [default: not known]",
    },
    Setting {
        key: "holidays",
        variable: "DESKHAND_HOLIDAYS",
        value: "DATES",
        help: "Dates on which the team is not there, comma-separated, such as `2026-12-25` [default: none]",
    },
    Setting {
        key: "context_tokens",
        variable: "DESKHAND_CONTEXT_TOKENS",
        value: "NUMBER",
        help: "Token budget of a prompt's context [default: 8000]",
    },
    Setting {
        key: "first_token_goal",
        variable: "DESKHAND_FIRST_TOKEN_GOAL",
        value: "TIME",
        help: "In what time a model's first token should come: the context is shortened to what it reads in that time; 0: never [default: 5s]",
    },
    Setting {
        key: "choose_timeout",
        variable: "DESKHAND_CHOOSE_TIMEOUT",
        value: "TIME",
        help: "How long a draft waits for a model to choose its first source among the documents found; 0: none is asked [default: 400ms]",
    },
    Setting {
        key: "check_with_model",
        variable: "DESKHAND_CHECK_WITH_MODEL",
        value: "TIME",
        help: "How long a finished draft waits for a model to name the sentences that promise what no source says; 0: none is asked [default: 0]",
    },
    Setting {
        key: "running_summary_after",
        variable: "DESKHAND_RUNNING_SUMMARY_AFTER",
        value: "TIME",
        help: "How long after a draft a chat that is too long for its prompt and goes on gets a running summary of its older messages, by a model; 0: never [default: 10s]",
    },
    Setting {
        key: "retention_days",
        variable: "DESKHAND_RETENTION_DAYS",
        value: "DAYS",
        help: "Days that a chat is kept after its last event; searches and ratings are kept as long, but at most 90 days [default: forever]",
    },
    Setting {
        key: "mask",
        variable: "DESKHAND_MASK",
        value: "KINDS",
        help: "Personal data that is masked before text goes to a model: `none`, or any of email,phone,card,iban,national_id,address,name [default: all]",
    },
    Setting {
        key: "mask_first_names",
        variable: "DESKHAND_MASK_FIRST_NAMES",
        value: "true|false",
        help: "Mask first names on their own, too [default: false]",
    },
    Setting {
        key: "mask_exceptions",
        variable: "DESKHAND_MASK_EXCEPTIONS",
        value: "TEXTS",
        help: "Addresses, numbers and names that are never masked, comma-separated; `@shop.com` covers a whole domain [default: none]",
    },
    Setting {
        key: "prompts",
        variable: "DESKHAND_PROMPTS",
        value: "FOLDER",
        help: "Folder of prompt templates that replace the built-in ones: draft.md, correct.md, retone.md, translate.md, summarize.md, running_summary.md, choose.md, check.md, enrich.md [default: none]",
    },
    Setting {
        key: "allowed_links",
        variable: "DESKHAND_ALLOWED_LINKS",
        value: "LINKS",
        help: "Links and hosts allowed in any draft, comma-separated; others must come from a source [default: none]",
    },
    Setting {
        key: "tokens_per_minute",
        variable: "DESKHAND_TOKENS_PER_MINUTE",
        value: "NUMBER",
        help: "Limit on tokens of prompts and answers together, per minute [default: no limit]",
    },
    Setting {
        key: "tokens_per_day",
        variable: "DESKHAND_TOKENS_PER_DAY",
        value: "NUMBER",
        help: "Limit on tokens of prompts and answers together, per day; a restart resets the count [default: no limit]",
    },
    Setting {
        key: "log",
        variable: "DESKHAND_LOG",
        value: "FILTER",
        help: "Log filter, such as `info` or `deskhand=debug` [default: info]",
    },
    Setting {
        key: "tls_certificate",
        variable: "DESKHAND_TLS_CERTIFICATE",
        value: "FILE",
        help: "PEM certificate chain, leaf first; reloaded when it changes [default: no TLS]",
    },
    Setting {
        key: "tls_key",
        variable: "DESKHAND_TLS_KEY",
        value: "FILE",
        help: "PEM private key of the certificate; reloaded when it changes",
    },
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
        help: "Serve beyond loopback without TLS: keys and chats travel in plain text; meant for a proxy that terminates TLS [default: false]",
    },
    Setting {
        key: "allow_remote_without_keys",
        variable: "DESKHAND_ALLOW_REMOTE_WITHOUT_KEYS",
        value: "true|false",
        help: "Serve beyond loopback without requiring keys [default: false]",
    },
    Setting {
        key: "max_connections",
        variable: "DESKHAND_MAX_CONNECTIONS",
        value: "NUMBER",
        help: "Limit on open connections; beyond it, the connection that has been idle longest is closed [default: 1024]",
    },
    Setting {
        key: "max_connections_per_peer",
        variable: "DESKHAND_MAX_CONNECTIONS_PER_PEER",
        value: "NUMBER",
        help: "The same for one IPv4 address, or one IPv6 /64 network [default: 256]",
    },
    Setting {
        key: "max_calls",
        variable: "DESKHAND_MAX_CALLS",
        value: "NUMBER",
        help: "Limit on concurrent calls; further calls are refused immediately [default: 1024]",
    },
    Setting {
        key: "max_bytes_in_flight",
        variable: "DESKHAND_MAX_BYTES_IN_FLIGHT",
        value: "BYTES",
        help: "Limit on bytes of requests being received and of replies not yet read, over all connections [default: 100663296]",
    },
    Setting {
        key: "keyless_timeout",
        variable: "DESKHAND_KEYLESS_TIMEOUT",
        value: "TIME",
        help: "Idle timeout of a connection that has not shown a valid key [default: 5s]",
    },
    Setting {
        key: "idle_timeout",
        variable: "DESKHAND_IDLE_TIMEOUT",
        value: "TIME",
        help: "Idle timeout of a connection that has shown a valid key [default: 5m]",
    },
    Setting {
        key: "request_timeout",
        variable: "DESKHAND_REQUEST_TIMEOUT",
        value: "TIME",
        help: "Longest time to receive a whole request, headers and body [default: 10s]",
    },
    Setting {
        key: "write_timeout",
        variable: "DESKHAND_WRITE_TIMEOUT",
        value: "TIME",
        help: "Longest time that a caller may read nothing of a waiting reply [default: 30s]",
    },
    Setting {
        key: "max_connection_age",
        variable: "DESKHAND_MAX_CONNECTION_AGE",
        value: "TIME",
        help: "Longest life of a connection, a tenth more or less, so that a balancer spreads clients anew; 0: no limit [default: 0]",
    },
    Setting {
        key: "drain_delay",
        variable: "DESKHAND_DRAIN_DELAY",
        value: "TIME",
        help: "How long a server that is to stop goes on as before while it reports that it is not ready, so that a balancer leaves it [default: 0]",
    },
    Setting {
        key: "drain_timeout",
        variable: "DESKHAND_DRAIN_TIMEOUT",
        value: "TIME",
        help: "How long running calls may take to finish when the server stops [default: 10s]",
    },
    Setting {
        key: "calls_per_visitor",
        variable: "DESKHAND_CALLS_PER_VISITOR",
        value: "NUMBER",
        help: "Rate limit of one address with one publishable key, in calls per second [default: 10]",
    },
    Setting {
        key: "report_bytes_per_day",
        variable: "DESKHAND_REPORT_BYTES_PER_DAY",
        value: "BYTES",
        help: "Limit on bytes per day that public searches and ratings add to a workspace's report; one address gets 1/16 [default: 67108864]",
    },
    Setting {
        key: "trusted_proxies",
        variable: "DESKHAND_TRUSTED_PROXIES",
        value: "ADDRESSES",
        help: "IP addresses of proxies whose X-Forwarded-For is trusted, comma-separated [default: none]",
    },
];

/// The settings of the first model; in the file they are those of the first `[[models]]`.
pub const MODEL_SETTINGS: [Setting; 11] = [
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
        help: "Base URL of its OpenAI-compatible API [default: https://api.openai.com/v1]",
    },
    Setting {
        key: "api_key",
        variable: "OPENAI_API_KEY",
        value: "KEY",
        help: "Its API key; prefer the environment variable, which other users of the machine can't see",
    },
    Setting {
        key: "connect_timeout",
        variable: "DESKHAND_MODEL_CONNECT_TIMEOUT",
        value: "TIME",
        help: "Longest wait for a connection [default: 3s]",
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
    Setting {
        key: "max_tokens",
        variable: "DESKHAND_MODEL_MAX_TOKENS",
        value: "NUMBER",
        help: "Limit on tokens of an answer [default: 2048]",
    },
    Setting {
        key: "temperature",
        variable: "DESKHAND_MODEL_TEMPERATURE",
        value: "NUMBER",
        help: "Sampling temperature, from 0 to 2 [default: the server's own]",
    },
    Setting {
        key: "context_tokens",
        variable: "DESKHAND_MODEL_CONTEXT_TOKENS",
        value: "NUMBER",
        help: "Token budget of its prompts' context [default: --context-tokens]",
    },
    Setting {
        key: "first_token_goal",
        variable: "DESKHAND_MODEL_FIRST_TOKEN_GOAL",
        value: "TIME",
        help: "In what time its first token should come [default: --first-token-goal]",
    },
];

/// The settings of the embeddings endpoint; in the file they are those of `[embedding]`.
pub const EMBEDDING_SETTINGS: [Setting; 8] = [
    Setting {
        key: "model",
        variable: "DESKHAND_EMBEDDING_MODEL",
        value: "NAME",
        help: "Embedding model, such as `text-embedding-3-small`: adds search by meaning to search and suggestions [default: none]",
    },
    Setting {
        key: "base_url",
        variable: "DESKHAND_EMBEDDING_BASE_URL",
        value: "URL",
        help: "Base URL of its OpenAI-compatible API [default: that of the first model]",
    },
    Setting {
        key: "api_key",
        variable: "DESKHAND_EMBEDDING_API_KEY",
        value: "KEY",
        help: "Its API key [default: that of the first model, if both have the same base URL]",
    },
    Setting {
        key: "preset",
        variable: "DESKHAND_EMBEDDING_PRESET",
        value: "NAME",
        help: "How the model is told queries from passages: none (OpenAI's models), e5, nomic, bge, qwen, or input_type, a field of each request \
               [default: none]",
    },
    Setting {
        key: "query_prefix",
        variable: "DESKHAND_EMBEDDING_QUERY_PREFIX",
        value: "TEXT",
        help: "What is put before each query, such as `query: ` [default: that of the preset]",
    },
    Setting {
        key: "passage_prefix",
        variable: "DESKHAND_EMBEDDING_PASSAGE_PREFIX",
        value: "TEXT",
        help: "What is put before each passage of a document [default: that of the preset]; documents are embedded again if it changes",
    },
    Setting {
        key: "search_timeout",
        variable: "DESKHAND_EMBEDDING_SEARCH_TIMEOUT",
        value: "TIME",
        help: "How long a search waits for an embedding before it falls back to keywords only [default: 50ms]",
    },
    Setting {
        key: "suggest_timeout",
        variable: "DESKHAND_EMBEDDING_SUGGEST_TIMEOUT",
        value: "TIME",
        help: "The same for suggestions and drafts [default: 300ms]",
    },
];
