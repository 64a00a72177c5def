-- +goose Up
-- One request budget for the whole fleet: docs/limits.md says how it works.
-- What changes with every lease is unlogged: after a crash of the database it is
-- empty, and by the time the database is back the windows that it counted are
-- over. Times in these two tables are microseconds since 1970 by this database's
-- clock: they are added and compared thousands of times a minute.

-- What one address of ours may ask of one venue: hosts whose requests the
-- exchange counts together.
CREATE UNLOGGED TABLE alphapulse.address_budgets (
    egress        text NOT NULL,
    venue         text NOT NULL,
    -- When the next request is due if all are evenly spaced.
    next_at       double precision NOT NULL DEFAULT 0,
    -- The part of the budget that is used after the exchange asked us to slow
    -- down, as it was at share_at; it grows back by a tenth a second.
    share         double precision NOT NULL DEFAULT 1,
    share_at      bigint NOT NULL DEFAULT 0,
    used_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (egress, venue)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- What one account may ask of one endpoint, over all addresses.
CREATE UNLOGGED TABLE alphapulse.account_budgets (
    venue         text NOT NULL,
    uid           text NOT NULL,
    endpoint      text NOT NULL,
    -- When each request of the last window was sent at the latest, in order.
    sent          bigint[] NOT NULL DEFAULT '{}',
    -- The limit that the exchange told; NULL: the published one.
    size          integer,
    share         double precision NOT NULL DEFAULT 1,
    share_at      bigint NOT NULL DEFAULT 0,
    blocked_until bigint NOT NULL DEFAULT 0,
    used_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (venue, uid, endpoint)
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_threshold = 1000);

-- Addresses that a venue refuses. Logged, so that a ban outlives a restart.
CREATE TABLE alphapulse.egress_bans (
    egress       text NOT NULL,
    venue        text NOT NULL,
    banned_until timestamptz NOT NULL,
    reason       text NOT NULL DEFAULT '',
    PRIMARY KEY (egress, venue)
);

-- lease_requests is one lease: requests of an address, and of accounts behind
-- it. The first row, place 0, is the address; the others are the accounts' in
-- the order of the arrays, which must be that of (uid, endpoint), so that
-- leases never wait for each other in a circle. Grants are the times at which
-- requests may be sent, on the scale of that row's "moment", which is now.
--
-- The address is paced: one request every "every", up to "burst" at once after a
-- pause. Live requests may use the whole burst and be granted "live_ahead";
-- backfill leaves "reserve" of the burst to them.
--
-- Of an account, no more than its size is granted within any span of its window
-- and a twentieth, which is the room for requests that are late by different
-- amounts. "used" is how many requests the exchange had counted when, "age" ago,
-- it answered one: what it counted and we did not is counted here too. "moved"
-- are earlier grants that were used later than granted, or, with 0, not at all.
-- Spare grants are for requests that will likely follow. They count as sent at
-- the end of their life, and are given while no more than half is in use.
-- +goose StatementBegin
CREATE FUNCTION alphapulse.lease_requests(
    p_egress text, p_venue text, p_held integer, p_live integer, p_backfill integer, p_spare integer,
    p_every double precision, p_burst double precision, p_reserve double precision,
    p_live_ahead bigint, p_backfill_ahead bigint,
    p_uid text[], p_endpoint text[], p_key_live integer[], p_key_backfill integer[], p_key_spare integer[],
    p_published integer[], p_window bigint[], p_told integer[], p_used integer[], p_age bigint[],
    p_key_backfill_ahead bigint, p_spare_life bigint,
    p_moved_key integer[], p_moved_from bigint[], p_moved_to bigint[]
) RETURNS TABLE (
    place integer, moment bigint, banned bigint, live bigint[], backfill bigint[], spare bigint[],
    live_next bigint, backfill_next bigint, size integer
) LANGUAGE plpgsql AS $$
DECLARE
    a     alphapulse.address_budgets;
    b     alphapulse.account_budgets;
    every double precision;
    due   double precision;
    part  double precision;
    wide  bigint;
    most  integer;
    n     integer;
    room  integer;
    k     integer;
    slot  bigint;
    seen  bigint;
    tail  bigint;
    gone  bigint[];
    past  bigint[];
BEGIN
    SELECT t.* INTO a FROM alphapulse.address_budgets t WHERE t.egress = p_egress AND t.venue = p_venue FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO alphapulse.address_budgets (egress, venue) VALUES (p_egress, p_venue) ON CONFLICT DO NOTHING;
        SELECT t.* INTO a FROM alphapulse.address_budgets t WHERE t.egress = p_egress AND t.venue = p_venue FOR UPDATE;
    END IF;
    place := 0;
    moment := extract(epoch FROM clock_timestamp()) * 1000000;
    SELECT extract(epoch FROM t.banned_until) * 1000000 INTO banned
    FROM alphapulse.egress_bans t
    WHERE t.egress = p_egress AND t.venue = p_venue AND t.banned_until > clock_timestamp();
    IF banned > moment THEN
        RETURN NEXT;
        RETURN;
    END IF;
    banned := NULL;

    part := least(1, a.share + 0.1 * (moment - a.share_at) / 1000000);
    every := p_every / part;
    due := greatest(a.next_at, moment - greatest(p_burst - every, 0));
    live := '{}'; backfill := '{}'; spare := '{}';
    FOR k IN 1..p_live LOOP
        EXIT WHEN due > moment + p_live_ahead;
        live := live || greatest(due, moment)::bigint;
        due := due + every;
    END LOOP;
    FOR k IN 1..p_backfill LOOP
        EXIT WHEN due + p_reserve > moment + p_backfill_ahead;
        backfill := backfill || greatest(due + p_reserve, moment)::bigint;
        due := due + every;
    END LOOP;
    FOR k IN 1..p_spare LOOP
        EXIT WHEN due + every > moment - p_burst / 2;
        spare := spare || moment;
        due := due + every;
    END LOOP;
    live_next := greatest(due, moment);
    backfill_next := greatest(due + p_reserve, moment);
    UPDATE alphapulse.address_budgets t SET next_at = due, used_at = clock_timestamp()
    WHERE t.egress = p_egress AND t.venue = p_venue;
    room := p_held + cardinality(live) + cardinality(backfill) + cardinality(spare);
    RETURN NEXT;

    FOR i IN 1..coalesce(cardinality(p_uid), 0) LOOP
        SELECT t.* INTO b FROM alphapulse.account_budgets t
        WHERE t.venue = p_venue AND t.uid = p_uid[i] AND t.endpoint = p_endpoint[i] FOR UPDATE;
        IF NOT FOUND THEN
            INSERT INTO alphapulse.account_budgets AS t (venue, uid, endpoint)
            VALUES (p_venue, p_uid[i], p_endpoint[i]) ON CONFLICT DO NOTHING RETURNING t.* INTO b;
            IF NOT FOUND THEN
                SELECT t.* INTO b FROM alphapulse.account_budgets t
                WHERE t.venue = p_venue AND t.uid = p_uid[i] AND t.endpoint = p_endpoint[i] FOR UPDATE;
            END IF;
        END IF;
        place := i;
        moment := extract(epoch FROM clock_timestamp()) * 1000000;
        live := '{}'; backfill := '{}'; spare := '{}';
        b.size := coalesce(nullif(p_told[i], 0), b.size);
        size := coalesce(b.size, p_published[i]);
        part := least(1, b.share + 0.1 * (moment - b.share_at) / 1000000);
        most := greatest(1, floor(size * part));
        wide := p_window[i] + p_window[i] / 20;

        -- Each query costs as much as all the arithmetic: none is made without need.
        past := b.sent;
        IF i = ANY (p_moved_key) THEN
            gone := array(SELECT p_moved_from[m] FROM generate_subscripts(p_moved_key, 1) m WHERE p_moved_key[m] = i);
            -- Each takes one away: two requests may count as sent at the same microsecond.
            past := array(SELECT y.x FROM (SELECT x, row_number() OVER (PARTITION BY x) AS nth FROM unnest(past) x) y
                          WHERE y.nth > (SELECT count(*) FROM unnest(gone) g WHERE g = y.x)
                          UNION ALL
                          SELECT p_moved_to[m] FROM generate_subscripts(p_moved_key, 1) m
                          WHERE p_moved_key[m] = i AND p_moved_to[m] > 0
                          ORDER BY 1);
        END IF;
        IF p_used[i] >= 0 THEN
            seen := moment - p_age[i];
            SELECT p_used[i] - count(*) INTO n FROM unnest(past) x WHERE x > seen - p_window[i] AND x <= seen;
            -- A difference of a few is the time that requests take; near the limit each counts.
            IF p_used[i] <= size - greatest(1, size / 50) - 1 THEN
                n := n - greatest(1, size / 25);
            END IF;
            IF n > 0 THEN
                past := array(SELECT x FROM unnest(past) x
                              UNION ALL SELECT seen - m FROM generate_series(1, least(n, size)) m ORDER BY 1);
            END IF;
        END IF;
        -- Older ones are of no more use, not even to what an answer says about the past.
        IF past[1] <= moment - p_window[i] * 3 / 2 THEN
            past := array(SELECT x FROM unnest(past) x WHERE x > moment - p_window[i] * 3 / 2 ORDER BY x);
        END IF;
        gone := past;
        IF past[1] <= moment - wide THEN
            gone := array(SELECT x FROM unnest(past) x WHERE x > moment - wide ORDER BY x);
        END IF;
        tail := past[cardinality(past)];

        -- The n-th request from here on may be sent when no more than most - 1
        -- of those before it are within the window.
        n := 0;
        LOOP
            k := cardinality(gone) + n + 1 - most;
            slot := moment + n;
            IF k > 0 THEN
                EXIT WHEN n >= most;
                slot := greatest(gone[k] + wide, slot);
            END IF;
            slot := greatest(slot, b.blocked_until + n);
            live_next := slot;
            EXIT WHEN room <= 0;
            IF cardinality(live) < p_key_live[i] THEN
                EXIT WHEN slot > moment + p_live_ahead;
                live := live || slot;
                past := past || slot;
            ELSIF cardinality(backfill) < p_key_backfill[i] THEN
                EXIT WHEN slot > moment + p_key_backfill_ahead;
                backfill := backfill || slot;
                past := past || slot;
            ELSE
                EXIT WHEN cardinality(spare) >= p_key_spare[i] OR slot > moment + n
                    OR cardinality(gone) + n + 1 > most / 2;
                spare := spare || (slot + p_spare_life);
                past := past || (slot + p_spare_life);
                room := room + 1; -- a later lease pays for the address
            END IF;
            n := n + 1;
            room := room - 1;
        END LOOP;
        backfill_next := live_next;
        IF n > 0 AND past[cardinality(past) - n + 1] < tail THEN
            past := array(SELECT x FROM unnest(past) x ORDER BY x);
        END IF;
        UPDATE alphapulse.account_budgets t
        SET sent = past, size = b.size, used_at = clock_timestamp()
        WHERE t.venue = p_venue AND t.uid = p_uid[i] AND t.endpoint = p_endpoint[i];
        RETURN NEXT;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION alphapulse.lease_requests;
DROP TABLE alphapulse.egress_bans, alphapulse.account_budgets, alphapulse.address_budgets;
