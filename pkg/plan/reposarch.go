package plan

import (
	"bytes"
	"strings"
)

// archRepo is the .repo file that stands in the tree for one architecture.
type archRepo struct {
	arch string
	text []byte
}

// joinArches makes one .repo file of those of several architectures: a build
// for several platforms has one /etc/yum.repos.d for all of them. dnf itself
// puts its architecture in the place of $basearch (dnf.conf(5)). A repository
// that not every architecture has may be missing.
func joinArches(files []archRepo) []byte {
	if len(files) == 1 {
		return files[0].text
	}
	var order []string
	seen := map[string]int{}
	for _, f := range files {
		for _, s := range sections(f) {
			if seen[s]++; seen[s] == 1 {
				order = append(order, s)
			}
		}
	}
	var out bytes.Buffer
	for _, s := range order {
		out.WriteString(s)
		if seen[s] < len(files) && !strings.Contains(s, "skip_if_unavailable=") {
			out.WriteString("skip_if_unavailable=1\n")
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// sections are a .repo file's sections, with $basearch in place of the
// architecture's directory.
func sections(f archRepo) []string {
	text := strings.ReplaceAll(string(f.text), "/deps/rpm/"+f.arch+"/", "/deps/rpm/$basearch/")
	var list []string
	for _, part := range strings.Split("\n"+text, "\n[")[1:] {
		list = append(list, "["+strings.TrimRight(part, "\n")+"\n")
	}
	return list
}
