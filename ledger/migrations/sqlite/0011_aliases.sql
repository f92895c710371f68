-- Other names of codes ---------------------------------------------------------------------------

CREATE TABLE alias (                    -- what others call a code; never its identity
  name     TEXT PRIMARY KEY,            -- a path at the resolver, such as 01/09506000134352/21/7
  code     BLOB NOT NULL,
  made_by  TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_of ON alias (code);
