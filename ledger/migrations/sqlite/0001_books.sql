CREATE TABLE house (                    -- one row: whose books these are
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  network        TEXT NOT NULL,
  gateway        BLOB NOT NULL,
  gateway_epoch  INTEGER NOT NULL       -- never falls
) STRICT;

-- Registry -----------------------------------------------------------------------------------

CREATE TABLE secret (
  hash     BLOB PRIMARY KEY NOT NULL,   -- SHA-256 of a one-time enrolment secret
  kind     INTEGER NOT NULL,
  expires  INTEGER NOT NULL,
  used_by  BLOB                         -- hash of the request it was spent on
) STRICT, WITHOUT ROWID;

CREATE TABLE reservation (
  sequence      INTEGER PRIMARY KEY,    -- the code's number at this station; never reused
  request_hash  BLOB NOT NULL UNIQUE,
  kind          INTEGER NOT NULL,
  name          TEXT NOT NULL,
  made_by       TEXT NOT NULL,
  serial        BLOB NOT NULL UNIQUE,   -- of the certificate
  issued        INTEGER NOT NULL
) STRICT;

CREATE TABLE thing (
  sequence          INTEGER PRIMARY KEY REFERENCES reservation (sequence),
  code              BLOB NOT NULL UNIQUE,
  kind              INTEGER NOT NULL,
  name              TEXT NOT NULL,
  name_key          TEXT NOT NULL,      -- lower case, for search
  product           TEXT NOT NULL,
  transport_spki    BLOB NOT NULL,
  wallet_algorithm  INTEGER NOT NULL,   -- COSE number
  wallet_key        BLOB NOT NULL,
  class             INTEGER NOT NULL,
  key_epoch         INTEGER NOT NULL,
  certificate       BLOB NOT NULL,
  pass              BLOB NOT NULL,
  issued            INTEGER NOT NULL,
  registered        INTEGER NOT NULL,
  state             INTEGER NOT NULL    -- 0 active, 1 frozen, 2 revoked
) STRICT;
CREATE INDEX thing_name ON thing (name_key);                -- one for each way to narrow a search
CREATE INDEX thing_name_kind ON thing (kind, name_key);
CREATE INDEX thing_name_state ON thing (state, name_key);
CREATE INDEX thing_name_both ON thing (kind, state, name_key);

CREATE TABLE thing_state (              -- every change of state, oldest first
  number   INTEGER PRIMARY KEY,
  code     BLOB NOT NULL,
  state    INTEGER NOT NULL,
  reason   TEXT NOT NULL,
  made_by  TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT;
CREATE INDEX thing_state_code ON thing_state (code, number);

CREATE TABLE grid (
  number   INTEGER PRIMARY KEY,
  code     BLOB NOT NULL UNIQUE,
  name     TEXT NOT NULL,
  owner    BLOB NOT NULL,
  made_by  TEXT NOT NULL,
  issued   INTEGER NOT NULL,
  z        INTEGER NOT NULL     -- its corner on the Z-order curve, for maps
) STRICT;
CREATE INDEX grid_z ON grid (z);

-- Books --------------------------------------------------------------------------------------

CREATE TABLE currency (
  currency  BLOB PRIMARY KEY NOT NULL,
  exponent  INTEGER NOT NULL,
  name      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
  height    INTEGER PRIMARY KEY,        -- 1, 2, 3, ... without a gap
  kind      INTEGER NOT NULL,
  subject   BLOB NOT NULL,              -- identifier of what caused it
  currency  BLOB NOT NULL,
  at        INTEGER NOT NULL,
  bytes     BLOB NOT NULL,              -- canonical form of the entry with its postings
  root      BLOB NOT NULL               -- SHA-256(root before || bytes)
) STRICT;

CREATE TABLE posting (
  height    INTEGER NOT NULL,
  line      INTEGER NOT NULL,
  currency  BLOB NOT NULL,
  account   BLOB NOT NULL,
  change    INTEGER NOT NULL,
  PRIMARY KEY (height, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
  currency  BLOB NOT NULL,
  account   BLOB NOT NULL,              -- kind byte, then what the kind needs
  kind      INTEGER NOT NULL,           -- 0 issuer, 1 free, 2 reserved, 3 in transit
  owner     BLOB,                       -- whose purse
  balance   INTEGER NOT NULL,
  PRIMARY KEY (currency, account),
  CHECK (kind = 0 OR balance >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_owner ON account (owner) WHERE owner IS NOT NULL;

CREATE TABLE treasury (                 -- loads and redemptions
  number    INTEGER PRIMARY KEY,
  key       TEXT NOT NULL UNIQUE,       -- the caller's idempotency key
  redeem    INTEGER NOT NULL,
  code      BLOB NOT NULL,
  currency  BLOB NOT NULL,
  amount    INTEGER NOT NULL CHECK (amount > 0),
  made_by   TEXT NOT NULL,
  at        INTEGER NOT NULL,
  height    INTEGER NOT NULL,
  root      BLOB NOT NULL
) STRICT;
CREATE INDEX treasury_code ON treasury (code, number);

-- Wallet -------------------------------------------------------------------------------------

CREATE TABLE allowance (
  number     INTEGER PRIMARY KEY,
  id         BLOB NOT NULL UNIQUE,
  code       BLOB NOT NULL,
  key_epoch  INTEGER NOT NULL,
  currency   BLOB NOT NULL,
  expires    INTEGER NOT NULL,
  bytes      BLOB NOT NULL
) STRICT;
CREATE INDEX allowance_code ON allowance (code, number);

CREATE TABLE renewal (                  -- the same request gets the same allowance
  id         BLOB PRIMARY KEY NOT NULL,
  code       BLOB NOT NULL,
  bytes      BLOB NOT NULL,
  allowance  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE gateway_count (
  gateway_epoch  INTEGER PRIMARY KEY,
  number         INTEGER NOT NULL
) STRICT;

CREATE TABLE gateway_total (
  gateway_epoch  INTEGER NOT NULL,
  currency       BLOB NOT NULL,
  issued_total   INTEGER NOT NULL,
  PRIMARY KEY (gateway_epoch, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE coverage (                 -- readings that the reserve of a purse stands for
  code        BLOB NOT NULL,
  key_epoch   INTEGER NOT NULL,
  currency    BLOB NOT NULL,
  first       INTEGER NOT NULL,         -- covers (first, last]
  last        INTEGER NOT NULL,
  expires     INTEGER NOT NULL,         -- of the allowance that lives longest
  PRIMARY KEY (code, key_epoch, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE linked (                   -- how far the links of a purse are known to be unbroken
  code       BLOB NOT NULL,
  key_epoch  INTEGER NOT NULL,
  sequence   INTEGER NOT NULL,
  head       BLOB NOT NULL,
  PRIMARY KEY (code, key_epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE payment (
  number             INTEGER PRIMARY KEY,
  id                 BLOB NOT NULL UNIQUE,
  payer              BLOB NOT NULL,
  key_epoch          INTEGER NOT NULL,
  sequence           INTEGER NOT NULL,
  payee              BLOB NOT NULL,
  currency           BLOB NOT NULL,
  amount             INTEGER NOT NULL,
  odometer           INTEGER NOT NULL,
  previous           BLOB NOT NULL,
  allowance          BLOB NOT NULL,     -- whole identifier
  bytes              BLOB NOT NULL,
  outcome            INTEGER NOT NULL,  -- a status: 2 settled, 3 in transit, 4 open claim
  receipt            BLOB,              -- whole signed receipt
  transit_statement  BLOB,              -- what the payer alone is answered
  statement          BLOB,              -- what everybody is answered once it is final
  recorded           INTEGER NOT NULL,
  settled            INTEGER
) STRICT;
-- Of the payments that moved money, no two share a sequence number: the database holds this too.
CREATE UNIQUE INDEX payment_sequence ON payment (payer, key_epoch, sequence) WHERE outcome < 4;
CREATE INDEX payment_currency ON payment (payer, key_epoch, currency, sequence) WHERE outcome < 4;
CREATE INDEX payment_payer ON payment (payer, number);
CREATE INDEX payment_payee ON payment (payee, number);

CREATE TABLE fraud (
  number  INTEGER PRIMARY KEY,
  code    BLOB NOT NULL,
  stands  BLOB NOT NULL,                -- the payment that was recorded first
  claim   BLOB NOT NULL UNIQUE,         -- the payment that contradicts it
  how     INTEGER NOT NULL,             -- 0 same sequence, 1 overlap
  at      INTEGER NOT NULL,
  proof   BLOB NOT NULL                 -- a whole Proof message
) STRICT;
CREATE INDEX fraud_code ON fraud (code, number);

-- Inbox --------------------------------------------------------------------------------------

CREATE TABLE inbox (
  code    BLOB NOT NULL,
  number  INTEGER NOT NULL,
  bytes   BLOB NOT NULL,
  PRIMARY KEY (code, number)
) STRICT;

CREATE TABLE inbox_head (
  code     BLOB PRIMARY KEY NOT NULL,
  newest   INTEGER NOT NULL,            -- number of the newest entry ever put in
  entries  INTEGER NOT NULL,
  octets   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
