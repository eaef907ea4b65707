package sumfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestAFileGivesTheContentOfItsName(t *testing.T) {
	dir := t.TempDir()
	name, err := Write(dir, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if data, err := Read(path); err != nil || string(data) != "content" {
		t.Errorf("%q, %v", data, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("contenT"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(path); err == nil {
		t.Errorf("another content is read: %q", data)
	}
	if _, err := Write(dir, []byte("content")); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err != nil {
		t.Errorf("a damaged file stays when its content is written again: %v", err)
	}
}

func TestNothingIsLeftOfAFileThatCannotAppear(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "taken", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Replace(filepath.Join(dir, "taken"), []byte("x")); err == nil {
		t.Error("a directory was replaced")
	}
	if _, err := Write(filepath.Join(dir, "none"), []byte("x")); err == nil {
		t.Error("a file was written into a directory that is not there")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestWhoWorksWithADamagedFileHearsOfIt(t *testing.T) {
	dir := t.TempDir()
	name, err := Write(dir, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	var got string
	use := func(data []byte) error { got = string(data); return nil }
	if err := ReadWith(path, use); err != nil || got != "content" {
		t.Errorf("%q, %v", got, err)
	}
	bad := errors.New("bad")
	if err := ReadWith(path, func([]byte) error { return bad }); !errors.Is(err, bad) {
		t.Errorf("what does not work out is reported as %v", err)
	}
	if err := os.WriteFile(path, []byte("contenT"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReadWith(path, use); err == nil {
		t.Error("another content passes")
	}
	if err := ReadWith(filepath.Join(dir, "none"), use); err == nil {
		t.Error("a file that is not there passes")
	}
}

// Without a guard the process would be ended by SIGBUS.
func TestAFileThatIsCutOffWhileItIsReadIsDamaged(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("files are mapped on Linux only")
	}
	dir := t.TempDir()
	name, err := Write(dir, make([]byte, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	err = ReadWith(path, func(data []byte) error {
		if err := os.Truncate(path, 0); err != nil {
			return err
		}
		if data[len(data)-1] != 0 {
			t.Error("another content")
		}
		return nil
	})
	if err == nil {
		t.Error("it passes")
	}
}

func TestAPanicOfWhoeverReadsIsTheirs(t *testing.T) {
	name, err := Write(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if v := recover(); v != "mine" {
			t.Errorf("%v", v)
		}
	}()
	_ = guarded(name, func() error { panic("mine") })
	t.Error("it went on")
}

func TestAnEmptyFileIsRead(t *testing.T) {
	dir := t.TempDir()
	name, err := Write(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := Read(filepath.Join(dir, name)); err != nil || len(data) != 0 {
		t.Errorf("%q, %v", data, err)
	}
}
