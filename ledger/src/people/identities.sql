-- People who sign in by a provider of identities (OpenID Connect): no password of theirs stands here.
CREATE TABLE identity (
    issuer  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    person  INTEGER NOT NULL UNIQUE REFERENCES person (id),
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

DROP VIEW somebody;
-- A person as everybody else reads them. Who has no password here owes no second step here.
CREATE VIEW somebody AS
SELECT id, name, roles, active, created,
       id IN (SELECT person FROM second_step) AS second_step,
       identity.issuer IS NULL AND id NOT IN (SELECT person FROM second_step)
           AND roles & (SELECT roles FROM second_step_rule) <> 0 AS owes_second_step,
       identity.issuer AS provider,
       name_key
FROM person LEFT JOIN identity ON identity.person = person.id;
