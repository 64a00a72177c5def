-- +goose Up
-- Replays: jobs of the past whose reading is done again, by new jobs. A replay is
-- planned and driven in batches, each a transaction, by whichever scheduler comes
-- first; the key of replay_jobs makes sure that each job is replayed once.

CREATE TABLE alphapulse.replays (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    requested_by   text NOT NULL,
    note           text NOT NULL DEFAULT '',
    filter         jsonb NOT NULL, -- as it was asked for
    -- failed: all was tried, and no new job stored anything.
    status         text NOT NULL DEFAULT 'planning'
                   CHECK (status IN ('planning', 'running', 'finished', 'cancelled', 'failed')),
    rate           double precision NOT NULL CHECK (rate > 0), -- new jobs a second, at most
    since          timestamptz NOT NULL,
    until          timestamptz NOT NULL,
    -- Where planning is: the stream is read first, then the tables for what the
    -- stream does not hold any more.
    phase          text NOT NULL DEFAULT 'stream' CHECK (phase IN ('stream', 'tables', 'planned')),
    stream_created timestamptz,
    next_seq       bigint NOT NULL DEFAULT 0,
    page_at        timestamptz,
    page_run       uuid,
    jobs_stream    bigint NOT NULL DEFAULT 0, -- found in the stream
    jobs_tables    bigint NOT NULL DEFAULT 0, -- found in the tables alone
    jobs_unknown   bigint NOT NULL DEFAULT 0, -- messages of jobs that no table knows any more
    jobs_replayed  bigint NOT NULL DEFAULT 0,
    jobs_skipped   bigint NOT NULL DEFAULT 0,
    jobs_refused   bigint NOT NULL DEFAULT 0,
    next_at        timestamptz NOT NULL DEFAULT clock_timestamp(), -- of the next batch
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    planned_at     timestamptz,
    finished_at    timestamptz,
    CHECK ((status IN ('planning', 'running')) = (finished_at IS NULL))
);
CREATE INDEX replays_due ON alphapulse.replays (next_at) WHERE status IN ('planning', 'running');
CREATE INDEX replays_created ON alphapulse.replays (created_at);

-- One row for each job that a replay found.
CREATE TABLE alphapulse.replay_jobs (
    replay_id  uuid NOT NULL REFERENCES alphapulse.replays (id) ON DELETE CASCADE,
    job_id     uuid NOT NULL,
    subject_id uuid NOT NULL,
    data_type  text NOT NULL,
    queued_at  timestamptz NOT NULL,
    source     text NOT NULL CHECK (source IN ('stream', 'tables')),
    -- skipped: another job's new job reads the same, now. refused: why says why.
    state      text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'replayed', 'skipped', 'refused')),
    why        text NOT NULL DEFAULT '',
    new_job_id uuid,
    PRIMARY KEY (replay_id, job_id),
    CHECK ((state IN ('replayed', 'skipped')) = (new_job_id IS NOT NULL))
);
CREATE INDEX replay_jobs_planned ON alphapulse.replay_jobs (replay_id, subject_id, data_type, queued_at DESC, job_id)
    WHERE state = 'planned';
CREATE UNIQUE INDEX replay_jobs_new ON alphapulse.replay_jobs (new_job_id) WHERE state = 'replayed';

-- The runs of a replay, one for each account or market. snapshots has the job that
-- reads what is now, by data type.
CREATE TABLE alphapulse.replay_runs (
    replay_id  uuid NOT NULL REFERENCES alphapulse.replays (id) ON DELETE CASCADE,
    subject_id uuid NOT NULL,
    run_id     uuid NOT NULL UNIQUE REFERENCES alphapulse.sync_runs (id) ON DELETE CASCADE,
    snapshots  jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (replay_id, subject_id)
);

-- More jobs will come: it is not folded before.
ALTER TABLE alphapulse.sync_runs ADD COLUMN growing boolean NOT NULL DEFAULT false;

DROP INDEX alphapulse.sync_runs_moving;
CREATE INDEX sync_runs_moving ON alphapulse.sync_runs (deadline_at)
    WHERE status = 'running' AND trigger IN ('backfill', 'verify', 'repair', 'replay');

-- +goose Down
DROP INDEX alphapulse.sync_runs_moving;
CREATE INDEX sync_runs_moving ON alphapulse.sync_runs (deadline_at)
    WHERE status = 'running' AND trigger IN ('backfill', 'verify', 'repair');
ALTER TABLE alphapulse.sync_runs DROP COLUMN growing;
DROP TABLE alphapulse.replay_runs, alphapulse.replay_jobs, alphapulse.replays;
