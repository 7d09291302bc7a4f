-- What a model wrote of the older messages of a long chat, which its prompts have no room for.
CREATE TABLE running_summary (
    chat INTEGER PRIMARY KEY,
    -- Whose chat it was: another customer's prompts don't have it.
    customer_id TEXT NOT NULL,
    -- The event of the last message that it covers, and how many it covers.
    event_id TEXT NOT NULL,
    messages BIGINT NOT NULL,
    -- Statements, one a line.
    text TEXT NOT NULL
);
