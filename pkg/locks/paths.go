package locks

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	maxNameBytes = 255  // NAME_MAX of Linux's file systems
	maxPathBytes = 2048 // leaves room for the output directory below PATH_MAX (4096)
)

// checkPath says why p can't be a path below the output directory.
func checkPath(p string) error {
	if len(p) > maxPathBytes {
		return fmt.Errorf("the path has %d bytes, more than %d", len(p), maxPathBytes)
	}
	if strings.HasPrefix(p, "/") {
		return fmt.Errorf("the path %q is absolute", p)
	}
	for seg := range strings.SplitSeq(p, "/") {
		if err := checkName(seg); err != nil {
			return err
		}
	}
	return nil
}

// checkName says why s can't be the name of one file or directory. Backslashes
// are refused, although Linux has nothing against them: no package has one in
// its file name, and on a host that takes it for a separator it would leave the tree.
func checkName(s string) error {
	switch {
	case s == "":
		return errors.New("the file name is empty")
	case s == "." || s == "..":
		return fmt.Errorf("%q is not a file name", s)
	case len(s) > maxNameBytes:
		return fmt.Errorf("the file name has %d bytes, more than %d", len(s), maxNameBytes)
	case strings.ContainsAny(s, `/\`):
		return fmt.Errorf("the file name %q holds a path separator", s)
	case !utf8.ValidString(s):
		return fmt.Errorf("the file name %q is not UTF-8", s)
	}
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			return fmt.Errorf("the file name %q holds a control character", s)
		}
	}
	return nil
}

// parseURL reads an http(s) URL that names a host. Errors never show the URL's
// user information.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // url.Error prints the URL with its password
		}
		return nil, fmt.Errorf("the URL can't be read: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the URL %q is neither http nor https", u.Redacted())
	}
	if u.Host == "" {
		return nil, fmt.Errorf("the URL %q names no host", u.Redacted())
	}
	return u, nil
}

// rawBase is the last segment of the URL's path as it is written.
func rawBase(u *url.URL) string {
	p := u.EscapedPath()
	return p[strings.LastIndexByte(p, '/')+1:]
}

// decodedBase is the last segment of the URL's path, percent-decoded. A "%2F"
// stays within the name, where checkName refuses it.
func decodedBase(u *url.URL) (string, error) {
	return url.PathUnescape(rawBase(u))
}

// sibling is the path of a file beside the lock, in the form of Source.Path.
func sibling(src Source, name string) string {
	return path.Join(path.Dir(src.Path), name)
}

// inOutput is a path of the tree as the build will see it.
func inOutput(src Source, p string) string {
	return strings.TrimSuffix(src.OutputDir, "/") + "/" + p
}

// fileURL is the URL of a file of the tree as the build will see it. What would
// end a URL's path (RFC 3986, section 3.3), and the percent sign, are escaped:
// npm decodes the path.
func fileURL(src Source, p string) string {
	return "file://" + urlEscaper.Replace(inOutput(src, p))
}

var urlEscaper = strings.NewReplacer("%", "%25", "#", "%23", "?", "%3F")
