-- What all servers together took of the token budget of a workspace or key, in the window of a minute or a day that began last.
CREATE TABLE token_lease (
    spender TEXT NOT NULL,
    seconds BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    PRIMARY KEY (spender, seconds)
) WITHOUT ROWID;
