package plan

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const cargoLock = "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\n" +
	"source = \"registry+https://index.example.org/git\"\nchecksum = \"" + hashA + "\"\n"

// A lock's neighbours are read, and written anew into the build: a link from
// there to the user's own files would bring these into the build.
//
// Shows S73.
func TestNeighbourThatIsALinkOutOfTheProjectIsRefused(t *testing.T) {
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "credentials.toml"), []byte("[registry]\ntoken = \"hunter2\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ link, to string }{
		"a file":      {".cargo/config.toml", filepath.Join(secrets, "credentials.toml")},
		"a directory": {".cargo", secrets},
		"two links":   {".cargo/config.toml", "../inner"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := project(t, map[string]string{"Cargo.lock": cargoLock, "Cargo.toml": "[package]\nname = \"app\"\nversion = \"1.0.0\"\n"})
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, c.link)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(secrets, "credentials.toml"), filepath.Join(dir, "inner")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(secrets, "credentials.toml"), filepath.Join(secrets, "config.toml")); err != nil && !os.IsExist(err) {
				t.Fatal(err)
			}
			if err := os.Symlink(c.to, filepath.Join(dir, c.link)); err != nil {
				t.Fatal(err)
			}
			o := options(dir)
			o.RegistryURL = func(string) string { return "https://crates.example.org" }
			p, err := Make(o)
			if err == nil || !strings.Contains(err.Error(), "leads out of the build context") {
				t.Errorf("Make: %v", err)
			}
			if p != nil {
				t.Errorf("a plan: %+v", p.Rewrites)
			}
		})
	}
}

func TestNeighbourThatIsALinkInTheProjectIsRead(t *testing.T) {
	dir := project(t, map[string]string{
		"Cargo.lock": cargoLock, "Cargo.toml": "[package]\nname = \"app\"\nversion = \"1.0.0\"\n", "shared/config.toml": "[net]\nretry = 7\n",
	})
	if err := os.Symlink("shared", filepath.Join(dir, ".cargo")); err != nil {
		t.Fatal(err)
	}
	o := options(dir)
	o.RegistryURL = func(string) string { return "https://crates.example.org" }
	if got := string(makePlan(t, o).Rewrites[filepath.Join(dir, ".cargo/config.toml")]); !strings.Contains(got, "retry = 7") {
		t.Errorf("%q", got)
	}
}

// Shows S76.
func TestNoPipeOrDeviceIsReadForAFileOfTheProject(t *testing.T) {
	for _, name := range []string{"lazybuild.toml", "requirements.txt", "package-lock.json", ".tekton/run.yaml"} {
		for kind, make := range map[string]func(path string) error{
			"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
			"device": func(path string) error { return os.Symlink("/dev/zero", path) },
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				dir := project(t, map[string]string{".tekton/other": ""})
				if err := make(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				var err error
				if name == "lazybuild.toml" {
					_, err = FindConfig("", "", dir)
				} else {
					_, err = Make(options(dir))
				}
				if err != nil && !strings.Contains(err.Error(), "no regular file") {
					t.Error(err)
				}
				if err == nil && name != ".tekton/run.yaml" {
					t.Error("it was accepted")
				}
			})
		}
	}
}
