// Package mount serves a tree.Tree as a read-only FUSE file system whose files
// are downloaded when a program first reads them. It is the only importer of
// go-fuse and knows neither the network nor podman: content comes through the
// Source interface.
//
// # Promises
//
//   - stat, readdir, extended attributes and lookups of absent names never call
//     Source.Open, and so never cause a download.
//   - open calls Source.Open, which starts the download, and returns at once; the
//     first read waits. A package manager that opens 75 files with four threads
//     has all 75 on the way, not four.
//   - A read returns bytes of the whole, verified file or an error; the Source
//     hands out nothing else.
//   - A signal to a waiting program does not break its read, and kill -9 lets it go
//     at once; neither touches the download, which other readers share.
//   - Every attribute is a function of the tree alone: same digest, same inode
//     number and same mtime, in every build on every host.
//
// # How a file is opened
//
// An inode's open files are in one of three ways, which the kernel lets be mixed
// in some orders and answers with EIO in others:
//
//	direct       the content is not there, and the kernel may have been told that
//	             its size is not known: each read is a request, which waits.
//	             MAP_SHARED works where the kernel has FUSE_DIRECT_IO_ALLOW_MMAP
//	             (6.6).
//	passthrough  the content is there and the mount has passthrough: the kernel
//	             reads the store's file itself.
//	cached       all else: the kernel's page cache, kept over closes. The content
//	             may not be there: then requests for pages wait, and programs for
//	             the pages. Programs that unpack archives read a few bytes at a
//	             time, of which hardly any is a request here.
//
// An inode is never open in two ways of which one is passthrough: the kernel refuses
// it. So an inode that is cached or direct stays so until nobody has it open, and
// Info says whether it may be passthrough then. Files that are parts of a larger
// content (tree.Part) never are.
//
// # An overlay on top
//
// Builds write into the directory (Go keeps its caches there), so by default
// programs see a kernel overlayfs whose lower layer is the mount: Overlay makes it.
// With Options.UnderOverlay a chmod -R or a podman volume's :Z and :U download
// nothing: overlayfs copies metadata only, and the opens that it makes for itself
// on the way are told from those of programs. Modes are checked by the overlay, not
// by the mount below it.
//
// # Sizes that nobody knows
//
// A lock may name no size. Such a file has size 0 in stat and in listings until its
// size is known; nothing waits to tell it. When the file is open, a stat of it (any
// program's) waits for Blob.Size, because fstat after open is how cp, curl and
// python learn how much to read. Once known the size stays.
//
// # After the client has died
//
// Kill turns the mount into one that answers EIO to everything, so that a build
// that goes on fails loudly instead of finding an empty directory. Content that
// the kernel already holds (page cache, passthrough files, cached attributes) stays
// readable.
//
// # The process that serves must stay outside
//
// No code of the serving process may open, stat or walk a path below the mount: a
// thread that waits in the kernel for this very process can deadlock it. Overlay is
// the exception, a single mount(2), whose few lookups need nothing of the caller.
package mount
