-- Erasures that are remembered outside of the database that they were done in: a database that `erasures_url` names has them.
CREATE TABLE remembered_erasure (
    erasure_id TEXT NOT NULL PRIMARY KEY,
    -- Of the person, with the salt.
    hash TEXT NOT NULL
);
CREATE INDEX remembered_erasure_hash ON remembered_erasure (hash);

-- What makes the hashes of a database of erasures its own.
CREATE TABLE erasure_salt (
    id BIGINT NOT NULL PRIMARY KEY,
    salt TEXT NOT NULL
);

-- Where the erasures of this database are remembered: a fingerprint of the data folder's file, or of the database of erasures. Another
-- server must not remember its own somewhere else.
CREATE TABLE erasure_home (
    id BIGINT NOT NULL PRIMARY KEY,
    home TEXT NOT NULL
);
