-- The words of each chat's messages, for the archive's word filter, as 32-bit hashes of workspace and word. Each append adds a row with
-- those that the chat did not have yet. They replace chat_word and chat_vocabulary, whose rows a server takes over as it starts.
CREATE TABLE chat_words (
    chat BIGINT NOT NULL,
    keys INTEGER[] NOT NULL
);
CREATE INDEX chat_words_of_chat ON chat_words (chat);
CREATE INDEX chat_words_keys ON chat_words USING gin (keys);
-- Hashes can't be compressed. How frequent the most frequent words are tells by which word a search begins.
ALTER TABLE chat_words ALTER COLUMN keys SET STORAGE EXTERNAL;
ALTER TABLE chat_words ALTER COLUMN keys SET STATISTICS 500;
