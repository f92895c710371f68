-- Who has been told that this gateway goes on under another key, and of which: when it took over.
-- What waits in the inbox before that number is read by whoever has not heard yet.
CREATE TABLE handover_told (
    code BLOB PRIMARY KEY CHECK (length(code) = 20),
    since INTEGER NOT NULL CHECK (since BETWEEN 0 AND 4294967295),
    number INTEGER NOT NULL CHECK (number > 0)
) STRICT, WITHOUT ROWID;
