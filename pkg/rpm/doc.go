// Package rpm makes repodata out of RPM headers, so that dnf can plan a
// transaction over packages of which no payload has been downloaded.
//
// # Concept
//
// An RPM file is a lead, a signature header, a main header and the payload, in
// this order. Everything that dnf's repodata (repomd.xml, primary, filelists,
// other) says about a package stands in the headers, in its first few dozen
// KiB; only the file's own checksum and size do not, and those the lock states.
// So a repository of hundreds of packages needs a few MiB instead of all of it:
//
//	src (RangeSource) --FetchHeader--> *Package --MarshalBinary--> facts in the store
//	facts + href, digest, size, mtime (Entry) --Write--> *Repodata (named files)
//	file downloaded later + facts --CompareHeader--> nil or a *MismatchError
//
// Where a repository has many packages whose headers nobody has, its own metadata
// says the same in fewer bytes:
//
//	repomd.xml --ParseIndex--> *Index --> *Upstream --Packages--> *Package by digest
//	file downloaded later + Stated --Compare--> nil or a *MismatchError
//
// The package knows neither network nor disk: bytes come through RangeSource
// and io.ReaderAt, and go out as byte slices.
//
// # Promises
//
//   - Write says the same as createrepo_c 0.17.3 says about the same files. A
//     test holds the XML of several hundred packages against createrepo_c's,
//     byte for byte.
//   - Write is deterministic: the same headers, locations, sizes and times give
//     the same bytes and the same revision, whatever the order of the entries,
//     the clock or the number of processors.
//   - A header is checked as strictly as librpm checks it (sizes, types,
//     alignment, no overlap, immutable region), and against the SHA-256 in
//     its own signature header. A header that fails is an error, never a panic
//     and never a half-filled Package.
//   - What a server said in a range request is not trusted for good: the digest
//     of the header bytes is part of the facts, and CompareHeader holds the
//     verified file against it.
//   - What a repository says of its packages is taken when all of it is
//     understood, and gives the bytes that the header gives. It is not trusted
//     for good either: Stated.Compare holds the verified file's header against it.
//
// # Why an own reader of headers
//
// The library that was looked at (cavaliergopher/rpm 1.3) reads a whole stream, so
// that a prefix cannot be asked how much is missing; it does not check what librpm
// refuses (overlap, alignment, regions, wrong types), takes lengths on trust, and
// copies every value, file digests and scriptlets too. What is needed
// here is about two hundred lines.
//
// # Where createrepo_c is not followed
//
//   - Text is always the header's first (C locale) translation; createrepo_c
//     takes the translation of the locale in which it happens to run.
//   - Strings that are UTF-8 in form but hold code points that XML forbids
//     (surrogates, U+FFFE, overlong forms) get U+FFFD; createrepo_c writes XML
//     that no parser reads.
//   - modules.yaml is passed on as it is, also when it comes compressed;
//     createrepo_c parses and rewrites plain ones and overlooks others.
//   - Packages without an immutable header region (built by RPM 3, before the
//     year 2000) are an error.
//   - No SQLite databases: dnf does not read them.
package rpm
