//! The settings of a model, and of the embeddings endpoint, as keys, flags and variables.

use crate::config::settings::Setting;

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
