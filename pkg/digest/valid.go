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
	for _, c := range []byte(d[len(algo)+1:]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
