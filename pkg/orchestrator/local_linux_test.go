package orchestrator

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The test's own executable stands in for podman where it has to be a program:
// it notes that it was asked, and answers.
const (
	askedEnv  = "LAZYBUILD_ORCHESTRATOR_TEST_ASKED"
	answerEnv = "LAZYBUILD_ORCHESTRATOR_TEST_ANSWER"
)

func playPodman() error {
	f, err := os.OpenFile(os.Getenv(askedEnv), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.WriteString(f, "x"); err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(os.Getenv(answerEnv))
	return err
}

const here = `{"Client":{"Version":"5.4.2"}}`

// world is a podman that is a program, and a configuration of the user's.
type world struct {
	podman               *podman
	known, config, asked string
}

func newWorld(t *testing.T, answer string) *world {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w := &world{known: mkdir(t, filepath.Join(dir, "known")), config: mkdir(t, filepath.Join(dir, "config", "containers")), asked: filepath.Join(dir, "asked")}
	w.podman = &podman{path: filepath.Join(dir, "podman")}
	if err := os.Link(self, w.podman.path); err != nil {
		if w.podman.path = self; !strings.Contains(err.Error(), "cross-device") {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		roleEnv: "podman", askedEnv: w.asked, answerEnv: answer,
		"HOME": dir, "XDG_CONFIG_HOME": filepath.Dir(w.config), "CONTAINERS_CONF": "",
	} {
		t.Setenv(name, value)
	}
	return w
}

// ask asks as a start does, and says how often podman has been asked by now.
func (w *world) ask(t *testing.T) int {
	t.Helper()
	if _, err := w.podman.askWhere(context.Background(), w.known); err != nil {
		t.Fatal(err)
	}
	asked, _ := os.ReadFile(w.asked)
	return len(asked)
}

func TestAPodmanThatBuildsHereIsAskedOnce(t *testing.T) {
	w := newWorld(t, here)
	writeFile(t, filepath.Join(w.config, "containers.conf"), "")
	if n := w.ask(t) + w.ask(t); n != 2 {
		t.Errorf("podman has been asked again")
	}
	v, err := w.podman.askWhere(context.Background(), w.known)
	if err != nil || v.Server != nil {
		t.Errorf("remembered is %+v, %v", v, err)
	}
}

func TestAPodmanIsAskedAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, w *world)
	}{
		{"when a variable of its is set", func(t *testing.T, _ *world) { t.Setenv("CONTAINER_HOST", "tcp://host:1") }},
		{"when there is a new file of its configuration", func(t *testing.T, w *world) {
			writeFile(t, filepath.Join(mkdir(t, filepath.Join(w.config, "containers.conf.d")), "x.conf"), "")
		}},
		{"when a file of its configuration has changed", func(t *testing.T, w *world) {
			writeFile(t, filepath.Join(w.config, "containers.conf"), "[engine]\nremote = true\n")
		}},
		{"when a file looks the same but for its time", func(t *testing.T, w *world) {
			if err := os.Chtimes(filepath.Join(w.config, "containers.conf"), time.Time{}, time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		}},
		{"when what it has to look at cannot be looked at", func(t *testing.T, w *world) {
			if err := os.Symlink(t.TempDir(), filepath.Join(w.config, "containers.conf.d")); err != nil {
				t.Fatal(err)
			}
		}},
		{"when its program is another", func(t *testing.T, w *world) {
			if err := os.Chtimes(w.podman.path, time.Time{}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}},
		{"when the user has flags for it", func(_ *testing.T, w *world) { w.podman.global = []string{"--remote"} }},
		{"when what was remembered is lost", func(t *testing.T, w *world) {
			if err := os.RemoveAll(w.known); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, here)
			writeFile(t, filepath.Join(w.config, "containers.conf"), "")
			w.ask(t)
			tt.change(t, w)
			if n := w.ask(t); n != 2 {
				t.Errorf("podman has been asked %d times", n)
			}
		})
	}
}

func TestAPodmanIsAlwaysAsked(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		prepare      func(t *testing.T, w *world)
	}{
		{"when it builds elsewhere", both, func(*testing.T, *world) {}},
		{"when it is a script", here, func(t *testing.T, w *world) {
			w.podman.path, w.asked = fakePodman(t, "echo '"+here+"'")
		}},
		{"when there is nothing to remember in", here, func(_ *testing.T, w *world) { w.known += "/none" }},
		{"when nothing is to be remembered", here, func(_ *testing.T, w *world) { w.known = "" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.answer)
			tt.prepare(t, w)
			if once, twice := w.ask(t), w.ask(t); twice != 2*once {
				t.Errorf("podman was asked once, and then not again")
			}
		})
	}
}
