package carried

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"io"
	"runtime"
	"testing"
)

// In a release (`make dist` runs this with the tag "carry") what is carried is
// a static Linux program of its architecture. Else there is none.
func TestCarriedProgramsAreForTheirMachine(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for arch, machine := range machines {
		packed := Program(arch)
		own := runtime.GOOS == "linux" && runtime.GOARCH == arch
		if want := carries && !own; (packed != nil) != want {
			t.Errorf("%s is carried: %v, want %v", arch, packed != nil, want)
		}
		if packed == nil {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if libs, err := f.ImportedLibraries(); f.Machine != machine || err != nil || len(libs) > 0 {
			t.Errorf("%s: a program for %v with the libraries %v, %v", arch, f.Machine, libs, err)
		}
	}
	if Program("s390x") != nil {
		t.Error("a program for s390x is carried")
	}
}
