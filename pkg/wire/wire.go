// Package wire is what lazybuild's two processes say to each other: the CLI
// (pkg/orchestrator) and the proxy (pkg/proxy), which runs in a container.
//
// The CLI writes to the proxy's stdin:
//
//	one line of JSON      the Spec, whose TreeBytes says how much follows
//	TreeBytes bytes       the tree in its own wire form (pkg/tree), as base64
//	"bye ok\n"            the build has succeeded; take everything down
//	"bye failed\n"        it has not; take everything down ("bye\n": nobody says)
//	EOF without "bye"     the CLI has died: the attached stdin is the lease
//
// Everything is printable text, because podman's server looks for its detach
// keys (ctrl-p, ctrl-q by default) in an attached stdin.
//
// The proxy writes Events to its stdout, one JSON object per line. The first
// is Ready or Fatal, the last is Summary. Secrets travel only in the Spec, so
// they are in no argument list, environment, label or log.
package wire

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/lazybuild/lazybuild/internal/sumfile"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Version of the Spec and the Events. Both ends come from the same executable,
// so a difference means that a stale proxy is running: it is refused.
const Version = 2

// maxSpec bounds the Spec's line in bytes; credentials and CA bundles are in it.
const maxSpec = 64 << 20

// Spec is everything that the proxy has to know for one build.
type Spec struct {
	Version int
	BuildID string
	// Dir is the build's own directory below the shared base. The proxy makes
	// it and removes it.
	Dir string
	// Output is where the tree appears, below Dir; the build gets it with -v.
	Output string
	// ReadOnly leaves the writable overlay off: Output is the FUSE mount itself.
	ReadOnly bool
	// Scratch is a directory on the store's disk for what the build writes into
	// the tree. The proxy makes it and removes it. Unused when ReadOnly.
	Scratch string
	// UserXattr asks for overlayfs's userxattr option, which a proxy in a user
	// namespace needs (kernel: Documentation/filesystems/overlayfs.rst).
	UserXattr bool
	// Guest, when it is not 0, is the user and group that builds, while the proxy
	// is root: podman machine. All files are theirs (in a user namespace, root's),
	// and Dir is a mount of its own: where mounts do not propagate to, the build
	// must find no directory at all, and not an empty one.
	Guest int
	// Store is the blob store's directory, StoreBytes how large it may be; 0 is
	// the store's default.
	Store      string
	StoreBytes int64
	// Files are small files to write below Dir before Ready: name to content.
	Files map[string][]byte
	// View, when set, is the build context with some files replaced.
	View *View
	// CA holds extra certificate authorities, PEM.
	CA []byte
	// HTTPProxy, HTTPSProxy and NoProxy have the meaning of the environment
	// variables of these names.
	HTTPProxy, HTTPSProxy, NoProxy string
	// Credentials for hosts, most important first: the first that covers a URL is
	// used.
	Credentials []Credential
	// LookedAt names the places where credentials were looked for; no secrets.
	LookedAt []string
	// AllowUnverified is "none", "weak" or "all": which files without a strong
	// digest are served.
	AllowUnverified string
	// ReadAhead is "group", "trace" or "off".
	ReadAhead string
	// TraceKey names the builds that read the same files: what one has opened
	// is what the next will want. Any string; empty means that nothing is known
	// of other builds and nothing is remembered of this one.
	TraceKey string
	// RPMMetadata says how repodata is made: from the packages' headers (""), or
	// by createrepo_c (Createrepo).
	RPMMetadata string
	// HostRoot is where the proxy sees the root directory of the machine that it
	// runs on, for createrepo_c; empty for its own. Store and Scratch have the
	// same paths there.
	HostRoot string
	// NoPassthrough turns FUSE passthrough off.
	NoPassthrough bool
	// TreeFile, if not empty, names the file below Store that has the tree, which
	// then does not follow: a large one takes longer on its way through a
	// container's stdin than everything else (package sumfile).
	TreeFile string `json:",omitempty"`
	// TreeBytes is the length in bytes of the base64 that follows.
	TreeBytes int
}

// Createrepo is the value of Spec.RPMMetadata that names the program.
const Createrepo = "createrepo_c"

// View is a writable-looking copy of the build context that copies no data: an
// overlay whose lower directory is the context itself.
type View struct {
	// Lower is the context as the proxy sees it; Target, below Dir, is where
	// the view appears.
	Lower, Target string
	// Files are the replaced files: path relative to the context, to content.
	Files map[string][]byte
	// Kept are more of them, by the names of files below the Spec's Store that have
	// the contents (package sumfile). ReadSpec reads them into Files.
	Kept map[string]string `json:",omitempty"`
}

// Credential authenticates requests to one host, or says how to connect to it,
// or both. Of User with Password, Bearer and Header at most one is set.
type Credential struct {
	// Host is host or host:port; Prefix restricts to URL paths below it.
	Host, Prefix string
	// PlainHTTP permits sending it without encryption.
	PlainHTTP bool `json:",omitempty"`
	// User and Password are HTTP basic authentication.
	User, Password string
	// Bearer is a token for "Authorization: Bearer".
	Bearer string
	// Header has headers to send as they are, by name.
	Header map[string]string `json:",omitempty"`
	// Cert and Key are a TLS client certificate, CA authorities that are trusted
	// for this host; PEM.
	Cert, Key, CA []byte
	// Source says for people where it comes from; no secret.
	Source string
}

// WriteSpec sends the Spec and, unless the proxy finds it in a file, the tree. It
// blocks until the proxy has taken both. It sets s.Version and s.TreeBytes.
func WriteSpec(w io.Writer, s Spec, t *tree.Tree) error {
	var body bytes.Buffer
	if s.TreeFile == "" {
		enc := base64.NewEncoder(base64.StdEncoding, &body)
		if err := errors.Join(tree.Encode(enc, t), enc.Close()); err != nil {
			return fmt.Errorf("encoding the tree: %w", err)
		}
	}
	s.Version, s.TreeBytes = Version, body.Len()
	head, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding the spec: %w", err)
	}
	if _, err := w.Write(append(head, '\n')); err != nil {
		return fmt.Errorf("sending the spec: %w", err)
	}
	if _, err := body.WriteTo(w); err != nil {
		return fmt.Errorf("sending the tree: %w", err)
	}
	return nil
}

// ReadSpec reads what WriteSpec has sent. The reader keeps what follows.
func ReadSpec(r *bufio.Reader) (Spec, *tree.Tree, error) {
	var s Spec
	line, err := readLine(r, maxSpec)
	if err != nil {
		return s, nil, fmt.Errorf("reading the spec: %w", err)
	}
	if err := json.Unmarshal(line, &s); err != nil {
		return s, nil, fmt.Errorf("reading the spec: %w", err)
	}
	if s.Version != Version {
		return s, nil, fmt.Errorf("the spec has version %d, this proxy speaks %d", s.Version, Version)
	}
	if s.TreeFile != "" {
		var view errgroup.Group
		view.Go(func() error { return s.View.complete(s.Store) })
		t, err := treeIn(s)
		return s, t, cmp.Or(view.Wait(), err)
	}
	if err := s.View.complete(s.Store); err != nil {
		return s, nil, err
	}
	body := io.LimitReader(r, int64(s.TreeBytes))
	t, err := tree.Decode(base64.NewDecoder(base64.StdEncoding, body))
	if err != nil {
		return s, nil, fmt.Errorf("reading the tree: %w", err)
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return s, nil, fmt.Errorf("reading the tree: %w", err)
	}
	return s, t, nil
}

// treeIn reads the tree from the file that the Spec names.
func treeIn(s Spec) (*tree.Tree, error) {
	if !filepath.IsLocal(s.TreeFile) {
		return nil, fmt.Errorf("reading the tree: %q is not below the store", s.TreeFile)
	}
	var t *tree.Tree
	err := sumfile.ReadWith(filepath.Join(s.Store, s.TreeFile), func(data []byte) (err error) {
		t, err = tree.DecodeKept(data)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tree: %w", err)
	}
	return t, nil
}

// complete reads the view's files that stand in files of their own. v may be nil.
func (v *View) complete(store string) error {
	if v == nil {
		return nil
	}
	for path, name := range v.Kept {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("reading what the context has in place of %s: %q is not below the store", path, name)
		}
		data, err := sumfile.Read(filepath.Join(store, name))
		if err != nil {
			return fmt.Errorf("reading what the context has in place of %s: %w", path, err)
		}
		if v.Files == nil {
			v.Files = map[string][]byte{}
		}
		v.Files[path] = data
	}
	return nil
}

// readLine reads up to and without the next newline, at most limit bytes.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > limit {
			return nil, fmt.Errorf("a line is longer than %d bytes", limit)
		}
		if err == nil {
			return bytes.TrimSuffix(line, []byte("\n")), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) && len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// The lines that end a build in order.
const (
	Bye       = "bye"        // the build has ended; nobody says how
	ByeOK     = "bye ok"     // it has succeeded
	ByeFailed = "bye failed" // it has not
)

// End says how a build has ended.
type End int

const (
	// Gone: EOF without a word. The CLI has died; the build may still run.
	Gone End = iota
	// Ended: Bye.
	Ended
	// Succeeded: ByeOK.
	Succeeded
	// Failure: ByeFailed.
	Failure
)

// WaitBye blocks until the CLI says how the build has ended, or is Gone. Other
// lines are passed over.
func WaitBye(r *bufio.Reader) End {
	for {
		line, err := readLine(r, 1<<10)
		if err != nil {
			return Gone
		}
		switch string(line) {
		case Bye:
			return Ended
		case ByeOK:
			return Succeeded
		case ByeFailed:
			return Failure
		}
	}
}
