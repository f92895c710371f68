-- What happened to codes -----------------------------------------------------------------------

-- States of things have three more: 3 issued and not in use yet, 4 retired, 5 superseded.

CREATE TABLE life (                     -- every step, oldest first
  number   INTEGER PRIMARY KEY,
  code     BLOB NOT NULL,
  act      INTEGER NOT NULL,            -- as in the code chain
  other    BLOB,                        -- the place, owner or successor
  reason   TEXT NOT NULL,
  made_by  TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT;
CREATE INDEX life_code ON life (code, number);
INSERT INTO life (code, act, reason, made_by, at)
  SELECT thing.code, act, '', reservation.made_by, thing.registered
  FROM thing JOIN reservation USING (sequence) JOIN (SELECT 1 AS act UNION ALL SELECT 2)
  ORDER BY thing.sequence, act;
INSERT INTO life (code, act, reason, made_by, at)
  SELECT code, CASE state WHEN 0 THEN 6 WHEN 1 THEN 5 ELSE 8 END, reason, made_by, at
  FROM thing_state ORDER BY number;
DROP TABLE thing_state;

CREATE TABLE binding (                  -- what stands where; a thing at one place at a time
  number  INTEGER PRIMARY KEY,
  code    BLOB NOT NULL,
  place   BLOB NOT NULL,
  since   INTEGER NOT NULL,
  until   INTEGER                       -- none while it stands there
) STRICT;
CREATE INDEX binding_code ON binding (code, number);
CREATE INDEX binding_place ON binding (place, number);
CREATE UNIQUE INDEX binding_now ON binding (code) WHERE until IS NULL;

CREATE TABLE class_area (               -- for things that have none of their own
  class  INTEGER PRIMARY KEY,
  area   BLOB NOT NULL REFERENCES area (reference)
) STRICT;

CREATE TABLE transfer (                 -- what changed hands, as both signed it
  id      BLOB PRIMARY KEY,             -- of the transfer
  code    BLOB NOT NULL,
  giver   BLOB NOT NULL,
  taker   BLOB NOT NULL,
  number  INTEGER NOT NULL,             -- counts the owners of the code
  signed  BLOB NOT NULL,                -- the whole message
  at      INTEGER NOT NULL,
  UNIQUE (code, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE place_record (             -- where exactly places are, as owner and gateway signed it
  number  INTEGER PRIMARY KEY,
  id      BLOB NOT NULL UNIQUE,         -- of the survey
  place   BLOB NOT NULL,
  signed  BLOB NOT NULL,                -- the whole message
  at      INTEGER NOT NULL
) STRICT;
CREATE INDEX place_record_of ON place_record (place, number);
