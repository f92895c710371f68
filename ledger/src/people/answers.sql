-- What programs were answered, by the key that they sent with a call, and what tokens are for.
ALTER TABLE token ADD COLUMN scopes INTEGER; -- NULL: whatever its roles permit

CREATE TABLE answer (
    token   INTEGER NOT NULL REFERENCES token (id),
    key     TEXT    NOT NULL,
    request BLOB    NOT NULL, -- SHA-256 of method, path and body
    seed    BLOB    NOT NULL, -- what the call drew from, together with the token itself
    at      INTEGER NOT NULL,
    kind    TEXT,             -- media type; NULL while the call is carried out
    body    BLOB,
    PRIMARY KEY (token, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_by_time ON answer (at);
