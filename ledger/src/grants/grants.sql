-- Who may read what of somebody else's branch, and how many reads of it were taken.
CREATE TABLE reading_grant (
    id       BLOB    PRIMARY KEY,
    giver    BLOB    NOT NULL,
    reader   BLOB    NOT NULL,
    branch   TEXT    NOT NULL,           -- a pattern below the giver's branch
    currency BLOB,                       -- of a price
    price    INTEGER,                    -- minor units for each read; none: free
    made_by  TEXT    NOT NULL,
    made     INTEGER NOT NULL,
    ended    INTEGER,
    taken    INTEGER NOT NULL DEFAULT 0  -- reads that were paid and given
) STRICT, WITHOUT ROWID;
-- One grant of the same thing at a time.
CREATE UNIQUE INDEX grant_current ON reading_grant (giver, reader, branch) WHERE ended IS NULL;
CREATE INDEX grant_giver ON reading_grant (giver, made);
CREATE INDEX grant_reader ON reading_grant (reader, made);
