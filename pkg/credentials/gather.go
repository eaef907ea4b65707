package credentials

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// Options say for what to gather, and where.
type Options struct {
	// URLs are all that a build may download.
	URLs iter.Seq[string]
	// Auth is what locks say themselves, Hosts what lazybuild.toml says.
	Auth  []plan.Auth
	Hosts []plan.Host
	// Indexes are package indexes that locks name; a user and a password in them
	// are for the files of their hosts too.
	Indexes []string
	// ReposD are the project's own .repo files by name.
	ReposD map[string][]byte
	// Dirs are the project's directories, absolute: its tools' files are there.
	Dirs []string
	// Home is the user's home directory; empty if there is none.
	Home string
	// Env is the environment, as os.Environ returns it.
	Env []string
	// Root is where "/etc" is; empty means "/". For tests.
	Root string
}

// Result is what has been found.
type Result struct {
	// Credentials, most important first.
	Credentials []wire.Credential
	// LookedAt names the files and variables that have been looked at, for people.
	LookedAt []string
	// Variables are the names of the environment's variables that were looked at
	// and hold secrets, or may: no process but the user's own needs them.
	Variables []string
	// Warnings are about what could not be used, Notes about what a file of the
	// project makes lazybuild send. Neither holds a secret.
	Warnings, Notes []string
}

// Gather reads all sources. The errors are about files of the project that can't
// be used as they are (a variable that is not set), all of them at once, and hold
// no secret. What is wrong in the user's own files is a warning.
func Gather(o Options) (*Result, error) {
	g := &gatherer{o: o, env: environment(o.Env), sites: sitesOf(o.URLs)}
	if len(g.sites.origins) == 0 {
		return &Result{}, nil
	}
	err := errors.Join(g.hosts(), g.lockAuth())
	if err != nil {
		return nil, err
	}
	g.pip()
	g.uv()
	g.npm()
	g.cargo()
	g.bundler()
	g.dnf()
	g.netrc()
	g.entitlement()
	return g.result(), nil
}

// tier is the weight of a source.
type tier int

const (
	tierHosts tier = iota
	tierLock
	tierTools
	tierKin // other paths of a host whose index has credentials
	tierNetrc
	tierMachine
)

// found is one credential and how much it weighs.
type found struct {
	wire.Credential
	tier tier
}

type gatherer struct {
	o     Options
	env   map[string]string
	sites *sites
	found []found
	plain []string // hosts that may be spoken to without encryption
	out   Result
}

// add keeps a credential if some URL can use it.
func (g *gatherer) add(t tier, c wire.Credential) {
	known := func(f found) bool { return reflect.DeepEqual(f.Credential, c) }
	if g.sites.need(c) && !slices.ContainsFunc(g.found, known) {
		g.found = append(g.found, found{c, t})
	}
}

func (g *gatherer) result() *Result {
	slices.SortStableFunc(g.found, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(len(b.Prefix), len(a.Prefix)))
	})
	for _, f := range g.found {
		if slices.Contains(g.plain, hostname(f.Host)) {
			f.PlainHTTP = true
		}
		g.out.Credentials = append(g.out.Credentials, f.Credential)
	}
	return &g.out
}

func (g *gatherer) warn(format string, args ...any) {
	g.out.Warnings = append(g.out.Warnings, fmt.Sprintf(format, args...))
}

// note tells the user once what a project's file has sent where: the file may be
// somebody else's.
func (g *gatherer) note(what, host, where string) {
	text := fmt.Sprintf("sending %s to %s, as %s says", what, printable(host), where)
	if !slices.Contains(g.out.Notes, text) {
		g.out.Notes = append(g.out.Notes, text)
	}
}

// secretIn notes that a variable holds a secret.
func (g *gatherer) secretIn(names ...string) {
	for _, n := range names {
		if !slices.Contains(g.out.Variables, n) {
			g.out.Variables = append(g.out.Variables, n)
		}
	}
}

func (g *gatherer) looked(name string) {
	if !slices.Contains(g.out.LookedAt, name) {
		g.out.LookedAt = append(g.out.LookedAt, name)
	}
}

// variable returns a variable's value and remembers that it was looked at.
func (g *gatherer) variable(name string) string {
	v := g.env[name]
	if v != "" {
		g.looked(name)
		g.secretIn(name)
	}
	return v
}

func environment(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, e := range list {
		if name, value, ok := strings.Cut(e, "="); ok {
			env[name] = value
		}
	}
	return env
}

// home is a path below the user's home, "" if there is none.
func (g *gatherer) home(parts ...string) string {
	if g.o.Home == "" {
		return ""
	}
	return filepath.Join(append([]string{g.o.Home}, parts...)...)
}

// root is a path below /.
func (g *gatherer) root(path string) string { return filepath.Join(cmp.Or(g.o.Root, "/"), path) }

// config is a path below the user's configuration directory.
func (g *gatherer) config(parts ...string) string {
	if dir := g.env["XDG_CONFIG_HOME"]; dir != "" {
		return filepath.Join(append([]string{dir}, parts...)...)
	}
	return g.home(append([]string{".config"}, parts...)...)
}
