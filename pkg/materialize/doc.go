// Package materialize writes a tree out as real files: what a prefetch leaves,
// with the promises of a lazy tree. It needs neither FUSE nor podman, so it
// works wherever the store does, and serves where a directory is wanted: CI
// without privileges, Tekton, BuildKit.
//
// # Promises
//
//   - A file appears under its name whole and verified, or not at all.
//   - What an earlier run has written is not written again: a file with the
//     right size and the tree's own mtime, which follows from its digest, is the
//     right one (Options.Check reads it and makes sure). So an interrupted run is
//     continued by the next.
//   - A file that an earlier run has written and that the tree no longer has is
//     removed; files of others are never touched, except where the tree has a
//     file of that name.
//   - Two files that the directory's file system takes for one (case, forms of
//     Unicode) are an error before anything is written.
//   - Nothing is written outside the directory, whatever links are in it.
//   - One file's failure does not keep the others from being written.
//
// # How the bytes get there
//
// A blob is cloned (FICLONE) where the file system can do it, which takes no
// room and no time; otherwise it is copied. It is hard-linked only on request:
// a program that writes into such a file would change the store.
package materialize
