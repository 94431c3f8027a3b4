-- Text that is compared or sorted is so by bytes, as in the other store.

-- One row a run; the whole run is in `body`, the other columns answer lists without unpacking it.
CREATE TABLE runs (
    seq             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    started_at      TIMESTAMPTZ NOT NULL,
    finished_at     TIMESTAMPTZ NOT NULL,
    tool_version    TEXT NOT NULL,
    exit_code       BIGINT NOT NULL,
    verdict         TEXT NOT NULL,
    interrupted     BOOLEAN NOT NULL,
    snapshot_digest TEXT NOT NULL,
    rules_digest    TEXT NOT NULL,
    complete        BOOLEAN NOT NULL,
    planned         BIGINT NOT NULL,
    scanned         BIGINT NOT NULL,
    critical        BIGINT NOT NULL,
    high            BIGINT NOT NULL,
    medium          BIGINT NOT NULL,
    low             BIGINT NOT NULL,
    info            BIGINT NOT NULL,
    waived          BIGINT NOT NULL,
    body_version    BIGINT NOT NULL,
    body            BYTEA NOT NULL
);

-- Whose cloud a run is about: "the run before" is the run before of the same accounts.
CREATE TABLE run_accounts (
    run_id     TEXT COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    account_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, account_id)
);

CREATE TABLE run_endpoints (
    run_id        TEXT COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    endpoint_id   TEXT COLLATE "C" NOT NULL,
    account_id    TEXT COLLATE "C" NOT NULL,
    region_id     TEXT COLLATE "C" NOT NULL,
    resource_kind TEXT NOT NULL,
    resource_id   TEXT COLLATE "C" NOT NULL,
    kind          TEXT NOT NULL,
    exposure      TEXT NOT NULL,
    open          BOOLEAN NOT NULL,
    staleness     TEXT NOT NULL
);

-- No key over ids of the cloud: the server indexes no text of some thousand bytes.
CREATE INDEX run_endpoints_of ON run_endpoints (run_id);

CREATE TABLE run_findings (
    run_id      TEXT COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    fingerprint TEXT COLLATE "C" NOT NULL,
    severity    TEXT NOT NULL,
    status      TEXT NOT NULL,
    PRIMARY KEY (run_id, fingerprint)
);

-- What was planned and not read; the counts are in `runs`.
CREATE TABLE run_gaps (
    run_id      TEXT COLLATE "C" NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    account_id  TEXT COLLATE "C" NOT NULL,
    region_id   TEXT COLLATE "C" NOT NULL,
    product     TEXT NOT NULL,
    operation   TEXT NOT NULL,
    resource_id TEXT COLLATE "C" NOT NULL,
    state       TEXT NOT NULL,
    code        TEXT NOT NULL
);

CREATE INDEX run_gaps_of ON run_gaps (run_id);

-- What is remembered of a finding over all runs.
CREATE TABLE findings (
    fingerprint   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    rule_id       TEXT NOT NULL,
    title         TEXT NOT NULL,
    severity      TEXT NOT NULL,
    status        TEXT NOT NULL,
    account_id    TEXT COLLATE "C" NOT NULL,
    region_id     TEXT COLLATE "C" NOT NULL,
    resource_kind TEXT NOT NULL,
    resource_id   TEXT COLLATE "C" NOT NULL,
    endpoint_kind TEXT,
    first_seen    TIMESTAMPTZ NOT NULL,
    last_seen     TIMESTAMPTZ NOT NULL,
    fixed_at      TIMESTAMPTZ,
    reopened_at   TIMESTAMPTZ
);

CREATE INDEX findings_not_fixed ON findings (account_id) WHERE fixed_at IS NULL;
