-- What changed in chats, in the order of commits, for those who watch: which events are new, or that a chat was erased. Kept for an hour. A
-- server of the version before writes none: what it appends is not told.
CREATE TABLE chat_change (
    workspace TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    chat BIGINT NOT NULL,
    -- The first and the last of the new events, and how much text they have.
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    -- Whose the chat was before, and whose it is since.
    agent_before TEXT NOT NULL,
    team_before TEXT NOT NULL,
    agent_after TEXT NOT NULL,
    team_after TEXT NOT NULL,
    -- SHA-256 of the id of a chat that was erased; else empty.
    erased TEXT NOT NULL,
    PRIMARY KEY (workspace, number)
);

-- The last number given to a change, and when. Its row's lock, taken last, makes the order of numbers the order of commits.
CREATE TABLE chat_change_counter (
    workspace TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL
);
