// Package bybit reads Bybit V5 over REST, for accounts of every mode: unified 2.0
// and 1.0, and classic. The mode, which a probe finds, decides which wallets,
// products and books an account has. One file reads one endpoint and says which
// of its fields becomes which column.
//
// What it guarantees:
//
//   - The bytes that are signed are the bytes that are sent: a query is encoded
//     once. The timestamp is the exchange's time, read after the wait for the
//     rate budget, so that waiting never ages a signature.
//   - Numbers are kept as the exchange wrote them. "", null and a missing key
//     are all "not given" (exchange.Number ""), never zero. Text the
//     documentation does not list is kept, fields it does not list are ignored,
//     and no field is required but a row's key and, in a history, its time and
//     what it is of.
//   - An answer is read without reflection, by the exact names of its fields, and
//     what is kept of it for later is a part of it, not a copy. It is gone through
//     twice: from the envelope down to where each row begins and ends, then row by
//     row. Its syntax is checked by go-json-experiment/json, which is
//     encoding/json/v2 of Go 1.27.
//   - A walk over pages ends on an empty cursor or an empty page, never on a
//     short one, and is bounded: a cursor that comes back and a thousandth page
//     end it as incomplete. A snapshot is complete only if every page came.
//   - Both bounds of a window are always sent, and no window is longer than the
//     exchange allows. Ids that are made here (see entryID) do not depend on the
//     window that a row was read in.
//   - A row that cannot be read is a fault of its own, with the row in it, which
//     Reparse reads again. Where money came from or went on a chain is in neither.
//   - Faults are classified by HTTP status and retCode. Two messages are looked
//     at as well, because the code alone is ambiguous: "accountType only
//     support" under 10001, and the text of a geographic block under HTTP 403.
//     All other wording changes without notice and only informs people.
//   - Keys, secrets, signatures and the signed string never reach an error, a
//     payload or a formatted value.
//
// It sends GET requests only, and it keeps no state between calls but the
// connections, the clock and the policies that all clients of a host share.
package bybit
