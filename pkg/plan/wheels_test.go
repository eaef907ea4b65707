package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

func TestBinaryFilterOfWheels(t *testing.T) {
	const sdist = "p-1.tar.gz"
	linux, arm, mac := "p-1-cp312-cp312-manylinux_2_28_x86_64.whl", "p-1-cp312-cp312-manylinux_2_28_aarch64.whl", "p-1-cp312-cp312-macosx_11_0_x86_64.whl"
	pure, abi3, old := "p-1-py3-none-any.whl", "p-1-cp39-abi3-manylinux_2_28_x86_64.whl", "p-1-cp311-cp311-manylinux_2_28_x86_64.whl"
	pypy, two := "p-1-pp310-pypy310_pp73-manylinux_2_28_x86_64.whl", "p-1-1-py2.py3-none-any.whl"
	all := []string{sdist, linux, arm, mac, pure, abi3, old, pypy, two}
	for name, c := range map[string]struct {
		filter Binary
		want   []string
	}{
		"nothing said: CPython on Linux on x86_64": {Binary{}, []string{sdist, linux, pure, abi3, old, two}},
		"a machine":            {Binary{Arch: "aarch64"}, []string{sdist, arm, pure, two}},
		"two machines":         {Binary{Arch: "aarch64, x86_64"}, []string{sdist, linux, arm, pure, abi3, old, two}},
		"every machine":        {Binary{Arch: ":all:"}, []string{sdist, linux, arm, pure, abi3, old, two}},
		"every system":         {Binary{OS: ":all:"}, []string{sdist, linux, mac, pure, abi3, old, two}},
		"a version":            {Binary{PyVersion: 312}, []string{sdist, linux, pure, abi3, two}},
		"a major version":      {Binary{PyVersion: 3}, []string{sdist, pure, two}},
		"an implementation":    {Binary{PyImpl: "pp"}, []string{sdist, pure, pypy, two}},
		"an ABI":               {Binary{ABI: "cp311"}, []string{sdist, pure, abi3, old, two}},
		"a platform":           {Binary{Platform: "^macosx_"}, []string{sdist, mac}},
		"this package":         {Binary{Packages: "other,P"}, []string{linux, pure, abi3, old, two}},
		"another package":      {Binary{Packages: "q"}, []string{sdist}},
		"all packages, in all": {Binary{Packages: "q, :all:"}, []string{sdist, linux, pure, abi3, old, two}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWheels(&InputOptions{Binary: &c.filter})
			var got []string
			for _, file := range all {
				if w.keeps(&locks.Artifact{Name: "p", Version: "1", Path: "deps/pip/" + file}) {
					got = append(got, file)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestBinaryFilterActsOnThePlan(t *testing.T) {
	const win = "p-1-cp312-cp312-win_amd64.whl"
	dir := project(t, map[string]string{"pylock.toml": pylock(win, hashA)})
	for s, files := range map[string]int{
		`{"type":"pip"}`: 1, `{"type":"pip","allow_binary":true}`: 1, `{"type":"pip","binary":{}}`: 0, `{"type":"pip","binary":{"os":"win","arch":"amd64"}}`: 1,
	} {
		o := options(dir)
		var err error
		if o.Inputs, err = ParseInput(s); err != nil {
			t.Fatal(err)
		}
		p := makePlan(t, o)
		if got := len(filePaths(p)); got != files {
			t.Errorf("%s: %d files, want %d", s, got, files)
		}
		if says := fmt.Sprint(p.Warnings); strings.Contains(says, "leaves no file of 1 packages (p 1 first)") != (files == 0) {
			t.Errorf("%s: warnings %s", s, says)
		}
	}
}
