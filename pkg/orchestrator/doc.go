// Package orchestrator runs one build: it starts the proxy, puts its mount
// into a `podman build`, and takes everything down again.
//
// # One build
//
//	prepare   read the command line, plan the tree, rewrite the Containerfile,
//	          name the build (buildid)
//	place     where podman builds: rootful, rootless, or on another machine; what
//	          differs between them is behind the interface place
//	connect   to podman's API as the user's own podman would; start the service
//	          when none listens
//	proxy     an image made of lazybuild's own executable, loaded once; a
//	          container from it whose attached stdin is the lease. Or the same
//	          as a process
//	child     the user's own podman, stdio inherited, argv verbatim but for the
//	          few flags that are added
//	cleanup   the same code after success, after Ctrl-C, in the reaper after a
//	          kill -9 of the CLI, and in the sweep at the next start
//
// # Ends
//
// A build's leftovers are written down before they exist: the state file names
// the container, the mounts, the directories and the child. The CLI holds a
// lock on it; whoever finds the file without the lock may clean up. A reaper
// process, which only waits for the CLI's end, does so at once.
//
// This is the only package that imports podman's bindings. It knows neither
// FUSE nor lock formats.
package orchestrator
