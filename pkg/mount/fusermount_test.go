//go:build linux

package mount

import (
	"slices"
	"testing"
)

// Shows S64.
func TestFusermountMountsForUsersWhoMayNot(t *testing.T) {
	dir, err := resolve(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d, err := viaFusermount(dir, Options{ID: "by-user"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if ours, err := topIsOurs(dir, sourceName("by-user")); err != nil || !ours {
		t.Errorf("it cannot be told apart: %v %v", ours, err)
	}
	if err := unmountAsUser(dir); err != nil {
		t.Fatal(err)
	}
	if top := topOf(dir); top != nil {
		t.Errorf("still there: %+v", top)
	}
	if !d.disconnected() {
		t.Error("the descriptor is not that of the mount")
	}
}

func TestFusermountOptionsAreThoseOfAnyMount(t *testing.T) {
	got := fusermountOptions(Options{ID: "x"})
	for _, want := range []string{"fsname=lazybuild-x", "subtype=lazybuild", "ro", "nosuid", "nodev", "default_permissions"} {
		if !slices.Contains(got, want) {
			t.Errorf("%v lacks %s", got, want)
		}
	}
	if slices.Contains(fusermountOptions(Options{ID: "x", UnderOverlay: true}), "default_permissions") {
		t.Error("below an overlay each open would ask for attributes")
	}
}
