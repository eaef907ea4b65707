// Package locks reads lock files: bytes in, artifacts out.
//
// Each lock format has one file in this package and one entry in Formats. A
// parser knows nothing of the network, of FUSE or of podman: it turns the
// bytes of one lock file into a Lock, which says what files the lock names,
// where Hermeto (formerly cachi2) puts each of them below its output
// directory, which environment variables Hermeto sets for the format, and
// which of the project's files Hermeto would rewrite.
//
// Everything that a lock says is untrusted. A parser never panics, never
// recurses without a bound, and reports what is wrong as an *Error that names
// the file and the line.
package locks

import (
	"fmt"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// SizeUnknown is the Size of an artifact whose lock does not state one.
const SizeUnknown int64 = -1

// Artifact is one file that a lock names.
type Artifact struct {
	// Name and Version of the package, as the lock spells them. Version may be
	// empty (generic artifacts have none).
	Name, Version string
	// Path is where the file stands below the output directory, with forward
	// slashes: "deps/pip/numpy-2.1.0-….whl". Never absolute, never with "..".
	Path string
	// URLs from which the same bytes can be had, best first. They may carry
	// credentials: redact before printing.
	URLs []string
	// Digest of the whole file, the strongest that the lock states; empty when
	// the lock states none.
	Digest digest.Digest
	// Unverified says that Digest is not the lock's word but an index's: it holds
	// the content in place, and nobody vouches for it.
	Unverified bool
	// Size in bytes, or SizeUnknown.
	Size int64
	// Only says which target platforms can use the file. The zero value is
	// "any". Files that do not fit stay in the tree; they are merely not read ahead.
	Only Constraint
	// Spare says that a build probably doesn't read the file, although the lock
	// names it (a module that go.mod doesn't require): it is not read ahead.
	Spare bool
	// Development says that the project needs the package for its own development
	// alone, as far as the lock says so.
	Development bool
	// PURL is the package URL (github.com/package-url/purl-spec) for the SBOM;
	// may be empty.
	PURL string
	// Auth is what the lock says about authentication for this file; nil for
	// nearly all.
	Auth *Auth
	// Make says how the content is made of what is downloaded; nil for an
	// artifact that is served as it is.
	Make *Make
	// Line in the lock file where the artifact is named, from 1; 0 if unknown.
	Line int
}

// Make is how Hermeto makes content that no server has: an archive of a git
// commit, the directory of an unpacked crate. The artifact's URLs, Digest and
// Size are then those of what is downloaded, not of what is served.
type Make struct {
	// Kind is one of the Make… constants.
	Kind string
	// Dir says that Artifact.Path is a directory, whose entries are made too.
	Dir bool
	// Args are the kind's parameters. They hold no secret and are part of the
	// tree's fingerprint.
	Args map[string]string
}

// The kinds of Make.
const (
	// MakeGitArchive is a gzipped tar archive of the commit Args["commit"] (40 or
	// 64 hex digits) of the git repository at URLs[0]. Args["prefix"] is the
	// directory in which the files stand ("app"), beside a ".git" directory;
	// Args["submodules"] is "true" where their content belongs into it. With
	// Args["format"] "tar" it is neither gzipped nor has it a ".git".
	MakeGitArchive = "git-archive"
	// MakeCrate is a directory: the unpacked .crate file at URLs, with the
	// .cargo-checksum.json that `cargo vendor` writes beside its files.
	// Args["package"] is the directory in the archive, "<name>-<version>".
	MakeCrate = "crate"
	// MakeGitCrate is a directory: the package Args["package"] of the commit
	// Args["commit"] of the git repository at URLs[0], as `cargo vendor` leaves
	// it. Args["version"], if set, chooses among packages of one name.
	MakeGitCrate = "git-crate"
	// MakeGitBare is a directory: a bare clone, as `git clone --bare` makes it,
	// that holds the commit Args["commit"] of the repository at URLs[0] and, if
	// they are set, a branch Args["branch"] and a tag Args["tag"] on it.
	MakeGitBare = "git-bare"
	// MakeYarnZip is the archive that yarn 4 makes of the tarball at URLs, for
	// which the lock has no digest. Args["prefix"] is the package's directory in
	// it, Args["sha512"] the lock's checksum of the archive in hex; empty where
	// it has none.
	MakeYarnZip = "yarn-zip"
)

// Auth is the authentication that a lock states for one file (generic, version
// 2.0). Value, User and Password are templates: "$VAR" and "${VAR}" stand for
// environment variables and "$$" for a dollar sign. They are never expanded in
// this package, so that a Lock can be printed, hashed and compared without
// touching a secret.
type Auth struct {
	// Header and Value are a header to send as it is. Header is empty for HTTP basic.
	Header, Value string
	// User and Password are those of HTTP basic; both empty when Header is set.
	User, Password string
	// Line in the lock file, from 1.
	Line int
}

// Constraint restricts an artifact to target platforms. Empty fields restrict nothing.
type Constraint struct {
	// OS and CPU are npm's lists (process.platform and process.arch; a leading
	// "!" negates). Libc is "glibc" or "musl".
	OS, CPU, Libc []string
	// Arch is the architecture of the RPM lock's section that names the file
	// ("x86_64"), which also holds for the noarch and i686 packages in it.
	Arch string
	// Marker is a PEP 508 environment marker, unevaluated.
	Marker string
	// Source says that the file is a source archive that has a built
	// alternative in the same lock (an sdist beside wheels, an SRPM).
	Source bool
}

// EnvVar is an environment variable that Hermeto sets for every RUN.
type EnvVar struct {
	Name, Value string
}

// Rewrite is one of the project's own files as Hermeto would rewrite it.
type Rewrite struct {
	// Path of the project's file, in the same form as the path under which the
	// lock was read (the caller passes it as Source.Path).
	Path string
	// Content is the whole new content.
	Content []byte
}

// Lock is what one lock file says.
type Lock struct {
	// Type is the Hermeto backend: "pip", "npm", "generic", "rpm", ….
	Type string
	// File is the path under which the lock was read, for messages.
	File string
	// Artifacts in the lock's order.
	Artifacts []Artifact
	// Texts are small generated files that belong into the tree as they are
	// (repos.d/hermeto.repo, settings.xml), keyed by path below the output directory.
	Texts map[string][]byte
	// Lists are small generated files of which each lock gives some lines; those
	// of all locks belong into one file, sorted, each line once (the versions of
	// a Go module). Keyed by path below the output directory.
	Lists map[string][]string
	// Unresolved are the packages of which the lock states neither URL nor file
	// name: an index has to be asked (requirements.txt).
	Unresolved []Unresolved
	// Indexes are the package indexes and link pages that the lock itself
	// names, in its order. They may carry credentials.
	Indexes []Index
	// Repos are directories of RPMs for which repodata has to be made.
	Repos []Repo
	// Env is what Hermeto sets in every RUN for this backend.
	Env []EnvVar
	// Rewrites are the project's files that have to be different in the build context.
	Rewrites []Rewrite
	// Warnings are for people: what was left out, what is weak.
	Warnings []string
}

// Unresolved is a package that a lock pins without saying where its files are.
type Unresolved struct {
	// Name and Version of the package, as the lock spells them.
	Name, Version string
	// Dir is where each of its files belongs, below the output directory.
	Dir string
	// Digests are those of all files that the lock allows (wheels and sdist
	// alike); empty when the lock states none.
	Digests []digest.Digest
	// Only restricts all of the package's files.
	Only Constraint
	// NoWheel says that the lock has the package built from its source archive,
	// though there may be wheels.
	NoWheel bool
	// File that names the package, where the lock includes others; empty for the
	// lock itself. Line in it, from 1.
	File string
	Line int
}

// Index is a place where a lock says that packages can be looked up.
type Index struct {
	// Kind is "index", "extra-index" or "find-links".
	Kind string
	// URL may carry credentials: redact before printing.
	URL string
}

// Repo is a directory of RPMs: its repodata is made from the RPMs' headers.
type Repo struct {
	// Dir below the output directory: "deps/rpm/x86_64/ubi-9-baseos".
	Dir string
	// Modules is the path below the output directory of the lock's
	// module_metadata file for this repository; empty when it has none.
	Modules string
}

// Source is one lock file to parse and what its parser needs to know beside its bytes.
type Source struct {
	// Path under which the file was found, for messages and Rewrites.
	Path string
	// Like is the usual name of such a file ("requirements.txt"), for Parse, where
	// the file's own name does not say of which format it is; may be empty.
	Like string
	// Data is the file's content.
	Data []byte
	// OutputDir is where the tree will be seen in the build ("/cachi2/output"),
	// for env values, rewritten files and repo files.
	OutputDir string
	// Arches are the RPM architectures of the targets ("x86_64"); none means all.
	Arches []string
	// SourceRPMs asks for the SRPMs of an RPM lock too.
	SourceRPMs bool
	// RepoOptions are settings for the sections of the generated .repo files, by
	// repoid: keys in lower case, no line ends.
	RepoOptions map[string]map[string]string
	// Sibling reads a file beside the lock (package.json, go.mod); it returns
	// an error that wraps fs.ErrNotExist when there is none. May be nil.
	Sibling func(name string) ([]byte, error)
	// RegistryURL gives the base URL of the user's own registry for a format
	// whose lock may leave it out ("npm"; for a scope with a registry of its own
	// "npm:@scope"; for "gomod" GOPROXY's value, a list; for "cargo:<source>" of a
	// registry as the lock names it, the template of its download URLs); nil or ""
	// when none is known. It may be slow (it may have to ask the tool for its default), so it is
	// asked only where a lock has no URL.
	RegistryURL func(format string) string
	// Mirror is like RegistryURL, but answers only with what the user has
	// configured and is fast; nil or "" when that is nothing.
	Mirror func(format string) string
	// ReplaceRegistryHost is npm's replace-registry-host: "never", "always", or
	// the host in the lock's URLs that stands for Mirror. The zero value
	// means: where the lock states a strong digest, try Mirror first and
	// the lock's own URL after it; without a digest, only the lock's own URL.
	ReplaceRegistryHost string
}

// Error says what is wrong in a lock file.
type Error struct {
	File string // as given in Source.Path
	Line int    // from 1; 0 if unknown
	Msg  string // what is wrong, and why
	Hint string // what to do; may be empty
	Err  error  // the cause; may be nil
	// Unsupported says that the lock is well-formed, but that lazybuild cannot
	// provide what it names: a lock that nobody asked for may be left out.
	Unsupported bool
}

// Error is "file:line: message (hint)".
func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	s += ": " + e.Msg
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
