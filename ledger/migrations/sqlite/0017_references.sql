-- What both sides call a payment, for what is sold under one name. Payments from before have none here:
-- nothing was sold so then.
ALTER TABLE payment ADD COLUMN reference BLOB;
CREATE INDEX payment_reference ON payment (payer, payee, reference) WHERE reference IS NOT NULL;
