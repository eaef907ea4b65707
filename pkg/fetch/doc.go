// Package fetch downloads files over HTTP into something that can be written
// to, and gives up only when going on is hopeless.
//
// # Promises
//
//   - A download that breaks goes on from where it broke. What is already in
//     the Sink is asked for again only when the server makes that necessary.
//   - Never more bytes than the request allows reach the Sink, whatever the
//     server says or sends.
//   - A server that goes silent costs one watchdog interval for each try, not a
//     hung build. There is no limit on the whole time: a slow link may take hours.
//   - Credentials go to the host that they are for and to nobody else; they
//     never follow a redirect, and they are in no message.
//   - A server can't send us where it could not go itself: a redirect never
//     leads from https to http, to a file, or from elsewhere to this machine.
//   - What a program waits for comes before what is merely fetched ahead.
//
// # What it does not do
//
// It does not look at the bytes. Whether they are the right ones is decided by
// whoever knows the digest, by means of Request.Check; a mirror that sends
// wrong bytes is then passed over for the next one.
//
// # One download
//
// Get takes the URLs in order. For each of them it makes tries until the file
// is whole, a permanent error says that this URL is hopeless, or MaxTries tries
// in a row brought nothing. Between tries it waits (back-off with jitter, or as
// Retry-After asks) and gives up its place in the queue. A large file of known
// size is fetched by several connections at once and still written in order,
// so that a Sink can hash it as it comes. Requests that are under way at once share
// a few connections where the host speaks HTTP/2.
//
// Time comes from package time; tests control it with testing/synctest.
package fetch
