package orchestrator

import (
	"bytes"
	"compress/gzip"
	"errors"
	"runtime"
	"strings"
	"testing"
)

func TestTheProgramIsForPodmansMachine(t *testing.T) {
	own, err := programFor(runtime.GOOS, runtime.GOARCH, "/self")
	if err != nil || own.path != "/self" || own.arch != runtime.GOARCH {
		t.Errorf("%+v, %v", own, err)
	}
	// Only a release carries others, and none for another system than Linux.
	for _, tt := range [][2]string{{"linux", "s390x"}, {"plan9", runtime.GOARCH}, {"freebsd", "arm64"}} {
		_, err := programFor(tt[0], tt[1], "/self")
		var h *HintError
		if !errors.As(err, &h) || !strings.Contains(err.Error(), "podman runs on "+tt[0]+"/"+tt[1]) {
			t.Errorf("%v: %v", tt, err)
		}
	}
}

func TestACarriedProgramIsUnpacked(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte("\x7fELF program"))
	_ = z.Close()
	p := program{arch: "arm64", packed: b.Bytes()}
	if data, err := p.read(); err != nil || string(data) != "\x7fELF program" {
		t.Errorf("%q, %v", data, err)
	}
	if tag, err := p.tag(); err != nil || len(tag) != 16 {
		t.Errorf("%q, %v", tag, err)
	}
	if _, err := (program{arch: "arm64", packed: b.Bytes()[:20]}).read(); err == nil || !strings.Contains(err.Error(), "arm64") {
		t.Errorf("half a program: %v", err)
	}
}
