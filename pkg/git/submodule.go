package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"
)

// modules fetches a commit and, where asked to, its submodules.
type modules struct {
	opt   Options
	count int
}

func (m *modules) any(ctx context.Context, urls []string, want id, depth int) (*Commit, error) {
	c, err := fetchKept(ctx, urls, want, m.opt)
	if err != nil || !m.opt.Submodules {
		return c, err
	}
	if err := m.of(ctx, c, depth); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// of fetches c's submodules, and theirs.
func (m *modules) of(ctx context.Context, c *Commit, depth int) error {
	links := map[string]id{}
	var config *file
	err := c.walk(ctx, func(f *file) error {
		switch {
		case f.mode == modeSubmodule:
			links[f.path] = f.id
		case f.path == ".gitmodules" && f.mode != modeDir && f.mode != modeLink:
			config = f
		}
		return nil
	})
	if err != nil || len(links) == 0 || config == nil {
		return err
	}
	if config.size > 1<<20 {
		return &LimitError{What: "bytes in .gitmodules", Limit: 1 << 20}
	}
	text, err := io.ReadAll(config.content())
	if err != nil {
		return err
	}
	c.modules = map[string]*Commit{}
	for _, s := range parseModules(string(text)) {
		want, ok := links[s.path]
		if !ok || s.skip || c.modules[s.path] != nil {
			continue
		}
		if m.count++; m.count > maxSubmodules || depth >= maxSubmoduleDepth {
			return &LimitError{What: "submodules, or submodules within one another", Limit: maxSubmodules}
		}
		where, err := s.place(c.url)
		if err != nil {
			return fmt.Errorf("the submodule %q: %w", s.path, err)
		}
		sub, err := m.any(ctx, []string{where}, want, depth+1)
		if err != nil {
			return fmt.Errorf("the submodule %q: %w", s.path, err)
		}
		sub.under(c.prefix + s.path + "/")
		c.modules[s.path] = sub
	}
	return nil
}

// under moves a checkout, and those within it, below a directory.
func (c *Commit) under(prefix string) {
	c.prefix = prefix + c.prefix
	for _, m := range c.modules {
		m.under(prefix)
	}
}

// submodule is one section of .gitmodules.
type submodule struct {
	path, url string
	skip      bool // update = none
}

// parseModules reads a .gitmodules (gitmodules): what it can't read it passes
// over, as the submodule is then simply not there.
func parseModules(text string) []submodule {
	var all []submodule
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if section, ok := strings.CutPrefix(line, "["); ok {
			if inside = strings.HasPrefix(strings.ToLower(section), "submodule "); inside {
				all = append(all, submodule{})
			}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || !inside {
			continue
		}
		s := &all[len(all)-1]
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "path":
			s.path = path.Clean(value)
		case "url":
			s.url = value
		case "update":
			s.skip = value == "none"
		}
	}
	return all
}

// place is the submodule's URL; "./" and "../" are relative to the repository's own.
func (s submodule) place(of string) (string, error) {
	if !strings.HasPrefix(s.url, "./") && !strings.HasPrefix(s.url, "../") {
		return s.url, nil
	}
	u, err := url.Parse(of)
	if err != nil {
		return "", errors.New("its URL can't be read")
	}
	u.Path, u.RawPath = path.Join(u.Path, s.url), ""
	return u.String(), nil
}
