package locks

import (
	"fmt"
	"strings"
	"testing"
)

func berrySample() sample {
	head := "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n"
	one := func(resolution, fields string) string {
		return head + "\"a@npm:^1\":\n  resolution: " + quoteJSON(resolution) + "\n" + fields
	}
	return sample{
		name: "berry", file: "berry.yarn.lock", found: "yarn.lock", typ: "yarn", many: manyBerry,
		naming: func(name string) string { return one("a@npm:"+name, "") },
		malformed: []malformed{
			{"no cacheKey", "__metadata:\n  version: 8\n", 2, "no cacheKey"},
			{"compressed archives", "# yarn\n\n__metadata:\n  version: 6\n  cacheKey: 8\n", 5, `archives of the kind "8"`},
			{"metadata is text", "__metadata: x\n", 1, "not a table"},
			{"entry is text", head + "a: x\n", 5, "not a table"},
			{"no resolution", head + "a:\n  version: 1\n", 6, "no resolution"},
			{"git", one("a@https://git.example.org/u/a.git#commit=00", ""), 6, "comes from git"},
			{"git over ssh", one("a@ssh://git@git.example.org/u/a#commit=00", ""), 6, "comes from git"},
			{"no name", one("@npm:1.0.0", ""), 6, ""},
			{"name leaves", one("../a@npm:1.0.0", ""), 6, ""},
			{"odd checksum", one("a@npm:1.0.0", "  checksum: 10c0\n"), 7, "is not 10c0/<hex>"},
			{"checksum of another kind", one("a@npm:1.0.0", "  checksum: 8/00\n"), 7, "is not 10c0/<hex>"},
			{"short checksum", one("a@npm:1.0.0", "  checksum: 10c0/00\n"), 7, "not 128"},
			{"odd archive URL", one("a@npm:1.0.0::__archiveUrl=ftp%3A%2F%2Fh%2Fx", ""), 5, "neither http nor https"},
			{"unreadable archive URL", one("a@npm:1.0.0::__archiveUrl=%zz", ""), 5, "can't be read"},
			{"two contents", one("a@npm:1.0.0", "") + "b:\n  resolution: \"a@npm:1.0.0\"\n  checksum: 10c0/" + strings.Repeat("0", 128) + "\n", 7, "two archives"},
		},
	}
}

func manyBerry(n int) []byte {
	return repeat(n, "__metadata:\n  version: 8\n  cacheKey: 10c0\n", func(i int) string {
		return fmt.Sprintf("\n\"p%d@npm:^1.0.0\":\n  version: 1.0.%d\n  resolution: \"p%d@npm:1.0.%d\"\n  dependencies:\n    a: \"npm:^1.0.0\"\n"+
			"  checksum: 10c0/%0128x\n  languageName: node\n  linkType: hard\n", i, i, i, i, i)
	}, "", "")
}

// The names are yarn's own, of yarn 4.5.0.
func TestArchivesHaveYarnsNames(t *testing.T) {
	for resolution, want := range map[string]string{
		"left-pad@npm:1.3.0":            "left-pad-npm-1.3.0-0382e69409",
		"@esbuild/linux-x64@npm:0.20.1": "@esbuild-linux-x64-npm-0.20.1-48b4c8c6b5",
	} {
		name, reference := cutNpmID(resolution)
		if got := berrySlug(name, reference); got != want {
			t.Errorf("%s is kept as %s, and by yarn as %s", resolution, got, want)
		}
	}
}
