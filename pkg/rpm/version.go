package rpm

import "strings"

// splitEVR splits "epoch:version-release". Without an epoch it is "0"; ok is
// false when what stands before the colon is not a number.
func splitEVR(s string) (epoch, version, release string, ok bool) {
	if s == "" {
		return "", "", "", true
	}
	epoch, rest, colon := strings.Cut(s, ":")
	switch {
	case !colon:
		epoch, rest = "0", s
	case epoch == "":
		epoch = "0"
	case !isNumber(epoch):
		return "", "", "", false
	}
	version, release, _ = strings.Cut(rest, "-")
	return epoch, version, release, true
}

// isNumber is what C's strtol reads to its end: white space, a sign, digits.
func isNumber(s string) bool {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// libcLess says whether b is a greater version of the C library than a, where
// both are like "libc.so.6(GLIBC_2.34)(64bit)". Forms without a version come
// before those with one, the less complete first.
func libcLess(a, b string) bool {
	va, ra := libcVersion(a)
	vb, rb := libcVersion(b)
	if ra != rb {
		return ra < rb
	}
	return compareVersions(va, vb) < 0
}

// libcVersion is what stands in the first parentheses, from its first digit, and
// how complete the form is: no parenthesis, no closing one, nothing inside, no
// digit inside, a version.
func libcVersion(s string) (version string, rank int) {
	_, rest, ok := strings.Cut(s, "(")
	if !ok {
		return "", 0
	}
	inner, _, ok := strings.Cut(rest, ")")
	if !ok {
		return "", 1
	}
	if inner == "" {
		return "", 2
	}
	digit := strings.IndexAny(inner, "0123456789")
	if digit < 0 {
		return "", 3
	}
	return inner[digit:], 4
}

// compareVersions compares as RPM's rpmvercmp does: segment by segment, numbers
// as numbers, letters as text, a number being newer than letters. It leaves out
// "~" and "^", which symbol versions do not have. It returns -1, 0 or 1.
func compareVersions(a, b string) int {
	for {
		a, b = trimSeparators(a), trimSeparators(b)
		if a == "" || b == "" {
			return sign(len(a) - len(b))
		}
		var sa, sb string
		numeric := isDigit(a[0])
		sa, a = cutSegment(a, numeric)
		sb, b = cutSegment(b, numeric)
		switch {
		case sb == "" && numeric:
			return 1
		case sb == "":
			return -1
		case numeric:
			sa, sb = strings.TrimLeft(sa, "0"), strings.TrimLeft(sb, "0")
			if len(sa) != len(sb) {
				return sign(len(sa) - len(sb))
			}
		}
		if c := strings.Compare(sa, sb); c != 0 {
			return c
		}
	}
}

func trimSeparators(s string) string {
	i := 0
	for i < len(s) && !isDigit(s[i]) && !isLetter(s[i]) {
		i++
	}
	return s[i:]
}

func cutSegment(s string, numeric bool) (segment, rest string) {
	i := 0
	for i < len(s) && (numeric && isDigit(s[i]) || !numeric && isLetter(s[i])) {
		i++
	}
	return s[:i], s[i:]
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
