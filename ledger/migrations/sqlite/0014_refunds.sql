-- What payers ask back, and what operators answered.

CREATE TABLE refund (
  number      INTEGER PRIMARY KEY,
  id          BLOB NOT NULL UNIQUE,     -- identifier of the request
  payment     BLOB NOT NULL UNIQUE,     -- a payment is asked back once
  payer       BLOB NOT NULL,
  words       TEXT NOT NULL,
  signed      BLOB NOT NULL,            -- the request as its payer signed it
  at          INTEGER NOT NULL,
  decided     INTEGER,
  decided_by  TEXT,
  paid_back   BLOB,                     -- the payment that brought the money back; none: declined
  answer      TEXT,
  CHECK ((decided IS NULL) = (decided_by IS NULL))
) STRICT;
CREATE INDEX refund_waits ON refund (number) WHERE decided IS NULL;
