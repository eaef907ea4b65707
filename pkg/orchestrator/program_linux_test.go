package orchestrator

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program64 is an ELF file's beginning, with one program header of the type.
func program64(t *testing.T, kind elf.ProgType) io.ReaderAt {
	t.Helper()
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
	}
	var b bytes.Buffer
	for _, part := range []any{h, elf.Prog64{Type: uint32(kind)}} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.NewReader(b.Bytes())
}

func TestOnlyWhatRunsByItselfIsMounted(t *testing.T) {
	for _, tt := range []struct {
		name   string
		file   io.ReaderAt
		noexec bool
		want   string
	}{
		{"static", program64(t, elf.PT_LOAD), false, ""},
		{"dynamic", program64(t, elf.PT_INTERP), false, "linked dynamically"},
		{"noexec", program64(t, elf.PT_LOAD), true, "noexec"},
		{"a script", strings.NewReader("#!/bin/sh\n"), false, "header"},
	} {
		err := runsAnywhere(tt.file, tt.noexec)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// An update puts another file in the place of the one that runs.
func TestOnlyTheFileThatRunsIsMounted(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	other := writeFile(t, filepath.Join(t.TempDir(), "lazybuild"), string(data))
	for _, tt := range []struct {
		path   string
		server int
		want   string
	}{
		{other, os.Getpid(), "another file"},
		{other + ".old", os.Getpid(), "no such file"},
		{self, 0, "PID namespace"},
		{self, -1, "mount namespace"},
	} {
		if err := mountable(tt.path, tt.server); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s, service %d: %v", tt.path, tt.server, err)
		}
	}
	// With the race detector this program is linked dynamically.
	if err := mountable(self, os.Getpid()); err != nil && !strings.Contains(err.Error(), "dynamically") {
		t.Error(err)
	}
}

func TestTheServiceIsKnownByItsSocket(t *testing.T) {
	sock := socket(t)
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := dial(t.Context(), sock)
	if c == nil {
		t.Fatal("nobody listens")
	}
	defer c.Close()
	if pid := peerOf(c); pid != os.Getpid() {
		t.Errorf("the service has the PID %d", pid)
	}
	here, _ := net.Pipe()
	if pid := peerOf(here); pid != 0 {
		t.Errorf("a pipe has the PID %d", pid)
	}
}
