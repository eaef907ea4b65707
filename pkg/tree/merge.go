package tree

import (
	"slices"
	"strings"
)

// merge joins src, which has the same path, into dst, or says why it can't.
// The promise is that the merged file satisfies both locks.
func merge(dst, src *File) (conflict string) {
	switch {
	case (dst.Make == nil) != (src.Make == nil) || (dst.Content == nil) != (src.Content == nil):
		return "one is generated, the other is not"
	case dst.Make != nil:
		if !dst.Make.equal(src.Make) {
			return "they are generated in different ways"
		}
		return ""
	case dst.Content != nil:
		if dst.Digest != src.Digest {
			return "their generated contents differ"
		}
		return ""
	}
	if conflict := mergeDigest(dst, src); conflict != "" {
		return conflict
	}
	if dst.Size == SizeUnknown {
		dst.Size = src.Size
	} else if src.Size != SizeUnknown && src.Size != dst.Size {
		return "their sizes differ"
	}
	dst.URLs = joinURLs(dst.URLs, src.URLs)
	dst.Fits = dst.Fits || src.Fits
	return ""
}

// mergeDigest leaves the stronger digest in dst. Digests of different
// algorithms cannot be compared; old locks have sha1 where newer ones have
// sha512 of the same file, so a common URL counts as proof that they mean the
// same file, and the stronger digest is what it must match.
func mergeDigest(dst, src *File) (conflict string) {
	switch {
	case dst.Digest == src.Digest && dst.Digest != "":
		dst.Unverified = dst.Unverified && src.Unverified
		return ""
	case dst.Digest != "" && dst.Digest.Algorithm() == src.Digest.Algorithm():
		return "their digests differ (" + string(dst.Digest) + " and " + string(src.Digest) + ")"
	case !shareURL(dst, src):
		return "nothing shows that they are the same file (no common digest and no common URL)"
	}
	if src.Digest.Strength() > dst.Digest.Strength() {
		dst.Digest, dst.Unverified = src.Digest, src.Unverified
	}
	return ""
}

func shareURL(a, b *File) bool {
	return slices.ContainsFunc(a.URLs, func(u string) bool { return slices.Contains(b.URLs, u) })
}

// joinURLs appends to a what it lacks of b, without writing into a's array.
func joinURLs(a, b []string) []string {
	a = slices.Clip(a)
	for _, u := range b {
		if !slices.Contains(a, u) {
			a = append(a, u)
		}
	}
	return a
}

// below is the index, from start on, of the first file whose path is not
// before everything below dir.
func below(files []File, dir string, start int) int {
	// The usual answer is the next file: nothing but "dir/" itself follows.
	if start < len(files) && compareBelow(files[start].Path, dir, '/') >= 0 {
		return start
	}
	i, _ := slices.BinarySearchFunc(files[start:], dir, func(f File, dir string) int { return compareBelow(f.Path, dir, '/') })
	return start + i
}

func dirsBelow(dirs []Dir, dir string, start int) int {
	i, _ := slices.BinarySearchFunc(dirs[start:], dir, func(d Dir, dir string) int { return compareBelow(d.Path, dir, '/') })
	return start + i
}

// compareBelow compares path with dir+string(end) without making that string.
func compareBelow(path, dir string, end byte) int {
	if len(path) <= len(dir) {
		if c := strings.Compare(path, dir[:len(path)]); c != 0 {
			return c
		}
		return -1
	}
	if c := strings.Compare(path[:len(dir)], dir); c != 0 {
		return c
	}
	switch {
	case path[len(dir)] != end:
		return int(path[len(dir)]) - int(end)
	case len(path) == len(dir)+1:
		return 0
	}
	return 1
}

// isBelow says that path is inside the directory dir.
func isBelow(path, dir string) bool {
	return len(path) > len(dir) && path[len(dir)] == '/' && path[:len(dir)] == dir
}
