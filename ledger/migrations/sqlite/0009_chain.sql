CREATE TABLE chain_leaf (               -- every act on a code, in the order of their commits
  number  INTEGER PRIMARY KEY,          -- 0, 1, 2, ... without a gap
  code    BLOB NOT NULL,                -- what was acted on: 20 bytes, or 30 of a grid code
  bytes   BLOB NOT NULL                 -- the leaf as it is hashed
) STRICT;
CREATE INDEX chain_leaf_code ON chain_leaf (code, number);

CREATE TABLE chain_checkpoint (         -- one row: the newest that was signed
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  size  INTEGER NOT NULL,
  root  BLOB NOT NULL,
  note  TEXT NOT NULL,                  -- signed, without what witnesses added
  at    INTEGER NOT NULL
) STRICT;

CREATE TABLE chain_cosignature (        -- what witnesses signed, the newest of each
  witness  TEXT PRIMARY KEY NOT NULL,   -- its verifier key
  size     INTEGER NOT NULL,            -- of the checkpoint it saw
  line     TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE chain_witnessed (          -- the newest checkpoint of another log that was cosigned here
  origin  TEXT PRIMARY KEY NOT NULL,
  size    INTEGER NOT NULL,
  root    BLOB NOT NULL,
  note    TEXT NOT NULL                 -- with the log's signature and ours
) STRICT, WITHOUT ROWID;

CREATE TABLE chain_fork (               -- two checkpoints of one log and size that differ
  origin  TEXT NOT NULL,
  size    INTEGER NOT NULL,
  stands  TEXT NOT NULL,                -- the one that was cosigned first
  other   TEXT NOT NULL,
  at      INTEGER NOT NULL,
  PRIMARY KEY (origin, size)
) STRICT, WITHOUT ROWID;
