package rpm

import "strconv"

func filelistsHeader(packages int) string {
	return xmlProlog + `<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="` + strconv.Itoa(packages) + "\">\n"
}

func otherHeader(packages int) string {
	return xmlProlog + `<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="` + strconv.Itoa(packages) + "\">\n"
}

// appendFilelists appends a package of filelists to out, which is cut into
// pieces on the way: a single package may have megabytes of file names.
func appendFilelists(out *pieces, e *Entry) {
	p := e.Package
	b := appendPackageID(out.buf, e)
	simple := make([]bool, len(p.Dirs))
	for i, dir := range p.Dirs {
		simple[i] = plain(dir, inText)
	}
	for _, f := range p.Files {
		b = appendFile(b, p.Dirs[f.Dir], f, simple[f.Dir])
		if len(b) >= pieceSize {
			out.buf = b
			out.cut()
			b = out.buf
		}
	}
	out.buf = append(b, "</package>\n"...)
}

// appendFile appends a file element; simple says that dir needs no escaping.
func appendFile(b []byte, dir string, f File, simple bool) []byte {
	switch f.Kind {
	case FileDir:
		b = append(b, `  <file type="dir">`...)
	case FileGhost:
		b = append(b, `  <file type="ghost">`...)
	default:
		b = append(b, `  <file>`...)
	}
	if simple && plain(f.Base, inText) {
		b = append(append(b, dir...), f.Base...)
	} else {
		b = appendText(b, dir+f.Base) // the whole decides whether it is UTF-8
	}
	return append(b, "</file>\n"...)
}

func appendPackageID(b []byte, e *Entry) []byte {
	b = appendAttr(b, `<package pkgid="`, e.Digest.Hex())
	b = appendAttr(b, ` name="`, e.Package.Name)
	b = appendAttr(b, ` arch="`, e.Package.Arch)
	b = append(b, ">\n"...)
	return appendVersion(b, e.Package)
}

// appendOther appends a package of other, with at most limit changelog entries.
func appendOther(out *pieces, e *Entry, limit int) {
	logs := e.Package.Changelogs[:min(limit, len(e.Package.Changelogs))]
	times := changelogTimes(logs)
	b := appendPackageID(out.buf, e)
	for i := len(logs) - 1; i >= 0; i-- { // oldest first
		b = appendAttr(b, `  <changelog author="`, logs[i].Author)
		b = appendIntAttr(b, ` date="`, times[i])
		b = appendElement(b, ">", logs[i].Text, "</changelog>\n")
	}
	out.buf = append(b, "</package>\n"...)
}

// changelogTimes makes the times of entries of the same day distinct, as dnf
// wants them: each entry that is followed (in time order: preceded) by one of
// the same time moves those that collide with it up by a second. createrepo_c
// compares in 32 bits, so that times after 2038 stay as they are; so here.
func changelogTimes(logs []Changelog) []int64 {
	times := make([]int64, len(logs))
	last := int64(0)
	for i, c := range logs {
		times[i] = c.Time
		if c.Time != last {
			last = c.Time
			continue
		}
		for at, j := int64(int32(c.Time)), i-1; j >= 0 && times[j] == at; j-- {
			times[j]++
			at++
		}
	}
	return times
}
