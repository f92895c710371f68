-- What MQTT sessions are owed while nobody listens, and what topics retain. No money stands here.
CREATE TABLE session (
    number INTEGER PRIMARY KEY,
    code   BLOB    NOT NULL,
    suffix TEXT    NOT NULL,  -- what the client id has behind the code
    life_s INTEGER NOT NULL,  -- how long it is kept after its connection has ended
    away   INTEGER,           -- since when; NULL while it is connected
    UNIQUE (code, suffix)
) STRICT;

CREATE TABLE subscription (
    session    INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    share      TEXT    NOT NULL, -- the group it is shared in; empty for none
    filter     TEXT    NOT NULL,
    options    INTEGER NOT NULL, -- as SUBSCRIBE of MQTT 5 writes them
    identifier INTEGER NOT NULL, -- 0 for none
    PRIMARY KEY (session, share, filter)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
    session  INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    options  INTEGER NOT NULL,           -- how the session gets it
    bytes    BLOB    NOT NULL,
    released INTEGER NOT NULL DEFAULT 0, -- of QoS 2: the client has it and only has to forget it
    PRIMARY KEY (session, number)
) STRICT;

CREATE TABLE received ( -- of QoS 2: published, and not released by its publisher
    session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    id      INTEGER NOT NULL,
    PRIMARY KEY (session, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE retained (
    topic TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
