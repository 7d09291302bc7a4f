-- A chat gets a number: its events and words then stand together on disk, in the order in which chats began, and name no text twice.

CREATE TABLE chat_numbered (
    number INTEGER PRIMARY KEY,
    workspace TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    last_sequence BIGINT NOT NULL,
    status BIGINT NOT NULL,
    channel BIGINT NOT NULL,
    team TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    ticket_id TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    summary TEXT NOT NULL
);
INSERT INTO chat_numbered
SELECT row_number() OVER (ORDER BY opened_at, workspace, chat_id), workspace, chat_id, last_sequence, status, channel, team, agent_id, topic,
    customer_id, COALESCE(json_extract(summary, '$.ticket.ticket_id'), ''), opened_at,
    COALESCE((SELECT MAX(at) FROM event WHERE event.workspace = chat.workspace AND event.chat_id = chat.chat_id), opened_at), summary
FROM chat;

CREATE TABLE event_numbered (
    chat BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    at_given BIGINT NOT NULL,
    redacted BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (chat, sequence)
) WITHOUT ROWID;
INSERT INTO event_numbered
SELECT number, sequence, event_id, at, at_given, redacted, body
FROM event JOIN chat_numbered ON chat_numbered.workspace = event.workspace AND chat_numbered.chat_id = event.chat_id
ORDER BY number, sequence;

CREATE TABLE customer_numbered (
    workspace TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    chat BIGINT NOT NULL,
    PRIMARY KEY (workspace, customer_id, chat)
) WITHOUT ROWID;
INSERT INTO customer_numbered
SELECT chat_customer.workspace, chat_customer.customer_id, number
FROM chat_customer JOIN chat_numbered ON chat_numbered.workspace = chat_customer.workspace AND chat_numbered.chat_id = chat_customer.chat_id;

-- A word's chats stand in the order in which the archive lists them.
CREATE TABLE word_numbered (
    workspace TEXT NOT NULL,
    word TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    chat BIGINT NOT NULL,
    PRIMARY KEY (workspace, word, opened_at, chat)
) WITHOUT ROWID;
INSERT INTO word_numbered
SELECT chat_word.workspace, word, opened_at, number
FROM chat_word JOIN chat_numbered ON chat_numbered.workspace = chat_word.workspace AND chat_numbered.chat_id = chat_word.chat_id;

-- A chat's words, with a space between them: which it has already, and which go with it.
CREATE TABLE chat_vocabulary (
    chat INTEGER PRIMARY KEY,
    words TEXT NOT NULL
);
INSERT INTO chat_vocabulary SELECT chat, string_agg(word, ' ') FROM word_numbered GROUP BY chat;

DROP TABLE event;
DROP TABLE chat_customer;
DROP TABLE chat_word;
DROP TABLE chat;
ALTER TABLE chat_numbered RENAME TO chat;
ALTER TABLE event_numbered RENAME TO event;
ALTER TABLE customer_numbered RENAME TO chat_customer;
ALTER TABLE word_numbered RENAME TO chat_word;

CREATE UNIQUE INDEX chat_id ON chat (workspace, chat_id);
CREATE INDEX chat_opened ON chat (workspace, opened_at, number);
CREATE INDEX chat_of_customer ON chat (workspace, customer_id, opened_at, number);
CREATE INDEX chat_of_status ON chat (workspace, status, opened_at, number);
CREATE INDEX chat_of_channel ON chat (workspace, channel, opened_at, number);
CREATE INDEX chat_of_team ON chat (workspace, team, opened_at, number);
CREATE INDEX chat_of_agent ON chat (workspace, agent_id, opened_at, number);
CREATE INDEX chat_of_topic ON chat (workspace, topic, opened_at, number);
CREATE INDEX chat_of_ticket ON chat (workspace, ticket_id);
CREATE UNIQUE INDEX event_id ON event (chat, event_id);
CREATE INDEX chat_customer_of_chat ON chat_customer (chat);

-- Which erasures this database has seen. One that a data folder remembers and its database does not came back with a backup.
CREATE TABLE erasure (
    erasure_id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);
