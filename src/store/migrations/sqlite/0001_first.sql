-- Works on SQLite and PostgreSQL alike: TEXT and BIGINT only, a truth is 0 or 1; times are nanoseconds since 1970 in UTC; JSON is TEXT.

CREATE TABLE chat (
    workspace TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    last_sequence BIGINT NOT NULL,
    status BIGINT NOT NULL,
    channel BIGINT NOT NULL,
    team TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    summary TEXT NOT NULL,
    PRIMARY KEY (workspace, chat_id)
);
CREATE INDEX chat_opened ON chat (workspace, opened_at, chat_id);
CREATE INDEX chat_of_customer ON chat (workspace, customer_id, opened_at);

CREATE TABLE event (
    workspace TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    at_given BIGINT NOT NULL,
    redacted BIGINT NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (workspace, chat_id, sequence)
);
CREATE UNIQUE INDEX event_id ON event (workspace, chat_id, event_id);

-- Every customer that a chat ever named: a visitor may be known by another id before they log in.
CREATE TABLE chat_customer (
    workspace TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    PRIMARY KEY (workspace, customer_id, chat_id)
);
CREATE INDEX chat_customer_of_chat ON chat_customer (workspace, chat_id);

-- The words of each chat's messages, for the archive's word filter.
CREATE TABLE chat_word (
    workspace TEXT NOT NULL,
    word TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    PRIMARY KEY (workspace, word, chat_id)
);
CREATE INDEX chat_word_of_chat ON chat_word (workspace, chat_id);

-- The catalog. A deleted document keeps its row, so that every index hears of it.
CREATE TABLE document (
    workspace TEXT NOT NULL,
    kind BIGINT NOT NULL,
    id TEXT NOT NULL,
    language TEXT NOT NULL,
    number BIGINT NOT NULL,
    origin BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    hash TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (workspace, kind, id, language)
);
CREATE UNIQUE INDEX document_number ON document (workspace, number);

-- The last number given to a change of the catalog, by workspace. Its row's lock makes the order of numbers the order of commits.
CREATE TABLE document_counter (
    workspace TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
);

CREATE TABLE suggestion (
    workspace TEXT NOT NULL,
    suggestion_id TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    kind BIGINT NOT NULL,
    document_id TEXT NOT NULL,
    language TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace, suggestion_id)
);
CREATE INDEX suggestion_chat ON suggestion (workspace, chat_id);
CREATE INDEX suggestion_at ON suggestion (workspace, at);

CREATE TABLE draft (
    workspace TEXT NOT NULL,
    draft_id TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    sources TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace, draft_id)
);
CREATE INDEX draft_chat ON draft (workspace, chat_id);

CREATE TABLE outcome (
    workspace TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    outcome_id TEXT NOT NULL,
    suggestion_id TEXT NOT NULL,
    draft_id TEXT NOT NULL,
    action BIGINT NOT NULL,
    agent_id TEXT NOT NULL,
    final_text TEXT NOT NULL,
    hash TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace, chat_id, outcome_id)
);
CREATE INDEX outcome_suggestion ON outcome (workspace, suggestion_id);

CREATE TABLE search (
    workspace TEXT NOT NULL,
    search_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    query TEXT NOT NULL,
    hits BIGINT NOT NULL,
    superseded BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace, search_id)
);
CREATE INDEX search_at ON search (workspace, at);
CREATE INDEX search_session ON search (workspace, session_id, at);

CREATE TABLE article_open (
    workspace TEXT NOT NULL,
    search_id TEXT NOT NULL,
    article_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace, search_id, article_id)
);
CREATE INDEX article_open_at ON article_open (workspace, at);

CREATE TABLE article_rating (
    workspace TEXT NOT NULL,
    rating_id TEXT NOT NULL,
    article_id TEXT NOT NULL,
    language TEXT NOT NULL,
    helpful BIGINT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace, rating_id)
);
CREATE INDEX article_rating_at ON article_rating (workspace, at);
