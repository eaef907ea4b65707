package locks

import (
	"strings"
)

// npmHosts are the hosts of npm's short forms, "github:user/repository".
var npmHosts = map[string]string{"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}

// npmGitURL writes a short form in full.
func npmGitURL(resolved string) string {
	kind, rest, _ := strings.Cut(resolved, ":")
	host, ok := npmHosts[kind]
	if !ok {
		return resolved
	}
	repo, commit, _ := strings.Cut(rest, "#")
	return "git+ssh://git@" + host + "/" + repo + ".git#" + commit
}

// gitArtifact is Hermeto's archive of the commit of a git dependency. npm
// unpacks it like any tarball; it runs no "prepare" script.
func (p *npmParser) gitArtifact(e npmEntry, a Artifact) (Artifact, error) {
	at := int(e.node.get("resolved").line)
	g, err := parseGitRemote(npmGitURL(e.resolved))
	if err != nil {
		return a, inLine(at, err)
	}
	repository := strings.TrimSuffix(strings.Trim(g.url.Path, "/"), ".git")
	namespace, repo, _ := strings.Cut(repository, "/")
	if repo == "" {
		return a, errAt(at, "%s: the git URL's path is not that of a repository in a namespace", clip(e.name))
	}
	a.Path = npmDir + "/" + strings.ToLower(g.url.Hostname()) + "/" + namespace + "/" + repo + "/" +
		repo + "-external-gitcommit-" + g.commit + ".tgz"
	a.URLs, a.Digest = []string{g.url.String()}, ""
	a.Make = &Make{Kind: MakeGitArchive, Args: map[string]string{"commit": g.commit, "prefix": "app"}}
	a.PURL = npmPURL(e, g.purl())
	return a, nil
}
