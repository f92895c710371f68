-- Certificates that a code has had before and that have not ended yet: a list of revoked certificates
-- has to name every one that would still be good.
CREATE TABLE former_certificate (
    code BLOB NOT NULL CHECK (length(code) = 20),
    ends INTEGER NOT NULL CHECK (ends BETWEEN 0 AND 4294967295),
    certificate BLOB NOT NULL,
    PRIMARY KEY (code, ends)
) STRICT, WITHOUT ROWID;
