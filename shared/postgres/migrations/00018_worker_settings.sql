-- +goose Up
-- How much workers do at once, changed while they run, and what they do now.

-- For every worker (worker = '') or for one of them by its name, which goes before.
-- NULL: as it was started, or as it is for every worker.
CREATE TABLE alphapulse.worker_settings (
    data_type  text NOT NULL,
    worker     text NOT NULL DEFAULT '',
    -- Jobs of one queue that are worked on at once.
    slots      integer CHECK (slots BETWEEN 1 AND 1024),
    lanes      text[] CHECK (lanes <@ ARRAY['live', 'backfill'] AND cardinality(lanes) > 0),
    paused     boolean,
    updated_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (data_type, worker)
);

-- What each worker does now, as it said last; one that is gone says nothing more.
CREATE TABLE alphapulse.workers (
    name      text NOT NULL,
    data_type text NOT NULL,
    -- The slots and lanes in force; the most that its connections allow.
    slots     integer NOT NULL,
    max_slots integer NOT NULL,
    lanes     text[] NOT NULL,
    paused    boolean NOT NULL,
    seen_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (name, data_type)
);

-- +goose Down
DROP TABLE alphapulse.workers, alphapulse.worker_settings;
