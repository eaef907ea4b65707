//go:build e2e

package e2e

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// podman runs podman and returns what it prints.
func podman(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("podman", args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("podman %s: %v\n%s\n%s", strings.Join(args, " "), err, out, errs.String())
	}
	return strings.TrimSpace(string(out))
}

// inImage runs a shell script in an image, without a network.
func inImage(t *testing.T, image, script string) string {
	t.Helper()
	return podman(t, "run", "--rm", "--network=none", image, "sh", "-euc", script)
}

// files describes every file of an image by all that a program could see:
// type, mode, owner, link target, size, content, extended attributes. Times
// are left out: they differ between any two builds.
func files(t *testing.T, image string) map[string]string {
	t.Helper()
	id := podman(t, "create", image, "true")
	defer exec.Command("podman", "rm", id).Run()
	cmd := exec.Command("podman", "export", id)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	tr := tar.NewReader(out)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("exporting %s: %v", image, err)
		}
		list[strings.TrimSuffix(h.Name, "/")] = fmt.Sprintf("type %c mode %04o owner %d:%d link %q attributes %v %s",
			h.Typeflag, h.Mode, h.Uid, h.Gid, h.Linkname, attributes(h), content(t, h, tr))
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("exporting %s: %v", image, err)
	}
	return list
}

// content describes a file's content by size and digest, but for three kinds of
// file that any two builds write differently: a rewritten lock is compared by
// meaning, and what uv notes of a wheel's time is left out.
func content(t *testing.T, h *tar.Header, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	switch path.Base(h.Name) {
	case "package-lock.json":
		var lock any
		if err := json.Unmarshal(text, &lock); err != nil {
			t.Fatalf("%s: %v", h.Name, err)
		}
		if text, err = json.Marshal(lock); err != nil {
			t.Fatal(err)
		}
	case "uv_cache.json":
		return "times"
	case "RECORD": // of a Python package: it lists uv_cache.json with its digest
		text = uvCache.ReplaceAll(text, nil)
	}
	return fmt.Sprintf("size %d sha256 %s", len(text), sha256Hex(text))
}

var uvCache = regexp.MustCompile(`(?m)^.*/uv_cache\.json,.*\n`)

func attributes(h *tar.Header) map[string]string {
	found := map[string]string{}
	for k, v := range h.PAXRecords {
		if strings.HasPrefix(k, "SCHILY.xattr.") {
			found[k] = v
		}
	}
	return found
}

// differences lists what is not equal in two images' files.
func differences(a, b map[string]string) (list []string) {
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		x, inA := a[name]
		y, inB := b[name]
		switch {
		case !inA:
			list = append(list, name+": only in the second")
		case !inB:
			list = append(list, name+": only in the first")
		case x != y:
			list = append(list, fmt.Sprintf("%s:\n    %s\n    %s", name, x, y))
		}
	}
	return list
}

// config is an image's configuration, and its history without times and
// without what lazybuild documents to add.
func config(t *testing.T, image string) string {
	t.Helper()
	var inspected []struct {
		Architecture, Os, Author, User string
		Config                         map[string]any
		History                        []struct {
			CreatedBy  string `json:"created_by"`
			EmptyLayer bool   `json:"empty_layer"`
		}
	}
	if err := json.Unmarshal([]byte(podman(t, "image", "inspect", image)), &inspected); err != nil {
		t.Fatal(err)
	}
	img := inspected[0]
	history := img.History[:0]
	for _, h := range img.History {
		h.CreatedBy = withoutArgs(h.CreatedBy)
		if h.EmptyLayer && h.CreatedBy == "" {
			continue
		}
		history = append(history, h)
	}
	img.History = history
	text, err := json.MarshalIndent(img, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// addedArgs are lazybuild's own ARG and the variables that Hermeto's output
// directory comes with, which reach every RUN as ARGs.
var addedArgs = []string{"LAZYBUILD_DEPS", "PIP_FIND_LINKS", "PIP_NO_INDEX"}

var (
	argStep  = regexp.MustCompile(`^(/bin/sh -c #\(nop\) ARG )(.*)$`)
	runArgs  = regexp.MustCompile(`^\|\d+ (.*?)(/bin/sh -c .*)$`)
	copyHash = regexp.MustCompile(`(COPY|ADD) (multi|file|dir):[0-9a-f]{64}`)
)

// withoutArgs is a history line as it would be without lazybuild: "" for a
// step that is about added ARGs alone, a RUN without their values. A COPY's
// digest is dropped: it covers times, and the files are compared on their own.
func withoutArgs(line string) string {
	line = copyHash.ReplaceAllString(line, "$1 $2")
	if m := argStep.FindStringSubmatch(line); m != nil {
		if kept := foreignArgs(m[2]); len(kept) > 0 {
			return m[1] + strings.Join(kept, " ")
		}
		return ""
	}
	// "|<number of ARGs> <NAME=value>… <command>"
	if m := runArgs.FindStringSubmatch(line); m != nil {
		if kept := foreignArgs(m[1]); len(kept) > 0 {
			return fmt.Sprintf("|%d %s %s", len(kept), strings.Join(kept, " "), m[2])
		}
		return m[2]
	}
	return line
}

func foreignArgs(list string) (kept []string) {
	for _, arg := range strings.Fields(list) {
		if name, _, _ := strings.Cut(arg, "="); !slices.Contains(addedArgs, name) {
			kept = append(kept, arg)
		}
	}
	return kept
}
