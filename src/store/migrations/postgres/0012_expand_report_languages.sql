-- The language of a chat when it was last rated, as a tag, by which ratings are counted. Empty if it is not known, for chats that were not rated,
-- and for what a server of the version before took.
ALTER TABLE chat ADD COLUMN language TEXT NOT NULL DEFAULT '';
-- Of the search that an article was opened from, so that reports need not look it up. Empty if that was written later, or by a server of the
-- version before: then it is looked up.
ALTER TABLE article_open ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE article_open ADD COLUMN session_id TEXT NOT NULL DEFAULT '';
