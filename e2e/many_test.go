//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestManyBuildsAtOnceFetchEachFileOnce runs sixteen lazybuilds, each a process
// of its own, over three locks with files in common. All need podman, the proxy
// image, the run directory and the store at the same time.
func TestManyBuildsAtOnceFetchEachFileOnce(t *testing.T) {
	const builds = 16
	o := newOrigin(t)
	text := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		text[name] = name + " " + nonce()
		o.add("files/"+name, []byte(text[name]))
	}
	locks := [][]string{{"a", "b", "c"}, {"b", "c", "d"}, {"c", "d", "e"}}
	store := newProject(t, nil).store
	projects, runs := make([]*project, builds), make([]*run, builds)
	for i := range builds {
		lock, all := genericHead, ""
		for _, name := range locks[i%len(locks)] {
			lock += generic(name, o.URL+"/files/"+name, []byte(text[name]))
			all += " /cachi2/output/deps/generic/" + name
		}
		projects[i] = newProject(t, map[string]string{
			"artifacts.lock.yaml": lock,
			"Containerfile":       fmt.Sprintf("FROM localhost/lazybuild-test/base:bookworm\nRUN echo %d >/number && cat%s >/all\n", i, all),
		})
		projects[i].store = store
	}
	for i, p := range projects {
		runs[i] = p.start("-f", "Containerfile", "-t", p.image(), "--network=none", "--no-cache")
	}
	for i, r := range runs {
		r.wait()
		if r.code() != 0 {
			t.Errorf("build %d: exit code %d\n%s", i, r.code(), r)
		}
	}
	if t.Failed() {
		return
	}
	for name := range text {
		if n := o.count("files/" + name); n != 1 {
			t.Errorf("%s: %d GETs for %d builds, want 1", name, n, builds)
		}
	}
	for i, p := range projects {
		want := fmt.Sprintln(i)
		for _, name := range locks[i%len(locks)] {
			want += text[name]
		}
		if got := inImage(t, p.image(), "cat /number /all"); got != strings.TrimSpace(want) {
			t.Errorf("build %d: the image holds %q, want %q", i, got, want)
		}
	}
	projects[0].goodStore()
}
