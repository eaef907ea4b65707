package digest

// Valid says that d has a supported algorithm and a value of the right length
// in lower-case hex, which is what Parse would return unchanged. The empty
// Digest is not valid. It allocates nothing: a tree of a million files is
// checked with it.
func (d Digest) Valid() bool {
	algo := d.Algorithm()
	a, ok := algorithms[algo]
	if !ok || len(d) != len(algo)+1+2*a.size {
		return false
	}
	for i := len(algo) + 1; i < len(d); i++ {
		if !lowerHex[d[i]] {
			return false
		}
	}
	return true
}

// lowerHex are the bytes of lower-case hex. A table: comparisons cost several
// times as much, as no processor can guess how they end.
var lowerHex = func() (is [256]bool) {
	for _, c := range []byte("0123456789abcdef") {
		is[c] = true
	}
	return is
}()
