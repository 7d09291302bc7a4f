-- What was learned for a text that is not there any more stays for a while, so that a mistake can be undone: when the text went, or 0.
ALTER TABLE lesson ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX lesson_deleted ON lesson (workspace, deleted_at) WHERE deleted_at > 0;
