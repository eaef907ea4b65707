package rpm

import "strings"

const (
	modeTypeMask = 0o170000
	modeDir      = 0o040000
	flagGhost    = 1 << 6
)

// readFiles reads the file list. A list whose parts do not fit together is no
// list, as for librpm's FILENAMES.
func readFiles(h *header) ([]string, []File) {
	dirs, bases, index := fileNames(h)
	flags, modes := h.column(tagFileFlags), h.column(tagFileModes)
	n := min(len(bases), flags.count, modes.count)
	if n == 0 {
		return dirs, nil
	}
	files := make([]File, n)
	for i := range files {
		f := File{Dir: index(i), Base: bases[i]}
		switch {
		case modes.at(i)&modeTypeMask == modeDir:
			f.Kind = FileDir
		case flags.at(i)&flagGhost != 0:
			f.Kind = FileGhost
		}
		files[i] = f
	}
	return dirs, files
}

func fileNames(h *header) (dirs, bases []string, index func(int) uint32) {
	dirs, bases = h.strs(tagDirNames), h.strs(tagBaseNames)
	if len(bases) == 0 && h.has(tagOldFileNames) {
		return splitNames(h.strs(tagOldFileNames))
	}
	indexes := h.column(tagDirIndexes)
	if indexes.count != len(bases) || len(dirs) > len(bases) {
		return dirs, nil, nil
	}
	for i := range bases {
		if indexes.at(i) >= uint64(len(dirs)) {
			return dirs, nil, nil
		}
	}
	return dirs, bases, func(i int) uint32 { return uint32(indexes.at(i)) }
}

// splitNames makes directories and base names of whole paths, which packages
// built with --nodirtokens have instead.
func splitNames(paths []string) (dirs, bases []string, index func(int) uint32) {
	seen := make(map[string]uint32)
	indexes := make([]uint32, len(paths))
	for i, path := range paths {
		slash := strings.LastIndexByte(path, '/') + 1
		dir := path[:slash]
		at, ok := seen[dir]
		if !ok {
			at = uint32(len(dirs))
			seen[dir] = at
			dirs = append(dirs, dir)
		}
		indexes[i] = at
		bases = append(bases, path[slash:])
	}
	return dirs, bases, func(i int) uint32 { return indexes[i] }
}

// isPrimary says whether repodata names the file in primary too: the patterns
// that yum has promised to find without filelists.
func isPrimary(path string) bool {
	return strings.HasPrefix(path, "/etc/") || path == "/usr/lib/sendmail" || strings.Contains(path, "bin/")
}
