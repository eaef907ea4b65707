// Package git fetches one commit of a git repository over HTTP and makes files
// of it, without a git program.
//
// # What it promises
//
//   - The commit has the id that was asked for, and every object that is handed
//     out has the id by which the commit, or one of its trees, names it. Ids are
//     computed here, with detection of the known attacks on sha1; what a server
//     says about its objects is not believed.
//   - The same commit gives the same bytes, whatever server it comes from and
//     however that has packed it: nothing of branches, tags, remotes, packing or
//     the time of day gets into what is made.
//   - A hostile server or repository can fill neither memory nor disk: bytes,
//     objects, files and depth are bounded (Limits), contents are inflated only
//     to their stated length, and trees that name one file a million times are
//     refused. Nothing is ever written under a name that a repository chose.
//
// # How it fetches
//
// Protocol version 2 asks for exactly one commit without its history. Servers
// that speak only version 0 are asked the same where they allow it; else, and
// where a server hides the commit, the branches and tags are fetched with their
// history until the commit is among them. The pack is kept in a scratch
// directory and unpacked there into one file of contents and an index in memory.
//
// # What it makes
//
// WriteArchive writes a tar archive of the checkout, WriteBare a bare clone,
// WriteCrate a cargo package. Checkouts are without line-end conversion, filters
// (Git LFS among them) and export-ignore, as a clone by a git without
// configuration and attributes leaves them.
package git
