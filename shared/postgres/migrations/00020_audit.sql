-- +goose Up
-- Who has changed what through the API, and who was refused. A row is written
-- before the change is made, so that no change is without one; nothing here is
-- ever deleted by this program.

CREATE TABLE alphapulse.audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- A token's name, 'static token' or 'loopback'. Names of tokens are used again;
    -- token_id says which one it was.
    actor text NOT NULL,
    token_id bigint,
    remote_address text NOT NULL,
    -- 'RunService/StartSync'
    procedure text NOT NULL,
    -- The account that it was about, by the name it had; NULL: none, or unknown.
    account text,
    -- What else it was about: a run, rows, a token.
    target text,
    -- As asked for, secrets redacted.
    request jsonb NOT NULL,
    idempotency_key text,
    -- 'ok', 'repeated' (answered from what the same key did before), or the code
    -- of the error. NULL while it is being made; for good, if the process died then:
    -- the change was made or not.
    outcome text,
    finished_at timestamptz
);
CREATE INDEX audit_log_at ON alphapulse.audit_log (at);
CREATE INDEX audit_log_account ON alphapulse.audit_log (account, id) WHERE account IS NOT NULL;
CREATE INDEX audit_log_actor ON alphapulse.audit_log (actor, id);

-- +goose Down
DROP TABLE alphapulse.audit_log;
