package rpm

import (
	"iter"
	"strconv"
	"strings"
)

const xmlProlog = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// depElements are the names of primary's dependency lists, indexed by DepKind.
var depElements = [DepKinds]string{
	Provides: "provides", Requires: "requires", Conflicts: "conflicts", Obsoletes: "obsoletes",
	Suggests: "suggests", Enhances: "enhances", Recommends: "recommends", Supplements: "supplements",
}

func primaryHeader(packages int) string {
	return xmlProlog + `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="` +
		strconv.Itoa(packages) + "\">\n"
}

func appendPrimary(b []byte, e *Entry) []byte {
	p := e.Package
	b = append(b, "<package type=\"rpm\">\n"...)
	b = appendElement(b, "  <name>", p.Name, "</name>\n")
	b = appendElement(b, "  <arch>", p.Arch, "</arch>\n")
	b = appendVersion(b, p)
	b = appendAttr(b, `  <checksum type="`, e.Digest.Algorithm())
	b = appendElement(b, ` pkgid="YES">`, e.Digest.Hex(), "</checksum>\n")
	b = appendElement(b, "  <summary>", p.Summary, "</summary>\n")
	b = appendElement(b, "  <description>", p.Description, "</description>\n")
	b = appendElement(b, "  <packager>", p.Packager, "</packager>\n")
	b = appendElement(b, "  <url>", p.URL, "</url>\n")
	b = appendIntAttr(b, `  <time file="`, e.Mtime)
	b = appendIntAttr(b, ` build="`, p.BuildTime)
	b = append(b, "/>\n"...)
	b = appendIntAttr(b, `  <size package="`, e.Size)
	b = appendIntAttr(b, ` installed="`, int64(p.InstalledSize))
	b = appendIntAttr(b, ` archive="`, int64(p.ArchiveSize))
	b = append(b, "/>\n"...)
	b = appendAttr(b, `  <location href="`, e.Href)
	b = append(b, "/>\n  <format>\n"...)
	b = appendElement(b, "    <rpm:license>", p.License, "</rpm:license>\n")
	b = appendElement(b, "    <rpm:vendor>", p.Vendor, "</rpm:vendor>\n")
	b = appendElement(b, "    <rpm:group>", p.Group, "</rpm:group>\n")
	b = appendElement(b, "    <rpm:buildhost>", p.BuildHost, "</rpm:buildhost>\n")
	b = appendElement(b, "    <rpm:sourcerpm>", p.SourceRPM, "</rpm:sourcerpm>\n")
	b = appendIntAttr(b, `    <rpm:header-range start="`, p.Header.Start)
	b = appendIntAttr(b, ` end="`, p.Header.End)
	b = append(b, "/>\n"...)
	for kind, deps := range p.Deps {
		b = appendDeps(b, depElements[kind], deps)
	}
	b = appendPrimaryFiles(b, p)
	return append(b, "  </format>\n</package>\n"...)
}

func appendElement(b []byte, open, text, end string) []byte {
	b = append(b, open...)
	b = appendText(b, text)
	return append(b, end...)
}

func appendVersion(b []byte, p *Package) []byte {
	b = append(b, `  <version epoch="`...)
	b = strconv.AppendUint(b, p.Epoch, 10)
	b = appendAttr(b, `" ver="`, p.Version)
	b = appendAttr(b, ` rel="`, p.Release)
	return append(b, "/>\n"...)
}

func appendDeps(b []byte, element string, deps []Dependency) []byte {
	if len(deps) == 0 {
		return b
	}
	b = append(append(b, "    <rpm:"...), element...)
	empty := true
	for i := range deps {
		if deps[i].Name == "" {
			continue
		}
		if empty {
			b = append(b, ">\n"...)
			empty = false
		}
		b = appendDep(b, &deps[i])
	}
	if empty {
		return append(b, "/>\n"...)
	}
	b = append(append(b, "    </rpm:"...), element...)
	return append(b, ">\n"...)
}

func appendDep(b []byte, d *Dependency) []byte {
	b = appendAttr(b, `      <rpm:entry name="`, d.Name)
	if d.Flags != "" {
		b = appendAttr(b, ` flags="`, d.Flags)
		if d.Epoch != "" {
			b = appendAttr(b, ` epoch="`, d.Epoch)
		}
		if d.Version != "" {
			b = appendAttr(b, ` ver="`, d.Version)
		}
		if d.Release != "" {
			b = appendAttr(b, ` rel="`, d.Release)
		}
	}
	if d.Pre {
		b = append(b, ` pre="1"`...)
	}
	return append(b, "/>\n"...)
}

func appendPrimaryFiles(b []byte, p *Package) []byte {
	for f := range primaryFiles(p) {
		b = append(b, "  "...)
		b = appendFile(b, p.Dirs[f.Dir], f, false)
	}
	return b
}

// primaryFiles are those that primary names too.
func primaryFiles(p *Package) iter.Seq[File] {
	return func(yield func(File) bool) {
		if len(p.Files) == 0 {
			return
		}
		primary := make([]bool, len(p.Dirs))
		for i, dir := range p.Dirs {
			primary[i] = strings.HasSuffix(dir, "/") && isPrimary(dir)
		}
		for _, f := range p.Files {
			if primary[f.Dir] || mayBePrimary(p.Dirs[f.Dir], f.Base) && isPrimary(p.Dirs[f.Dir]+f.Base) {
				if !yield(f) {
					return
				}
			}
		}
	}
}

// mayBePrimary spares the others the work of putting the path together: a file
// whose directory is not primary is so only by its whole name, or when the
// header does not split names at the last slash.
func mayBePrimary(dir, base string) bool {
	return base == "sendmail" || !strings.HasSuffix(dir, "/") || strings.IndexByte(base, '/') >= 0
}
