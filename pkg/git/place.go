package git

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/fetch"
)

// shortSSH is ssh's form without a scheme: [user@]host:path.
var shortSSH = regexp.MustCompile(`^((?:[\w.-]+@)?[\w][\w.-]*):([^:\s][^\s]*)$`)

// Places returns the URLs at which a repository is asked for, best first, for
// any spelling that a lock may have: https and http as they are; ssh, git and
// the short form of ssh ("git@host:path") as https, without the user, since ssh
// keys are not at hand where lazybuild fetches. All else is refused: file, ext,
// and whatever else would make a git program run or read something.
func Places(raw string) ([]string, error) {
	raw = strings.TrimPrefix(raw, "git+")
	if !strings.Contains(raw, "://") {
		if m := shortSSH.FindStringSubmatch(raw); m != nil {
			raw = "ssh://" + m[1] + "/" + strings.TrimLeft(m[2], "/")
		}
	}
	u, err := url.Parse(raw)
	if err != nil { // the parser's message repeats the URL, and with it a password
		return nil, errors.New("the URL of a git repository can't be read")
	}
	switch u.Scheme {
	case "https", "http":
	case "ssh", "git":
		// The port is ssh's; https has its own.
		u = &url.URL{Scheme: "https", Host: u.Hostname(), Path: u.Path, RawPath: u.RawPath}
	default:
		return nil, fmt.Errorf("%s is not a git repository that can be fetched (https, http and ssh URLs are)", fetch.Redact(raw))
	}
	if u.Hostname() == "" || strings.Trim(u.Path, "/") == "" {
		return nil, fmt.Errorf("%s names no host or no repository", fetch.Redact(raw))
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = "", false, "", ""
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return []string{u.String()}, nil
}
