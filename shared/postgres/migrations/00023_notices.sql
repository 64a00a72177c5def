-- +goose Up
-- What people are told of: conditions while they last, one notice when each
-- begins or gets worse and one when it is over, and what became of each notice
-- on its way to each target.

-- A row for each condition in force. Its end is told when it has been absent for
-- a while, so that one that comes and goes is told once.
CREATE TABLE alphapulse.conditions (
    kind         text NOT NULL,
    subject      text NOT NULL,
    -- How bad it is; a notice is sent again when it gets worse.
    level        integer NOT NULL DEFAULT 0,
    message      text NOT NULL,
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    absent_since timestamptz,
    PRIMARY KEY (kind, subject)
);

CREATE TABLE alphapulse.notices (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    text NOT NULL,
    subject text NOT NULL,
    state   text NOT NULL CHECK (state IN ('firing', 'recovered')),
    level   integer NOT NULL,
    message text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',
    since   timestamptz NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX notices_at ON alphapulse.notices (at);

CREATE TABLE alphapulse.notice_deliveries (
    notice_id    bigint NOT NULL REFERENCES alphapulse.notices (id) ON DELETE CASCADE,
    target       text NOT NULL,
    status       text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead')),
    attempts     integer NOT NULL DEFAULT 0,
    -- When it is tried again; while it is under way, when it counts as lost.
    next_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_error   text NOT NULL DEFAULT '',
    delivered_at timestamptz,
    PRIMARY KEY (notice_id, target)
);
CREATE INDEX notice_deliveries_due ON alphapulse.notice_deliveries (next_at) WHERE status = 'pending';

-- What is looked for every few seconds, among millions of rows.
CREATE INDEX sync_runs_failed ON alphapulse.sync_runs (finished_at, subject_id)
    WHERE status IN ('failed', 'expired') AND trigger IN ('manual', 'initial', 'backfill', 'replay', 'repair');
CREATE INDEX sync_state_failing ON alphapulse.sync_state (subject_id) WHERE consecutive_failures >= 3;

-- +goose Down
DROP INDEX alphapulse.sync_state_failing, alphapulse.sync_runs_failed;
DROP TABLE alphapulse.notice_deliveries, alphapulse.notices, alphapulse.conditions;
