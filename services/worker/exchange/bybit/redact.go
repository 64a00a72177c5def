package bybit

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	redacted   = "[redacted]"
	maxPayload = 4 << 10
	// maxRow is how much of a row that was not understood is kept: whole rows,
	// since they are read again from there.
	maxRow = 64 << 10
	// cutMark ends a row that was longer.
	cutMark = " [cut]"
	// signedText is how the exchange begins to quote the string it expected to
	// be signed, key and query included (retCode 10004).
	signedText = "origin_string["
)

// redact takes the signed string, the request's signature, the credentials and
// addresses on chains out of text that came from the exchange.
func (s *session) redact(text, signature string) string {
	text = redactSignedText(text)
	if strings.Contains(text, `ddress"`) || strings.Contains(text, `"tag"`) {
		text = s.addresses().ReplaceAllString(text, `${1}"`+redacted+`"`)
	}
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

// addressFields matches what says where money came from or went: a deposit's or
// a withdrawal's address with its tag, and nothing where they are empty.
func addressFields() *regexp.Regexp {
	return regexp.MustCompile(`("(?:toAddress|fromAddress|address|tag)"\s*:\s*)(?:"(?:[^"\\]|\\.)+"|-?[0-9][0-9.eE+-]*)`)
}

// payload is a body for people to look at: redacted, valid text, cut.
func (s *session) payload(body []byte, signature string) []byte {
	return shortened(s.clean(body, signature), maxPayload)
}

// rowPayload is a row to be read again: redacted, valid text, and cut only if it
// is longer than any row should be, which its end then says.
func (s *session) rowPayload(raw []byte) []byte {
	clean := s.clean(raw, "")
	if len(clean) <= maxRow {
		return clean
	}
	return append(shortened(clean, maxRow-len(cutMark)), cutMark...)
}

// wasCut reports whether a row was too long for rowPayload.
func wasCut(payload []byte) bool { return bytes.HasSuffix(payload, []byte(cutMark)) }

func (s *session) clean(body []byte, signature string) []byte {
	if len(body) == 0 {
		return nil
	}
	return []byte(s.redact(string(bytes.ToValidUTF8(body, []byte("\uFFFD"))), signature))
}

// shortened cuts between characters.
func shortened(text []byte, longest int) []byte {
	if len(text) <= longest {
		return text
	}
	text = text[:longest]
	for len(text) > 0 && !utf8.Valid(text) {
		text = text[:len(text)-1]
	}
	return text
}
