package locks

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// yarnDir is where Hermeto puts the tarballs of yarn 1: an offline mirror.
const yarnDir = "deps/yarn-classic"

// parseYarn reads a yarn.lock of yarn 1. The lock stays as it is: yarn looks for
// every tarball in the offline mirror, under a name that follows from its URL.
// Locks of yarn 2 and later have the same file name (parseBerry).
func parseYarn(src Source, b *builder) error {
	if isBerry(src.Data) {
		return parseBerry(src, b)
	}
	entries, err := readYarnLock(src.Data)
	if err != nil {
		return err
	}
	for i := range entries {
		a, err := yarnArtifact(src, b, &entries[i])
		if err != nil {
			return err
		}
		if a == nil {
			continue
		}
		if err := b.add(*a); err != nil {
			return err
		}
	}
	b.env("YARN_YARN_OFFLINE_MIRROR", inOutput(src, yarnDir))
	b.env("YARN_YARN_OFFLINE_MIRROR_PRUNING", "false")
	return nil
}

// yarnArtifact is nil for an entry whose files are the project's own.
func yarnArtifact(src Source, b *builder, y *yarnEntry) (*Artifact, error) {
	e := npmEntry{line: y.line}
	var wanted string
	e.name, wanted = cutPattern(y.patterns[0])
	if err := checkNpmName(e.name); err != nil {
		return nil, errAt(y.line, "%w", err)
	}
	e.version, _ = y.field("version")
	resolved, at := y.field("resolved")
	if resolved == "" {
		if !isLocalRange(wanted) {
			b.warn("%s:%d: %s has no resolved, and is left out: run yarn install again", src.Path, y.line, clip(e.name))
		}
		return nil, nil
	}
	if isLocal(resolved) {
		return nil, nil
	}
	// The fragment is a digest, or what git has to check out.
	var fragment string
	e.resolved, fragment, _ = strings.Cut(resolved, "#")
	if isGit(resolved) || isGitByHTTP(e.resolved) {
		return yarnGit(e, y, resolved, at)
	}
	u, err := parseURL(e.resolved)
	if err != nil {
		return nil, errAt(at, "%s: %w", clip(e.name), err)
	}
	if e.digest, err = yarnDigest(y, fragment); err != nil {
		return nil, err
	}
	return &Artifact{
		Name: e.name, Version: e.version, Size: SizeUnknown, Line: y.line, Digest: e.digest,
		Path: yarnDir + "/" + mirrorName(u), URLs: yarnURLs(src, e, u), PURL: yarnPURL(e, u),
	}, nil
}

// yarnGit is the archive of a git dependency: a plain tar archive of the commit's
// files, as yarn 1 itself makes it, with the commit in its name. yarn holds it
// against no checksum: the commit stands where others have one.
func yarnGit(e npmEntry, y *yarnEntry, resolved string, at int) (*Artifact, error) {
	g, err := parseGitRemote(resolved)
	if err != nil {
		return nil, inLine(at, err)
	}
	return &Artifact{
		Name: e.name, Version: e.version, Size: SizeUnknown, Line: y.line, URLs: []string{g.url.String()},
		Path: yarnDir + "/" + g.base() + "-" + g.commit, PURL: npmPURL(e, g.purl()),
		Make: &Make{Kind: MakeGitArchive, Args: map[string]string{"commit": g.commit, "format": "tar"}},
	}, nil
}

// cutPattern cuts "name@range". An alias ("name@npm:other@range") is the
// package that it stands for.
func cutPattern(pattern string) (name, wanted string) {
	name, wanted = cutNpmID(pattern)
	if real, ok := strings.CutPrefix(wanted, "npm:"); ok {
		return cutNpmID(real)
	}
	return name, wanted
}

// cutNpmID cuts "name@rest" or "@scope/name@rest" at the at sign behind the name.
func cutNpmID(id string) (name, rest string) {
	if id == "" {
		return "", ""
	}
	i := strings.IndexByte(id[1:], '@')
	if i < 0 {
		return id, ""
	}
	return id[:i+1], id[i+2:]
}

// isLocalRange says whether yarn takes a range for a directory or file of the project.
func isLocalRange(wanted string) bool {
	for _, p := range []string{"file:", "link:", "workspace:", "./", "../", "/", "~/"} {
		if strings.HasPrefix(wanted, p) {
			return true
		}
	}
	return false
}

// gitHosts are the hosts for which yarn 1 takes https://host/user/repository for git.
var gitHosts = [...]string{"github.com", "gitlab.com", "bitbucket.com", "bitbucket.org"}

// isGitByHTTP says whether an http(s) URL is a git repository to yarn 1.
func isGitByHTTP(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	return strings.HasSuffix(u.Path, ".git") ||
		slices.Contains(gitHosts[:], u.Hostname()) && strings.Count(strings.Trim(u.Path, "/"), "/") == 1
}

// yarnDigest is the integrity; old locks have only the sha1 in the URL's
// fragment, and tarballs of code hosts have none.
func yarnDigest(y *yarnEntry, fragment string) (digest.Digest, error) {
	if s, at := y.field("integrity"); s != "" {
		d, err := digest.ParseSRI(s)
		if err != nil {
			return "", errAt(at, "%w", err)
		}
		return d, nil
	}
	if d, err := digest.New("sha1", fragment); err == nil {
		return d, nil
	}
	return "", nil
}

// scopedTarball is how yarn 1 finds the scope in the path of a registry's URL.
var scopedTarball = regexp.MustCompile(`/(?:(@[^/]+)(?:/|%2[fF]))?[^/]+/(?:-|_attachments)/(?:@[^/]+/)?([^/]+)$`)

// mirrorName is the name under which yarn 1 looks for a tarball in its offline
// mirror: "@scope-<base>" for a registry's scoped package, else the URL's last
// segment. yarn doesn't decode it.
func mirrorName(u *url.URL) string {
	m := scopedTarball.FindStringSubmatch(u.EscapedPath())
	switch {
	case m == nil:
		return rawBase(u)
	case m[1] != "":
		return m[1] + "-" + m[2]
	}
	return m[2]
}

func yarnURLs(src Source, e npmEntry, u *url.URL) []string {
	if isRegistryTarball(u, e) {
		return src.npmURLs(e, u)
	}
	return []string{e.resolved}
}

func yarnPURL(e npmEntry, u *url.URL) string {
	if isRegistryTarball(u, e) {
		return npmPURL(e, nil)
	}
	return npmPURL(e, map[string]string{"download_url": withoutUser(u), "checksum": e.digest.String()})
}
