package synth

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/rpmpack"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// MakeInstallable makes the package one that dnf can install, of about the same
// size, with content that cannot be compressed. It needs the package requires,
// if that is not empty.
func (p *Package) MakeInstallable(requires string) error {
	const files = 20
	version, release := p.versions()
	meta := rpmpack.RPMMetaData{
		Name: p.Name, Version: version, Release: release, Arch: "noarch", Summary: "Synthetic " + p.Name, Description: "Synthetic",
		Licence: "MIT", Compressor: "gzip:1", BuildTime: time.Unix(1700000000, 0), BuildHost: "build.example.org", Vendor: "Bench",
	}
	if requires != "" {
		if err := meta.Requires.Set(requires); err != nil {
			return err
		}
	}
	r, err := rpmpack.NewRPM(meta)
	if err != nil {
		return err
	}
	random := rand.NewChaCha8([32]byte([]byte(fmt.Sprintf("%-32.32s", p.Name))))
	for i := range files {
		data := make([]byte, p.Length/files)
		_, _ = random.Read(data)
		r.AddFile(rpmpack.RPMFile{Name: fmt.Sprintf("/usr/share/synthetic/%s/file-%d", p.Name, i), Body: data, Mode: 0o100644, Owner: "root", Group: "root"})
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		return fmt.Errorf("making %s: %w", p.File, err)
	}
	p.Head, p.Length, p.Digest = b.Bytes(), int64(b.Len()), digest.FromBytes(b.Bytes())
	return nil
}
