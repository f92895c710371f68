-- The second step at sign-in: codes of an app (TOTP), recovery codes, and who has to have it.
CREATE TABLE second_step (
    person INTEGER PRIMARY KEY REFERENCES person (id),
    secret BLOB    NOT NULL, -- as the app has it: whoever checks a code can make it
    since  INTEGER NOT NULL,
    used   INTEGER NOT NULL  -- the newest step whose code was taken; none at or before it is taken again
) STRICT;

-- Shown to a person, and not confirmed by a code yet.
CREATE TABLE second_step_offer (
    person INTEGER PRIMARY KEY REFERENCES person (id),
    secret BLOB    NOT NULL,
    made   INTEGER NOT NULL
) STRICT;

-- Those that are still good.
CREATE TABLE recovery_code (
    person INTEGER NOT NULL REFERENCES person (id),
    hash   BLOB    NOT NULL,
    PRIMARY KEY (person, hash)
) STRICT, WITHOUT ROWID;

-- Sign-ins whose password was right and whose code is awaited.
CREATE TABLE halfway (
    hash   BLOB    PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES person (id),
    begun  INTEGER NOT NULL,
    tries  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- One row: roles that take a second step.
CREATE TABLE second_step_rule (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    roles INTEGER NOT NULL
) STRICT;
INSERT INTO second_step_rule (one, roles) VALUES (1, 0);

-- A person as everybody else reads them.
CREATE VIEW somebody AS
SELECT id, name, roles, active, created,
       id IN (SELECT person FROM second_step) AS second_step,
       id NOT IN (SELECT person FROM second_step)
           AND roles & (SELECT roles FROM second_step_rule) <> 0 AS owes_second_step,
       name_key
FROM person;
