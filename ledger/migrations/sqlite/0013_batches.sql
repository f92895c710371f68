-- Batches of requests that are worked off one by one, so that a restart goes on where it was.

CREATE TABLE batch (
  number   INTEGER PRIMARY KEY,
  key      BLOB NOT NULL UNIQUE,        -- SHA-256 of the file: the same file is the same batch
  title    TEXT NOT NULL,
  made_by  TEXT NOT NULL,
  at       INTEGER NOT NULL,
  lines    INTEGER NOT NULL,
  issued   INTEGER NOT NULL DEFAULT 0,  -- lines with a code
  failed   INTEGER NOT NULL DEFAULT 0,  -- lines with a problem
  state    INTEGER NOT NULL             -- 0 running, 1 stopped, 2 done
) STRICT;
CREATE INDEX batch_running ON batch (number) WHERE state = 0;

CREATE TABLE batch_line (
  batch    INTEGER NOT NULL,
  line     INTEGER NOT NULL,            -- 1, 2, 3, ...
  kind     INTEGER NOT NULL,
  name     TEXT NOT NULL,
  product  TEXT NOT NULL,
  request  BLOB NOT NULL,               -- PKCS#10, DER
  code     BLOB,
  problem  TEXT,
  PRIMARY KEY (batch, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch_open (               -- lines without an outcome
  batch  INTEGER NOT NULL,
  line   INTEGER NOT NULL,
  PRIMARY KEY (batch, line)
) STRICT, WITHOUT ROWID;
