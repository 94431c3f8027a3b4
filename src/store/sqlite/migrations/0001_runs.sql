-- One row a run; the whole run is in `body`, the other columns answer lists without unpacking it.
CREATE TABLE runs (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT    NOT NULL UNIQUE,
    started_at      TEXT    NOT NULL,
    finished_at     TEXT    NOT NULL,
    tool_version    TEXT    NOT NULL,
    exit_code       INTEGER NOT NULL,
    verdict         TEXT    NOT NULL,
    interrupted     INTEGER NOT NULL,
    snapshot_digest TEXT    NOT NULL,
    rules_digest    TEXT    NOT NULL,
    complete        INTEGER NOT NULL,
    planned         INTEGER NOT NULL,
    scanned         INTEGER NOT NULL,
    critical        INTEGER NOT NULL,
    high            INTEGER NOT NULL,
    medium          INTEGER NOT NULL,
    low             INTEGER NOT NULL,
    info            INTEGER NOT NULL,
    waived          INTEGER NOT NULL,
    body_version    INTEGER NOT NULL,
    body            BLOB    NOT NULL
) STRICT;

-- Whose cloud a run is about: "the run before" is the run before of the same accounts.
CREATE TABLE run_accounts (
    run_id     TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL,
    PRIMARY KEY (run_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_endpoints (
    run_id        TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    endpoint_id   TEXT NOT NULL,
    account_id    TEXT NOT NULL,
    region_id     TEXT NOT NULL,
    resource_kind TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    kind          TEXT NOT NULL,
    exposure      TEXT NOT NULL,
    open          INTEGER NOT NULL,
    staleness     TEXT NOT NULL,
    PRIMARY KEY (run_id, endpoint_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_findings (
    run_id      TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    severity    TEXT NOT NULL,
    status      TEXT NOT NULL,
    PRIMARY KEY (run_id, fingerprint)
) STRICT, WITHOUT ROWID;

-- What was planned and not read; the counts are in `runs`.
CREATE TABLE run_gaps (
    run_id      TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    account_id  TEXT NOT NULL,
    region_id   TEXT NOT NULL,
    product     TEXT NOT NULL,
    operation   TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    state       TEXT NOT NULL,
    code        TEXT NOT NULL,
    PRIMARY KEY (run_id, account_id, region_id, product, operation, resource_id)
) STRICT, WITHOUT ROWID;

-- What is remembered of a finding over all runs.
CREATE TABLE findings (
    fingerprint   TEXT NOT NULL PRIMARY KEY,
    rule_id       TEXT NOT NULL,
    title         TEXT NOT NULL,
    severity      TEXT NOT NULL,
    status        TEXT NOT NULL,
    account_id    TEXT NOT NULL,
    region_id     TEXT NOT NULL,
    resource_kind TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    endpoint_kind TEXT,
    first_seen    TEXT NOT NULL,
    last_seen     TEXT NOT NULL,
    fixed_at      TEXT,
    reopened_at   TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX findings_not_fixed ON findings (account_id) WHERE fixed_at IS NULL;
