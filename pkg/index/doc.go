// Package index asks Python package indexes which files a project has: where
// they are, how long they are, and which digests they have.
//
// A requirements file pins names, versions and digests, and says nothing else.
// Find turns its entries into artifacts by reading the project's page of an
// index: the JSON form of the simple API where the index has it (PEP 691, with
// sizes since PEP 700), else HTML (PEP 503). Pages with links (--find-links)
// are read too.
//
// # What counts as the package's file
//
//   - The lock states digests: the files with the project's name whose digest on
//     the page is one of them, whatever the name says of the version.
//   - It states none, or the page states none of the same algorithm: the files
//     whose names say the project and the version. What the page says about
//     their content is nobody's promise, so they are marked Unverified.
//
// The indexes are asked in order until all digests are found, or, without
// digests, until one of them has the version: another one could have another
// package of that name.
//
// # What is remembered
//
// The answer for a package is kept in a file, under a key of the indexes, the
// name, the version and the digests, so that a second question needs no network.
// What came by a credential is remembered for who holds the same credentials
// alone (Options.Holder); for others it is not there, and they ask by themselves.
// A file's length that no page states is asked for by HEAD, once. Credentials
// are in no such file, and URLs with a query, which may be signed and end some
// day, are not kept at all. A damaged or lost file costs a request.
//
// # Whom to trust
//
// Nobody: pages are bounded in length and number of files, names must be names
// of files, a page from elsewhere can't point to this machine, and what cannot
// be read as a file of the project is passed over.
package index
