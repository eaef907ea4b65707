// Package credentials gathers what the user's own tools already know about the
// hosts that a plan downloads from, so that a project which pip, npm or dnf can
// fetch needs no second configuration. It reads files and variables, never the
// network, and runs no program.
//
// # What is gathered
//
// Only what some URL of the plan can use: a credential for another host, or for
// another path of that host, is dropped. Of a host that merely a redirect leads
// to nothing is known here, so nothing is sent there.
//
// The first source that has something for a URL wins; within one source, the
// longest path:
//
//  1. the user and password in the URL itself (package fetch sees to that)
//  2. [[hosts]] in lazybuild.toml, which names variables and files
//  3. the lock file's own auth block (generic, version 2.0), with its $VARIABLES
//  4. the settings of pip, uv, npm, cargo, bundler and dnf
//  5. netrc: $NETRC, else ~/.netrc
//
// A client certificate, and the authorities of a host, are chosen by the same
// order but apart from that: [[hosts]], npm's and dnf's settings, and then the
// machine's entitlement certificates for the content host that they are for.
//
// # What is done with it
//
// The credentials go to the proxy over its stdin. Nothing here is ever printed
// but where a credential stands: file, line, variable. Errors repeat no text of
// a file that holds secrets.
//
// # What is not read
//
// Keyrings and other helper programs (pip's keyring, git's and cargo's credential
// helpers, docker's), netrc's "default" entry (it would give every host of a lock
// the same password), npm's unscoped _auth (npm refuses it too).
package credentials
