-- Who may use the portal, and what they did. Secrets stand here as hashes.
CREATE TABLE person (
    id       INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL,
    name_key TEXT    NOT NULL UNIQUE, -- the name in lower case: two people never differ by case alone
    password TEXT    NOT NULL,        -- PHC string, argon2id
    roles    INTEGER NOT NULL,
    active   INTEGER NOT NULL DEFAULT 1,
    created  INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
    hash   BLOB    PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES person (id),
    begun  INTEGER NOT NULL,
    seen   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_person ON session (person, seen);

CREATE TABLE link (
    hash    BLOB    PRIMARY KEY,
    roles   INTEGER NOT NULL,
    made_by TEXT    NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    id      INTEGER PRIMARY KEY,
    hash    BLOB    NOT NULL UNIQUE,
    label   TEXT    NOT NULL,
    roles   INTEGER NOT NULL,
    made_by TEXT    NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER
) STRICT;

CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    time   INTEGER NOT NULL,
    who    TEXT    NOT NULL,
    what   TEXT    NOT NULL,
    about  TEXT    NOT NULL,
    origin TEXT    NOT NULL,
    chain  BLOB    NOT NULL -- SHA-256 over the row before's chain and this row
) STRICT;
