-- +goose Up
-- Rows that came and were not understood. The payload is the row as sent, with
-- secrets redacted. The same row met again counts up and moves last_seen_at.

CREATE TABLE alphapulse.quarantine (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id    uuid REFERENCES alphapulse.accounts (id) ON DELETE CASCADE,
    market_id     uuid REFERENCES alphapulse.markets (id) ON DELETE CASCADE,
    subject_id    uuid NOT NULL GENERATED ALWAYS AS (coalesce(account_id, market_id)) STORED,
    data_type     text NOT NULL,
    scope         text NOT NULL,
    -- The row's key as far as it could be read; '' if not even that.
    row_key       text NOT NULL DEFAULT '',
    reason        text NOT NULL,
    payload       text NOT NULL,
    payload_hash  bytea NOT NULL,
    run_id        uuid NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen          bigint NOT NULL DEFAULT 1,
    -- The last time `quarantine retry` could not read it either.
    retried_at    timestamptz,
    UNIQUE (subject_id, data_type, scope, payload_hash),
    CHECK (num_nonnulls(account_id, market_id) = 1)
);
CREATE INDEX quarantine_account ON alphapulse.quarantine (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX quarantine_age ON alphapulse.quarantine (last_seen_at);

-- +goose Down
DROP TABLE alphapulse.quarantine;
