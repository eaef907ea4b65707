package rpm

import (
	"strconv"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Package is what repodata says about one RPM as far as the RPM's headers tell:
// the facts that are worth keeping under the RPM's digest. Strings are as in the
// header; they may be in any encoding. A Package is not changed after it was
// made and may be read by many goroutines.
type Package struct {
	Name, Version, Release string
	Epoch                  uint64 // 0 when the header has none
	// Arch is "src" for source packages, whatever they were built on.
	Arch                           string
	Summary, Description           string
	Packager, URL, License, Vendor string
	Group, BuildHost, SourceRPM    string
	// BuildTime is in seconds since 1970.
	BuildTime int64
	// InstalledSize and ArchiveSize (of the uncompressed payload) are in bytes.
	InstalledSize, ArchiveSize uint64

	// Header is where the main header stands in the file.
	Header HeaderRange
	// HeaderDigest is the sha256 of the file's first Header.End bytes: lead,
	// signature header and main header. CompareHeader holds a file against it.
	HeaderDigest digest.Digest

	// Deps has the dependencies by kind, filtered and ordered as in repodata.
	Deps [DepKinds][]Dependency
	// Dirs are the directories that Files name by index, each with its final slash.
	Dirs []string
	// Files in the header's order.
	Files []File
	// Changelogs are the newest entries, newest first, at most MaxChangelogs.
	Changelogs []Changelog

	// ControlField names the first field in which a control character stands that
	// XML forbids; empty when there is none. Changelogs are not looked at.
	ControlField string
	// ControlChangelog is the number (from 1) of the first changelog entry with
	// such a character; 0 when there is none.
	ControlChangelog int
}

// MaxChangelogs is how many changelog entries a Package keeps: createrepo_c's
// default number. Headers of kernels have thousands, and dnf reads none.
const MaxChangelogs = 10

// FileKind tells apart what repodata tells apart.
type FileKind uint8

// The kinds of File.
const (
	FilePlain FileKind = iota // everything else: regular files, links, devices
	FileDir
	FileGhost // owned by the package but not in its payload
)

// File is one path that the package owns: Dirs[Dir] + Base.
type File struct {
	Dir  uint32
	Kind FileKind
	Base string
}

// Changelog is one changelog entry.
type Changelog struct {
	Time   int64 // seconds since 1970
	Author string
	Text   string
}

// NEVRA is "name-epoch:version-release.arch", without the epoch when it is 0.
func (p *Package) NEVRA() string {
	epoch := ""
	if p.Epoch != 0 {
		epoch = strconv.FormatUint(p.Epoch, 10) + ":"
	}
	return p.Name + "-" + epoch + p.Version + "-" + p.Release + "." + p.Arch
}
