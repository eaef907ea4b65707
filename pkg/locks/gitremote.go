package locks

import (
	"net/url"
	"regexp"
	"strings"
)

// gitRemote is a git repository as a lock names it, and the commit of it.
type gitRemote struct {
	url    *url.URL // where it is fetched: https or http
	named  string   // the lock's own spelling, without "git+" and without a password
	commit string   // 40 hexadecimal digits
}

// parseGitRemote reads "repository#commit". Errors are *Error without a line
// and never show a password.
func parseGitRemote(raw string) (gitRemote, error) {
	repo, commit, _ := strings.Cut(strings.TrimPrefix(raw, "git+"), "#")
	if !isCommit(commit) {
		return gitRemote{}, errAt(0, "the git URL doesn't name a commit by its 40 hex digits").
			hint("a branch or a tag may be another commit tomorrow: make the lock again")
	}
	u, err := parseURL(overHTTPS(repo))
	if err != nil {
		return gitRemote{}, errAt(0, "%w", err)
	}
	if strings.Trim(u.Path, "/") == "" {
		return gitRemote{}, errAt(0, "the git URL names no repository")
	}
	g := gitRemote{url: u, named: withoutUser(u), commit: strings.ToLower(commit)}
	if scheme, rest, _ := strings.Cut(fullSSH(repo), "://"); scheme == "ssh" || scheme == "git" {
		if user, host, ok := strings.Cut(rest, "@"); ok { // ssh's password, if any, is nobody's business
			user, _, _ = strings.Cut(user, ":")
			rest = user + "@" + host
		}
		g.named = scheme + "://" + rest
	}
	return g, nil
}

// purl is the qualifier that says where a package comes from.
func (g gitRemote) purl() map[string]string {
	return map[string]string{"vcs_url": "git+" + g.named + "@" + g.commit}
}

// base is the last segment of the repository's path.
func (g gitRemote) base() string {
	return g.url.Path[strings.LastIndexByte(g.url.Path, '/')+1:]
}

// shortSSH is ssh's form without a scheme, and npm's mixture of both:
// "git@host:path", "ssh://git@host:path".
var shortSSH = regexp.MustCompile(`^(?:ssh://)?([\w.-]+@)?([\w-][\w.-]*):([^/\d:][^:]*)$`)

// fullSSH writes ssh's short form as a URL; all else stays as it is.
func fullSSH(repo string) string {
	if m := shortSSH.FindStringSubmatch(repo); m != nil {
		return "ssh://" + m[1] + m[2] + "/" + m[3]
	}
	return repo
}

// overHTTPS is the https URL for a repository that a lock names by ssh or by
// git's own unencrypted protocol: the same host, as npm itself tries first, and
// without the user and the port, which are ssh's. Keys for ssh are not at hand
// where lazybuild fetches. All else stays as it is.
func overHTTPS(repo string) string {
	scheme, rest, _ := strings.Cut(fullSSH(repo), "://")
	if scheme != "ssh" && scheme != "git" {
		return repo
	}
	host, path, _ := strings.Cut(rest, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return "https://" + host + "/" + path
}
