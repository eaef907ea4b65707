// Package store keeps file contents on a local disk, addressed by their
// digest, and shares them between all builds of one user on one host.
//
// # What it promises
//
//   - Nobody sees a blob before its whole content has matched its digest and,
//     where one is known, its size. There is no way to get at bytes that are
//     still being written.
//   - A kill -9, a full disk or a power cut at any moment leaves a good store.
//     What was half done is continued or thrown away by the next writer; no
//     manual step is ever needed.
//   - One digest is written by one writer at a time, over all processes. The
//     others wait, or give up with their context, and then find the blob.
//   - The directory is the truth. Facts and aliases can be lost at any time:
//     they cost a download or a computation, never a wrong byte.
//
// # Layout
//
//	v1/blobs/sha256/ab/abcd…   contents, mode 0444, the name is the digest; nothing else
//	v1/alias/<kind>/ab/abcd…   the sha256 digest of the content that has another
//	                           digest (sha512, sha384, sha1, md5, go.sum's gomod and
//	                           gozip) or a caller's key
//	v1/facts/<algo>/ab/abcd…   what is known about a content, as JSON
//	v1/partial/<name>          a content on its way, written under its lock
//	v1/locks/<name>            flock files, removed by their last holder
//	v1/pins/<build>            what a live build may need, flocked by that build
//	v1/quarantine/<name>       blobs that turned out to be damaged
//	v1/key                     a random key: see Holder
//	v1/.gc                     its time is that of the last automatic GC
//	v1/.lock                   shared by every open Store, exclusive only for Clean
//	scratch/<build>            what a running build writes; gone with its pin
//	index/, registries/        what package indexes and registries have said: see Beside
//	podman/                    that podman builds here: names of empty files
//	plans/                     plans, with the trees and files that proxies read there
//
// All access goes through an os.Root, so a symbolic link planted in the store
// can't lead out of it. The store belongs to one user: Open refuses a directory
// that others own or can write to.
//
// # Credentials
//
// What came by somebody's credential is not for everybody who knows its digest.
// A View (see As) sees the blobs that are public and those that came by what it
// holds. The facts of a blob say which that is; when they are lost, the blob is
// fetched again. The Store's own methods see everything.
//
// # Weak digests
//
// A lock file that states only a sha1 or md5 digest gets what it asks for: the
// content must match that digest, and the alias remembers it. Whoever can make
// two contents with one sha1 digest can choose which one a later build gets;
// that weakness is in the lock file, and no store can mend it.
//
// # Using it
//
//	s, err := store.Open(dir, store.Options{})
//	defer s.Close()
//	f, info, err := s.Put(ctx, want, size, func(ctx context.Context, p *store.Partial) error {
//		return download(ctx, url, p.Offset(), p) // appends to what is there
//	})
//	defer f.Close()
//
// Put returns at once when the blob is there, so a caller needs Get only where
// it must not write.
package store
