// Package bybit reads Bybit V5 over REST for unified trading accounts.
//
// What it guarantees:
//
//   - The bytes that are signed are the bytes that are sent: a query is encoded
//     once. The timestamp is the exchange's time, read after the wait for the
//     rate budget, so that waiting never ages a signature.
//   - Numbers are kept as the exchange wrote them. "", null and a missing key
//     are all "not given" (exchange.Number ""), never zero. Text the
//     documentation does not list is kept, fields it does not list are ignored,
//     and no field but a row's key is required.
//   - A walk over pages ends on an empty cursor or an empty page, never on a
//     short one, and is bounded: a cursor that comes back and a thousandth page
//     end it as incomplete. A snapshot is complete only if every page came.
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
