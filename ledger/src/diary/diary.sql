-- What things said lately, and what people told them. No money and no code stands here.
CREATE TABLE reading (
    number INTEGER PRIMARY KEY,
    code   BLOB    NOT NULL,
    name   TEXT    NOT NULL,
    at_ms  INTEGER NOT NULL, -- as the thing says, since 1970
    heard  INTEGER NOT NULL, -- when it came in
    value  REAL,             -- a number
    words  TEXT,             -- or something else
    unit   TEXT    NOT NULL
) STRICT;
CREATE INDEX reading_by_code ON reading (code, number);
CREATE INDEX reading_by_name ON reading (code, name, at_ms);

CREATE TABLE kept ( -- how many readings of each thing there are
    code     BLOB    PRIMARY KEY,
    readings INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER reading_kept AFTER INSERT ON reading BEGIN
    INSERT INTO kept VALUES (NEW.code, 1) ON CONFLICT (code) DO UPDATE SET readings = readings + 1;
END;
CREATE TRIGGER reading_gone AFTER DELETE ON reading BEGIN
    UPDATE kept SET readings = readings - 1 WHERE code = OLD.code;
END;

CREATE TABLE series ( -- the newest of each name
    code  BLOB    NOT NULL,
    name  TEXT    NOT NULL,
    unit  TEXT    NOT NULL,
    at_ms INTEGER NOT NULL,
    value REAL,
    words TEXT,
    PRIMARY KEY (code, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE desired ( -- what each thing shall become
    code    BLOB    PRIMARY KEY,
    payload BLOB    NOT NULL,
    made_by TEXT    NOT NULL,
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE command (
    number   INTEGER PRIMARY KEY AUTOINCREMENT, -- its id on the wire
    code     BLOB    NOT NULL,
    payload  TEXT    NOT NULL,
    made_by  TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    sent     INTEGER, -- when it went out; NULL while it did not
    answered INTEGER,
    result   TEXT
) STRICT;
CREATE INDEX command_by_code ON command (code, number);

CREATE TABLE asker ( -- devices that asked for a code and were not known
    id          BLOB    PRIMARY KEY, -- SHA-256 of the request
    request     BLOB    NOT NULL,
    fingerprint BLOB    NOT NULL,
    product     TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    state       INTEGER NOT NULL,    -- 0 waiting, 1 accepted, 2 rejected
    reason      TEXT    NOT NULL DEFAULT '',
    code        BLOB,                -- what it was given
    decided_by  TEXT,
    decided     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX asker_waiting ON asker (first) WHERE state = 0;
CREATE INDEX asker_decided ON asker (decided) WHERE state > 0;
