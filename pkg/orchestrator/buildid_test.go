package orchestrator

import (
	"strings"
	"testing"
)

func TestABuildIDIsAHashAndARandomPart(t *testing.T) {
	id := func(random string, inputs ...string) BuildID {
		t.Helper()
		var bs [][]byte
		for _, in := range inputs {
			bs = append(bs, []byte(in))
		}
		id, err := NewBuildID(strings.NewReader(random), bs...)
		if err != nil || !id.Valid() {
			t.Fatalf("%q: %v", id, err)
		}
		return id
	}
	a := id("\xbe\xef", "a", "b")
	if !strings.HasSuffix(string(a), "-beef") {
		t.Errorf("the random part of %s is not what was drawn", a)
	}
	if b := id("\xbe\xef", "a", "b"); a != b {
		t.Errorf("%s and %s", a, b)
	}
	hash := func(id BuildID) string { h, _, _ := strings.Cut(string(id), "-"); return h }
	if b := id("\xca\xfe", "a", "b"); hash(a) != hash(b) || a == b {
		t.Errorf("the same build twice is %s and %s", a, b)
	}
	seen := map[string]string{}
	for _, inputs := range []string{"", "ab", "a b", "b a", " ab", "ab ", "a b ", "1:a 1:b", "11:a1:b"} {
		h := hash(id("\xbe\xef", strings.Split(inputs, " ")...))
		if other, ok := seen[h]; ok {
			t.Errorf("%q and %q have one hash", inputs, other)
		}
		seen[h] = inputs
	}
}

func TestNoRandomnessNoBuildID(t *testing.T) {
	if id, err := NewBuildID(strings.NewReader("x")); err == nil {
		t.Errorf("got %s", id)
	}
}

func TestWhatABuildIDLooksLike(t *testing.T) {
	for id, want := range map[BuildID]bool{
		testID: true, "": false, "0123456789ab": false, "0123456789ab-cde": false, "0123456789ab-cdef0": false,
		"0123456789AB-CDEF": false, "0123456789ab-cdeg": false, "../../../../../../etc": false, "0123456789ab-cdef\n": false,
		"0123456789ab/cdef": false, " 0123456789ab-cdef": false,
	} {
		if id.Valid() != want {
			t.Errorf("%q: valid is %v", id, !want)
		}
	}
	if got := testID.container(); got != "lazybuild-0123456789ab-cdef" {
		t.Errorf("the container's name is %q", got)
	}
}
