package main

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/lazybuild/lazybuild/internal/untrusted"
	"github.com/lazybuild/lazybuild/pkg/digest"
)

// npmDefault asks npm for its registry. npm takes a sixth of a second and more to
// say what seldom changes, and a build may do nothing else; so what it says is kept
// with all that it depends on.
type npmDefault struct {
	context string   // npm is asked there
	cache   string   // directory for the answer; may be empty
	environ []string // as of os.Environ
	look    func(program string) (path string, err error)
}

// npmAnswer is what npm has said, and what it was made from: the programs, the
// variables that npm heeds, and the configuration files that it reads or would
// read if they were there (npm's documentation, "npmrc").
type npmAnswer struct {
	Programs    []programSeen     `json:"programs"`
	Environment string            `json:"environment"` // sha256
	Files       map[string]string `json:"files"`       // path to sha256, "" where there is none
	Registry    string            `json:"registry"`
}

type programSeen struct {
	Path     string    `json:"path"`
	Modified time.Time `json:"modified"`
}

// registry is "" where npm says nothing.
func (n npmDefault) registry() string {
	now := npmAnswer{Programs: n.programs(), Environment: n.environment()}
	if len(now.Programs) == 0 {
		return ""
	}
	if kept, ok := n.kept(); ok && kept.holds(now) {
		return kept.Registry
	}
	said := n.ask()
	now.Registry = said["registry"]
	npm := now.Programs[0].Path
	if filepath.Base(npm) != npmProgram {
		return now.Registry // a version manager's, which starts one npm or another
	}
	if now.Files = n.files(said, npm); now.Files != nil {
		n.keep(now)
	}
	return now.Registry
}

// npmProgram is what the command npm is a link to.
const npmProgram = "npm-cli.js"

// programs are npm and the node that runs it, which decides where npm's global
// configuration is.
func (n npmDefault) programs() (seen []programSeen) {
	for _, name := range []string{"npm", "node"} {
		path, err := n.look(name)
		if err != nil {
			break
		}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		info, err := os.Stat(path)
		if err != nil {
			break
		}
		seen = append(seen, programSeen{path, info.ModTime()})
	}
	return seen
}

// environment names the variables that decide where npm looks, without secrets.
func (n npmDefault) environment() string {
	var relevant []string
	for _, v := range n.environ {
		name, _, _ := strings.Cut(strings.ToLower(v), "=")
		known := name == "home" || name == "prefix" || name == "destdir"
		if known || strings.HasPrefix(name, "npm_config_") && !secretName(name) {
			relevant = append(relevant, v)
		}
	}
	slices.Sort(relevant)
	return digest.FromBytes([]byte(strings.Join(relevant, "\x00"))).Hex()
}

func secretName(name string) bool {
	return strings.Contains(name, "auth") || strings.Contains(name, "password") || strings.Contains(name, "token")
}

// ask runs npm. Old ones answer with the first value alone.
func (n npmDefault) ask() map[string]string {
	path, err := n.look("npm")
	if err != nil {
		return nil
	}
	cmd := exec.Command(path, "config", "get", "registry", "userconfig", "globalconfig")
	cmd.Dir = n.context
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	said := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			said[key] = value
		}
	}
	if said["registry"] == "" {
		first, _, _ := strings.Cut(string(out), "\n")
		return map[string]string{"registry": strings.TrimSpace(first)}
	}
	return said
}

// files are the configuration files behind an answer. nil says that it cannot be
// told what it depends on, or that it holds a secret: then it must not be kept.
func (n npmDefault) files(said map[string]string, npm string) map[string]string {
	u, err := url.Parse(said["registry"])
	if err != nil || u.User != nil || said["userconfig"] == "" || said["globalconfig"] == "" {
		return nil
	}
	seen := map[string]string{}
	see := func(path string) (there bool) {
		data, err := untrusted.ReadFile(path, untrusted.MaxConfig)
		if err != nil {
			seen[path] = ""
			return !os.IsNotExist(err)
		}
		seen[path] = digest.FromBytes(data).Hex()
		if bytes.Contains(data, []byte("${")) { // of any variable
			seen = nil
		}
		return true
	}
	// npm's own directory is above its bin.
	for _, path := range []string{said["userconfig"], said["globalconfig"], filepath.Join(filepath.Dir(filepath.Dir(npm)), "npmrc"), filepath.Join(n.context, ".npmrc")} {
		if see(path); seen == nil {
			return nil
		}
	}
	// Of the directories above, npm takes one for the project's, by what is in all of them.
	for dir := filepath.Dir(n.context); ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, ".npmrc")
		if path != said["userconfig"] && see(path) {
			return nil
		}
		if dir == filepath.Dir(dir) {
			return seen
		}
	}
}

// holds says that npm would say the same again.
func (a npmAnswer) holds(now npmAnswer) bool {
	if !slices.EqualFunc(a.Programs, now.Programs, func(x, y programSeen) bool { return x.Path == y.Path && x.Modified.Equal(y.Modified) }) ||
		a.Environment != now.Environment {
		return false
	}
	for path, sum := range a.Files {
		data, err := untrusted.ReadFile(path, untrusted.MaxConfig)
		if err != nil && (sum != "" || !os.IsNotExist(err)) || err == nil && digest.FromBytes(data).Hex() != sum {
			return false
		}
	}
	return true
}

// file is where the answer for this project is kept; "" for nowhere.
func (n npmDefault) file() string {
	if n.cache == "" {
		return ""
	}
	return filepath.Join(n.cache, "npm-"+digest.FromBytes([]byte(n.context)).Hex()[:16]+".json")
}

func (n npmDefault) kept() (a npmAnswer, ok bool) {
	file := n.file()
	data, err := untrusted.ReadFile(file, untrusted.MaxConfig)
	if err != nil || json.Unmarshal(data, &a) != nil || a.Registry == "" || len(a.Files) == 0 {
		return npmAnswer{}, false
	}
	now := time.Now()
	_ = os.Chtimes(file, now, now) // it is in use: the store's clean-up goes by that
	return a, true
}

// keep writes the answer down; where that fails npm is asked again.
func (n npmDefault) keep(a npmAnswer) {
	data, err := json.Marshal(a)
	if err != nil || a.Registry == "" || n.cache == "" || os.MkdirAll(n.cache, 0o700) != nil {
		return
	}
	_ = renameio.WriteFile(n.file(), data, 0o600)
}
