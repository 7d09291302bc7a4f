-- The words of each chat's messages, for the archive's word filter, as 32-bit hashes of workspace and word: which of them a chat has, and
-- the index of the chats that have one, whose row ids are the chats' numbers. They replace chat_word and chat_vocabulary, whose rows a server
-- takes over as it starts.
CREATE TABLE chat_words (
    chat INTEGER PRIMARY KEY,
    -- Four bytes each.
    keys BLOB NOT NULL
);
CREATE VIRTUAL TABLE chat_word_index USING fts5(keys, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
-- Deleted entries leave the index at once, and not when its parts are merged.
INSERT INTO chat_word_index (chat_word_index, rank) VALUES ('secure-delete', 1);
