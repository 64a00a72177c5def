// Package vault keeps the credentials of exchange accounts encrypted at rest.
//
// Whoever adds an account holds the public key and can only seal; only
// workers hold the private key and can open. So a process that talks to
// people cannot read what it stored, and a stolen database holds no usable
// credential.
//
// # Guarantees
//
//   - Credentials are sealed with HPKE (RFC 9180: X25519, HKDF-SHA256,
//     AES-256-GCM) through Tink. The account's id and the key version are the
//     context info: what was sealed for one account or version opens for no
//     other, so swapping rows in the table is noticed.
//   - A [Secret] cannot be printed, logged or marshalled, alone or inside
//     another value. Reveal is the only way to its content, and a search for
//     that word finds every place that uses it.
//   - No error of this package repeats a key or a credential.
//
// # Keys
//
// A key is a Tink keyset in its binary form, as base64 on one line. It is not
// encrypted itself: the mode of its file protects it, which is why a private
// key that everybody may read is refused. A keyset may hold several keys; new
// credentials are sealed with the primary one and old ones still open, which
// leaves room for rotation and for a key management service.
//
// Losing the private key loses the credentials sealed with it, and nothing
// else: they are entered again with set-key.
package vault
