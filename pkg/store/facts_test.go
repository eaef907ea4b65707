package store

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

func TestFactsAreKeptAndMerged(t *testing.T) {
	for name, d := range map[string]digest.Digest{"sha256": sha256Of("content"), "sha512": sha512Of("content")} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Options{})
			if _, err := s.Facts(d); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Facts: %v, want fs.ErrNotExist", err)
			}
			if _, ok := s.Size(d); ok {
				t.Error("Size is known")
			}
			set := func(f Facts) {
				t.Helper()
				if err := s.SetFacts(d, f); err != nil {
					t.Fatal(err)
				}
			}
			section := func(name, value string) map[string]json.RawMessage {
				return map[string]json.RawMessage{name: json.RawMessage(value)}
			}
			set(Facts{Size: 100, Verified: true, Sections: section("rpm", `{"a":1}`)})
			if f, err := s.Facts(d); err != nil || f.Verified {
				t.Errorf("a caller has verified a size: %+v, %v", f, err)
			}
			set(Facts{Size: SizeUnknown, Sections: section("other", `[]`)})
			set(Facts{Size: SizeUnknown, Sections: section("rpm", `{"a":2}`)})
			if n, ok := s.Size(d); n != 100 || !ok {
				t.Errorf("Size before the content: %d, %v, want 100", n, ok)
			}
			f, _, err := s.Put(t.Context(), d, SizeUnknown, fillWith("content"))
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			set(Facts{Size: 100})
			want := Facts{Size: 7, Verified: true, Sections: map[string]json.RawMessage{
				"rpm": json.RawMessage(`{"a":2}`), "other": json.RawMessage(`[]`),
			}}
			got, err := again(t, s, Options{}).Facts(d)
			got.access = nil // see TestAViewSees…
			if err != nil || !cmp.Equal(got, want, cmp.AllowUnexported(Facts{})) {
				t.Errorf("%v\n%s", err, cmp.Diff(want, got, cmp.AllowUnexported(Facts{})))
			}
			if n, ok := s.Size(d); n != 7 || !ok {
				t.Errorf("Size: %d, %v, want 7", n, ok)
			}
		})
	}
}

func TestDamagedFactsAreNotThere(t *testing.T) {
	for _, damage := range []string{"", "{", "null garbage", `{"size":"x"}`, "\x00\x00\x00"} {
		s := openTest(t, Options{})
		d := mustPut(t, s, "content")
		if err := os.WriteFile(s.path(factsPath(d)), []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		fresh := again(t, s, Options{})
		if _, err := fresh.Facts(d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: Facts: %v, want fs.ErrNotExist", damage, err)
		}
		if n, ok := fresh.Size(d); n != 7 || !ok {
			t.Errorf("%q: Size: %d, %v, want that of the blob", damage, n, ok)
		}
		mustPut(t, fresh, "content")
		if err := fresh.SetFacts(d, Facts{Size: 7}); err != nil {
			t.Errorf("%q: SetFacts: %v", damage, err)
		}
	}
}

func TestSetFactsRefusesWhatIsNotJSON(t *testing.T) {
	s := openTest(t, Options{})
	err := s.SetFacts(sha256Of("content"), Facts{Sections: map[string]json.RawMessage{"rpm": json.RawMessage("{")}})
	if err == nil {
		t.Error("no error")
	}
	if left := names(t, s, partialDir); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func FuzzParseFacts(f *testing.F) {
	f.Add([]byte(`{"size":7,"verified":true,"sections":{"rpm":{"a":1}}}`))
	f.Add([]byte(`{"size":-1,"verified":true}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"sections":{"rpm":`))
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := parseFacts(data)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("error %v is not fs.ErrNotExist", err)
			}
			return
		}
		if facts.Size < SizeUnknown || facts.Verified && facts.Size < 0 {
			t.Errorf("impossible facts: %+v", facts)
		}
	})
}
