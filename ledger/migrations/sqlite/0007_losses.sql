-- Homes that are lost and come back.

-- At the centre: up to this height of the lost home's journal its word counts.
ALTER TABLE released ADD COLUMN height INTEGER NOT NULL DEFAULT 0;
ALTER TABLE copied_entry ADD COLUMN subject BLOB;
UPDATE copied_entry SET subject = substr(bytes, 14, 32);
CREATE INDEX copied_subject ON copied_entry (gateway, subject, height);

-- At the lost home, when it is back: `amount` of `written_off` falls by what was undone.
ALTER TABLE written_off ADD COLUMN height INTEGER NOT NULL DEFAULT 0;

CREATE TABLE handed_over (              -- payments that the next home settles instead
  payment   BLOB PRIMARY KEY NOT NULL,
  payer     BLOB NOT NULL,
  lease     INTEGER NOT NULL,           -- the one that was given up
  currency  BLOB NOT NULL,
  payee     BLOB NOT NULL,
  amount    INTEGER NOT NULL,           -- what these books paid for it
  settled   INTEGER NOT NULL DEFAULT 0  -- of it, what the next home has paid as well
) STRICT, WITHOUT ROWID;
CREATE INDEX handed_over_payee ON handed_over (payee, currency);

-- At the next home: payments on which the lost one has the word.
CREATE TABLE settled_there (
  payment  BLOB PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE came_covered (             -- payments recorded here as they came with all their covers
  payment  BLOB PRIMARY KEY NOT NULL,
  beneath  BLOB NOT NULL,               -- the hash over everything that covers it
  items    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
