-- A run that several processes read together. `merged_as` is the run that its parts became; they are gone then.
CREATE TABLE shared_runs (
    name      TEXT    NOT NULL PRIMARY KEY,
    began_ms  INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    plan      BLOB    NOT NULL,
    merged_as TEXT
) STRICT;

-- Who reads a shard: the process that claimed it last.
CREATE TABLE shard_claims (
    run        TEXT    NOT NULL REFERENCES shared_runs (name) ON DELETE CASCADE,
    shard      INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    holder     TEXT    NOT NULL,
    claimed_ms INTEGER NOT NULL,
    PRIMARY KEY (run, shard)
) STRICT, WITHOUT ROWID;

-- What the shards have read, as bytes of a version of their own. Never changed.
CREATE TABLE shard_parts (
    run     TEXT    NOT NULL REFERENCES shared_runs (name) ON DELETE CASCADE,
    round   INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    version INTEGER NOT NULL,
    body    BLOB    NOT NULL,
    PRIMARY KEY (run, round, name)
) STRICT;
