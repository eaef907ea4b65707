package credentials

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/internal/ini"
)

// pip takes the users and passwords in the URLs of pip's indexes: from its
// variables, then its files, the more particular first. Locks that name indexes
// themselves come before both.
func (g *gatherer) pip() {
	for _, raw := range g.o.Indexes {
		g.index(raw, "an index URL of the lock", "", "")
	}
	for _, name := range []string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"} {
		for _, raw := range strings.Fields(g.variable(name)) {
			g.index(raw, name, "", "")
		}
	}
	for _, file := range g.pipFiles() {
		data := g.read(file)
		for s := range ini.Settings(string(data)) {
			switch strings.ReplaceAll(s.Key, "_", "-") {
			case "index-url", "extra-index-url", "find-links":
				for _, raw := range strings.Fields(s.Value) {
					g.index(raw, fmt.Sprintf("%s:%d", g.name(file), s.Line), "", "")
				}
			}
		}
	}
}

// pipFiles are where pip looks, most particular first.
func (g *gatherer) pipFiles() []string {
	var files []string
	named := g.env["PIP_CONFIG_FILE"]
	if named == os.DevNull {
		return nil // pip's way to say: no files
	}
	files = append(files, named)
	if env := g.env["VIRTUAL_ENV"]; env != "" {
		files = append(files, filepath.Join(env, "pip.conf"))
	}
	return append(files, g.config("pip", "pip.conf"), g.home(".pip", "pip.conf"),
		g.root("etc/xdg/pip/pip.conf"), g.root("etc/pip.conf"))
}
