-- What chats teach: the masked words of a chat before a document answered in it.
CREATE TABLE lesson (
    workspace TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    kind BIGINT NOT NULL,
    document_id TEXT NOT NULL,
    -- How many of the chat's messages stand before the answer.
    turn BIGINT NOT NULL,
    number BIGINT NOT NULL,
    language TEXT NOT NULL,
    -- Of the document as it was.
    hash TEXT NOT NULL,
    -- Tells customers apart, no more.
    customer TEXT NOT NULL,
    at BIGINT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (workspace, chat_id, kind, document_id, turn)
);
CREATE UNIQUE INDEX lesson_number ON lesson (workspace, number);
CREATE INDEX lesson_of_document ON lesson (workspace, kind, document_id, language, number);

-- The last number given to a lesson; how often lessons were taken away; the last change of the catalog that lessons were checked against.
CREATE TABLE lesson_counter (
    workspace TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    removals BIGINT NOT NULL,
    documents BIGINT NOT NULL
);

-- How far a chat's events were read for lessons, and whether there is more to read. All that was before is read once.
ALTER TABLE chat ADD COLUMN taught_to BIGINT NOT NULL DEFAULT 0;
ALTER TABLE chat ADD COLUMN teaches BIGINT NOT NULL DEFAULT 0;
UPDATE chat SET teaches = 1;
CREATE INDEX chat_teaches ON chat (workspace, number) WHERE teaches = 1;
