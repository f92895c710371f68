-- Streams, money that goes back, and pages that never scan.

-- What is still in transit of a payment, and until when; and of a stream, how far it came.
ALTER TABLE payment ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
ALTER TABLE payment ADD COLUMN due INTEGER;            -- its settle_by while it is in transit
ALTER TABLE payment ADD COLUMN units INTEGER;          -- of a stream: paid to the payee
ALTER TABLE payment ADD COLUMN shown INTEGER;          -- of a stream: index of the newest value
ALTER TABLE payment ADD COLUMN shown_value BLOB;       -- and that value
-- No payment settles later than the allowance it was made under.
UPDATE payment SET waiting = amount,
  due = (SELECT expires FROM allowance WHERE allowance.id = payment.allowance)
  WHERE outcome = 3;

CREATE TABLE contrary_receipt (         -- against the one that stands in the payment's row
  payment  BLOB PRIMARY KEY NOT NULL,   -- one is enough to show it
  bytes    BLOB NOT NULL,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Declined and returned payments (5, 6) keep their numbers and readings like settled ones.
DROP INDEX payment_sequence;
DROP INDEX payment_currency;
CREATE UNIQUE INDEX payment_sequence ON payment (payer, key_epoch, sequence) WHERE outcome <> 4;
CREATE INDEX payment_currency ON payment (payer, key_epoch, currency, sequence) WHERE outcome <> 4;
CREATE INDEX payment_due ON payment (due) WHERE due IS NOT NULL;
CREATE INDEX payment_waiting ON payment (payee, currency, waiting) WHERE waiting > 0;
CREATE INDEX payment_pair ON payment (payer, payee, number);

-- Listings ------------------------------------------------------------------------------------

CREATE INDEX thing_by_state ON thing (state, sequence);
CREATE INDEX thing_by_kind ON thing (kind, sequence);
CREATE INDEX thing_by_kind_state ON thing (kind, state, sequence);

CREATE TABLE holder (                   -- things that have ever had an account
  sequence  INTEGER PRIMARY KEY,        -- of the thing
  code      BLOB NOT NULL UNIQUE
) STRICT;
INSERT INTO holder SELECT DISTINCT thing.sequence, thing.code
  FROM account JOIN thing ON thing.code = account.owner;
CREATE TRIGGER holder_opened AFTER INSERT ON account WHEN NEW.owner IS NOT NULL BEGIN
  INSERT INTO holder SELECT sequence, code FROM thing WHERE code = NEW.owner
    AND NOT EXISTS (SELECT 1 FROM holder WHERE holder.code = NEW.owner);
END;

-- Counters: kept by the database with every row, so that nobody counts by looking at all of them.

CREATE TABLE tally (
  what    TEXT PRIMARY KEY NOT NULL,
  number  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO tally VALUES
  ('things', (SELECT count(*) FROM thing)),
  ('things_stopped', (SELECT count(*) FROM thing WHERE state <> 0)),
  ('grids', (SELECT count(*) FROM grid)),
  ('in_transit', (SELECT count(*) FROM account WHERE kind = 3)),
  ('inbox_entries', (SELECT coalesce(sum(entries), 0) FROM inbox_head));
CREATE TRIGGER tally_thing AFTER INSERT ON thing BEGIN
  UPDATE tally SET number = number + 1 WHERE what = 'things';
  UPDATE tally SET number = number + (NEW.state <> 0) WHERE what = 'things_stopped';
END;
CREATE TRIGGER tally_state AFTER UPDATE OF state ON thing BEGIN
  UPDATE tally SET number = number + (NEW.state <> 0) - (OLD.state <> 0)
    WHERE what = 'things_stopped';
END;
CREATE TRIGGER tally_grid AFTER INSERT ON grid BEGIN
  UPDATE tally SET number = number + 1 WHERE what = 'grids';
END;
CREATE TRIGGER tally_inbox_new AFTER INSERT ON inbox_head BEGIN
  UPDATE tally SET number = number + NEW.entries WHERE what = 'inbox_entries';
END;
CREATE TRIGGER tally_inbox AFTER UPDATE OF entries ON inbox_head BEGIN
  UPDATE tally SET number = number + NEW.entries - OLD.entries WHERE what = 'inbox_entries';
END;

CREATE TABLE account_total (            -- the sum of all balances of a kind
  currency  BLOB NOT NULL,
  kind      INTEGER NOT NULL,
  balance   INTEGER NOT NULL,
  PRIMARY KEY (currency, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO account_total SELECT currency, kind, sum(balance) FROM account GROUP BY currency, kind;
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

CREATE TABLE treasury_total (           -- loads minus redemptions
  currency  BLOB PRIMARY KEY NOT NULL,
  amount    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO treasury_total
  SELECT currency, sum(CASE redeem WHEN 0 THEN amount ELSE -amount END)
  FROM treasury GROUP BY currency;
CREATE TRIGGER total_ordered AFTER INSERT ON treasury BEGIN
  INSERT INTO treasury_total
    VALUES (NEW.currency, CASE NEW.redeem WHEN 0 THEN NEW.amount ELSE -NEW.amount END)
    ON CONFLICT (currency) DO UPDATE SET amount = amount + excluded.amount;
END;
