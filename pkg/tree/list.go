package tree

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// Totals sums up a Tree.
type Totals struct {
	// Files counts regular files; what is in generated directories is not known.
	Files int
	// Bytes is the sum of the known sizes.
	Bytes int64
	// Unknown counts the files whose size nobody has stated.
	Unknown int
}

// Totals sums up the Tree.
func (t *Tree) Totals() Totals {
	s := Totals{Files: len(t.Files)}
	for i := range t.Files {
		if t.Files[i].Size == SizeUnknown {
			s.Unknown++
		} else {
			s.Bytes += t.Files[i].Size
		}
	}
	return s
}

// line is one object of the JSON listing. Its fields are a public format.
type line struct {
	Path   string    `json:"path"`
	Size   *int64    `json:"size"`
	Digest *string   `json:"digest"`
	URLs   []string  `json:"urls"`
	Input  lineInput `json:"input"`
}

type lineInput struct {
	Type    string `json:"type"`
	Lock    string `json:"lock"`
	FoundBy string `json:"found_by"`
}

// WriteJSON writes one JSON object per line and file, in the order of paths:
//
//	{"path":"deps/…","size":123,"digest":"sha256:…","urls":["https://…"],
//	 "input":{"type":"pip","lock":"pylock.toml","found_by":"…"}}
//
// size (bytes) and digest are null where nobody has stated them. Credentials in
// URLs are replaced. A generated directory is a line whose path ends in "/".
func (t *Tree) WriteJSON(w io.Writer) error {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	for i := range t.Files {
		f := &t.Files[i]
		l := line{Path: f.Path, URLs: make([]string, len(f.URLs)), Input: t.lineInput(f.Input)}
		if f.Size != SizeUnknown {
			l.Size = &f.Size
		}
		if f.Digest != "" {
			d := string(f.Digest)
			l.Digest = &d
		}
		for j, u := range f.URLs {
			l.URLs[j] = RedactURL(u)
		}
		if err := enc.Encode(l); err != nil {
			return fmt.Errorf("writing the tree's listing: %w", err)
		}
	}
	for i := range t.Dirs {
		d := &t.Dirs[i]
		if err := enc.Encode(line{Path: d.Path + "/", URLs: []string{}, Input: t.lineInput(d.Input)}); err != nil {
			return fmt.Errorf("writing the tree's listing: %w", err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("writing the tree's listing: %w", err)
	}
	return nil
}

func (t *Tree) lineInput(i int) lineInput {
	return lineInput(t.Inputs[i])
}

// WriteText writes the listing for people: the inputs, one line per file, the sum.
func (t *Tree) WriteText(w io.Writer) error {
	buf := bufio.NewWriter(w)
	for _, in := range t.Inputs {
		if in.Lock == "" {
			continue
		}
		fmt.Fprintf(buf, "# %s: %s (%s)\n", printable(in.Type), printable(in.Lock), printable(in.FoundBy))
	}
	for i := range t.Files {
		size := "?"
		if t.Files[i].Size != SizeUnknown {
			size = humanize.IBytes(uint64(t.Files[i].Size))
		}
		fmt.Fprintf(buf, "%10s  %s\n", size, t.Files[i].Path)
	}
	for i := range t.Dirs {
		fmt.Fprintf(buf, "%10s  %s/\n", "generated", t.Dirs[i].Path)
	}
	s := t.Totals()
	fmt.Fprintf(buf, "# %s files, %s", humanize.Comma(int64(s.Files)), humanize.IBytes(uint64(s.Bytes)))
	if s.Unknown > 0 {
		fmt.Fprintf(buf, " and %s files of unknown size", humanize.Comma(int64(s.Unknown)))
	}
	fmt.Fprintln(buf)
	// bufio keeps the first error of all the writes above.
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("writing the tree's listing: %w", err)
	}
	return nil
}

// printable quotes a string that could drive the terminal. Paths in the tree
// can't (CheckPath), but lock files' names can be anything.
func printable(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

const hidden = "xxxxx"

// secretParam matches the names of query parameters that grant access.
var secretParam = regexp.MustCompile(`(?i)token|secret|signature|^sig$|passw|credential|key|auth`)

// RedactURL hides the user information (a token may stand in place of the user
// name) and the query parameters that grant access.
func RedactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		// Where the secret is, is not known.
		return "(malformed URL)"
	}
	if u.User == nil && u.RawQuery == "" {
		return raw
	}
	if u.User != nil {
		u.User = url.User(hidden)
	}
	if u.RawQuery != "" {
		u.RawQuery = redactQuery(u.RawQuery)
	}
	return u.String()
}

func redactQuery(query string) string {
	parts := strings.Split(query, "&")
	for i, p := range parts {
		name, _, hasValue := strings.Cut(p, "=")
		if plain, err := url.QueryUnescape(name); hasValue && (err != nil || secretParam.MatchString(plain)) {
			parts[i] = name + "=" + hidden
		}
	}
	return strings.Join(parts, "&")
}
