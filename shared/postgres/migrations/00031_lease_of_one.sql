-- +goose Up
-- Nearly every request is the first one of its account for a while: then what it is
-- given does not depend on the past. Such accounts are found while they are locked, and
-- given all together; the arithmetic, account by account, is for the others. That takes a
-- quarter off a lease. Two things go another way: a missing account is noticed when all
-- are locked, which is never after the first time, and what is given to those that had
-- a rest is answered before the rest.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION alphapulse.lease_group(
    p_egress text, p_venue text, p_held integer, p_live integer, p_backfill integer, p_spare integer,
    p_every double precision, p_burst double precision, p_reserve double precision,
    p_live_ahead bigint, p_backfill_ahead bigint,
    p_uid text[], p_endpoint text[], p_key_live integer[], p_key_backfill integer[], p_key_spare integer[],
    p_published integer[], p_window bigint[], p_told integer[], p_used integer[], p_age bigint[],
    p_key_backfill_ahead bigint, p_spare_life bigint, p_late bigint,
    p_moved_key integer[], p_moved_from bigint[], p_moved_to bigint[]
) RETURNS TABLE (
    place integer, moment bigint, banned bigint, live bigint[], backfill bigint[], spare bigint[],
    live_next bigint, backfill_next bigint, size integer
) LANGUAGE plpgsql AS $$
DECLARE
    a      alphapulse.address_budgets;
    b      alphapulse.account_budgets;
    held   alphapulse.account_budgets[];
    keys   integer := coalesce(cardinality(p_uid), 0);
    moves  integer := coalesce(cardinality(p_moved_key), 0);
    move   integer := 1;
    every  double precision;
    due    double precision;
    wide   bigint;
    most   integer;
    n      integer;
    i      integer;
    room   integer;
    k      integer;
    slot   bigint;
    seen   bigint;
    charge bigint;
    past   bigint[]; -- what "sent" will be
    sent   bigint[]; -- what it was before this lease's grants,
    over   integer;  -- of which so many are out of the window
    rested integer[]; -- keys that need no arithmetic,
    others integer[]; -- and those that do, with what is held of them
    there  integer;
    wanted integer;
    short  boolean := true; -- that there is a difference
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

    every := p_every / least(1, a.share + 0.1 * (moment - a.share_at) / 1000000);
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

    -- Locked in the order of the keys. Missing ones are made in that order, too; one that
    -- is pruned in between is made again.
    WHILE keys > 0 LOOP
        SELECT count(*), sum(locked.wants), array_agg(locked.nth) FILTER (WHERE locked.rested),
               array_agg(locked.nth ORDER BY locked.nth) FILTER (WHERE NOT locked.rested),
               array_agg(locked.budget ORDER BY locked.nth) FILTER (WHERE NOT locked.rested)
        INTO there, wanted, rested, others, held
        FROM (SELECT key.nth::integer, key.live + key.backfill AS wants, one.budget,
                     -- One request of an account that has had a rest: the clock has only gone
                     -- on since "moment", which makes none of this untrue.
                     short AND key.live = 1 AND key.backfill = 0 AND key.spare = 2 AND key.told = 0 AND key.used < 0
                     AND key.nth <> ALL (coalesce(p_moved_key, '{}')) AND one.blocked_until <= moment AND p_late <= p_spare_life
                     AND floor(coalesce(one.size, key.published)
                               * least(1, one.share + 0.1 * (moment - one.share_at) / 1000000)) > 5
                     AND coalesce(one.sent[cardinality(one.sent)] <= moment - key.wide * 3 / 2, true) AS rested
              FROM (SELECT * FROM unnest(p_uid, p_endpoint, p_key_live, p_key_backfill, p_key_spare, p_told, p_used,
                                         p_published, p_window)
                           WITH ORDINALITY AS u (uid, endpoint, live, backfill, spare, told, used, published, wide, nth)
                    ORDER BY nth OFFSET 0) key,
                   LATERAL (SELECT t AS budget, t.blocked_until, t.size, t.share, t.share_at, t.sent
                            FROM alphapulse.account_budgets t
                            WHERE t.venue = p_venue AND t.uid = key.uid AND t.endpoint = key.endpoint
                            FOR UPDATE) one
              OFFSET 0) locked;
        EXIT WHEN there = keys AND (NOT short OR rested IS NULL OR room > wanted);
        IF there = keys THEN
            short := false; -- the address has not enough for all, and who gets it is for the order of the keys
            CONTINUE;
        END IF;
        INSERT INTO alphapulse.account_budgets (venue, uid, endpoint)
        SELECT p_venue, key.uid, key.endpoint
        FROM unnest(p_uid, p_endpoint) WITH ORDINALITY AS key (uid, endpoint, nth)
        WHERE (SELECT true FROM alphapulse.account_budgets t
               WHERE t.venue = p_venue AND t.uid = key.uid AND t.endpoint = key.endpoint LIMIT 1) IS NULL
        ORDER BY key.nth ON CONFLICT DO NOTHING;
    END LOOP;
    moment := extract(epoch FROM clock_timestamp()) * 1000000;

    IF rested IS NOT NULL THEN -- what the arithmetic below comes to for them, without it
        room := room - cardinality(rested);
        RETURN QUERY
        UPDATE alphapulse.account_budgets t
        SET sent = ARRAY[moment + p_late, moment + 1 + p_spare_life, moment + 2 + p_spare_life], used_at = clock_timestamp()
        FROM (SELECT u.nth, p_uid[u.nth] AS uid, p_endpoint[u.nth] AS endpoint, p_published[u.nth] AS published
              FROM unnest(rested) u (nth) OFFSET 0) key,
             LATERAL (SELECT found.ctid FROM alphapulse.account_budgets found
                      WHERE found.venue = p_venue AND found.uid = key.uid AND found.endpoint = key.endpoint
                      LIMIT 1) at
        WHERE t.ctid = at.ctid
        RETURNING key.nth, moment, NULL::bigint, ARRAY[moment], '{}'::bigint[],
                  ARRAY[moment + 1 + p_spare_life, moment + 2 + p_spare_life], moment + 3, moment + 3,
                  coalesce(t.size, key.published);
    END IF;

    FOR j IN 1..coalesce(cardinality(others), 0) LOOP
        i := others[j];
        b := held[j];
        place := i;
        live := '{}'; backfill := '{}'; spare := '{}';
        b.size := coalesce(nullif(p_told[i], 0), b.size);
        size := coalesce(b.size, p_published[i]);
        most := greatest(1, floor(size * least(1, b.share + 0.1 * (moment - b.share_at) / 1000000)));
        wide := p_window[i] + p_window[i] / 20;

        past := b.sent;
        WHILE move <= moves AND p_moved_key[move] = i LOOP
            -- One is taken away: two requests may count as sent at the same microsecond.
            k := array_position(past, p_moved_from[move]);
            IF k IS NOT NULL THEN
                past := past[:k - 1] || past[k + 1:];
            END IF;
            charge := p_moved_to[move];
            IF charge > 0 THEN
                k := cardinality(past);
                WHILE k > 0 AND past[k] > charge LOOP
                    k := k - 1;
                END LOOP;
                past := past[:k] || charge || past[k + 1:];
            END IF;
            move := move + 1;
        END LOOP;
        IF p_used[i] >= 0 THEN
            seen := moment - p_age[i];
            n := p_used[i];
            k := cardinality(past);
            WHILE k > 0 AND past[k] > seen LOOP
                k := k - 1;
            END LOOP;
            WHILE k > 0 AND past[k] > seen - p_window[i] LOOP
                k := k - 1;
                n := n - 1;
            END LOOP;
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
        k := 1;
        WHILE past[k] <= moment - p_window[i] * 3 / 2 LOOP
            k := k + 1;
        END LOOP;
        IF k > 1 THEN
            past := past[k:];
        END IF;
        sent := past;
        over := 0;
        WHILE sent[over + 1] <= moment - wide LOOP
            over := over + 1;
        END LOOP;

        -- The n-th request from here on may be sent when no more than most - 1
        -- of those before it are within the window.
        n := 0;
        LOOP
            k := cardinality(sent) - over + n + 1 - most;
            slot := moment + n;
            IF k > 0 THEN
                EXIT WHEN n >= most;
                slot := greatest(sent[over + k] + wide, slot);
            END IF;
            slot := greatest(slot, b.blocked_until + n);
            live_next := slot;
            EXIT WHEN room <= 0;
            charge := slot + CASE slot WHEN moment + n THEN p_late ELSE 0 END;
            IF cardinality(live) < p_key_live[i] THEN
                EXIT WHEN slot > moment + p_live_ahead;
                live := live || slot;
            ELSIF cardinality(backfill) < p_key_backfill[i] THEN
                EXIT WHEN slot > moment + p_key_backfill_ahead;
                backfill := backfill || slot;
            ELSE
                EXIT WHEN cardinality(spare) >= p_key_spare[i] OR slot > moment + n
                    OR cardinality(sent) - over + n + 1 > most / 2;
                charge := slot + p_spare_life;
                spare := spare || charge;
                room := room + 1; -- a later lease pays for the address
            END IF;
            n := n + 1;
            room := room - 1;
            k := cardinality(past);
            IF k = 0 OR past[k] <= charge THEN
                past := past || charge;
            ELSE
                WHILE k > 0 AND past[k] > charge LOOP
                    k := k - 1;
                END LOOP;
                past := past[:k] || charge || past[k + 1:];
            END IF;
        END LOOP;
        backfill_next := live_next;
        b.sent := past;
        held[j] := b;
        RETURN NEXT;
    END LOOP;
    IF others IS NULL THEN
        RETURN;
    END IF;
    UPDATE alphapulse.account_budgets t
    SET sent = key.sent, size = key.size, used_at = clock_timestamp()
    FROM unnest(held) key,
         LATERAL (SELECT found.ctid FROM alphapulse.account_budgets found
                  WHERE found.venue = p_venue AND found.uid = key.uid AND found.endpoint = key.endpoint
                  LIMIT 1) at
    WHERE t.ctid = at.ctid;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- The function stays as it is: what it answers and keeps is what 00025's does.
SELECT 1;
