-- +goose Up
-- Accounts, markets, schedules, runs, jobs and their states. docs/design.md
-- section 4 lists these tables as a public contract: columns are added, never
-- renamed. All times are timestamptz and all clocks are this database's, except
-- as_of, which is the exchange's.

CREATE SCHEMA IF NOT EXISTS alphapulse;

-- A market is where prices come from: an exchange, an environment and a base
-- URL. It needs no key. A stand-in exchange is a market of its own, so its
-- prices never mix with real ones.
CREATE TABLE alphapulse.markets (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    exchange    text NOT NULL,
    environment text NOT NULL,
    base_url    text NOT NULL,
    -- How much longer than asked the cadence of this market's schedules is,
    -- because the planned load is above the budget; 1 when it is not.
    stretch     numeric NOT NULL DEFAULT 1 CHECK (stretch >= 1),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (exchange, environment, base_url)
);

CREATE TABLE alphapulse.accounts (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name            text NOT NULL,
    market_id       uuid NOT NULL REFERENCES alphapulse.markets (id),
    status          text NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'active', 'paused', 'needs_attention', 'removed')),
    reason          text NOT NULL DEFAULT '',
    -- The version of the key in use; 0 until a probe has passed.
    key_version     integer NOT NULL DEFAULT 0,
    allow_write_key boolean NOT NULL DEFAULT false,
    exchange_uid    text,
    account_mode    text,
    key_permissions jsonb,
    key_expires_at  timestamptz,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at      timestamptz
);
CREATE UNIQUE INDEX accounts_name ON alphapulse.accounts (name) WHERE status <> 'removed';
CREATE INDEX accounts_market ON alphapulse.accounts (market_id);

-- Keys and secrets, sealed for the workers' private key with the account's id
-- and the version as associated data. A version above the account's key_version
-- is a candidate that its probe has yet to accept.
CREATE TABLE alphapulse.account_credentials (
    account_id uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    version    integer NOT NULL CHECK (version > 0),
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, version)
);

CREATE TABLE alphapulse.schedules (
    account_id uuid REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    market_id  uuid REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    subject_id uuid NOT NULL GENERATED ALWAYS AS (coalesce(account_id, market_id)) STORED,
    data_type  text NOT NULL,
    every      interval NOT NULL CHECK (every >= interval '1 second'),
    next_at    timestamptz NOT NULL,
    enabled    boolean NOT NULL DEFAULT true,
    skipped    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (subject_id, data_type),
    CHECK (num_nonnulls(account_id, market_id) = 1)
);
CREATE INDEX schedules_due ON alphapulse.schedules (next_at) WHERE enabled;
CREATE INDEX schedules_market ON alphapulse.schedules (market_id) WHERE market_id IS NOT NULL;

-- What is stopped, why, until when and by whom. Empty columns match everything.
CREATE TABLE alphapulse.pauses (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    market_id   uuid REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    exchange    text,
    environment text,
    data_type   text,
    lane        text,
    reason      text NOT NULL,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    until       timestamptz
);
CREATE UNIQUE INDEX pauses_maintenance ON alphapulse.pauses (market_id) WHERE reason = 'maintenance';

-- Every address that workers call an exchange from, when it was last seen, and
-- until when the exchange refuses it. Logged, so that a ban outlives a restart.
CREATE TABLE alphapulse.egresses (
    egress       text NOT NULL,
    market_id    uuid NOT NULL REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    seen_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    banned_until timestamptz,
    reason       text NOT NULL DEFAULT '',
    PRIMARY KEY (egress, market_id)
);

CREATE TABLE alphapulse.sync_runs (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id      uuid REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    market_id       uuid REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    subject_id      uuid NOT NULL GENERATED ALWAYS AS (coalesce(account_id, market_id)) STORED,
    requested_types text[] NOT NULL,
    trigger         text NOT NULL
                    CHECK (trigger IN ('schedule', 'manual', 'initial', 'backfill', 'replay', 'repair', 'probe')),
    status          text NOT NULL DEFAULT 'running'
                    CHECK (status IN ('running', 'succeeded', 'partial', 'failed', 'cancelled', 'expired')),
    -- The run that must end before this one starts. While it has not started,
    -- started_at and deadline_at are NULL and its jobs have next_at 'infinity'.
    follows         uuid REFERENCES alphapulse.sync_runs (id) ON DELETE SET NULL,
    jobs_total      integer NOT NULL DEFAULT 0,
    jobs_succeeded  integer NOT NULL DEFAULT 0,
    jobs_partial    integer NOT NULL DEFAULT 0,
    jobs_failed     integer NOT NULL DEFAULT 0,
    jobs_dead       integer NOT NULL DEFAULT 0,
    jobs_skipped    integer NOT NULL DEFAULT 0,
    jobs_cancelled  integer NOT NULL DEFAULT 0,
    rows_changed    bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at      timestamptz,
    deadline_at     timestamptz,
    finished_at     timestamptz,
    announced_at    timestamptz,
    CHECK (num_nonnulls(account_id, market_id) = 1),
    CHECK ((status = 'running') = (finished_at IS NULL))
);
CREATE INDEX sync_runs_subject ON alphapulse.sync_runs (subject_id, created_at DESC);
CREATE INDEX sync_runs_open ON alphapulse.sync_runs (subject_id) WHERE status = 'running';
CREATE INDEX sync_runs_deadline ON alphapulse.sync_runs (deadline_at) WHERE status = 'running';
CREATE INDEX sync_runs_unannounced ON alphapulse.sync_runs (finished_at)
    WHERE announced_at IS NULL AND status <> 'running';
CREATE INDEX sync_runs_followers ON alphapulse.sync_runs (follows)
    WHERE status = 'running' AND started_at IS NULL;
-- For the foreign key alone: deleting an old run looks for those that followed it.
CREATE INDEX sync_runs_follows ON alphapulse.sync_runs (follows) WHERE follows IS NOT NULL;
CREATE INDEX sync_runs_finished ON alphapulse.sync_runs (finished_at) WHERE status <> 'running';

-- The jobs, which are the outbox as well: a row to publish has next_at set.
-- fillfactor leaves room for heartbeats, which touch lease_until alone and stay
-- heap-only because no index has that column.
CREATE TABLE alphapulse.sync_jobs (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    run_id            uuid NOT NULL REFERENCES alphapulse.sync_runs (id) ON DELETE CASCADE,
    account_id        uuid REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    market_id         uuid REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    subject_id        uuid NOT NULL GENERATED ALWAYS AS (coalesce(account_id, market_id)) STORED,
    data_type         text NOT NULL,
    lane              text NOT NULL CHECK (lane IN ('live', 'backfill')),
    trigger           text NOT NULL,
    -- The name of the durable consumer that this job's messages go through.
    consumer          text NOT NULL,
    "window"          tstzrange,
    params            jsonb,
    replay_of         uuid,
    status            text NOT NULL DEFAULT 'queued'
                      CHECK (status IN ('queued', 'running', 'waiting', 'succeeded', 'partial', 'failed',
                                        'dead', 'skipped', 'cancelled')),
    wait_reason       text,
    cancel_reason     text,
    publishes         integer NOT NULL DEFAULT 0,
    published_at      timestamptz,
    stream_seq        bigint,
    stream_created    timestamptz,
    attempt           integer NOT NULL DEFAULT 0,
    max_attempts      integer NOT NULL,
    releases          integer NOT NULL DEFAULT 0,
    claim             uuid,
    owner             text,
    key_version       integer,
    claimed_at        timestamptz,
    lease_until       timestamptz,
    timeout_at        timestamptz,
    next_at           timestamptz,
    error_class       text,
    error_code        text,
    error_message     text,
    rows_fetched      bigint NOT NULL DEFAULT 0,
    rows_changed      bigint NOT NULL DEFAULT 0,
    rows_deleted      bigint NOT NULL DEFAULT 0,
    exchange_requests bigint NOT NULL DEFAULT 0,
    as_of             timestamptz,
    queued_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at        timestamptz,
    finished_at       timestamptz,
    announced_at      timestamptz,
    CHECK (num_nonnulls(account_id, market_id) = 1),
    CHECK ((status IN ('queued', 'running', 'waiting')) = (finished_at IS NULL)),
    CHECK (status <> 'waiting' OR next_at IS NOT NULL),
    CHECK (status <> 'running' OR (claim IS NOT NULL AND lease_until IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX sync_jobs_run ON alphapulse.sync_jobs (run_id);
CREATE UNIQUE INDEX sync_jobs_one_running ON alphapulse.sync_jobs (subject_id, data_type)
    WHERE status = 'running' AND lane = 'live';
CREATE INDEX sync_jobs_open ON alphapulse.sync_jobs (subject_id, data_type, queued_at)
    WHERE status IN ('queued', 'running', 'waiting');
CREATE INDEX sync_jobs_due ON alphapulse.sync_jobs (next_at)
    WHERE status IN ('queued', 'waiting') AND next_at IS NOT NULL;
CREATE INDEX sync_jobs_unconfirmed ON alphapulse.sync_jobs (published_at)
    WHERE status = 'queued' AND next_at IS NULL AND stream_seq IS NULL;
CREATE INDEX sync_jobs_in_line ON alphapulse.sync_jobs (consumer, stream_created, stream_seq)
    WHERE status = 'queued' AND next_at IS NULL AND stream_seq IS NOT NULL;
CREATE INDEX sync_jobs_running ON alphapulse.sync_jobs (id) WHERE status = 'running';
CREATE INDEX sync_jobs_unannounced ON alphapulse.sync_jobs (finished_at)
    WHERE announced_at IS NULL AND finished_at IS NOT NULL AND (status = 'dead' OR rows_changed + rows_deleted > 0);

-- One row for each attempt that failed or was lost; successes need none.
CREATE TABLE alphapulse.sync_attempts (
    claim         uuid PRIMARY KEY,
    job_id        uuid NOT NULL REFERENCES alphapulse.sync_jobs (id) ON DELETE CASCADE,
    attempt       integer NOT NULL,
    owner         text,
    started_at    timestamptz,
    ended_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    error_class   text NOT NULL,
    error_code    text,
    error_message text
);
CREATE INDEX sync_attempts_job ON alphapulse.sync_attempts (job_id);

CREATE TABLE alphapulse.sync_state (
    account_id           uuid REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    market_id            uuid REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    subject_id           uuid NOT NULL GENERATED ALWAYS AS (coalesce(account_id, market_id)) STORED,
    data_type            text NOT NULL,
    last_attempt_at      timestamptz,
    last_success_at      timestamptz,
    -- The exchange's clock at the oldest scope of the last success.
    as_of                timestamptz,
    consecutive_failures integer NOT NULL DEFAULT 0,
    last_error_class     text,
    last_error_message   text,
    -- Histories are complete up to here in every scope that can be read.
    watermark            timestamptz,
    -- How many scopes in a row found a newer snapshot already stored.
    superseded_in_row    integer NOT NULL DEFAULT 0,
    exchange_requests    bigint,
    PRIMARY KEY (subject_id, data_type),
    CHECK (num_nonnulls(account_id, market_id) = 1)
);

CREATE TABLE alphapulse.sync_scopes (
    account_id    uuid REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    market_id     uuid REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    subject_id    uuid NOT NULL GENERATED ALWAYS AS (coalesce(account_id, market_id)) STORED,
    data_type     text NOT NULL,
    scope         text NOT NULL,
    -- The exchange's clock at the first response of the last walk stored.
    as_of         timestamptz,
    complete      boolean NOT NULL DEFAULT false,
    content_hash  bytea,
    -- Histories: closed rows are stored up to here.
    watermark     timestamptz,
    -- Why the last walk did not read this scope to its end; NULL when it did.
    error_class   text,
    error_code    text,
    error_message text,
    error_payload text,
    error_at      timestamptz,
    PRIMARY KEY (subject_id, data_type, scope),
    CHECK (num_nonnulls(account_id, market_id) = 1)
);

CREATE TABLE alphapulse.sync_coverage (
    account_id uuid NOT NULL REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    data_type  text NOT NULL,
    scope      text NOT NULL,
    covered    tstzmultirange NOT NULL DEFAULT '{}',
    -- Before this the exchange serves nothing any more; NULL while unknown.
    horizon    timestamptz,
    PRIMARY KEY (account_id, data_type, scope)
);

-- +goose Down
DROP TABLE alphapulse.sync_coverage, alphapulse.sync_scopes, alphapulse.sync_state,
    alphapulse.sync_attempts, alphapulse.sync_jobs, alphapulse.sync_runs, alphapulse.egresses,
    alphapulse.pauses, alphapulse.schedules, alphapulse.account_credentials, alphapulse.accounts,
    alphapulse.markets;
