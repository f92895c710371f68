-- Who is told what, and the letters about it. No money and no code stands here.
CREATE TABLE destination (
    id       BLOB    PRIMARY KEY,
    name     TEXT    NOT NULL,
    way      TEXT    NOT NULL,           -- webhook or mail
    address  TEXT    NOT NULL,           -- a URL, or an address of mail
    secret   BLOB    NOT NULL,           -- of a webhook: what letters are signed with
    made_by  TEXT    NOT NULL,
    made     INTEGER NOT NULL,
    failing  INTEGER NOT NULL DEFAULT 0, -- tries in a row that it did not take
    next_try INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE rule (
    id          BLOB    PRIMARY KEY,
    name        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    after_s     INTEGER NOT NULL,        -- 0: its kind asks for none
    currency    BLOB,                    -- of a bound
    bound       INTEGER,
    destination BLOB    NOT NULL REFERENCES destination (id),
    quiet_s     INTEGER NOT NULL,
    says_over   INTEGER NOT NULL,
    made_by     TEXT    NOT NULL,
    made        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rule_code ( -- the things it is about
    rule BLOB    NOT NULL REFERENCES rule (id),
    at   INTEGER NOT NULL,
    code BLOB    NOT NULL,
    PRIMARY KEY (rule, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE standing ( -- what a rule has told of
    rule    BLOB    NOT NULL REFERENCES rule (id),
    subject TEXT    NOT NULL,
    mark    INTEGER NOT NULL, -- how much of it was told; 0: it is over
    told    INTEGER NOT NULL,
    words   TEXT    NOT NULL,
    path    TEXT    NOT NULL,
    PRIMARY KEY (rule, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE letter (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    id          BLOB    NOT NULL UNIQUE,
    destination BLOB    NOT NULL,
    going_to    TEXT    NOT NULL, -- its name then
    rule        TEXT    NOT NULL, -- its name then; empty for a trial
    kind        TEXT    NOT NULL,
    event       TEXT    NOT NULL, -- begins, more, over or trial
    subject     TEXT    NOT NULL,
    level       INTEGER NOT NULL,
    words       TEXT    NOT NULL,
    path        TEXT    NOT NULL,
    written     INTEGER NOT NULL,
    state       INTEGER NOT NULL DEFAULT 0, -- 0 waiting, 1 delivered, 2 given up
    tries       INTEGER NOT NULL DEFAULT 0,
    last        INTEGER,                    -- when it was tried last
    problem     TEXT    NOT NULL DEFAULT '' -- what came of that, where it was not taken
) STRICT;
CREATE INDEX letter_waiting ON letter (destination, tries, number) WHERE state = 0;
CREATE INDEX letter_ended ON letter (number) WHERE state > 0;
