package orchestrator

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lazybuild/lazybuild/internal/sumfile"
)

// Podman takes longer to say that it builds on this machine than a proxy process
// takes to start, and says the same each time. So that answer, and no other, is
// remembered until anything looks different on which it depends: the program,
// the environment, and podman's configuration files.

// askWhere is versions, unless podman is known to build here: then nobody is
// asked, and the answer has no server. dir is Options.Known: an empty file in it
// has the name of all that podman was asked with.
func (p *podman) askWhere(ctx context.Context, dir string) (*versions, error) {
	sum, err := p.looks(os.Environ())
	if err != nil || dir == "" {
		return p.versions(ctx)
	}
	path, now := filepath.Join(dir, sum), time.Now()
	if exists(path) {
		_ = os.Chtimes(path, now, now) // of the last use
		return &versions{}, nil
	}
	v, err := p.versions(ctx)
	if err == nil && v.Server == nil {
		_ = sumfile.Replace(path, nil) // else it is asked again
	}
	return v, err
}

// errUnsure: something decides where podman builds that is not looked at.
var errUnsure = errors.New("podman has to be asked")

// looks names everything that decides where podman builds, in hex: equal only
// while all of it looks the same.
func (p *podman) looks(env []string) (string, error) {
	if len(p.global) > 0 || !isProgram(p.path) {
		return "", errUnsure // a script can look at anything
	}
	h := sha256.New()
	fmt.Fprintln(h, os.Geteuid())
	if err := addFile(h, p.path); err != nil {
		return "", err
	}
	named := variables(env)
	for _, name := range slices.Sorted(maps.Keys(named)) {
		fmt.Fprintf(h, "%q\n", []string{name, named[name]})
	}
	home := cmp.Or(named["XDG_CONFIG_HOME"], filepath.Join(named["HOME"], ".config"))
	for _, dir := range []string{"/usr/share/containers", "/etc/containers", filepath.Join(home, "containers")} {
		if err := addConfiguration(h, dir); err != nil {
			return "", err
		}
	}
	for _, name := range []string{"CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE", "PODMAN_CONNECTIONS_CONF"} {
		if named[name] == "" {
			continue
		}
		if err := addFile(h, named[name]); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// isProgram says whether a file is for the kernel to run, and not for a shell.
func isProgram(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && bytes.Equal(magic[:], []byte("\x7fELF"))
}

// variables are those of an environment that podman's configuration looks at.
func variables(env []string) map[string]string {
	named := map[string]string{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		for _, prefix := range []string{"CONTAINER", "PODMAN", "XDG_", "HOME"} {
			if strings.HasPrefix(name, prefix) {
				named[name] = value
			}
		}
	}
	return named
}

// mostFiles bounds how much configuration is looked at.
const mostFiles = 200

// addConfiguration adds the configuration files in and below a directory, which
// need not be there. A link to a directory would hide what changes behind it.
func addConfiguration(h hash.Hash, dir string) error {
	dir, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	n := 0
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if n++; err != nil || n > mostFiles {
			return errors.Join(err, errUnsure)
		}
		if d.IsDir() {
			return nil
		}
		return addFile(h, path)
	})
}

// addFile adds what tells a file from another, or from what it was.
func addFile(h hash.Hash, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return errUnsure
	}
	fmt.Fprintf(h, "%q %d %d %d %d %d\n", path, st.Dev, st.Ino, info.Size(), info.ModTime().UnixNano(), info.Mode())
	return nil
}
