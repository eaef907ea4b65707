package index

import (
	"slices"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/locks"
)

// found is a file of a package.
type found struct {
	file
	// Digest that the lock states, or, where Unverified, that only the page does.
	Digest     digest.Digest `json:"digest,omitempty"`
	Unverified bool          `json:"unverified,omitempty"`
}

// match picks the files of a package from a page's.
func match(u *locks.Unresolved, files []file) []found {
	project := locks.NormalizePyName(u.Name)
	allowed := make(map[digest.Digest]bool, len(u.Digests))
	algorithms := map[string]bool{}
	for _, d := range u.Digests {
		allowed[d] = true
		algorithms[d.Algorithm()] = true
	}
	var out []found
	for _, f := range files {
		version, ok := versionOf(f.Name, project)
		if !ok {
			continue // a name of another project could make pip take it for that
		}
		if i := slices.IndexFunc(f.Digests, func(d digest.Digest) bool { return allowed[d] }); i >= 0 {
			out = append(out, found{file: f, Digest: f.Digests[i]})
			continue
		}
		if slices.ContainsFunc(f.Digests, func(d digest.Digest) bool { return algorithms[d.Algorithm()] }) {
			continue // comparable, and another file
		}
		if !sameVersion(u.Version, version) {
			continue
		}
		one := found{file: f, Unverified: true}
		if len(f.Digests) > 0 {
			one.Digest = f.Digests[0]
		}
		out = append(out, one)
	}
	return onlyFile(u, out)
}

// onlyFile gives the lock's digest to the file where there is one of each.
func onlyFile(u *locks.Unresolved, files []found) []found {
	if len(files) == 1 && len(u.Digests) == 1 && files[0].Unverified {
		files[0].Digest, files[0].Unverified = u.Digests[0], false
	}
	return files
}

// complete says that no other index needs to be asked.
func complete(u *locks.Unresolved, files []found) bool {
	if len(u.Digests) == 0 {
		return len(files) > 0
	}
	seen := make(map[digest.Digest]bool, len(files))
	for _, f := range files {
		if !f.Unverified {
			seen[f.Digest] = true
		}
	}
	return len(seen) >= len(u.Digests)
}

// merge adds what a further index has. One name is one file: the first index's,
// unless only the other one's is the lock's.
func merge(have, more []found) []found {
	for _, f := range more {
		i := slices.IndexFunc(have, func(h found) bool { return h.Name == f.Name })
		switch {
		case i < 0:
			have = append(have, f)
		case have[i].Unverified && !f.Unverified:
			have[i] = f
		}
	}
	return have
}

// artifacts makes the files what a lock would have said about them.
func artifacts(u *locks.Unresolved, files []found, sites []site) ([]locks.Artifact, error) {
	var wheels, sdists bool
	for _, f := range files {
		wheels = wheels || isWheel(f.Name)
		sdists = sdists || !isWheel(f.Name)
	}
	out := make([]locks.Artifact, 0, len(files))
	for _, f := range files {
		a, err := u.Artifact(f.Name)
		if err != nil {
			return nil, err
		}
		a.URLs, a.Digest, a.Size, a.Unverified = []string{withCredentials(f.URL, sites)}, f.Digest, f.Size, f.Unverified
		// Of two forms of one package the build takes one.
		a.Only.Source = !isWheel(f.Name) && wheels
		if u.NoWheel {
			a.Only.Source = isWheel(f.Name) && sdists
		}
		out = append(out, a)
	}
	return out, nil
}
