package bybit

import "strings"

// maxDecimal bounds the text of a number; the longest the exchange sends has
// about forty characters. maxExponent bounds what a short text can stand for.
const (
	maxDecimal  = 96
	maxExponent = 2 // digits
)

// isDecimal reports whether s is a decimal number that PostgreSQL's numeric
// reads as the same value: digits with at most one point, a sign, an exponent
// of at most two digits. NaN, Infinity, blanks and hexadecimals are not.
func isDecimal(s string) bool {
	if len(s) > maxDecimal {
		return false
	}
	s = unsigned(s)
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exponent := unsigned(s[i+1:])
		if len(exponent) == 0 || len(exponent) > maxExponent || !digits(exponent) {
			return false
		}
		s = s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	return len(whole)+len(fraction) > 0 && digits(whole) && digits(fraction)
}

// isZero reports whether s, which is a decimal, has the value zero.
func isZero(s string) bool {
	mantissa := s
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa = s[:i]
	}
	return mantissa != "" && strings.Trim(mantissa, "+-0.") == ""
}

func unsigned(s string) string {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[1:]
	}
	return s
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
