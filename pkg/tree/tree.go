// Package tree is the file tree that a build will see below its output
// directory, as plain data: paths, sizes, digests, generated files.
//
// It is the centre of lazybuild. pkg/plan makes a Tree from lock files; the
// orchestrator sends it to the proxy in its wire form; pkg/mount serves it.
// Nothing here knows FUSE, the network or podman, so everything about the
// layout is testable without them.
//
// Every Tree that Build or Decode returns is valid: its paths stay inside the
// directory and stand once, no file is where a directory is, and nothing is
// below a generated directory. Two trees with the same Fingerprint look the
// same to a build. Nobody changes a Tree after Build.
package tree

import (
	"github.com/lazybuild/lazybuild/pkg/digest"
)

// SizeUnknown is the Size of a file of which nobody has said how long it is.
const SizeUnknown int64 = -1

// Tree is the content of the output directory. Its Files and Dirs are sorted
// by Path; Build is the only way to make a valid one.
type Tree struct {
	Inputs []Input
	Files  []File
	Dirs   []Dir
}

// Input is where a part of the tree came from.
type Input struct {
	// Type is the Hermeto backend: "pip", "npm", "generic", "rpm", ….
	Type string
	// Lock is the lock file's path as the user would name it.
	Lock string
	// FoundBy says for people how the lock was found: "beside the Containerfile".
	FoundBy string
}

// File is one regular file.
type File struct {
	// Path below the output directory, slash-separated, valid by CheckPath.
	Path string
	// Size in bytes, or SizeUnknown.
	Size int64
	// Digest of the content; empty when the lock states none.
	Digest digest.Digest
	// Unverified says that Digest is not a lock's word but that of the index which
	// names the file: it keeps the content in place, and nobody vouches for it.
	Unverified bool
	// URLs from which the content can be had, best first. May carry
	// credentials: never print them without redaction.
	URLs []string
	// Content is the whole content of a small generated file; nil for all
	// others. An empty generated file has a non-nil, empty Content.
	Content []byte
	// Make is set when the content is made on first access instead of downloaded.
	Make *Recipe
	// Part, when set, says that the content is a part of a larger one: Size
	// bytes of it. Only files of generated directories have it, so it is in no
	// wire form and in no fingerprint.
	Part *Part
	// Exec says that the file is executable. Only files of generated
	// directories can be: what a lock names is data.
	Exec bool
	// Input is the index into Tree.Inputs.
	Input int
	// Group names the files that one program will probably read together: the
	// unit of read-ahead. Empty means never read ahead.
	Group string
	// Fits says that the target platform can use the file, so that read-ahead may fetch it.
	Fits bool
	// Rank is the file's place in its lock, from 0: read-ahead follows it.
	Rank int
}

// Dir is a directory whose entries are made on the first lookup below it.
type Dir struct {
	// Path below the output directory.
	Path string
	// Make says how its entries come to be.
	Make Recipe
	// Input is the index into Tree.Inputs.
	Input int
}

// Recipe names content that is made on first access. The proxy knows the
// kinds; the tree only carries them.
type Recipe struct {
	// Kind: "repodata" (entries of an RPM repository's repodata directory), ….
	Kind string
	// Args are the kind's parameters; they take part in the fingerprint.
	Args map[string]string
	// From is what the content is made of, where that is downloaded and is
	// itself no file of the tree. Its Size, Digest and URLs count; the digest
	// (without one, the URLs) takes part in the fingerprint.
	From *File
}

// Part says where in a larger content a file's content is.
type Part struct {
	// Of is the larger content. It is no file of the tree.
	Of *File
	// Offset in bytes, from the start of Of.
	Offset int64
}
