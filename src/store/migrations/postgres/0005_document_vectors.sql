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
    vectors BYTEA NOT NULL,
    PRIMARY KEY (workspace, kind, id, language)
);
CREATE INDEX document_vector_number ON document_vector (workspace, number);
