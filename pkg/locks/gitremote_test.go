package locks

import "testing"

func TestGitIsFetchedByHTTPS(t *testing.T) {
	for repo, want := range map[string]string{
		"https://git.example.org/g/r.git":              "https://git.example.org/g/r.git",
		"http://git.example.org/g/r":                   "http://git.example.org/g/r",
		"ssh://git@git.example.org/g/r.git":            "https://git.example.org/g/r.git",
		"ssh://git:secret@git.example.org:2222/g/r":    "https://git.example.org/g/r",
		"ssh://git@git.example.org:g/r.git":            "https://git.example.org/g/r.git",
		"ssh://[2001:db8::1]:22/g/r":                   "https://[2001:db8::1]/g/r",
		"git@git.example.org:g/r.git":                  "https://git.example.org/g/r.git",
		"git://git.example.org/g/r.git":                "https://git.example.org/g/r.git",
		"file:///g/r":                                  "file:///g/r",
		"ext::sh -c id":                                "ext::sh -c id",
		"https://u:p@git.example.org:8443/g/r.git?x=y": "https://u:p@git.example.org:8443/g/r.git?x=y",
	} {
		if got := overHTTPS(repo); got != want {
			t.Errorf("%q is fetched from %q, want %q", repo, got, want)
		}
	}
}

func FuzzGitRemote(f *testing.F) {
	f.Add("git+ssh://git@git.example.org:g/r.git#" + commit40)
	f.Add("git+https://u:p@git.example.org/g/r.git#" + commit40)
	f.Fuzz(func(t *testing.T, raw string) {
		g, err := parseGitRemote(npmGitURL(raw))
		if err != nil {
			return
		}
		if s := g.url.Scheme; s != "https" && s != "http" || g.url.Host == "" || !isCommit(g.commit) {
			t.Errorf("%q is fetched from %q at %q", raw, g.url, g.commit)
		}
	})
}
