// Package ahead decides what a build will probably read next. It decides only:
// it starts no download, and it knows neither the network nor the store.
//
// A package manager opens its files one by one, and a file system that merely
// reacts lets each of them wait for the network. Whoever knows the next files
// can have them fetched in parallel. There are two ways to know them:
//
//   - A Trace says what the last good build of the same Containerfile opened,
//     in order. It holds for files of every kind.
//   - Without one, a program that has opened one file of a lock will open most
//     of the others that fit the platform, in the lock's order. That is so for
//     language packages, and it is not so for RPMs and generic artifacts: an RPM
//     lock names many times what one transaction takes.
//
// A pip lock names each package many times over, once per Python version. Which
// one a build has shows in the first wheel that it opens; until then only wheels
// that every version would take are fetched.
//
// A guess that is wrong costs a download that nobody wanted, never a wrong byte.
package ahead
