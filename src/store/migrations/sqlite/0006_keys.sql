-- What callers prove themselves with. Of a key's secret only its SHA-256 is kept.
CREATE TABLE api_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    -- Words with commas between them.
    scopes TEXT NOT NULL,
    -- With spaces between them.
    origins TEXT NOT NULL,
    calls_per_second BIGINT,
    tokens_per_minute BIGINT,
    tokens_per_day BIGINT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
