-- Several gateways and a centre: each with its own books.

-- Money on its way to or from other books (kind 7) may stand below zero.
CREATE TABLE account_next (
  currency  BLOB NOT NULL,
  account   BLOB NOT NULL,              -- kind byte, then what the kind needs
  kind      INTEGER NOT NULL,
  owner     BLOB,                       -- whose money
  balance   INTEGER NOT NULL,
  PRIMARY KEY (currency, account),
  CHECK (kind IN (0, 7) OR balance >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO account_next SELECT currency, account, kind, owner, balance FROM account;
DROP TABLE account;
ALTER TABLE account_next RENAME TO account;
CREATE INDEX account_owner ON account (owner) WHERE owner IS NOT NULL;
CREATE TRIGGER holder_opened AFTER INSERT ON account WHEN NEW.owner IS NOT NULL BEGIN
  INSERT INTO holder SELECT sequence, code FROM thing WHERE code = NEW.owner
    AND NOT EXISTS (SELECT 1 FROM holder WHERE holder.code = NEW.owner);
  -- Guests have numbers below zero.
  INSERT INTO holder SELECT min(0, coalesce((SELECT min(sequence) FROM holder), 0)) - 1, code
    FROM guest WHERE code = NEW.owner
    AND NOT EXISTS (SELECT 1 FROM holder WHERE holder.code = NEW.owner);
END;
CREATE TRIGGER total_opened AFTER INSERT ON account BEGIN
  INSERT INTO account_total VALUES (NEW.currency, NEW.kind, NEW.balance)
    ON CONFLICT (currency, kind) DO UPDATE SET balance = balance + excluded.balance;
  UPDATE tally SET number = number + (NEW.kind = 3) WHERE what = 'in_transit';
END;
CREATE TRIGGER total_changed AFTER UPDATE OF balance ON account BEGIN
  UPDATE account_total SET balance = balance + NEW.balance - OLD.balance
    WHERE currency = NEW.currency AND kind = NEW.kind;
END;
CREATE TRIGGER total_closed AFTER DELETE ON account BEGIN
  UPDATE account_total SET balance = balance - OLD.balance
    WHERE currency = OLD.currency AND kind = OLD.kind;
  UPDATE tally SET number = number - (OLD.kind = 3) WHERE what = 'in_transit';
END;

-- Peers and letters ---------------------------------------------------------------------------

CREATE TABLE peer (                     -- other gateways, and the centre
  code           BLOB PRIMARY KEY NOT NULL,
  pass           BLOB NOT NULL,
  linked         INTEGER NOT NULL,      -- 1: letters go there; 0: known by its pass only
  written        INTEGER NOT NULL,      -- letters to it so far, in this epoch of ours
  taken          INTEGER NOT NULL,      -- it has acknowledged up to this one
  peer_epoch     INTEGER NOT NULL,      -- its epoch, as far as letters came
  heard          INTEGER NOT NULL,      -- letters from it so far, in that epoch
  touched        INTEGER NOT NULL,      -- its clock in the newest watermark or report
  terms          BLOB,                  -- at the centre: what was agreed with it
  refused        INTEGER NOT NULL DEFAULT 0  -- letters from it that made no sense
) STRICT, WITHOUT ROWID;

CREATE TABLE letter (
  peer    BLOB NOT NULL,
  number  INTEGER NOT NULL,
  bytes   BLOB NOT NULL,
  PRIMARY KEY (peer, number)
) STRICT, WITHOUT ROWID;

-- Floats --------------------------------------------------------------------------------------

CREATE TABLE warrant (                  -- the newest one of each gateway, epoch and currency
  gateway        BLOB NOT NULL,
  gateway_epoch  INTEGER NOT NULL,
  currency       BLOB NOT NULL,
  base           INTEGER NOT NULL,      -- reading it was asked at
  upto           INTEGER NOT NULL,      -- its limit
  issued         INTEGER NOT NULL,
  expires        INTEGER NOT NULL,
  bytes          BLOB NOT NULL,
  PRIMARY KEY (gateway, gateway_epoch, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE float_asked (              -- the reading at which this gateway last asked for more
  gateway_epoch  INTEGER NOT NULL,
  currency       BLOB NOT NULL,
  reading        INTEGER NOT NULL,
  at             INTEGER NOT NULL,
  PRIMARY KEY (gateway_epoch, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE float_used (               -- what one purse took of the warrant with this limit
  code      BLOB NOT NULL,
  currency  BLOB NOT NULL,
  gateway_epoch INTEGER NOT NULL,
  upto      INTEGER NOT NULL,
  used      INTEGER NOT NULL,
  PRIMARY KEY (code, currency)
) STRICT, WITHOUT ROWID;

-- Homes ---------------------------------------------------------------------------------------

CREATE TABLE home (                     -- the newest lease of a code that is known here
  code    BLOB PRIMARY KEY NOT NULL,
  home    BLOB NOT NULL,
  number  INTEGER NOT NULL,             -- 0: asked for and not given yet
  ends    INTEGER NOT NULL,
  asked   INTEGER NOT NULL,             -- when it was last asked for
  bytes   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX home_ends ON home (home, ends);

CREATE TABLE guest (                    -- things that another station enrolled
  code              BLOB PRIMARY KEY NOT NULL,
  wallet_algorithm  INTEGER NOT NULL,
  wallet_key        BLOB NOT NULL,
  class             INTEGER NOT NULL,
  key_epoch         INTEGER NOT NULL,
  pass              BLOB NOT NULL,
  registered        INTEGER NOT NULL,
  state             INTEGER NOT NULL,
  forked            INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE moving (                   -- every move that was ever ordered here
  code    BLOB NOT NULL,
  lease   INTEGER NOT NULL,             -- the number it asks for
  source  BLOB NOT NULL,
  goal    BLOB NOT NULL,
  bytes   BLOB NOT NULL,
  pass    BLOB NOT NULL,
  at      INTEGER NOT NULL,
  done    INTEGER NOT NULL,             -- 0 open, 1 the purse has left or come
  PRIMARY KEY (code, lease)
) STRICT, WITHOUT ROWID;
CREATE INDEX moving_open ON moving (at) WHERE done = 0;

CREATE TABLE closing_balance (
  code      BLOB NOT NULL,
  lease     INTEGER NOT NULL,           -- the one that ends with it
  currency  BLOB NOT NULL,
  bytes     BLOB NOT NULL,
  PRIMARY KEY (code, lease, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE arrived (                  -- the readings with which a purse came
  code       BLOB NOT NULL,
  key_epoch  INTEGER NOT NULL,
  currency   BLOB NOT NULL,
  odometer   INTEGER NOT NULL,
  PRIMARY KEY (code, key_epoch, currency)
) STRICT, WITHOUT ROWID;

-- Credits -------------------------------------------------------------------------------------

CREATE TABLE credit_out (               -- what these books sent away, in total per subject
  subject   BLOB NOT NULL,
  payee     BLOB NOT NULL,
  currency  BLOB NOT NULL,
  amount    INTEGER NOT NULL,
  bytes     BLOB NOT NULL,              -- the newest credit
  PRIMARY KEY (subject, payee, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE credit_in (                -- what these books took in, step by step
  subject   BLOB NOT NULL,
  payee     BLOB NOT NULL,
  currency  BLOB NOT NULL,
  upto      INTEGER NOT NULL,
  amount    INTEGER NOT NULL,
  bytes     BLOB NOT NULL,
  PRIMARY KEY (subject, payee, currency, upto)
) STRICT, WITHOUT ROWID;

CREATE TABLE credit_waiting (           -- at the centre: for codes whose home is not known yet
  number  INTEGER PRIMARY KEY,
  payee   BLOB NOT NULL,
  letter  BLOB NOT NULL
) STRICT;
CREATE INDEX credit_waiting_payee ON credit_waiting (payee);

CREATE TABLE credit_way (               -- at the centre: which letter carries a credit on
  origin   BLOB NOT NULL,
  height   INTEGER NOT NULL,            -- of the entry it comes from
  peer     BLOB NOT NULL,
  number   INTEGER NOT NULL,
  PRIMARY KEY (origin, height, peer, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE withdrawal (               -- redemptions of purses at home elsewhere
  subject   BLOB PRIMARY KEY NOT NULL,
  key       TEXT NOT NULL,
  code      BLOB NOT NULL,
  currency  BLOB NOT NULL,
  amount    INTEGER NOT NULL,
  made_by   TEXT NOT NULL,
  at        INTEGER NOT NULL,
  outcome   INTEGER NOT NULL            -- 0 asked, 1 paid, else a refusal's status
) STRICT, WITHOUT ROWID;

-- Relays --------------------------------------------------------------------------------------

CREATE TABLE relay (                    -- what was handed in here and is settled elsewhere
  hash         BLOB PRIMARY KEY NOT NULL,  -- of the message
  payment      BLOB NOT NULL,
  bringer      BLOB,
  at           INTEGER NOT NULL,
  note         BLOB NOT NULL,           -- the signed claim note
  answer       BLOB NOT NULL,           -- the newest word: ours, then the arbiter's
  final        INTEGER NOT NULL         -- whether it is the arbiter's
) STRICT, WITHOUT ROWID;
CREATE INDEX relay_payment ON relay (payment);

CREATE TABLE shown (                    -- payments under other gateways' allowances, seen here
  id         BLOB PRIMARY KEY NOT NULL,
  payer      BLOB NOT NULL,
  key_epoch  INTEGER NOT NULL,
  sequence   INTEGER NOT NULL,
  previous   BLOB NOT NULL,
  currency   BLOB NOT NULL,
  amount     INTEGER NOT NULL,
  odometer   INTEGER NOT NULL,
  allowance  BLOB NOT NULL,             -- whole signed allowance
  bytes      BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX shown_sequence ON shown (payer, key_epoch, sequence);

CREATE TABLE asked_from (               -- who relayed a payment to this arbiter
  payment  BLOB NOT NULL,
  peer     BLOB NOT NULL,
  told     INTEGER NOT NULL,            -- whether it was, since it last asked
  PRIMARY KEY (payment, peer)
) STRICT, WITHOUT ROWID;

-- Copies and watermarks -----------------------------------------------------------------------

CREATE TABLE copy (                     -- at the centre: how far a gateway's journal is copied
  gateway   BLOB PRIMARY KEY NOT NULL,
  epoch     INTEGER NOT NULL,
  height    INTEGER NOT NULL,
  root      BLOB NOT NULL,
  letters   INTEGER NOT NULL,           -- what it had written when it showed that height
  settled   INTEGER NOT NULL,           -- every credit up to this height has come in
  marked    INTEGER NOT NULL,           -- the newest watermark's height
  marked_at INTEGER NOT NULL,
  mark_letter INTEGER NOT NULL          -- the letter that carries it
) STRICT, WITHOUT ROWID;

CREATE TABLE copied_entry (
  gateway  BLOB NOT NULL,
  height   INTEGER NOT NULL,
  bytes    BLOB NOT NULL,
  root     BLOB NOT NULL,
  subject  BLOB NOT NULL,               -- what it is about
  PRIMARY KEY (gateway, height)
) STRICT, WITHOUT ROWID;
CREATE INDEX copied_subject ON copied_entry (gateway, subject, height);

CREATE TABLE copied_account (           -- balances as the copies have them
  gateway   BLOB NOT NULL,
  currency  BLOB NOT NULL,
  account   BLOB NOT NULL,
  balance   INTEGER NOT NULL,
  PRIMARY KEY (gateway, currency, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE watermark (                -- the newest one for this gateway
  gateway_epoch  INTEGER PRIMARY KEY,
  height         INTEGER NOT NULL,
  bytes          BLOB NOT NULL
) STRICT;
