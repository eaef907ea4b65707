package locks

import "fmt"

// Artifact is one file of the package, of which an index knows the name.
// The caller adds what else it knows: URLs, Digest, Size. The error says
// why the name can't be that of a file.
func (u *Unresolved) Artifact(file string) (Artifact, error) {
	if err := checkName(file); err != nil {
		return Artifact{}, fmt.Errorf("%s: %w", u.Name, err)
	}
	return Artifact{
		Name: u.Name, Version: u.Version, Path: u.Dir + "/" + file, Size: SizeUnknown, Only: u.Only,
		PURL: purl("pypi", "", pypiName(u.Name), u.Version, nil), Line: u.Line,
	}, nil
}
