-- Telemetry that waits for whoever is above this gateway, and how far those below have brought theirs.
CREATE TABLE leaving (
    number  INTEGER PRIMARY KEY AUTOINCREMENT, -- none is used twice
    topic   TEXT    NOT NULL,
    payload BLOB    NOT NULL,
    qos     INTEGER NOT NULL,
    retain  INTEGER NOT NULL
) STRICT;

CREATE TABLE standing (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    epoch   INTEGER NOT NULL, -- when the file was made: another file counts anew
    dropped INTEGER NOT NULL  -- what found no room, ever
) STRICT;

CREATE TABLE brought ( -- by a gateway below
    gateway BLOB    PRIMARY KEY,
    epoch   INTEGER NOT NULL, -- of its file
    up_to   INTEGER NOT NULL
) STRICT;
