-- +goose Up
-- The past and the present, for people who ask: what an account had at an
-- instant, how long the past is kept, and what its holdings are worth.
-- docs/history.md explains them with examples.

-- When a row was written, on the database's clock; NULL for rows from before
-- this column.
ALTER TABLE alphapulse.balances_history ADD COLUMN observed_at timestamptz;
ALTER TABLE alphapulse.positions_history ADD COLUMN observed_at timestamptz;
ALTER TABLE alphapulse.orders_history ADD COLUMN observed_at timestamptz;

-- A net below the statements that write: no interval ends before it begins.
-- NOT VALID: rows from before are not judged.
ALTER TABLE alphapulse.balances_history ADD CONSTRAINT balances_history_span CHECK (valid_to >= valid_from) NOT VALID;
ALTER TABLE alphapulse.positions_history ADD CONSTRAINT positions_history_span CHECK (valid_to >= valid_from) NOT VALID;
ALTER TABLE alphapulse.orders_history ADD CONSTRAINT orders_history_span CHECK (valid_to >= valid_from) NOT VALID;
ALTER TABLE alphapulse.prices_history ADD CONSTRAINT prices_history_span CHECK (valid_to >= valid_from) NOT VALID;

-- How long closed rows of a history are kept after they ended. An open row is
-- never pruned.
CREATE TABLE alphapulse.history_retention (
    table_name text PRIMARY KEY
               CHECK (table_name IN ('balances_history', 'positions_history', 'orders_history', 'prices_history')),
    -- NULL, like no row at all: for ever.
    keep       interval CHECK (keep BETWEEN interval '1 day' AND interval '1000 years'),
    -- Of instants before this, rows are missing because they were pruned. Set
    -- by the sweep; it stays when keep is raised, as what is gone stays gone.
    pruned_to  timestamptz
);
INSERT INTO alphapulse.history_retention (table_name, keep)
VALUES ('balances_history', NULL), ('positions_history', NULL), ('orders_history', NULL),
       ('prices_history', interval '30 days');

-- The sweep walks these from the oldest end.
CREATE INDEX balances_history_ended ON alphapulse.balances_history (valid_to) WHERE valid_to IS NOT NULL;
CREATE INDEX positions_history_ended ON alphapulse.positions_history (valid_to) WHERE valid_to IS NOT NULL;
CREATE INDEX orders_history_ended ON alphapulse.orders_history (valid_to) WHERE valid_to IS NOT NULL;
CREATE INDEX prices_history_ended ON alphapulse.prices_history (valid_to) WHERE valid_to IS NOT NULL;
DROP INDEX alphapulse.prices_history_age;

-- An order, unlike an asset or a symbol, is one key with few rows, so that its
-- past is walked by time and not by key.
CREATE INDEX orders_history_begun ON alphapulse.orders_history (account_id, valid_from);

-- account_named finds a living account by its name, or any by its id.
-- +goose StatementBegin
CREATE FUNCTION alphapulse.account_named(account text) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
    found uuid;
BEGIN
    SELECT a.id INTO found FROM alphapulse.accounts a WHERE a.name = $1 AND a.status <> 'removed';
    IF found IS NULL AND $1 ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
        found := $1::uuid;
    END IF;
    IF found IS NULL THEN
        RAISE EXCEPTION 'no account is named "%"', coalesce($1, 'NULL')
            USING ERRCODE = 'no_data_found', HINT = 'SELECT name, id FROM alphapulse.accounts lists them.';
    END IF;
    RETURN found;
END $$;
-- +goose StatementEnd

-- past_is_kept refuses what an empty answer would hide: an account that is not
-- there or whose data went with it, and an instant whose rows were pruned.
-- +goose StatementBegin
CREATE FUNCTION alphapulse.past_is_kept(history text, account uuid, at timestamptz) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    a alphapulse.accounts;
    pruned timestamptz;
BEGIN
    SELECT * INTO a FROM alphapulse.accounts WHERE id = $2;
    IF a.id IS NULL THEN
        RAISE EXCEPTION 'no account has the id %', coalesce($2::text, 'NULL')
            USING ERRCODE = 'no_data_found', HINT = 'SELECT name, id FROM alphapulse.accounts lists them.';
    ELSIF a.status = 'removed' THEN
        RAISE EXCEPTION 'account "%" (%) was removed at %, and its history with it', a.name, a.id, a.removed_at
            USING ERRCODE = 'no_data_found';
    ELSIF $3 IS NULL THEN
        RAISE EXCEPTION 'the time to look at is NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT r.pruned_to INTO pruned FROM alphapulse.history_retention r WHERE r.table_name = $1;
    IF $3 < pruned THEN
        RAISE EXCEPTION '% is before %, up to which % was pruned', $3, pruned, $1
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'alphapulse.history_retention says how long a history is kept.';
    ELSIF $3 < a.created_at THEN
        RAISE NOTICE 'account "%" was added at %: nothing is known of it before', a.name, a.created_at;
    END IF;
END $$;
-- +goose StatementEnd

-- What an account had at an instant. as_of is the exchange's clock when the row
-- last changed, as in the live table, and so equals valid_from. Columns that
-- follow the market are as they were then, at valid_from.
--
-- balances_at and positions_at hop from key to key along the primary key and
-- take of each the last row that began by then: intervals of a key do not
-- overlap, so it alone can hold. The cost is that of the keys, however long
-- their history.
-- +goose StatementBegin
CREATE FUNCTION alphapulse.balances_at(account uuid, at timestamptz)
RETURNS TABLE (
    account_id uuid, wallet text, asset text, total numeric, available numeric, locked numeric, borrowed numeric,
    equity numeric, usd_value numeric, run_id uuid, as_of timestamptz, observed_at timestamptz,
    valid_from timestamptz, valid_to timestamptz
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    PERFORM alphapulse.past_is_kept('balances_history', $1, $2);
    RETURN QUERY
    WITH RECURSIVE key AS (
        (SELECT h.wallet, h.asset FROM alphapulse.balances_history h
         WHERE h.account_id = $1 ORDER BY h.wallet, h.asset LIMIT 1)
        UNION ALL
        SELECT n.wallet, n.asset FROM key k CROSS JOIN LATERAL (
            SELECT h.wallet, h.asset FROM alphapulse.balances_history h
            WHERE h.account_id = $1 AND (h.wallet, h.asset) > (k.wallet, k.asset)
            ORDER BY h.wallet, h.asset LIMIT 1) n)
    SELECT s.account_id, s.wallet, s.asset, s.total, s.available, s.locked, s.borrowed, s.equity, s.usd_value,
           s.run_id, s.valid_from, s.observed_at, s.valid_from, s.valid_to
    FROM key k CROSS JOIN LATERAL (
        SELECT h.* FROM alphapulse.balances_history h
        WHERE h.account_id = $1 AND h.wallet = k.wallet AND h.asset = k.asset AND h.valid_from <= $2
        ORDER BY h.valid_from DESC LIMIT 1) s
    WHERE s.valid_to IS NULL OR s.valid_to > $2;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION alphapulse.positions_at(account uuid, at timestamptz)
RETURNS TABLE (
    account_id uuid, category text, symbol text, position_idx integer, side text, size numeric,
    entry_price numeric, mark_price numeric, leverage numeric, liquidation_price numeric, unrealized_pnl numeric,
    realized_pnl numeric, initial_margin numeric, maintenance_margin numeric, settle_asset text, scope text,
    run_id uuid, as_of timestamptz, observed_at timestamptz, valid_from timestamptz, valid_to timestamptz
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    PERFORM alphapulse.past_is_kept('positions_history', $1, $2);
    RETURN QUERY
    WITH RECURSIVE key AS (
        (SELECT h.category, h.symbol, h.position_idx FROM alphapulse.positions_history h
         WHERE h.account_id = $1 ORDER BY h.category, h.symbol, h.position_idx LIMIT 1)
        UNION ALL
        SELECT n.category, n.symbol, n.position_idx FROM key k CROSS JOIN LATERAL (
            SELECT h.category, h.symbol, h.position_idx FROM alphapulse.positions_history h
            WHERE h.account_id = $1
              AND (h.category, h.symbol, h.position_idx) > (k.category, k.symbol, k.position_idx)
            ORDER BY h.category, h.symbol, h.position_idx LIMIT 1) n)
    SELECT s.account_id, s.category, s.symbol, s.position_idx, s.side, s.size, s.entry_price, s.mark_price, s.leverage,
           s.liquidation_price, s.unrealized_pnl, s.realized_pnl, s.initial_margin, s.maintenance_margin,
           s.settle_asset, s.scope, s.run_id, s.valid_from, s.observed_at, s.valid_from, s.valid_to
    FROM key k CROSS JOIN LATERAL (
        SELECT h.* FROM alphapulse.positions_history h
        WHERE h.account_id = $1 AND h.category = k.category AND h.symbol = k.symbol
          AND h.position_idx = k.position_idx AND h.valid_from <= $2
        ORDER BY h.valid_from DESC LIMIT 1) s
    WHERE s.valid_to IS NULL OR s.valid_to > $2;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION alphapulse.orders_at(account uuid, at timestamptz)
RETURNS TABLE (
    account_id uuid, category text, order_id text, client_order_id text, symbol text, side text, order_type text,
    time_in_force text, status text, exchange_status text, price numeric, quantity numeric, filled_quantity numeric,
    average_price numeric, fees jsonb, reduce_only boolean, trigger_price numeric, created_at timestamptz,
    updated_at timestamptz, scope text, run_id uuid, as_of timestamptz, observed_at timestamptz,
    valid_from timestamptz, valid_to timestamptz
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    PERFORM alphapulse.past_is_kept('orders_history', $1, $2);
    RETURN QUERY
    SELECT h.account_id, h.category, h.order_id, h.client_order_id, h.symbol, h.side, h.order_type,
           h.time_in_force, h.status, h.exchange_status, h.price, h.quantity, h.filled_quantity, h.average_price,
           h.fees, h.reduce_only, h.trigger_price, h.created_at, h.updated_at, h.scope, h.run_id, h.valid_from,
           h.observed_at, h.valid_from, h.valid_to
    FROM alphapulse.orders_history h
    WHERE h.account_id = $1 AND h.valid_from <= $2 AND (h.valid_to IS NULL OR h.valid_to > $2);
END $$;
-- +goose StatementEnd

-- The same by the account's name, or its id as text.
CREATE FUNCTION alphapulse.balances_at(account text, at timestamptz)
RETURNS TABLE (
    account_id uuid, wallet text, asset text, total numeric, available numeric, locked numeric, borrowed numeric,
    equity numeric, usd_value numeric, run_id uuid, as_of timestamptz, observed_at timestamptz,
    valid_from timestamptz, valid_to timestamptz
) LANGUAGE sql STABLE AS 'SELECT * FROM alphapulse.balances_at(alphapulse.account_named($1), $2)';

CREATE FUNCTION alphapulse.positions_at(account text, at timestamptz)
RETURNS TABLE (
    account_id uuid, category text, symbol text, position_idx integer, side text, size numeric,
    entry_price numeric, mark_price numeric, leverage numeric, liquidation_price numeric, unrealized_pnl numeric,
    realized_pnl numeric, initial_margin numeric, maintenance_margin numeric, settle_asset text, scope text,
    run_id uuid, as_of timestamptz, observed_at timestamptz, valid_from timestamptz, valid_to timestamptz
) LANGUAGE sql STABLE AS 'SELECT * FROM alphapulse.positions_at(alphapulse.account_named($1), $2)';

CREATE FUNCTION alphapulse.orders_at(account text, at timestamptz)
RETURNS TABLE (
    account_id uuid, category text, order_id text, client_order_id text, symbol text, side text, order_type text,
    time_in_force text, status text, exchange_status text, price numeric, quantity numeric, filled_quantity numeric,
    average_price numeric, fees jsonb, reduce_only boolean, trigger_price numeric, created_at timestamptz,
    updated_at timestamptz, scope text, run_id uuid, as_of timestamptz, observed_at timestamptz,
    valid_from timestamptz, valid_to timestamptz
) LANGUAGE sql STABLE AS 'SELECT * FROM alphapulse.orders_at(alphapulse.account_named($1), $2)';

-- Holdings of every wallet, valued in USDT by the last spot prices of their own
-- market: USDT is 1, any other asset its pair against USDT, or else its pair
-- against USDC, BTC or ETH (the first that is quoted) times that asset's against
-- USDT. A stable coin is worth what its market says. What cannot be valued is
-- listed with a reason, priced false and no value, never as zero; a last price
-- of zero is none.
--
-- value_usdt is the wallet's balance valued: a negative one is a debt. A unified
-- wallet's balance includes what was borrowed for spot trades; net is the
-- exchange's equity of the asset (less what is borrowed, with open profit and
-- option value), or the balance where the wallet has no such figure and nothing
-- is borrowed. exchange_usd_value is the exchange's own valuation, to compare.
CREATE OR REPLACE VIEW alphapulse.portfolio AS
SELECT a.id AS account_id,
       a.name AS account,
       b.wallet,
       b.asset,
       b.total,
       v.price,
       b.total * v.price AS value_usdt,
       b.usd_value AS exchange_usd_value,
       b.total * v.price IS NOT NULL AS priced,
       b.as_of AS holding_changed_at,
       v.as_of AS price_as_of,
       -- The pair, or the two pairs, that the price is from; USDT for itself.
       v.source AS price_source,
       -- Why one of the two values is missing; NULL if none is.
       CASE WHEN b.total IS NULL THEN 'the exchange sent no balance'
            WHEN v.price IS NOT NULL AND n.net IS NULL THEN 'borrowed, and the exchange sent no equity'
            WHEN v.price IS NOT NULL THEN NULL
            WHEN NOT EXISTS (SELECT FROM alphapulse.prices p WHERE p.market_id = a.market_id AND p.category = 'spot')
                THEN 'no prices of this market have been stored'
            WHEN EXISTS (SELECT FROM alphapulse.prices p
                         WHERE p.market_id = a.market_id AND p.category = 'spot'
                           AND p.symbol IN (b.asset || 'USDT', b.asset || 'USDC', b.asset || 'BTC', b.asset || 'ETH'))
                THEN 'its pair has no last price'
            ELSE 'no spot pair leads to USDT' END AS unpriced_reason,
       b.borrowed,
       n.net,
       n.net * v.price AS net_value_usdt
FROM alphapulse.balances b
JOIN alphapulse.accounts a ON a.id = b.account_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN b.equity IS NOT NULL THEN b.equity WHEN coalesce(b.borrowed, 0) = 0 THEN b.total END AS net) n
LEFT JOIN LATERAL (
    SELECT c.price, c.as_of, c.source FROM (
        SELECT 0 AS rank, 1::numeric AS price, NULL::timestamptz AS as_of, 'USDT' AS source WHERE b.asset = 'USDT'
        UNION ALL
        SELECT 1, p.last, p.as_of, p.symbol FROM alphapulse.prices p
        WHERE p.market_id = a.market_id AND p.category = 'spot' AND p.symbol = b.asset || 'USDT' AND p.last > 0
        UNION ALL
        SELECT q.rank, p.last * u.last, least(p.as_of, u.as_of), p.symbol || ' * ' || u.symbol
        FROM (VALUES (2, 'USDC'), (3, 'BTC'), (4, 'ETH')) q (rank, asset)
        JOIN alphapulse.prices p ON p.market_id = a.market_id AND p.category = 'spot'
            AND p.symbol = b.asset || q.asset AND p.last > 0
        JOIN alphapulse.prices u ON u.market_id = a.market_id AND u.category = 'spot'
            AND u.symbol = q.asset || 'USDT' AND u.last > 0) c
    ORDER BY c.rank LIMIT 1) v ON true;

-- What each account is worth, and how far that can be trusted. The sums are of
-- what is priced; NULL while no wallet has been read, or nothing could be
-- priced. unpriced lists the assets that are missing in one of them; an asset of which there is exactly none
-- needs no price. complete: every wallet was read to its end at its last walk,
-- and everything is in both sums. as_of is the oldest reading that the sums
-- stand on.
CREATE VIEW alphapulse.portfolio_totals AS
SELECT a.id AS account_id,
       a.name AS account,
       CASE WHEN h.holdings > 0 THEN h.value_usdt WHEN s.as_of IS NOT NULL THEN 0 END AS value_usdt,
       CASE WHEN h.holdings > 0 THEN h.net_value_usdt WHEN s.as_of IS NOT NULL THEN 0 END AS net_value_usdt,
       coalesce(h.holdings, 0) AS holdings,
       coalesce(h.unpriced_count, 0) AS unpriced_count,
       coalesce(h.unpriced, '{}') AS unpriced,
       coalesce(s.complete, false) AND coalesce(h.whole, true) AS complete,
       least(s.as_of, p.as_of) AS as_of,
       s.as_of AS holdings_as_of,
       p.as_of AS prices_as_of
FROM alphapulse.accounts a
LEFT JOIN LATERAL (
    SELECT count(*) AS holdings,
           sum(f.value_usdt) AS value_usdt,
           sum(f.net_value_usdt) AS net_value_usdt,
           count(DISTINCT f.asset) FILTER (WHERE f.open) AS unpriced_count,
           array_agg(DISTINCT f.asset ORDER BY f.asset) FILTER (WHERE f.open) AS unpriced,
           bool_and(NOT f.open) AS whole,
           bool_or(f.price_source <> 'USDT') AS uses_prices
    FROM (SELECT f.*, f.unpriced_reason IS NOT NULL AND (f.total = 0 AND f.net = 0) IS NOT TRUE AS open
          FROM alphapulse.portfolio f WHERE f.account_id = a.id) f) h ON true
LEFT JOIN LATERAL (
    SELECT min(c.as_of) AS as_of, bool_and(c.complete AND c.as_of IS NOT NULL) AS complete
    FROM alphapulse.sync_scopes c WHERE c.subject_id = a.id AND c.data_type = 'balances') s ON true
LEFT JOIN LATERAL (
    SELECT c.as_of FROM alphapulse.sync_scopes c
    WHERE h.uses_prices AND c.subject_id = a.market_id AND c.data_type = 'prices' AND c.scope = 'spot') p ON true
WHERE a.status <> 'removed';

-- +goose Down
DROP VIEW alphapulse.portfolio_totals, alphapulse.portfolio;
CREATE VIEW alphapulse.portfolio AS
SELECT a.id AS account_id,
       a.name AS account,
       b.wallet,
       b.asset,
       b.total,
       CASE WHEN b.asset = 'USDT' THEN 1 ELSE p.last END AS price,
       b.total * CASE WHEN b.asset = 'USDT' THEN 1 ELSE p.last END AS value_usdt,
       b.usd_value AS exchange_usd_value,
       b.asset = 'USDT' OR p.last IS NOT NULL AS priced,
       b.as_of AS holding_changed_at,
       p.as_of AS price_as_of
FROM alphapulse.balances b
JOIN alphapulse.accounts a ON a.id = b.account_id
LEFT JOIN alphapulse.prices p
    ON p.market_id = a.market_id AND p.category = 'spot' AND p.symbol = b.asset || 'USDT';
DROP FUNCTION alphapulse.balances_at(text, timestamptz), alphapulse.positions_at(text, timestamptz),
    alphapulse.orders_at(text, timestamptz), alphapulse.balances_at(uuid, timestamptz),
    alphapulse.positions_at(uuid, timestamptz), alphapulse.orders_at(uuid, timestamptz),
    alphapulse.past_is_kept(text, uuid, timestamptz), alphapulse.account_named(text);
DROP INDEX alphapulse.orders_history_begun, alphapulse.balances_history_ended, alphapulse.positions_history_ended,
    alphapulse.orders_history_ended, alphapulse.prices_history_ended;
CREATE INDEX prices_history_age ON alphapulse.prices_history (valid_from);
DROP TABLE alphapulse.history_retention;
ALTER TABLE alphapulse.balances_history DROP CONSTRAINT balances_history_span, DROP COLUMN observed_at;
ALTER TABLE alphapulse.positions_history DROP CONSTRAINT positions_history_span, DROP COLUMN observed_at;
ALTER TABLE alphapulse.orders_history DROP CONSTRAINT orders_history_span, DROP COLUMN observed_at;
ALTER TABLE alphapulse.prices_history DROP CONSTRAINT prices_history_span;
