-- Stations ---------------------------------------------------------------------------------------

-- Things that a station made have the number station << 36 | sequence in `reservation` and `thing`.

CREATE TABLE station (
  number         INTEGER PRIMARY KEY,   -- its own number at station 0; never reused
  station        INTEGER NOT NULL UNIQUE,
  request_hash   BLOB NOT NULL UNIQUE,
  serial         BLOB NOT NULL,         -- of its first certificate
  name           TEXT NOT NULL,
  made_by        TEXT NOT NULL,
  at             INTEGER NOT NULL,
  code           BLOB UNIQUE,           -- once it is signed
  granted        TEXT,                  -- what it was given
  pass           BLOB,                  -- the pass in it
  head           BLOB NOT NULL,         -- of its journal, as far as it was handed in
  next_sequence  INTEGER NOT NULL,
  next_manifest  INTEGER NOT NULL,
  dismissed      INTEGER,               -- when; nothing more is taken from it
  dismissed_why  TEXT,
  dismissed_by   TEXT
) STRICT;

CREATE TABLE work_order (
  number   INTEGER PRIMARY KEY,
  id       BLOB NOT NULL UNIQUE,
  station  BLOB NOT NULL,
  bytes    BLOB NOT NULL,               -- signed
  count    INTEGER NOT NULL,
  made     INTEGER NOT NULL,            -- as far as it was handed in
  product  TEXT NOT NULL,
  batch    TEXT NOT NULL,
  made_by  TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT;
CREATE INDEX work_order_of_station ON work_order (station);
CREATE INDEX work_order_of_batch ON work_order (batch);

CREATE TABLE manifest (
  station  BLOB NOT NULL,
  number   INTEGER NOT NULL,
  bytes    BLOB NOT NULL,               -- signed
  made_by  TEXT NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (station, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_at ON manifest (at);

CREATE TABLE item (                     -- things without keys
  code        BLOB PRIMARY KEY NOT NULL,
  work_order  INTEGER NOT NULL REFERENCES work_order (number),
  issued      INTEGER NOT NULL,
  state       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX item_of_order ON item (work_order);

CREATE TABLE made_thing (               -- which order a thing with keys was made for
  work_order  INTEGER NOT NULL REFERENCES work_order (number),
  code        BLOB NOT NULL UNIQUE,
  PRIMARY KEY (work_order, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE scrapped (                 -- numbers that no code came of
  station   BLOB NOT NULL,
  sequence  INTEGER NOT NULL,
  reason    TEXT NOT NULL,
  PRIMARY KEY (station, sequence)
) STRICT, WITHOUT ROWID;
