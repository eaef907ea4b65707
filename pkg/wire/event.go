package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// Kind says what an Event is about.
type Kind string

// The kinds of Event.
const (
	// Ready: the mount is there. Proxy is set.
	Ready Kind = "ready"
	// Fatal: the proxy cannot work and ends. Text (and Hint) say why.
	Fatal Kind = "fatal"
	// Warning: something a person should know. Text is set.
	Warning Kind = "warning"
	// Debug: detail for --lazy-verbose. Text is set.
	Debug Kind = "debug"
	// Failed: a program in the build got an error for a file. Path, URL (without
	// credentials), Text and Hint are set.
	Failed Kind = "failed"
	// Progress: how much is under way; sent a few times per second while
	// something is. Progress is set.
	ProgressKind Kind = "progress"
	// Summary: the last event. Summary is set.
	SummaryKind Kind = "summary"
)

// Event is one line of the proxy's stdout.
type Event struct {
	Kind     Kind      `json:"kind"`
	Text     string    `json:"text,omitempty"`
	Hint     string    `json:"hint,omitempty"`
	Path     string    `json:"path,omitempty"`
	URL      string    `json:"url,omitempty"`
	Proxy    *Proxy    `json:"proxy,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
	Summary  *Summary  `json:"summary,omitempty"`
}

// Proxy is how the mount works.
type Proxy struct {
	// Mode is "container" or "process".
	Mode string `json:"mode"`
	// Passthrough says that the kernel reads stored blobs without the proxy;
	// Why says why (not).
	Passthrough bool   `json:"passthrough"`
	Why         string `json:"why,omitempty"`
	// Writable says that an overlay takes what the build writes.
	Writable bool `json:"writable"`
}

// Progress is a snapshot of the downloads under way.
type Progress struct {
	Active int   `json:"active"` // downloads running
	Files  int   `json:"files"`  // files fetched so far
	Bytes  int64 `json:"bytes"`  // bytes fetched so far
	// Current is the path of one file that a program waits for, if any.
	Current string `json:"current,omitempty"`
}

// Opened is one file that the build has opened.
type Opened struct {
	Path   string `json:"path"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"` // bytes; -1 when it never became known
	// From is "store", "origin", or "tree" for generated files.
	From string `json:"from"`
	// WaitedMS is how long readers waited for this file in sum, in milliseconds.
	WaitedMS int64 `json:"waited_ms"`
}

// Count is a number of files and their bytes.
type Count struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Summary is what a build has done with the tree.
type Summary struct {
	// Opened in the order of the first open.
	Opened []Opened `json:"opened"`
	// Fetched counts whole downloads, read-ahead included; Requests counts
	// everything else that was asked of an origin (RPM headers, repositories'
	// metadata), in bytes too.
	Fetched  Count `json:"fetched"`
	Requests Count `json:"requests"`
	// Unused is what read-ahead fetched and nobody opened; it is part of Fetched.
	Unused Count `json:"unused"`
	// FromStore counts opened files that were there already.
	FromStore Count `json:"from_store"`
	// Unverified counts files served with a weak digest or none.
	Unverified int `json:"unverified"`
	// WaitedMS is how long the build stood still for downloads: the time during
	// which at least one reader waited, in milliseconds.
	WaitedMS int64 `json:"waited_ms"`
	// Failed counts files that could not be had.
	Failed int `json:"failed"`
}

// ReadEvents calls f for each event until EOF or a broken line. Lines that are
// no events are passed over: a runtime may print into the same stream.
func ReadEvents(r io.Reader, f func(Event)) error {
	br := bufio.NewReader(r)
	for {
		line, err := readLine(br, maxSpec)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var ev Event
		if json.Unmarshal(line, &ev) == nil && ev.Kind != "" {
			f(ev)
		}
	}
}
