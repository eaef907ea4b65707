package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/plan"
)

// indexesOf writes files below a directory that stands for the machine's root,
// with the home "home" and the project "project".
func indexesOf(t *testing.T, files, env map[string]string, config *plan.Config) pipIndexes {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(root, "bin"))
	return pipIndexes{
		context: filepath.Join(root, "project"), home: filepath.Join(root, "home"), root: root, cache: filepath.Join(root, "cache"), config: config,
		getenv: func(name string) string { return strings.ReplaceAll(env[name], "ROOT", root) },
	}
}

func show(list []locks.Index) string {
	var out []string
	for _, x := range list {
		out = append(out, x.Kind+" "+x.URL)
	}
	return strings.Join(out, ", ")
}

const (
	pipHelp = "#!/bin/sh\necho '  -i, --index-url <url>\n      Base URL of the Index (default\n      https://tool.example.org/simple). This'\n"
	uvHelp  = "#!/bin/sh\necho '  --default-index <DEFAULT_INDEX>\n     The default package index (by default: <https://uv.example.org/simple>) [env: X]'\n"
)

func TestPackageIndexIsFoundWhereTheToolsFindIt(t *testing.T) {
	for name, c := range map[string]struct {
		files, env map[string]string
		config     *plan.Config
		want       string
	}{
		"nothing":     {nil, nil, nil, ""},
		"pip's help":  {map[string]string{"bin/pip": pipHelp, "bin/uv": uvHelp}, nil, nil, "index https://tool.example.org/simple"},
		"uv's help":   {map[string]string{"bin/pip": "#!/bin/sh\nexit 1\n", "bin/uv": uvHelp}, nil, nil, "index https://uv.example.org/simple"},
		"pip.conf":    {map[string]string{"bin/pip": pipHelp, "etc/pip.conf": "[global]\nindex-url = https://a\n"}, nil, nil, "index https://a"},
		"the user's":  {map[string]string{"etc/pip.conf": "[global]\nindex-url=https://a\n", "home/.config/pip/pip.conf": "# c\n[global]\nINDEX_URL: https://b\nextra-index-url =\n    https://c\n    https://d\n"}, nil, nil, "index https://b, extra-index https://c, extra-index https://d"},
		"[install]":   {map[string]string{"etc/pip.conf": "[global]\nindex-url=https://a\n[install]\nindex-url=https://i\n[other]\nindex-url=https://o\n"}, nil, nil, "index https://i"},
		"a venv's":    {map[string]string{"etc/pip.conf": "[global]\nindex-url=https://a\n", "venv/pip.conf": "[global]\nindex-url=https://v\n"}, map[string]string{"VIRTUAL_ENV": "ROOT/venv"}, nil, "index https://v"},
		"named":       {map[string]string{"etc/pip.conf": "[global]\nindex-url=https://a\n", "x.conf": "[global]\nindex-url=https://x\n"}, map[string]string{"PIP_CONFIG_FILE": "ROOT/x.conf"}, nil, "index https://x"},
		"none":        {map[string]string{"etc/pip.conf": "[global]\nindex-url=https://a\n"}, map[string]string{"PIP_CONFIG_FILE": os.DevNull}, nil, ""},
		"uv.toml":     {map[string]string{"home/.config/uv/uv.toml": "index-url = 'https://h'\n", "project/uv.toml": "[[index]]\nurl='https://x'\n[[index]]\nurl='https://u'\ndefault=true\n"}, nil, nil, "index https://u, extra-index https://x"},
		"pyproject":   {map[string]string{"project/pyproject.toml": "[tool.uv.pip]\nindex-url='https://p'\nextra-index-url=['https://q']\n"}, nil, nil, "index https://p, extra-index https://q"},
		"environment": {map[string]string{"etc/pip.conf": "[global]\nindex-url=https://a\n"}, map[string]string{"PIP_INDEX_URL": "https://e", "PIP_EXTRA_INDEX_URL": "https://f https://e"}, nil, "index https://e, extra-index https://f"},
		"uv's names":  {nil, map[string]string{"UV_DEFAULT_INDEX": "main=https://e", "UV_INDEX": "gpu=https://f https://g?a=b"}, nil, "index https://f, index https://g?a=b, index https://e"},
		"lazybuild's": {nil, map[string]string{"PIP_INDEX_URL": "https://e", "PIP_EXTRA_INDEX_URL": "https://f"}, &plan.Config{Registries: map[string]string{"pip": "https://l https://m"}}, "index https://l, extra-index https://m"},
	} {
		t.Run(name, func(t *testing.T) {
			p := indexesOf(t, c.files, c.env, c.config)
			for range 2 { // the second time from what the tool has said
				if got := show(p.forLock(nil)); got != c.want {
					t.Errorf("%s, want %s", got, c.want)
				}
			}
		})
	}
}

func TestTheLocksOwnIndexComesFirst(t *testing.T) {
	p := indexesOf(t, nil, map[string]string{"PIP_INDEX_URL": "https://e", "TOKEN": "t"}, nil)
	if got := show(p.forLock([]locks.Index{{Kind: "index", URL: "https://u:${TOKEN}@own"}, {Kind: "extra-index", URL: "https://x/${GONE}"}})); got != "index https://u:t@own, extra-index https://x/${GONE}" {
		t.Error(got)
	}
	if got := show(p.forLock([]locks.Index{{Kind: "find-links", URL: "https://l"}})); got != "index https://e, find-links https://l" {
		t.Error(got)
	}
}

func TestAToolIsAskedAgainWhenItHasChanged(t *testing.T) {
	p := indexesOf(t, map[string]string{"bin/pip": pipHelp}, nil, nil)
	if got := p.toolDefault(); got != "https://tool.example.org/simple" {
		t.Fatal(got)
	}
	pip := filepath.Join(p.root, "bin/pip")
	info, _ := os.Stat(pip)
	os.WriteFile(pip, []byte(strings.ReplaceAll(pipHelp, "tool", "new")), 0o755)
	os.Chtimes(pip, info.ModTime(), info.ModTime())
	if got := p.toolDefault(); got != "https://tool.example.org/simple" {
		t.Errorf("the tool was asked again: %s", got)
	}
	later := info.ModTime().Add(1e9)
	os.Chtimes(pip, later, later)
	if got := p.toolDefault(); got != "https://new.example.org/simple" {
		t.Error(got)
	}
}
