-- Homes that are lost and come back.

CREATE TABLE released (                 -- at the centre: leases given up without their home
  code      BLOB NOT NULL,
  lease     INTEGER NOT NULL,
  home      BLOB NOT NULL,              -- the lost one
  currency  BLOB NOT NULL,
  amount    INTEGER NOT NULL,           -- what went to the new home
  absorbed  INTEGER NOT NULL DEFAULT 0, -- of it, what the lost one sent after all
  height    INTEGER NOT NULL,           -- up to which its journal was known
  at        INTEGER NOT NULL,           -- when it was given up
  account   INTEGER NOT NULL DEFAULT 0, -- the lost one's: 0 awaited, 1 no longer, 2 given
  bytes     BLOB NOT NULL,
  PRIMARY KEY (code, lease, currency)
) STRICT, WITHOUT ROWID;
CREATE INDEX released_awaited ON released (at) WHERE account = 0;

CREATE TABLE given_up (                 -- at the lost home: what it has given account of
  code      BLOB NOT NULL,
  lease     INTEGER NOT NULL,
  currency  BLOB NOT NULL,
  at        INTEGER NOT NULL,           -- when its lease was given up
  PRIMARY KEY (code, lease, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE taken_over (               -- at the next home: purses whose lost home is awaited
  code  BLOB PRIMARY KEY NOT NULL,
  home  BLOB NOT NULL                   -- the lost one
) STRICT, WITHOUT ROWID;

CREATE TABLE put_aside (                -- there: for payments on which the lost one may have a word
  payment   BLOB PRIMARY KEY NOT NULL,
  code      BLOB NOT NULL,
  currency  BLOB NOT NULL,
  amount    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX put_aside_code ON put_aside (code);

CREATE TABLE theirs (                   -- there: payments on which it has the word
  payment  BLOB PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE debt (                     -- there: what a purse spent at a lost home and took along
  code      BLOB NOT NULL,
  lease     INTEGER NOT NULL,
  currency  BLOB NOT NULL,
  amount    INTEGER NOT NULL,
  paid      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (code, lease, currency)
) STRICT, WITHOUT ROWID;
CREATE INDEX debt_open ON debt (code) WHERE paid < amount;

CREATE TABLE arbiter (                  -- who settles what a lost home has passed on
  payment  BLOB PRIMARY KEY NOT NULL,
  gateway  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE passed_on (                -- at that one: letters about payments it cannot settle yet
  number   INTEGER PRIMARY KEY,
  payment  BLOB NOT NULL,
  until    INTEGER NOT NULL,
  letter   BLOB NOT NULL
) STRICT;
CREATE INDEX passed_on_payment ON passed_on (payment);
