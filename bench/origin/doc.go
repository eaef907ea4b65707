// Package origin is a web server on the loopback that behaves like one far
// away: answers begin after a round trip, connections cost round trips before
// the first of them, and bytes flow as fast as a link lets them, per connection
// and over all of them. It can answer wrong now and then.
//
// What it leaves out: TLS unless it is asked for (its round trips are counted
// always, its work is not), slow start, lost packets. All of them would make many small downloads in a row
// slower, and none would make a parallel one slower.
package origin
