package bybit

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const (
	redacted   = "[redacted]"
	maxPayload = 4 << 10
	// signedText is how the exchange begins to quote the string it expected to
	// be signed, key and query included (retCode 10004).
	signedText = "origin_string["
)

// redact takes the signed string, the request's signature and the credentials
// out of text that came from the exchange.
func (s *session) redact(text, signature string) string {
	text = redactSignedText(text)
	for _, secret := range []string{signature, s.credentials.Key(), string(s.credentials.Secret())} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, redacted)
		}
	}
	return text
}

// redactSignedText drops everything from the quote's beginning to its end, or
// to the end of the text: the query in it may hold brackets too.
func redactSignedText(text string) string {
	start := strings.Index(text, signedText)
	if start < 0 {
		return text
	}
	start += len(signedText)
	rest := ""
	if end := strings.LastIndexByte(text[start:], ']'); end >= 0 {
		rest = text[start+end:]
	}
	return text[:start] + redacted + rest
}

// payload is a body for people to look at: redacted, valid text, cut.
func (s *session) payload(body []byte, signature string) []byte {
	if len(body) == 0 {
		return nil
	}
	clean := []byte(s.redact(string(bytes.ToValidUTF8(body, []byte("\uFFFD"))), signature))
	if len(clean) <= maxPayload {
		return clean
	}
	clean = clean[:maxPayload]
	for len(clean) > 0 && !utf8.Valid(clean) {
		clean = clean[:len(clean)-1]
	}
	return clean
}
