package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/locks"
)

// accept asks for JSON and takes HTML (PEP 691, "Version + Format Selection").
const accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"

const (
	maxPage  = 128 << 20 // bytes of one page; the largest real ones have some 30 MB
	maxFiles = 500_000   // of one page
	maxURL   = 8 << 10   // bytes
)

// file is one file as a page lists it.
type file struct {
	Name    string          `json:"name"`
	URL     string          `json:"url"`
	Digests []digest.Digest `json:"-"`                // the strongest first
	Size    int64           `json:"size"`             // or locks.SizeUnknown
	Yanked  *string         `json:"yanked,omitempty"` // the reason, which may be empty
}

// parsePage reads a project's page, or a page with links.
func parsePage(p fetch.Page) ([]file, error) {
	base, err := url.Parse(p.URL)
	if err != nil {
		return nil, errors.New("the page has an unreadable URL")
	}
	typ, _, _ := mime.ParseMediaType(p.ContentType)
	var raw []file
	if typ == "application/vnd.pypi.simple.v1+json" || typ == "application/json" {
		raw, err = parseJSON(p.Data)
	} else {
		raw, base, err = parseHTML(p.Data, base)
	}
	if err != nil {
		return nil, err
	}
	files := raw[:0]
	for _, f := range raw {
		if f.URL = resolve(base, f.URL); f.URL == "" {
			continue
		}
		files = append(files, f)
	}
	return files, nil
}

// resolve makes a link absolute; "" for one that must not be followed.
func resolve(base *url.URL, link string) string {
	if len(link) > maxURL {
		return ""
	}
	u, err := base.Parse(strings.TrimSpace(link))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return ""
	}
	if base.Scheme == "https" && u.Scheme != "https" || fetch.IsLocalName(u.Hostname()) && !fetch.IsLocalName(base.Hostname()) {
		return ""
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	return u.String()
}

// parseJSON reads the JSON form (PEP 691, 700).
func parseJSON(data []byte) ([]file, error) {
	var page struct {
		Meta struct {
			Version string `json:"api-version"`
		} `json:"meta"`
		Files listedFiles `json:"files"`
	}
	if err := json.Unmarshal(data, &page); err != nil {
		return nil, fmt.Errorf("reading the index's JSON: %w", err)
	}
	if major, _, _ := strings.Cut(page.Meta.Version, "."); major != "1" {
		return nil, fmt.Errorf("the index speaks version %.20q of the simple API, not 1.x", page.Meta.Version)
	}
	files := make([]file, 0, len(page.Files))
	for _, j := range page.Files {
		f := file{Name: j.Filename, URL: j.URL, Size: locks.SizeUnknown}
		if j.Size != nil && *j.Size >= 0 {
			f.Size = *j.Size
		}
		if err := j.fill(&f); err != nil {
			return nil, fmt.Errorf("reading the index's JSON: %w", err)
		}
		files = append(files, f)
	}
	return files, nil
}

// listedFile is a file in the JSON form. What may be long is read only when it is not.
type listedFile struct {
	Filename string          `json:"filename"`
	URL      string          `json:"url"`
	Hashes   json.RawMessage `json:"hashes"`
	Size     *int64          `json:"size"`
	Yanked   json.RawMessage `json:"yanked"`
}

// listedFiles are a page's, counted while they are read: a page of nothing but
// "{}," would else take thirty times its length in memory.
type listedFiles []listedFile

// UnmarshalJSON implements json.Unmarshaler.
func (all *listedFiles) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.Join(err, errors.New("the files are no list"))
	}
	*all = nil
	for d.More() {
		if len(*all) == maxFiles {
			return fmt.Errorf("the index lists more than %d files", maxFiles)
		}
		var j listedFile
		if err := d.Decode(&j); err != nil {
			return err
		}
		*all = append(*all, j)
	}
	return nil
}

// maxFileJSON bounds one file's hashes, and its reason for being yanked, in bytes.
const maxFileJSON = 16 << 10

// fill reads the digests, and whether the file is yanked.
func (j *listedFile) fill(f *file) error {
	if len(j.Hashes)+len(j.Yanked) > maxFileJSON {
		return fmt.Errorf("the file %.60q has more than %d bytes of hashes and reasons", j.Filename, maxFileJSON)
	}
	if len(j.Hashes) > 0 {
		var hashes map[string]string
		if err := json.Unmarshal(j.Hashes, &hashes); err != nil {
			return err
		}
		for algo, value := range hashes {
			f.addDigest(algo, value)
		}
	}
	f.sortDigests()
	var yanked any
	if len(j.Yanked) > 0 {
		if err := json.Unmarshal(j.Yanked, &yanked); err != nil {
			return err
		}
	}
	switch y := yanked.(type) {
	case string:
		f.Yanked = &y
	case bool:
		if y {
			f.Yanked = new(string)
		}
	}
	return nil
}

// addDigest notes a digest; one of an unknown algorithm, or a malformed one, is
// none.
func (f *file) addDigest(algo, value string) {
	if d, err := digest.New(strings.ToLower(algo), value); err == nil {
		f.Digests = append(f.Digests, d)
	}
}

// sortDigests puts the strongest first.
func (f *file) sortDigests() {
	slices.SortFunc(f.Digests, func(a, b digest.Digest) int { return b.Strength() - a.Strength() })
}

// parseHTML reads the links of a page (PEP 503): the digest is in the URL's
// fragment, and the name is the URL's last segment.
func parseHTML(data []byte, base *url.URL) ([]file, *url.URL, error) {
	z := html.NewTokenizer(bytes.NewReader(data))
	var files []file
	first := true
	for {
		switch z.Next() {
		case html.ErrorToken:
			return files, base, nil // io.EOF, or the reader's; a bytes.Reader has no other
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			switch {
			case string(name) == "base" && more && first:
				first = false
				if u, err := base.Parse(attributes(z)["href"]); err == nil && !misleads(u, base) {
					base = u
				}
			case len(name) == 1 && name[0] == 'a' && more:
				if f, ok := linkFile(attributes(z)); ok {
					files = append(files, f)
				}
			}
			if len(files) > maxFiles {
				return nil, base, fmt.Errorf("the index lists more than %d files", maxFiles)
			}
		}
	}
}

// misleads says that a page's <base> would have its links lead where a page
// has no business.
func misleads(u, base *url.URL) bool {
	return resolve(base, u.String()) == ""
}

func attributes(z *html.Tokenizer) map[string]string {
	attrs := map[string]string{}
	for range 32 {
		key, value, more := z.TagAttr()
		if _, twice := attrs[string(key)]; !twice {
			attrs[string(key)] = string(value)
		}
		if !more {
			break
		}
	}
	return attrs
}

// linkFile reads one link.
func linkFile(attrs map[string]string) (file, bool) {
	link, fragment, _ := strings.Cut(attrs["href"], "#")
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil || link == "" {
		return file{}, false
	}
	f := file{Name: u.Path[strings.LastIndexByte(u.Path, '/')+1:], URL: link, Size: locks.SizeUnknown}
	for part := range strings.SplitSeq(fragment, "&") {
		if algo, value, ok := strings.Cut(part, "="); ok {
			f.addDigest(algo, value)
		}
	}
	f.sortDigests()
	if reason, ok := attrs["data-yanked"]; ok {
		f.Yanked = &reason
	}
	return f, f.Name != ""
}
