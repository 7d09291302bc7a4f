-- Whether something was deleted whose bytes may still lie in the database's files: written with the deletion, taken away when they are gone.
CREATE TABLE wipe (
    id BIGINT NOT NULL PRIMARY KEY,
    asked_at BIGINT NOT NULL
);
