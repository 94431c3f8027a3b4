-- A run that several processes read together. `merged_as` is the run that its parts became; they are gone then.
CREATE TABLE shared_runs (
    name      TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    began_ms  BIGINT NOT NULL,
    version   BIGINT NOT NULL,
    plan      BYTEA  NOT NULL,
    merged_as TEXT
);

-- Who reads a shard: the process that claimed it last.
CREATE TABLE shard_claims (
    run        TEXT   COLLATE "C" NOT NULL REFERENCES shared_runs (name) ON DELETE CASCADE,
    shard      BIGINT NOT NULL,
    epoch      BIGINT NOT NULL,
    holder     TEXT   NOT NULL,
    claimed_ms BIGINT NOT NULL,
    PRIMARY KEY (run, shard)
);

-- What the shards have read, as bytes of a version of their own. Never changed. They are compressed already.
CREATE TABLE shard_parts (
    run     TEXT   COLLATE "C" NOT NULL REFERENCES shared_runs (name) ON DELETE CASCADE,
    round   BIGINT NOT NULL,
    name    TEXT   COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    body    BYTEA  NOT NULL,
    PRIMARY KEY (run, round, name)
);
ALTER TABLE shard_parts ALTER COLUMN body SET STORAGE EXTERNAL;
