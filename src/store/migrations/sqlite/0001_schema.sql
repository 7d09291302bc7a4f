-- Works on SQLite and PostgreSQL alike: TEXT and BIGINT only, a truth is 0 or 1; times are nanoseconds since 1970 in UTC; JSON is TEXT.

-- Chats, numbered in the order in which they began: their events and words stand together on disk, and name no text twice.
CREATE TABLE chat (
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
    summary TEXT NOT NULL,
    -- How far its events were read for lessons, and whether there is more to read.
    taught_to BIGINT NOT NULL DEFAULT 0,
    teaches BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX chat_id ON chat (workspace, chat_id);
CREATE INDEX chat_opened ON chat (workspace, opened_at, number);
CREATE INDEX chat_of_customer ON chat (workspace, customer_id, opened_at, number);
CREATE INDEX chat_of_status ON chat (workspace, status, opened_at, number);
CREATE INDEX chat_of_channel ON chat (workspace, channel, opened_at, number);
CREATE INDEX chat_of_team ON chat (workspace, team, opened_at, number);
CREATE INDEX chat_of_agent ON chat (workspace, agent_id, opened_at, number);
CREATE INDEX chat_of_topic ON chat (workspace, topic, opened_at, number);
CREATE INDEX chat_of_ticket ON chat (workspace, ticket_id);
CREATE INDEX chat_teaches ON chat (workspace, number) WHERE teaches = 1;

CREATE TABLE event (
    chat BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    at_given BIGINT NOT NULL,
    redacted BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (chat, sequence)
) WITHOUT ROWID;
CREATE UNIQUE INDEX event_id ON event (chat, event_id);
-- The events that make a chat's state, without messages and page views: of a chat that is too long to be read whole, they are read.
CREATE INDEX event_state ON event (chat, sequence)
WHERE substr(body, 1, 17) <> '{"kind":"message"' AND substr(body, 1, 19) <> '{"kind":"page_view"';

-- Every customer that a chat ever named: a visitor may be known by another id before they log in.
CREATE TABLE chat_customer (
    workspace TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    chat BIGINT NOT NULL,
    PRIMARY KEY (workspace, customer_id, chat)
) WITHOUT ROWID;
CREATE INDEX chat_customer_of_chat ON chat_customer (chat);

-- The words of each chat's messages, for the archive's word filter. A word's chats stand in the order in which the archive lists them.
CREATE TABLE chat_word (
    workspace TEXT NOT NULL,
    word TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    chat BIGINT NOT NULL,
    PRIMARY KEY (workspace, word, opened_at, chat)
) WITHOUT ROWID;

-- A chat's words, with a space between them: which it has already, and which are erased with it.
CREATE TABLE chat_vocabulary (
    chat INTEGER PRIMARY KEY,
    words TEXT NOT NULL
);

-- What agents promised in messages: each sentence, by which time it is to be kept, and what became of it.
CREATE TABLE promise (
    chat BIGINT NOT NULL,
    -- Of the message's event, and the place of the sentence among its promises.
    sequence BIGINT NOT NULL,
    place BIGINT NOT NULL,
    workspace TEXT NOT NULL,
    event_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    agent_name TEXT NOT NULL,
    -- Empty once the message was redacted.
    text TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    -- The last second of the day; the largest number if none was said.
    due_at BIGINT NOT NULL,
    -- 1: open. 2: kept. 3: withdrawn.
    status BIGINT NOT NULL,
    -- Of the chat: its team, and whether it is open.
    team TEXT NOT NULL,
    chat_open BIGINT NOT NULL,
    PRIMARY KEY (chat, sequence, place)
) WITHOUT ROWID;
CREATE INDEX promise_due ON promise (workspace, chat_open, due_at, made_at, chat, sequence, place);

-- Order numbers and other codes, e-mail addresses and phone numbers of each chat: the customer's messages, forms and records, and what is
-- known of the customer. They tell whose they are where a reply to another customer has them.
CREATE TABLE chat_code (
    workspace TEXT NOT NULL,
    -- Letters and digits in lower case; of a phone number the last nine digits.
    code TEXT NOT NULL,
    chat BIGINT NOT NULL,
    PRIMARY KEY (workspace, code, chat)
) WITHOUT ROWID;
CREATE INDEX chat_code_of_chat ON chat_code (chat);

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
    -- The kind and language of the first source; 0 and empty without sources.
    kind BIGINT NOT NULL,
    language TEXT NOT NULL,
    -- Short hashes of its words, which tell how much of it was sent.
    sketch TEXT NOT NULL,
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

-- What documents mean, as an embeddings model put it.
CREATE TABLE document_vector (
    workspace TEXT NOT NULL,
    kind BIGINT NOT NULL,
    id TEXT NOT NULL,
    language TEXT NOT NULL,
    -- Of the catalog's counter.
    number BIGINT NOT NULL,
    model TEXT NOT NULL,
    -- Of the document as it was.
    hash TEXT NOT NULL,
    -- Whether the first vector is of the whole; the others are of its pieces.
    whole BIGINT NOT NULL,
    -- Numbers of a vector, each a byte; the vectors, one after the other, none if the document was deleted.
    length BIGINT NOT NULL,
    vectors BLOB NOT NULL,
    PRIMARY KEY (workspace, kind, id, language)
);
CREATE INDEX document_vector_number ON document_vector (workspace, number);

-- What chats teach: the masked words of a chat before a document answered in it, or was dismissed.
CREATE TABLE lesson (
    workspace TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    kind BIGINT NOT NULL,
    document_id TEXT NOT NULL,
    -- How many of the chat's messages stand before the answer.
    turn BIGINT NOT NULL,
    number BIGINT NOT NULL,
    language TEXT NOT NULL,
    -- 1: the document answered. 2: it was dismissed.
    verdict BIGINT NOT NULL,
    -- Of the document as it was.
    hash TEXT NOT NULL,
    -- Tells customers apart, no more.
    customer TEXT NOT NULL,
    at BIGINT NOT NULL,
    words TEXT NOT NULL,
    -- When the document's text went, or 0: what was learned for it stays for a while, so that a mistake can be undone.
    deleted_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace, chat_id, kind, document_id, turn)
);
CREATE UNIQUE INDEX lesson_number ON lesson (workspace, number);
CREATE INDEX lesson_of_document ON lesson (workspace, kind, document_id, language, verdict, number);
CREATE INDEX lesson_deleted ON lesson (workspace, deleted_at) WHERE deleted_at > 0;

-- The last number given to a lesson; how often lessons were taken away; the last change of the catalog that lessons were checked against.
CREATE TABLE lesson_counter (
    workspace TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    removals BIGINT NOT NULL,
    documents BIGINT NOT NULL
);

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

-- Which erasures this database has seen. One that a data folder remembers and its database does not came back with a backup.
CREATE TABLE erasure (
    erasure_id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);

-- Whether something was deleted whose bytes may still lie in the database's files: written with the deletion, taken away when they are gone.
CREATE TABLE wipe (
    id BIGINT NOT NULL PRIMARY KEY,
    asked_at BIGINT NOT NULL
);
