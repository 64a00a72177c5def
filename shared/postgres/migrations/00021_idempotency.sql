-- +goose Up
-- Changes that were asked for under a key: what a key has done once it does not
-- do again. Kept for 24 hours.

CREATE TABLE alphapulse.idempotency_keys (
    -- 'token 17', 'static token' or 'loopback': callers do not share their keys.
    actor text NOT NULL,
    key text NOT NULL,
    procedure text NOT NULL,
    request_hash bytea NOT NULL,
    -- The call that has it.
    claim uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- That call has ended by then. Past it, without a response, nobody knows
    -- whether the change was made.
    busy_until timestamptz NOT NULL,
    -- The answer, once the change was made.
    response bytea,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_created ON alphapulse.idempotency_keys (created_at);

-- +goose Down
DROP TABLE alphapulse.idempotency_keys;
