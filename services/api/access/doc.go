// Package access keeps who may call the API and what callers have changed: the
// tables api_tokens, audit_log and idempotency_keys. It decides nothing; package
// api does.
//
// # Guarantees
//
//   - The text of a token is known to the one who made it. The table has the
//     SHA-256 of its secret half, which is 256 random bits: so much cannot be
//     guessed, and needs no slow hash.
//   - A token is looked up on the primary at every call, so that what is revoked
//     is refused at once by every process. Only while the database does not
//     answer, a token that it has confirmed in the last 30 seconds is taken for
//     good.
//   - A change is in the audit log before it is made. Where its outcome is
//     missing, the process died in between, and the change was made or not.
//   - A change that was asked for under a key is made once at most under it.
package access
