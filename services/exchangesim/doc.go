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
// its X-Bapi headers); a maintenance that refuses (10016); parameters, page
// limits and windows (10001, 181017).
//
// Where the documentation is silent the stand-in takes the harder reading:
// order/history filters by creation (Config.HistoryBy), both bounds included;
// with an orderId the window does not count; cursors belong to the parameters
// they were given for; every third walk has a cursor on its last page. A
// lookup of an order that order/history has forgotten finds nothing: orders
// that were cancelled, rejected or deactivated without a fill are gone after a
// day, others without one after a week, all after two years.
//
// # Histories
//
// An order is the sum of its fills: execution/list, order/history, closed-pnl
// and the logs agree with one another to the last digit, in their ids too. A
// fill of a derivative has one row in the log, a fill on spot two, in what was
// bought and in what was paid. Perpetuals are funded at 00:00, 08:00 and 16:00
// UTC: a Funding row among the fills, and a SETTLEMENT row of the opposite sign
// in the log. In every log change = cashFlow + funding - fee, but cashBalance
// is drawn, not summed; and the id of a row may be that of another.
//
// Rows are listed Config.IndexingDelay after their instant, by lists only: a
// lookup by orderId or orderLinkId does not wait. Assets move by deposits,
// withdrawals, transfers and earnings; fundinghistory lists them all.
//
// Config.History adds a dense history: for every account and symbol exactly so
// many fills on every UTC day, in orders of one to four, with prices and
// quantities that floats and columns with a scale lose. Then nothing else is
// filled, ends or moves by itself outside of its days. Only the rows of a page
// are computed, so a year of tens of thousands of fills a day costs nothing to
// keep and about as little to serve as a week of forty. The admin cannot change
// its orders.
//
// Exchange.Records is the truth of the histories, whole and countable; Truth
// lists orders only, and all that its span has, which of a very dense history
// is a lot.
//
// Config.Bench makes accounts for benchmarks: all alike, and answered from what was
// computed before. What they show is true all the same.
//
// # Modes
//
// An account is classic (unifiedMarginStatus 1), unified 1.0 (3, 4) or 2.0 (5,
// 6; the default, see Config.Modes). Unified 2.0 has the wallet UNIFIED;
// unified 1.0 beside it CONTRACT, in which inverse contracts settle; classic
// CONTRACT and SPOT. All have FUND. Each wallet has its own balances. What an
// account has not: wallet-balance answers an empty 404, of unified 2.0 10001;
// query-account-coins-balance 131203; options of a classic account 10028, its
// transaction-log 182200; contract-transaction-log of unified 2.0 100028.
// Config.Demo keeps the rules of the demo environment: what needs a FUND wallet
// answers 10032, and orders are forgotten after seven days.
//
// # Addresses
//
// The limit per address, and the addresses that keys are bound to, go by
// Config.Egress: the remote address; with "local" the one that a request came
// in on (on Linux all of 127.0.0.0/8 lead here); with "forwarded" the first of
// X-Forwarded-For. The last one lets any number of processes on one machine
// stand for as many egress addresses, each behind a proxy of its own
// (exchangesimtest.Server.Egress) that it is told of by HTTP_PROXY.
//
// # What is listed
//
// Instruments are those of the market that tickers, positions and orders use,
// and beside them what is only listed: futures and options before their launch
// and after their delivery, and every month a perpetual that is announced and
// called off (PRE and the month, as in PRE2603USDT), so that PreLaunch,
// Delivering and Closed are never without one.
//
// Candles are a closed form too: open and close are the ticker's last price,
// which never leaves the candle of its instant; a long candle is exactly made
// of its short ones, but for the turnover, which is volume at a mean price; a
// candle whose end has come never changes. Without an end, start counts
// forward; otherwise the newest candles up to end are answered.
//
// # Accounts
//
// Config.SubAccounts makes accounts 1 to N sub-accounts of account 0. A key
// signs with its secret, or with RSA once its public half is registered
// (Config.RSAKeys, or rsa-key below).
//
// # Replay
//
// A folder of recorded answers (Config.Replay, alphapulse sim --replay) goes
// before the world, so that any payload can be walked through a client. The
// name of a file says which requests it answers:
//
//	v5-position-list.category=linear.settleCoin=USDT.json
//
// That is the path with dashes for its slashes, then the parameters that a
// request must have, whatever others it has; uid=UID stands for one account
// alone, and a dot in a value is %2E. Of several files that fit, the one with the
// most conditions answers; what no file fits is answered by the world. Keys,
// limits and the faults that answer in the exchange's place come first, as
// always; faults that garble an answer leave recordings alone.
//
// With .p1, .p2 and so on before .json the files are the pages of one answer: a
// page answers the cursor that the page before it gave, and a cursor of the last
// one leads to an empty page. A file without a page answers any cursor, so one
// with a nextPageCursor is a walk that is stuck.
//
// A file holds a whole body, sent byte for byte with HTTP 200, or an object
//
//	{"status": 200, "headers": {"X-Bapi-Limit": "50"}, "body": "…"}
//
// whose body is text or JSON, and whose headers are then all there are. The
// envelope's time (and X-Bapi-Limit-Reset-Timestamp with it) is moved to now,
// as clients refuse answers that are dated wrongly; with Config.ReplayTime
// "recorded" it stays. All other times stay in any case. Notes (.md) and hidden
// files are passed over; anything else that cannot be served is refused at the
// start, with the file's name.
//
// # Administration
//
// /admin is served beside the API, as JSON: on loopback only, or with a token
// (Authorization: Bearer TOKEN). Each endpoint has a Go method of its own. A
// change answers the first instant that shows it.
//
//	curl -s 'localhost:8090/admin/truth?at=2026-01-02T03:04:05Z'                 # prices
//	curl -s 'localhost:8090/admin/truth?uid=UID&at=1767323045000&days=7'         # all of an account
//	curl -s 'localhost:8090/admin/truth/history?uid=UID&type=fills&category=linear&from=1767225600000&to=1767311999999&limit=0'
//	curl -s localhost:8090/admin/accounts/UID/credentials
//	curl -s -X POST localhost:8090/admin/accounts/UID/balance -d '{"asset":"BTC","amount":"1.5"}'   # "wallet":"FUND" for another one
//	curl -s -X POST localhost:8090/admin/accounts/UID/remove-asset -d '{"asset":"BTC"}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/open-position -d '{"category":"linear","symbol":"BTCUSDT","side":"Buy","size":"0.1"}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/close-position -d '{"category":"linear","symbol":"BTCUSDT","position_idx":0}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/place-order -d '{"category":"spot","symbol":"BTCUSDT","side":"Buy","price":"50000","qty":"0.1"}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/cancel-order -d '{"category":"spot","order_id":"…"}'   # also fill-order, forget-order
//	curl -s -X POST localhost:8090/admin/accounts/UID/revoke-key                 # also restore-key, rotate-key
//	curl -s -X POST localhost:8090/admin/accounts/UID/permissions -d '{"read_only":false,"permissions":{"Wallet":["Withdraw"]}}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/expiry -d '{"expires":"2026-01-02T00:00:00Z"}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/ips -d '{"ips":["192.0.2.1"]}'
//	curl -s -X POST localhost:8090/admin/accounts/UID/rsa-key -d '{"public_key":"-----BEGIN PUBLIC KEY-----…"}'   # {}: back to the secret
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
//	curl -s -X POST localhost:8090/admin/ban -d '{"address":"127.0.0.1","seconds":600}'
//	curl -s -X POST localhost:8090/admin/unban
//	curl -s -X POST localhost:8090/admin/maintenance -d '{"begin":"2026-01-02T00:00:00Z","end":"2026-01-02T01:00:00Z","uid_suffix":[3,7],"refuse":true}'
//	curl -s localhost:8090/admin/maintenance
//	curl -s -X DELETE 'localhost:8090/admin/maintenance?id=maintenance-1'        # calls it off
//	curl -s localhost:8090/admin/replay                                          # the recordings, and how often each was served
//	curl -s localhost:8090/admin/stats
//	curl -s -X POST localhost:8090/admin/stats/reset
//	curl -s localhost:8090/healthz
//
// The kinds of faults are those of FaultKind.
package exchangesim
