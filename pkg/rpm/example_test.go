package rpm_test

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/rpmpack"
	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/rpm"
)

// memory is a RangeSource over a file in memory.
type memory []byte

// Range gives a part of the file.
func (m memory) Range(_ context.Context, off, n int64) ([]byte, int64, bool, error) {
	end := min(off+n, int64(len(m)))
	return bytes.Clone(m[off:end]), int64(len(m)), false, nil
}

// A repository is described before any of its packages is downloaded; when one
// is, its header is compared with what the description was made from.
func Example() {
	file := examplePackage()
	fetched, err := rpm.FetchHeader(context.Background(), memory(file), rpm.Request{Size: int64(len(file))})
	if err != nil {
		fmt.Println(err)
		return
	}
	repodata, err := rpm.Write([]rpm.Entry{{
		Package: fetched.Package, Href: "hello-1-1.noarch.rpm",
		Digest: digest.FromBytes(file), Size: fetched.Size, Mtime: 1700000000,
	}}, nil, rpm.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(fetched.Package.NEVRA(), "in", len(repodata.Files), "files")
	fmt.Println("same header later:", rpm.CompareHeader(bytes.NewReader(file), fetched.Package) == nil)
	// Output:
	// hello-1-1.noarch in 4 files
	// same header later: true
}

func examplePackage() []byte {
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "hello", Version: "1", Release: "1", BuildTime: time.Unix(1, 0)})
	if err != nil {
		panic(err)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}
