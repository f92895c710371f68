-- Loads and redemptions that take two persons.

CREATE TABLE alone (                    -- how much one person moves alone; all of it without a row
  currency  BLOB PRIMARY KEY NOT NULL,
  most      INTEGER NOT NULL CHECK (most >= 0),  -- in one order
  made_by   TEXT NOT NULL,
  at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE money_request (            -- what one person asked for and a second one decides
  number      INTEGER PRIMARY KEY,
  key         TEXT NOT NULL UNIQUE,     -- of the order, among those of all orders
  redeem      INTEGER NOT NULL,
  code        BLOB NOT NULL,
  currency    BLOB NOT NULL,
  amount      INTEGER NOT NULL CHECK (amount > 0),
  made_by     TEXT NOT NULL,
  person      TEXT NOT NULL,            -- who answers for it: of a token, who made the token
  at          INTEGER NOT NULL,
  expires     INTEGER NOT NULL,
  verdict     INTEGER,                  -- 1 confirmed, 0 refused
  decided_by  TEXT,
  second      TEXT,                     -- who answers for the decision; never the first
  decided     INTEGER,
  CHECK (second IS NULL OR second <> person)
) STRICT;
CREATE INDEX money_request_waits ON money_request (expires) WHERE verdict IS NULL;

ALTER TABLE treasury ADD COLUMN second TEXT;  -- who confirmed it, where it took two
