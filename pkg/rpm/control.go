package rpm

// Control characters that XML forbids make createrepo_c leave the whole
// package out of the repodata. Finding them costs a look at every byte, so it is
// done once, when the header is read, and the result is part of the facts.

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return true
		}
	}
	return false
}

// findControl is the first field with such a character, and the number (from 1)
// of the first such changelog entry; "" and 0 when there are none.
func findControl(p *Package) (field string, changelog int) {
	for i, c := range p.Changelogs {
		if hasControl(c.Author) || hasControl(c.Text) {
			changelog = i + 1
			break
		}
	}
	for _, f := range []struct{ name, value string }{
		{"name", p.Name}, {"architecture", p.Arch}, {"version", p.Version}, {"release", p.Release},
		{"summary", p.Summary}, {"description", p.Description}, {"URL", p.URL}, {"license", p.License},
		{"vendor", p.Vendor}, {"group", p.Group}, {"build host", p.BuildHost}, {"source package", p.SourceRPM},
		{"packager", p.Packager},
	} {
		if hasControl(f.value) {
			return f.name, changelog
		}
	}
	return findControlInLists(p), changelog
}

func findControlInLists(p *Package) string {
	for _, deps := range p.Deps {
		for _, d := range deps {
			if hasControl(d.Name) || hasControl(d.Epoch) || hasControl(d.Version) || hasControl(d.Release) {
				return "dependencies"
			}
		}
	}
	used := make([]bool, len(p.Dirs)) // directories without a file are not written
	for _, f := range p.Files {
		used[f.Dir] = true
		if hasControl(f.Base) {
			return "file list"
		}
	}
	for i, dir := range p.Dirs {
		if used[i] && hasControl(dir) {
			return "file list"
		}
	}
	return ""
}
