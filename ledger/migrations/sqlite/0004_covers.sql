-- Money behind forks, payments that cover payments, what purses declare, and lives of keys.

ALTER TABLE treasury ADD COLUMN fund INTEGER NOT NULL DEFAULT 0;  -- kind of its account; 0 a purse

-- Reserves ------------------------------------------------------------------------------------

CREATE TABLE stretch (                  -- readings that a reserve stands for, none of them twice
  code        BLOB NOT NULL,
  key_epoch   INTEGER NOT NULL,
  currency    BLOB NOT NULL,
  first       INTEGER NOT NULL,         -- (first, last]
  last        INTEGER NOT NULL,
  expires     INTEGER NOT NULL,         -- of the allowance over it that lives longest
  held        INTEGER NOT NULL CHECK (held >= 0),  -- what no payment has taken
  PRIMARY KEY (code, key_epoch, currency, last)
) STRICT, WITHOUT ROWID;
CREATE INDEX stretch_expires ON stretch (code, currency, expires);
-- No key had a second life before this form.
INSERT INTO stretch SELECT code, key_epoch, currency, first, last, expires,
    coalesce((SELECT sum(balance) FROM account WHERE account.owner = coverage.code
      AND account.currency = coverage.currency AND account.kind = 2), 0)
  FROM coverage WHERE last > first;
DROP TABLE coverage;

ALTER TABLE allowance ADD COLUMN credits INTEGER NOT NULL DEFAULT 0;  -- settled and naming it
CREATE INDEX allowance_purse ON allowance (code, key_epoch, currency, number);

-- Covers --------------------------------------------------------------------------------------

ALTER TABLE payment ADD COLUMN funded INTEGER NOT NULL DEFAULT 0;   -- has left the payer
ALTER TABLE payment ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;  -- has yet to be covered
ALTER TABLE payment ADD COLUMN claimed INTEGER;    -- when its payee's word first came in
UPDATE payment SET funded = amount WHERE outcome <> 4;
UPDATE payment SET claimed = coalesce(settled, recorded) WHERE receipt IS NOT NULL;
-- The losing branch of a fork: it took no number and no reading, whatever was paid for it later.
ALTER TABLE payment ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
UPDATE payment SET lost = 1 WHERE outcome = 4;
DROP INDEX payment_sequence;
DROP INDEX payment_currency;
CREATE UNIQUE INDEX payment_sequence ON payment (payer, key_epoch, sequence) WHERE lost = 0;
CREATE INDEX payment_currency ON payment (payer, key_epoch, currency, sequence) WHERE lost = 0;
CREATE INDEX payment_claims ON payment (number) WHERE (lost = 1 OR missing > 0);
CREATE INDEX payment_missing ON payment (allowance, odometer) WHERE missing > 0;

CREATE TABLE cover (                    -- which payments lift a payment above its limit
  payment  BLOB NOT NULL,
  cover    BLOB NOT NULL,
  units    INTEGER NOT NULL,            -- of a stream: how many count
  PRIMARY KEY (payment, cover)
) STRICT, WITHOUT ROWID;
CREATE INDEX cover_of ON cover (cover);

CREATE TABLE credited (                 -- allowances whose waiting payments are to be looked at
  allowance  BLOB PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;

-- Purses --------------------------------------------------------------------------------------

CREATE TABLE granted_day (              -- set aside by the renewals of the newest such day
  code      BLOB NOT NULL,
  currency  BLOB NOT NULL,
  day       INTEGER NOT NULL,           -- since 1970
  amount    INTEGER NOT NULL,
  PRIMARY KEY (code, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE asked (                    -- the newest renewal that was answered
  code  BLOB PRIMARY KEY NOT NULL,
  time  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE thing ADD COLUMN forked INTEGER NOT NULL DEFAULT 0;  -- its wallet key contradicts itself
UPDATE thing SET forked = 1 WHERE code IN (SELECT code FROM fraud);

CREATE TABLE wallet_key (               -- keys that a code has given up
  code       BLOB NOT NULL,
  key_epoch  INTEGER NOT NULL,          -- the last one it signed in
  algorithm  INTEGER NOT NULL,
  key        BLOB NOT NULL,
  pass       BLOB NOT NULL,
  made_by    TEXT NOT NULL,             -- who replaced it
  at         INTEGER NOT NULL,
  PRIMARY KEY (code, key_epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery (                 -- lost things whose money goes to another code
  old      BLOB PRIMARY KEY NOT NULL,
  new      BLOB NOT NULL,
  made_by  TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE owner (                    -- whom the issuer knows
  code     BLOB PRIMARY KEY NOT NULL,
  name     TEXT NOT NULL,
  made_by  TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE thing ADD COLUMN owner BLOB;
CREATE INDEX thing_owner ON thing (owner) WHERE owner IS NOT NULL;

CREATE TABLE area (
  reference  BLOB PRIMARY KEY NOT NULL,
  bytes      BLOB NOT NULL,             -- whole signed object
  name       TEXT NOT NULL,
  places     INTEGER NOT NULL,          -- grid codes that lie in it
  made_by    TEXT NOT NULL,
  at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE thing ADD COLUMN area BLOB;

-- What purses declare, and what contradicts ---------------------------------------------------

CREATE TABLE void (
  id         BLOB PRIMARY KEY NOT NULL,
  code       BLOB NOT NULL,
  key_epoch  INTEGER NOT NULL,
  first      INTEGER NOT NULL,
  last       INTEGER NOT NULL,
  bytes      BLOB NOT NULL,
  at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX void_numbers ON void (code, key_epoch, first);

CREATE TABLE closing (
  id         BLOB PRIMARY KEY NOT NULL,
  code       BLOB NOT NULL,
  key_epoch  INTEGER NOT NULL,
  currency   BLOB NOT NULL,
  allowance  BLOB NOT NULL,             -- whole identifier
  sequence   INTEGER NOT NULL,
  odometer   INTEGER NOT NULL,
  bytes      BLOB NOT NULL,
  at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX closing_allowance ON closing (allowance);

CREATE TABLE accusation (               -- contradictions that are not two payments
  number   INTEGER PRIMARY KEY,
  code     BLOB NOT NULL,
  charge   INTEGER NOT NULL,
  subject  BLOB NOT NULL,               -- the payment it is about
  at       INTEGER NOT NULL,
  proof    BLOB NOT NULL,               -- a whole Accusation message
  UNIQUE (code, charge, subject)
) STRICT;

-- Who bears it --------------------------------------------------------------------------------

CREATE TABLE claim_note (
  payment  BLOB PRIMARY KEY NOT NULL,
  bytes    BLOB NOT NULL,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE decision (                 -- a person has decided about a claim
  number     INTEGER PRIMARY KEY,
  key        TEXT NOT NULL UNIQUE,      -- the caller's idempotency key
  claim      BLOB NOT NULL,             -- the payment that was left short
  allowance  BLOB NOT NULL,             -- the one under which the fork was signed
  forker     BLOB NOT NULL,
  currency   BLOB NOT NULL,
  missing    INTEGER NOT NULL,
  purse      INTEGER NOT NULL,
  deposit    INTEGER NOT NULL,
  bond       INTEGER NOT NULL,
  guarantee  INTEGER NOT NULL,
  made_by    TEXT NOT NULL,
  at         INTEGER NOT NULL,
  height     INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_claim ON decision (claim);

CREATE TABLE compensation (             -- who got what by a decision
  decision   INTEGER NOT NULL REFERENCES decision (number),
  payment    BLOB NOT NULL,
  payee      BLOB NOT NULL,
  owner      BLOB,
  allowance  BLOB NOT NULL,
  amount     INTEGER NOT NULL,
  guarantee  INTEGER NOT NULL,          -- of it, out of the guarantees
  PRIMARY KEY (decision, payment)
) STRICT, WITHOUT ROWID;
CREATE INDEX compensation_allowance ON compensation (allowance, owner);
