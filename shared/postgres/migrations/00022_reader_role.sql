-- +goose Up
-- alphapulse_reader may read everything but secrets: a group for the logins of
-- analysts and of dashboards. Roles belong to the whole server, so it may be there
-- already, and whoever migrates may not be allowed to make one; then somebody who
-- may does, and calls alphapulse.grant_reader().
--
-- What a later migration makes can be read too. One that makes a column for a
-- secret says REVOKE ALL ON … FROM alphapulse_reader, if the role exists, and a test
-- demands it.

-- +goose StatementBegin
CREATE FUNCTION alphapulse.grant_reader() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    GRANT USAGE ON SCHEMA alphapulse TO alphapulse_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA alphapulse TO alphapulse_reader;
    REVOKE ALL ON alphapulse.account_credentials, alphapulse.api_tokens, alphapulse.idempotency_keys
        FROM alphapulse_reader;
    GRANT SELECT (id, name, scopes, created_by, created_at, expires_at, revoked_at, last_used_at)
        ON alphapulse.api_tokens TO alphapulse_reader;
    ALTER DEFAULT PRIVILEGES IN SCHEMA alphapulse GRANT SELECT ON TABLES TO alphapulse_reader;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'alphapulse_reader') THEN
        BEGIN
            CREATE ROLE alphapulse_reader NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this server has made it just now
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role alphapulse_reader was not made: % may not make roles. As one who may: '
                    'CREATE ROLE alphapulse_reader NOLOGIN; then, as %: SELECT alphapulse.grant_reader()',
                    current_user, current_user;
                RETURN;
        END;
    END IF;
    PERFORM alphapulse.grant_reader();
END $$;
-- +goose StatementEnd

-- +goose Down
-- The role stays: other databases of the server may use it.
-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'alphapulse_reader') THEN
        ALTER DEFAULT PRIVILEGES IN SCHEMA alphapulse REVOKE SELECT ON TABLES FROM alphapulse_reader;
        REVOKE ALL ON ALL TABLES IN SCHEMA alphapulse FROM alphapulse_reader;
        REVOKE ALL ON SCHEMA alphapulse FROM alphapulse_reader;
    END IF;
END $$;
-- +goose StatementEnd
DROP FUNCTION alphapulse.grant_reader();
