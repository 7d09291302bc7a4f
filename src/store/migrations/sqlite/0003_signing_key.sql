-- What signs the ids of suggestions, drafts and searches, so that every server knows one that another gave out: 32 bytes as hexadecimal digits.
CREATE TABLE signing_key (
    id BIGINT NOT NULL PRIMARY KEY,
    secret TEXT NOT NULL
);
