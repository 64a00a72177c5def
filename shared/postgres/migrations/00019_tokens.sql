-- +goose Up
-- Tokens of the API. A token's secret half is 256 random bits, so its plain
-- SHA-256 says nothing about it: a slow hash is for secrets that can be guessed.

CREATE TABLE alphapulse.api_tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    scopes text[] NOT NULL
        CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'sync', 'operate', 'admin']),
    -- Who made it: a token's name, 'static token' or 'loopback'.
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- NULL: never.
    expires_at timestamptz,
    revoked_at timestamptz,
    -- To the minute.
    last_used_at timestamptz
);
-- A name says which token; one that was revoked has given it free.
CREATE UNIQUE INDEX api_tokens_name ON alphapulse.api_tokens (name) WHERE revoked_at IS NULL;

-- +goose Down
DROP TABLE alphapulse.api_tokens;
