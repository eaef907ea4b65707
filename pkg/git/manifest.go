package git

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/lazybuild/lazybuild/internal/untrusted"
)

// manifest is a Cargo.toml.
type manifest struct {
	dir     string
	raw     []byte
	doc     map[string]any
	changed bool
}

func (r *checkout) manifest(dir string) (*manifest, error) {
	name := path.Join(dir, "Cargo.toml")
	raw, err := r.read(name)
	if err != nil {
		return nil, err
	}
	m := &manifest{dir: dir, raw: raw}
	if _, err := untrusted.DecodeTOML(string(raw), &m.doc); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return m, nil
}

func table(doc map[string]any, keys ...string) map[string]any {
	for _, k := range keys {
		doc, _ = doc[k].(map[string]any)
	}
	return doc
}

func (m *manifest) identity() (name, version string) {
	p := table(m.doc, "package")
	name, _ = p["name"].(string)
	version, _ = p["version"].(string)
	if p["version"] == nil {
		version = "0.0.0" // cargo's own
	}
	return name, version
}

// text is the manifest as it has to be without a workspace around it.
func (m *manifest) text() ([]byte, error) {
	if !m.changed {
		return m.raw, nil
	}
	var b bytes.Buffer
	e := toml.NewEncoder(&b)
	e.Indent = ""
	if err := e.Encode(m.doc); err != nil {
		return nil, fmt.Errorf("writing a manifest: %w", err)
	}
	return b.Bytes(), nil
}

// inherits says whether a value is "{ workspace = true }".
func inherits(v any) (map[string]any, bool) {
	t, ok := v.(map[string]any)
	yes, _ := t["workspace"].(bool)
	return t, ok && yes
}

// inherit fills in what the manifest takes from its workspace (the Cargo book,
// "The package, dependencies and lints tables").
func (m *manifest) inherit(r *checkout) error {
	h := heir{m: m, r: r}
	if err := h.packageFields(); err != nil {
		return err
	}
	if err := h.dependencies(m.doc); err != nil {
		return err
	}
	for _, target := range slices.Sorted(maps.Keys(table(m.doc, "target"))) {
		if err := h.dependencies(table(m.doc, "target", target)); err != nil {
			return err
		}
	}
	if _, ok := inherits(m.doc["lints"]); ok {
		ws, err := h.workspace()
		if err != nil {
			return err
		}
		m.changed = true
		delete(m.doc, "lints")
		if lints := table(ws.doc, "workspace", "lints"); lints != nil {
			m.doc["lints"] = lints
		}
	}
	if m.changed && m.dir != "" {
		// A member that is no root any more must not look for one either.
		delete(table(m.doc, "package"), "workspace")
	}
	return nil
}

// heir is a manifest that inherits, and its workspace's.
type heir struct {
	m  *manifest
	r  *checkout
	ws *manifest // found when it is first needed
}

var errNoWorkspace = errors.New("it inherits from a workspace that is not in the repository")

// workspace finds the root: named by package.workspace, else the nearest
// manifest upwards that has a workspace.
func (h *heir) workspace() (*manifest, error) {
	if h.ws != nil {
		return h.ws, nil
	}
	if table(h.m.doc, "workspace") != nil {
		h.ws = h.m
		return h.ws, nil
	}
	if root, ok := table(h.m.doc, "package")["workspace"].(string); ok {
		dir := path.Join(h.m.dir, root)
		if strings.HasPrefix(dir, "..") {
			return nil, errNoWorkspace
		}
		ws, err := h.r.manifest(strings.TrimPrefix(dir, "."))
		h.ws = ws
		return ws, err
	}
	for dir := h.m.dir; dir != ""; {
		if dir = path.Dir(dir); dir == "." {
			dir = ""
		}
		ws, err := h.r.manifest(dir)
		if err == nil && table(ws.doc, "workspace") != nil {
			h.ws = ws
			return ws, nil
		}
	}
	return nil, errNoWorkspace
}

// fromRoot is a path of the workspace's manifest as the member has to write it.
func (h *heir) fromRoot(p string) string {
	target := path.Join(h.ws.dir, p)
	if h.m.dir == "" {
		return target
	}
	up := strings.Split(h.m.dir, "/")
	down := strings.Split(target, "/")
	for len(up) > 0 && len(down) > 0 && up[0] == down[0] {
		up, down = up[1:], down[1:]
	}
	return path.Join(strings.Repeat("../", len(up)), path.Join(down...))
}

func (h *heir) packageFields() error {
	p := table(h.m.doc, "package")
	for key, v := range p {
		if _, ok := inherits(v); !ok {
			continue
		}
		ws, err := h.workspace()
		if err != nil {
			return err
		}
		value, ok := table(ws.doc, "workspace", "package")[key]
		if !ok {
			return fmt.Errorf("it inherits package.%s, which its workspace doesn't have", key)
		}
		if s, isPath := value.(string); isPath && (key == "readme" || key == "license-file") {
			value = h.fromRoot(s)
		}
		p[key], h.m.changed = value, true
	}
	return nil
}

func (h *heir) dependencies(doc map[string]any) error {
	for _, kind := range []string{"dependencies", "dev-dependencies", "dev_dependencies", "build-dependencies", "build_dependencies"} {
		deps := table(doc, kind)
		for name, v := range deps {
			own, ok := inherits(v)
			if !ok {
				continue
			}
			ws, err := h.workspace()
			if err != nil {
				return err
			}
			whole, ok := table(ws.doc, "workspace", "dependencies")[name]
			if !ok {
				return fmt.Errorf("it inherits the dependency %s, which its workspace doesn't have", name)
			}
			deps[name], h.m.changed = h.dependency(whole, own), true
		}
	}
	return nil
}

// dependency joins what the workspace and the member say of a dependency.
func (h *heir) dependency(whole any, own map[string]any) map[string]any {
	dep := map[string]any{}
	if version, ok := whole.(string); ok {
		dep["version"] = version
	} else if t, ok := whole.(map[string]any); ok {
		maps.Copy(dep, t)
	}
	if p, ok := dep["path"].(string); ok {
		dep["path"] = h.fromRoot(p)
	}
	for k, v := range own {
		switch k {
		case "workspace":
		case "features":
			shared, _ := dep[k].([]any)
			more, _ := v.([]any)
			dep[k] = append(slices.Clone(shared), more...)
		case "default-features", "default_features":
			// A member can switch them on, not off.
			if on, _ := v.(bool); on {
				delete(dep, "default_features")
				dep["default-features"] = true
			}
		default:
			dep[k] = v
		}
	}
	return dep
}
