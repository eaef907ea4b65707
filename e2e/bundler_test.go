//go:build e2e

package e2e

import (
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rubyImage has Ruby and Bundler inside; hack/image-lang.sh makes it.
const rubyImage = "localhost/lazybuild-test/ruby:trixie"

// ruby runs a script in rubyImage with the project's directory as /app, which is
// also the current directory, and the host's network.
func (p *project) ruby(script string) {
	p.t.Helper()
	podman(p.t, "run", "--rm", "--network=host", "--volume", p.dir+":/app", "--workdir", "/app", "--env", "HOME=/tmp", rubyImage, "sh", "-euc", script)
}

// gemFiles are the sources of a gem whose VALUE is payload.
func gemFiles(name, payload string) map[string]string {
	return map[string]string{
		name + ".gemspec": fmt.Sprintf("Gem::Specification.new do |s|\n  s.name = %q\n  s.version = '1.0.0'\n  s.summary = 's'\n"+
			"  s.authors = ['A']\n  s.files = ['lib/%s.rb']\nend\n", name, name),
		"lib/" + name + ".rb": fmt.Sprintf("%s = %q\n", strings.ToUpper(name), payload),
	}
}

// publishGem builds a gem with the real gem command and has the origin serve it
// as gem servers do, by a compact index.
func (p *project) publishGem(o *origin, name, payload string) {
	p.t.Helper()
	for file, text := range gemFiles(name, payload) {
		p.write("gem/"+file, text)
	}
	p.ruby("cd gem && gem build -q " + name + ".gemspec")
	content, err := os.ReadFile(filepath.Join(p.dir, "gem", name+"-1.0.0.gem"))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(p.dir, "gem")); err != nil {
		p.t.Fatal(err)
	}
	info := "---\n1.0.0 |checksum:" + sha256Hex(content) + "\n"
	o.add("info/"+name, []byte(info))
	o.add("versions", fmt.Appendf(nil, "created_at: 2024-01-01T00:00:00Z\n---\n%s 1.0.0 %x\n", name, md5.Sum([]byte(info))))
	o.add("gems/"+name+"-1.0.0.gem", content)
}

const bundlerContainerfile = `FROM localhost/lazybuild-test/ruby:trixie
WORKDIR /app
COPY . .
RUN bundle install
RUN bundle exec ruby -e 'require "greet"; require "fromgit"; puts GREET, FROMGIT' >/out
`

// The lock is made by the real Bundler, from a gem server and a git host of the
// test's own.
func TestBundlerInstallsOfflineFromServersAndGit(t *testing.T) {
	needImage(t, rubyImage)
	o, h := newOrigin(t), newGitHost(t)
	payload := nonce()
	repo, _ := h.repository("fromgit", gemFiles("fromgit", "git "+payload))
	p := newProject(t, nil)
	p.publishGem(o, "greet", "gem "+payload)
	p.write("Gemfile", fmt.Sprintf("source %q\ngem 'greet'\ngem 'fromgit', git: %q, branch: 'main'\n", o.URL, repo))
	p.ruby("bundle lock --add-checksums")
	p.write("Containerfile", bundlerContainerfile)
	lock, err := os.ReadFile(filepath.Join(p.dir, "Gemfile.lock"))
	if err != nil || !strings.Contains(string(lock), "greet (1.0.0) sha256=") {
		t.Fatalf("the lock has no checksum: %v\n%s", err, lock)
	}
	before := o.count("gems/greet-1.0.0.gem")
	p.must("--network=none", "-t", p.image())
	if got, want := inImage(t, p.image(), "cat /out"), "gem "+payload+"\ngit "+payload; got != want {
		t.Errorf("the image has %q, want %q", got, want)
	}
	if n := o.count("gems/greet-1.0.0.gem") - before; n != 1 {
		t.Errorf("the gem was downloaded %d times", n)
	}
}
