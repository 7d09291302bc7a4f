-- What reports count by: the language of a search; the agent to whom a suggestion or draft was shown; a draft's engine and language; and the
-- indexes that reports read by. What was written before, or by a server of the version before, has none of it.
ALTER TABLE search ADD COLUMN language TEXT NOT NULL DEFAULT '';
-- Empty for a suggestion without a chat, which no erasure would find.
ALTER TABLE suggestion ADD COLUMN agent_id TEXT NOT NULL DEFAULT '';
ALTER TABLE draft ADD COLUMN agent_id TEXT NOT NULL DEFAULT '';
-- 0: not known. 1: a model. 2: the built-in engine.
ALTER TABLE draft ADD COLUMN engine BIGINT NOT NULL DEFAULT 0;
ALTER TABLE draft ADD COLUMN reply_language TEXT NOT NULL DEFAULT '';
CREATE INDEX draft_at ON draft (workspace, at);
CREATE INDEX outcome_draft ON outcome (workspace, draft_id);
-- Ratings of chats, with or without a comment.
CREATE INDEX event_rating ON event (at, chat) WHERE substr(body, 1, 16) = '{"kind":"rating"';
