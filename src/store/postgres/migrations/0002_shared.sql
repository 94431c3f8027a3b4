-- Whose cloud a run is about, as one word: account ids, sorted, with commas between. Retention counts
-- the runs of each such set, and the newest of each is never dropped.
ALTER TABLE runs ADD COLUMN account_set TEXT COLLATE "C" NOT NULL DEFAULT '';

UPDATE runs SET account_set = coalesce(
    (SELECT string_agg(account_id, ',' ORDER BY account_id) FROM run_accounts WHERE run_id = runs.id),
    '');


-- How often a finding was found again after it had been fixed, and the accounts of the run that had
-- it last; empty where that was not kept.
ALTER TABLE findings ADD COLUMN reopenings BIGINT NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN seen_by TEXT NOT NULL DEFAULT '';

UPDATE findings SET reopenings = 1 WHERE reopened_at IS NOT NULL;

-- Every time that a finding was fixed. `opened_at` is when it had been reopened; NULL: it was open
-- since it was first seen. Survives the runs, as `findings` does.
CREATE TABLE closings (
    fingerprint TEXT COLLATE "C" NOT NULL REFERENCES findings (fingerprint) ON DELETE CASCADE,
    closed_at   TIMESTAMPTZ NOT NULL,
    opened_at   TIMESTAMPTZ,
    severity    TEXT NOT NULL,
    status      TEXT NOT NULL,
    PRIMARY KEY (fingerprint, closed_at)
);

INSERT INTO closings (fingerprint, closed_at, opened_at, severity, status)
SELECT fingerprint, fixed_at, reopened_at, severity, status FROM findings WHERE fixed_at IS NOT NULL;

-- The waivers that accepted a finding of a run.
CREATE TABLE run_waivers (
    run_id      TEXT COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    fingerprint TEXT COLLATE "C" NOT NULL,
    owner       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    ticket      TEXT,
    expires     TEXT NOT NULL,
    PRIMARY KEY (run_id, fingerprint)
);

-- Who may act on something, and until when. A row is never deleted, so that epochs only grow. Without
-- a holder it is free.
CREATE TABLE leases (
    name       TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    epoch      BIGINT NOT NULL,
    holder     TEXT,
    expires_ms BIGINT NOT NULL
);

-- What holders wrote, as bytes of a version of their own. Never changed.
CREATE TABLE records (
    stream   TEXT   COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    epoch    BIGINT NOT NULL,
    version  BIGINT NOT NULL,
    body     BYTEA  NOT NULL,
    PRIMARY KEY (stream, position)
);
