-- Who exported, erased, deleted, made and revoked keys, or changed settings. It has no personal data: people and chats are keyed hashes.
CREATE TABLE audit (
    at BIGINT NOT NULL,
    -- Tells entries of the same moment apart.
    entry_id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    -- The id of the key; 'command' for a command on the machine, empty for a caller without a key.
    key_id TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (at, entry_id)
);
