package orchestrator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Shows S66.
func TestAHermeticBuildDoesNotSeeTheHostsSubscription(t *testing.T) {
	host := t.TempDir()
	secrets := filepath.Join(host, "secrets")
	writeFile(t, filepath.Join(mkdir(t, secrets), "redhat.repo"), "[rhel]\n")
	writeFile(t, filepath.Join(mkdir(t, filepath.Join(secrets, "rhsm")), "rhsm.conf"), "x")
	mounts := writeFile(t, filepath.Join(host, "mounts.conf"), "/elsewhere\n"+secrets+":/run/secrets\n")
	repo := "--volume TMP/hidden/redhat.repo:/run/secrets/redhat.repo:ro,nosuid,nodev"
	for _, tt := range []struct {
		words, want string
		open        bool
	}{
		{words: "--default-mounts-file " + mounts + " .", want: repo + " --volume TMP/hidden/rhsm:/run/secrets/rhsm:ro,nosuid,nodev"},
		{words: "--default-mounts-file " + mounts + " -v /mine:/run/secrets/rhsm:ro .", want: repo},
		{words: "--default-mounts-file " + mounts + " .", open: true},
		{words: "--default-mounts-file /no/such/file ."},
	} {
		b := testBuild(t, tt.words)
		b.o.Hermetic = !tt.open
		flags, err := b.hideSubscription()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(strings.Join(flags, " "), b.state.Tmp, "TMP")
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.words, d)
		}
		if tt.want == "" {
			continue
		}
		if data, err := os.ReadFile(filepath.Join(b.state.Tmp, "hidden", "redhat.repo")); err != nil || len(data) > 0 {
			t.Errorf("%q, %v", data, err)
		}
	}
}

func TestTheSubscriptionOfARemoteHostIsNotLookedFor(t *testing.T) {
	b := testBuild(t, ".")
	b.o.Hermetic, b.place = true, &remotePlace{}
	if flags, err := b.hideSubscription(); flags != nil || err != nil {
		t.Error(flags, err)
	}
}

func TestWhereTheHostsSecretsAre(t *testing.T) {
	conf := writeFile(t, filepath.Join(t.TempDir(), "mounts.conf"), "/usr/share/rhel/secrets:/run/secrets\n/run/secrets\n/a:/b\n\n/c:/run/secrets/\n")
	want := []string{"/usr/share/rhel/secrets", "/run/secrets", "/c"}
	if d := cmp.Diff(want, secretSources([]string{"/no/such/file", conf})); d != "" {
		t.Error(d)
	}
}
