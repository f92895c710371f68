-- What the journal says of every coin. All of it is made from the journal and can be made again.
-- Positions and other counts of coins have no bound: a byte for the length, then as many bytes,
-- big-endian, so that they sort as they count.

CREATE TABLE followed (                 -- one row: how far the journal was followed
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  height  INTEGER NOT NULL,
  root    BLOB NOT NULL,                -- of the journal at that height
  moves   INTEGER NOT NULL,
  accounts INTEGER NOT NULL
) STRICT;
INSERT INTO followed VALUES (1, 0, zeroblob(32), 0, 0);

CREATE TABLE account (
  id        INTEGER PRIMARY KEY,        -- in the order of first use; its source is -id
  account   BLOB NOT NULL,              -- key as in the journal
  currency  BLOB NOT NULL,
  party     INTEGER NOT NULL,           -- the purse it is part of, else itself
  entered   BLOB NOT NULL,              -- coins that ever came into the queue
  gone      BLOB NOT NULL,              -- coins that ever went out of it
  minted    BLOB NOT NULL,              -- coins its source gave
  payer     INTEGER                     -- of a payment in transit
) STRICT;
CREATE UNIQUE INDEX account_name ON account (account, currency);
CREATE INDEX account_party ON account (party) WHERE party <> id;

CREATE TABLE move (                     -- coins that changed places together
  number     INTEGER PRIMARY KEY,
  height     INTEGER NOT NULL,
  giver      INTEGER NOT NULL,          -- an account, or below zero a source
  out_first  BLOB NOT NULL,
  taker      INTEGER NOT NULL,
  in_first   BLOB NOT NULL,
  coins      INTEGER NOT NULL
) STRICT;
CREATE INDEX move_out ON move (giver, out_first);
CREATE INDEX move_in ON move (taker, in_first);
CREATE INDEX move_minted ON move (height) WHERE giver < 0;

CREATE TABLE jump (                     -- what a full block of moves comes to
  level      INTEGER NOT NULL,
  giver      INTEGER NOT NULL,
  out_first  BLOB NOT NULL,
  taker      INTEGER NOT NULL,
  in_first   BLOB NOT NULL,
  coins      INTEGER NOT NULL,
  PRIMARY KEY (level, giver, out_first)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX jump_in ON jump (level, taker, in_first);

CREATE TABLE paid (                     -- who paid whom
  height  INTEGER NOT NULL,
  line    INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  payer   INTEGER NOT NULL,             -- parties
  payee   INTEGER NOT NULL,
  amount  INTEGER NOT NULL,
  PRIMARY KEY (height, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX paid_payer ON paid (payer, at, height, line);
CREATE INDEX paid_payee ON paid (payee, at, height, line);
