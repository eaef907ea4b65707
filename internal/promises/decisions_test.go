package promises

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDecisionsHaveNumbersOfTheirOwnAndAreListed(t *testing.T) {
	dir := filepath.Join(root, "docs/decisions")
	list, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "[0-9]*.md"))
	taken := map[string]string{}
	for _, file := range files {
		name := filepath.Base(file)
		number, _, _ := strings.Cut(name, "-")
		if other := taken[number]; other != "" {
			t.Errorf("%s and %s have one number: give the later one the next that is free", other, name)
		}
		taken[number] = name
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "# "+number+": ") {
			t.Errorf("%s does not begin with \"# %s: \"", name, number)
		}
		if !strings.Contains(string(list), "- ["+number+": ") || !strings.Contains(string(list), "]("+name+")") {
			t.Errorf("%s is not listed in docs/decisions/README.md", name)
		}
	}
}
