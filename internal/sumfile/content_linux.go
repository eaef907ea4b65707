package sumfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// contentOf maps a file: of one of ten megabytes, copying takes longer than all that is
// done with it, because the memory for the copy is used for the first time. It stays
// mapped until the process ends. Its name may go meanwhile, and nobody writes to such a
// file.
func contentOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || fi.Size() == 0 { // nothing cannot be mapped
		return nil, err
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(fi.Size()), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_POPULATE)
	if err != nil {
		return os.ReadFile(path) // some file systems cannot
	}
	return data, nil
}
