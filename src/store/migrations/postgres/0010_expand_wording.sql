-- How a workspace writes, as authors set it through the API: its voice, the terms of its glossary, its groups of synonyms.
CREATE TABLE wording (
    workspace TEXT NOT NULL,
    -- 1: the voice, 2: a term, 3: a group of synonyms.
    kind BIGINT NOT NULL,
    -- The term, or the id of the group; empty for the voice.
    id TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (workspace, kind, id)
);
-- Rises with each change of it, so that every server of the database hears of it.
ALTER TABLE document_counter ADD COLUMN wording BIGINT NOT NULL DEFAULT 0;
