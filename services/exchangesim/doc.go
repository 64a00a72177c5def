// Package exchangesim is a stand-in exchange. It speaks the wire format of
// Bybit V5 over HTTP, enforces its rules, and knows the truth about itself, so
// that a client can be tested against something that is strict, exact and
// reproducible. It is for tests, demos and benchmarks; it trades nothing.
//
// # The world
//
// Every row is a closed-form function of (seed, account, instant) plus what the
// admin changed. Nothing is stored for an account until it is changed, so
// thousands of accounts cost nothing, a restart with the same seed shows the
// same world, and any past instant can be shown again. The world moves in
// frames of Config.Tick: prices, and all that follows them, in every frame;
// amounts within seconds to minutes; positions and orders open and end within
// minutes to weeks. Prices are one world for all accounts.
//
// # Instants
//
// The envelope's time is the instant that the rows show, in milliseconds.
// Truth of an instant T equals what any request answered with time T showed;
// changes are dated so that they never touch an instant that was shown before.
// Two exceptions, both meant: the later pages of a cursor walk carry the
// present as their time, but show the instant of the walk's first page (which
// the cursor carries); and a fault of kind clock dates answers wrongly.
//
// The server's clock is Config.Clock plus the admin's offset. Moving it back
// shows instants again; a change made then may alter them.
//
// # The rules
//
// In the order in which they bite: the limit per address (HTTP 403 and a ban);
// a GET with a body (403); an unknown path (an empty 404; another method on a
// known one: 10017); the X-BAPI headers (401 if one is missing), recv_window
// (10002), the key (10003; revoked and replaced keys are unknown), its expiry
// (33004), the signature over the exact bytes of the query (10004, with the
// signed string in the message, as the real exchange does), its addresses
// (10010), its permissions (10005); the limit per UID and path (10006, with
// its X-Bapi headers); parameters, page limits and windows (10001, 181017).
//
// Where the documentation is silent the stand-in takes the harder reading:
// order/history filters by creation (Config.HistoryBy), both bounds included;
// with an orderId the window does not count; cursors belong to the parameters
// they were given for; every third walk has a cursor on its last page. A
// lookup of an order that order/history has forgotten finds nothing: orders
// that ended without a fill are gone after a day.
//
// # Administration
//
// /admin is served beside the API, as JSON: on loopback only, or with a token
// (Authorization: Bearer TOKEN). Each endpoint has a Go method of its own. A
// change answers the first instant that shows it.
//
//	curl -s 'localhost:8090/admin/truth?at=2026-01-02T03:04:05Z'                 # prices
//	curl -s 'localhost:8090/admin/truth?uid=UID&at=1767323045000&days=7'         # all of an account
//	curl -s localhost:8090/admin/accounts/UID/credentials
//	curl -s -X POST localhost:8090/admin/accounts/UID/balance -d '{"asset":"BTC","amount":"1.5"}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/remove-asset -d '{"asset":"BTC"}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/open-position -d '{"category":"linear","symbol":"BTCUSDT","side":"Buy","size":"0.1"}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/close-position -d '{"category":"linear","symbol":"BTCUSDT","position_idx":0}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/place-order -d '{"category":"spot","symbol":"BTCUSDT","side":"Buy","price":"50000","qty":"0.1"}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/cancel-order -d '{"category":"spot","order_id":"…"}'   # also fill-order, forget-order
//	curl -s -X POST localhost:8090/admin/accounts/UID/revoke-key                 # also restore-key, rotate-key
//	curl -s -X POST localhost:8090/admin/accounts/UID/permissions -d '{"read_only":false,"permissions":{"Wallet":["Withdraw"]}}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/expiry -d '{"expires":"2026-01-02T00:00:00Z"}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/ips -d '{"ips":["192.0.2.1"]}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/mode -d '{"unified_margin_status":1}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/uid -d '{"uid":"12345"}'
//	curl -s -X POST localhost:8090/admin/faults -d '{"endpoint":"/v5/position/list","kind":"status","value":"500","every_n":3}'
//	curl -s localhost:8090/admin/faults
//	curl -s -X DELETE 'localhost:8090/admin/faults?id=fault-1'                   # without id: all
//	curl -s -X POST localhost:8090/admin/hold -d '{"endpoint":"/v5/position/list"}'
//	curl -s 'localhost:8090/admin/hold?id=hold-1&waiting=2'                      # answers when two requests wait
//	curl -s -X POST localhost:8090/admin/release -d '{"id":"hold-1"}'            # without id or endpoint: all
//	curl -s -X POST localhost:8090/admin/clock -d '{"offset_ms":-3000}'
//	curl -s -X POST localhost:8090/admin/limits -d '{"on":false}'
//	curl -s -X POST localhost:8090/admin/unban
//	curl -s localhost:8090/admin/stats
//	curl -s -X POST localhost:8090/admin/stats/reset
//	curl -s localhost:8090/healthz
//
// The kinds of faults are those of FaultKind.
package exchangesim
