//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// generically is a project with one generic artifact, data.bin, and a
// Containerfile with the given instructions.
func generically(t *testing.T, instructions string) *sample {
	t.Helper()
	o := newOrigin(t)
	s := &sample{project: newProject(t, nil), origin: o}
	s.write("Containerfile", "FROM localhost/lazybuild-test/base:bookworm\n"+instructions)
	s.setData("data " + nonce())
	return s
}

// Shows S30, S40.
func TestFailingRunKeepsItsExitCode(t *testing.T) {
	s := generically(t, "RUN exit 3\n")
	before := s.take()
	r := s.build("-f", "Containerfile", "--network=none")
	if r.code() != 3 {
		t.Errorf("exit code %d, want 3\n%s", r.code(), r)
	}
	if rep := r.read(); rep.ExitCode != 3 {
		t.Errorf("the report says exit code %d, want 3", rep.ExitCode)
	}
	s.nothingLeft(before)
}

// Shows S1, S24.
func TestFailingDownloadIsAnIOErrorWithTheCauseInOneLine(t *testing.T) {
	faults := map[string]struct {
		answer http.HandlerFunc
		cause  string // part of the line for people
	}{
		"not found":   {http.NotFound, "404"},
		"wrong bytes": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "something else") }, "sha256"},
	}
	for name, tt := range faults {
		t.Run(name, func(t *testing.T) {
			s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
			s.origin.answer(s.dataPath, tt.answer)
			before := s.take()
			r := s.build("-f", "Containerfile", "--network=none")
			if r.code() == 0 {
				t.Fatalf("the build succeeded\n%s", r)
			}
			if !strings.Contains(r.String(), "Input/output error") {
				t.Errorf("the program in the RUN saw no EIO\n%s", r)
			}
			var causes []string
			for _, line := range r.lines() {
				if strings.Contains(line, "data.bin") {
					causes = append(causes, line)
				}
			}
			if len(causes) != 1 || !strings.Contains(causes[0], tt.cause) {
				t.Errorf("lines that name the file: %q; want one, with %q in it\n%s", causes, tt.cause, r)
			}
			s.nothingLeft(before)
			s.goodStore()
		})
	}
}

// Shows S36.
func TestMalformedLockStartsNothing(t *testing.T) {
	locks := map[string]struct{ file, text, where string }{
		"pylock":    {"pylock.toml", "lock-version = \"1.0\"\n\n[[packages]\n", "pylock.toml:3"},
		"npm":       {"package-lock.json", "{\n \"lockfileVersion\": 3,\n \"packages\": [\n}\n", "package-lock.json:4"},
		"artifacts": {"artifacts.lock.yaml", "metadata:\n  version: \"1.0\"\nartifacts:\n  - download_url: 7\n    bogus: 1\n", "artifacts.lock.yaml:"},
	}
	for name, tt := range locks {
		t.Run(name, func(t *testing.T) {
			s := generically(t, "RUN true\n")
			s.write(tt.file, tt.text)
			before := s.take()
			r := s.build("-f", "Containerfile", "--network=none")
			if r.code() != 2 {
				t.Errorf("exit code %d, want 2\n%s", r.code(), r)
			}
			if !strings.Contains(r.err.String(), tt.where) {
				t.Errorf("stderr does not name %s\n%s", tt.where, r)
			}
			if strings.Contains(r.String(), "STEP") {
				t.Errorf("podman was started\n%s", r)
			}
			s.nothingLeft(before)
		})
	}
}

// Shows S35.
func TestFilesOfTheUserStayAsTheyAre(t *testing.T) {
	for _, instructions := range []string{"RUN cp /cachi2/output/deps/generic/data.bin /data\n", "RUN exit 3\n"} {
		s := newSample(t)
		s.write("Containerfile", "FROM localhost/lazybuild-test/base:bookworm\nCOPY . /src\n"+instructions)
		before := s.describe()
		s.build("-f", "Containerfile", "-t", s.image(), "--network=none")
		if after := s.describe(); after != before {
			t.Errorf("the build context has changed\nbefore:\n%s\nafter:\n%s", before, after)
		}
	}
}

// read returns the text of a file of the context.
func (p *project) read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// describe is everything about the context that a user could see has changed.
func (p *project) describe() string {
	p.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %s %s", path, info.Mode(), info.ModTime())
		if d.Type().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %s", sha256Hex(content))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return b.String()
}
