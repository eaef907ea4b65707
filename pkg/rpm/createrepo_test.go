package rpm

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// These tests hold Write against the real createrepo_c. They fail where it is
// not installed, because a comparison that does not happen is no proof; leave
// them out with: go test -skip Createrepo ./pkg/rpm

func needTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: install createrepo-c and rpm (Debian) or createrepo_c and rpm-build (Fedora), or skip with -skip Createrepo", name)
	}
	return path
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(needTool(t, name), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "LANGUAGE=C", "SOURCE_DATE_EPOCH=1700000000")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// writeRPM puts a file into the repository with a time of its own.
func writeRPM(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	setTime(t, path)
}

func setTime(t testing.TB, path string) {
	t.Helper()
	stamp := time.Unix(1600000000+int64(len(path)), 0)
	if err := os.Chtimes(path, stamp, stamp); err != nil {
		t.Fatal(err)
	}
}

// entriesOf reads the headers of a directory's RPMs.
func entriesOf(t testing.TB, dir string) []Entry {
	t.Helper()
	var entries []Entry
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".rpm") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		p, err := ReadHeader(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		href, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		entries = append(entries, Entry{Package: p, Href: href, Digest: digest.FromBytes(data), Size: info.Size(), Mtime: info.ModTime().Unix()})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// compareWithCreaterepo fails unless Write and createrepo_c say the same of dir.
func compareWithCreaterepo(t *testing.T, dir string, modules []byte, opts Options, args ...string) *Repodata {
	t.Helper()
	entries := entriesOf(t, dir)
	ours, err := Write(entries, modules, opts)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	run(t, dir, "createrepo_c", append([]string{"--quiet", "--no-database", "--general-compress-type", "gz", "--outputdir", out}, append(args, ".")...)...)
	for _, kind := range []string{"primary.xml", "filelists.xml", "other.xml"} {
		want, got := gunzipNamed(t, out, kind), contentOf(t, ours, kind)
		if !bytes.Equal(want, got) {
			t.Errorf("%s differs from createrepo_c's:\n%s", kind, firstDifference(want, got))
		}
		if err := wellFormed(got); err != nil {
			t.Errorf("%s is not well-formed: %v", kind, err)
		}
	}
	return ours
}

func gunzipNamed(t *testing.T, out, kind string) []byte {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(out, "repodata", "*-"+kind+".gz"))
	if err != nil || len(found) != 1 {
		t.Fatalf("createrepo_c left %d files %s (%v)", len(found), kind, err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return gunzip(t, data)
}

func gunzip(t testing.TB, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func contentOf(t testing.TB, r *Repodata, kind string) []byte {
	t.Helper()
	for _, f := range r.Files {
		if strings.HasSuffix(f.Name, "-"+kind+".gz") {
			return gunzip(t, f.Data)
		}
	}
	t.Fatalf("no %s among the repodata's files", kind)
	return nil
}

func wellFormed(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// firstDifference shows the first lines that differ, with what is before them.
func firstDifference(want, got []byte) string {
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			from := max(0, i-3)
			return fmt.Sprintf("line %d:\n  %s\ncreaterepo_c: %q\nlazybuild:    %q", i+1, strings.Join(w[from:i], "\n  "), w[i], g[i])
		}
	}
	return fmt.Sprintf("one is the beginning of the other (%d and %d lines)", len(w), len(g))
}

func writeCorpus(t testing.TB, dir string) int {
	t.Helper()
	corpus := append(featurePackages(), randomPackages(250, 1)...)
	for i, p := range corpus {
		sub := ""
		if i%10 == 3 {
			sub = "Packages" // the order is by file name first
		}
		writeRPM(t, dir, filepath.Join(sub, fmt.Sprintf("%s-%s-%s.%s.rpm", p.name, p.version, p.release, p.arch)), p.bytes())
	}
	return len(corpus)
}

// Shows S27.
func TestCreaterepoEqualsForSyntheticPackages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if n := writeCorpus(t, dir); n < 300 {
		t.Fatalf("the corpus has only %d packages", n)
	}
	ours := compareWithCreaterepo(t, dir, nil, Options{})
	if len(ours.Skipped) != 4 {
		t.Errorf("%d packages with control characters were skipped, want 4: %v", len(ours.Skipped), ours.Skipped)
	}
}

func TestCreaterepoEqualsWithOtherChangelogLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeCorpus(t, dir)
	compareWithCreaterepo(t, dir, nil, Options{ChangelogLimit: 3}, "--changelog-limit", "3")
	compareWithCreaterepo(t, dir, nil, Options{ChangelogLimit: -1}, "--changelog-limit", "0")
}

func TestCreaterepoEqualsForEmptyRepository(t *testing.T) {
	t.Parallel()
	compareWithCreaterepo(t, t.TempDir(), nil, Options{})
}

// TestCreaterepoEqualsForRepomd compares repomd.xml but for what depends on the
// compressor: checksum, name, size and time of the compressed files.
func TestCreaterepoEqualsForRepomd(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	writeCorpus(t, dir)
	run(t, dir, "createrepo_c", "--quiet", "--no-database", "--general-compress-type", "gz", "--revision", "12", "--outputdir", out, ".")
	theirs, err := os.ReadFile(filepath.Join(out, "repodata", "repomd.xml"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Write(entriesOf(t, dir), nil, Options{Revision: "12"})
	if err != nil {
		t.Fatal(err)
	}
	mask := regexp.MustCompile(`(<checksum type="sha256">|<timestamp>|<size>|href="repodata/)[0-9a-f]+`)
	want, got := mask.ReplaceAll(theirs, []byte("$1…")), mask.ReplaceAll(r.Files[len(r.Files)-1].Data, []byte("$1…"))
	if !bytes.Equal(want, got) {
		t.Errorf("repomd.xml differs from createrepo_c's:\n%s", firstDifference(want, got))
	}
}
