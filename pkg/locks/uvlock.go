package locks

import "net/url"

// parseUV reads uv's own lock (version 1 in any revision). Every file of every
// package from an index or a URL is an artifact, whatever its markers say; what
// comes from the project's own directory is there already. The lock is rewritten
// to point into the tree (uvrewrite.go).
func parseUV(src Source, b *builder) error {
	doc, err := readTOML(src.Data)
	if err != nil {
		return err
	}
	if v := doc.get("version"); v == nil || v.text != "1" {
		return errAt(v.lineOf(doc), "the version of the lock has to be 1").hint("uv lock makes such a lock")
	}
	packages, err := doc.tables("package")
	if err != nil {
		return err
	}
	u := &uvParser{src: src, b: b, files: map[string]string{}, sources: map[string]string{}, fixed: map[string]bool{}}
	if u.edges, err = readUVEdges(packages); err != nil {
		return err
	}
	for _, p := range packages {
		if err := u.add(p); err != nil {
			return err
		}
	}
	u.rewrite()
	b.pipEnv(src)
	return nil
}

type uvParser struct {
	src   Source
	b     *builder
	edges map[string]string // a package's name to the marker under which anything needs it
	// files are URLs of files, sources those of packages that don't come from an
	// index; to paths below the output directory.
	files, sources map[string]string
	fixed          map[string]bool // URLs of sources that must stay
}

func (u *uvParser) add(p *node) error {
	pkg, err := readUVPackage(p)
	if err != nil {
		return err
	}
	pkg.marker = joinMarkers("and", pkg.marker, u.edges[pkg.name])
	source, err := p.table("source")
	if err != nil {
		return err
	}
	if source == nil {
		return errAt(int(p.line), "%s has no source", clip(pkg.name))
	}
	switch {
	case source.get("registry") != nil:
		return u.addFiles(pkg, p, "")
	case source.get("url") != nil:
		raw, err := source.str("url")
		if err != nil {
			return err
		}
		if source.get("subdirectory") != nil {
			u.unmoved(pkg, source)
			u.fixed[raw] = true
		}
		return u.addFiles(pkg, p, raw)
	case source.get("git") != nil:
		return u.git(pkg, source)
	}
	for _, local := range []string{"path", "directory", "editable", "virtual"} {
		if source.get(local) != nil {
			return nil
		}
	}
	return errAt(int(source.line), "the source of %s is of no known kind", clip(pkg.name))
}

// readUVPackage reads what concerns the whole package.
func readUVPackage(p *node) (pkg pyPackage, err error) {
	if pkg.name, err = p.need("name", "a package"); err != nil {
		return pkg, err
	}
	if pkg.version, err = p.str("version"); err != nil {
		return pkg, err
	}
	markers, err := p.strings("resolution-markers")
	if err != nil {
		return pkg, err
	}
	pkg.marker = joinMarkers("or", markers...)
	return pkg, nil
}

// addFiles adds the wheels and the sdist. direct is the URL of a package that
// doesn't come from an index; its one file may leave it out.
func (u *uvParser) addFiles(pkg pyPackage, p *node, direct string) error {
	wheels, err := p.tables("wheels")
	if err != nil {
		return err
	}
	pkg.hasWheels = len(wheels) > 0
	for _, w := range wheels {
		if err := u.file(pkg, w, direct, false); err != nil {
			return err
		}
	}
	sdist, err := p.table("sdist")
	if sdist == nil || err != nil {
		return err
	}
	return u.file(pkg, sdist, direct, true)
}

// file adds one file. One with a "path", from a directory with wheels, is the
// project's own.
func (u *uvParser) file(pkg pyPackage, f *node, direct string, sdist bool) error {
	raw, err := f.str("url")
	if err != nil {
		return err
	}
	if raw == "" {
		raw = direct
	}
	if raw == "" {
		return needPath(pkg, f)
	}
	line := int(f.line)
	at, err := parseURL(raw)
	if err != nil {
		return errAt(f.get("url").lineOf(f), "%s: %w", clip(pkg.name), err)
	}
	a := Artifact{
		Name: pkg.name, Version: pkg.version, URLs: []string{raw}, Line: line,
		Only: Constraint{Marker: pkg.marker, Source: sdist && pkg.hasWheels},
		PURL: purl("pypi", "", pypiName(pkg.name), pkg.version, nil),
	}
	sum, err := f.str("hash")
	if err == nil && sum != "" {
		a.Digest, err = checksum(f.get("hash"), sum)
	}
	if err != nil {
		return err
	}
	if a.Size, err = f.size("size"); err != nil {
		return err
	}
	name, err := u.name(pkg, f, at, direct, a)
	if err != nil {
		return inLine(line, err)
	}
	if direct != "" {
		a.PURL = directPURL(pkg.name, pkg.version, at, a.Digest)
	}
	a.Path = pipDir + "/" + name
	if direct != "" && !u.fixed[direct] {
		u.sources[direct] = a.Path
	}
	if !u.fixed[direct] {
		u.files[raw] = a.Path
	}
	return u.b.add(a)
}

// name is the file's name in the tree.
func (u *uvParser) name(pkg pyPackage, f *node, at *url.URL, direct string, a Artifact) (string, error) {
	if direct != "" {
		return directFile(pkg.name, at, a.Digest)
	}
	name, err := pyFileName(f, at)
	if err != nil {
		return "", err
	}
	if err := checkName(name); err != nil {
		return "", errAt(a.Line, "%s: %w", clip(pkg.name), err)
	}
	return name, nil
}

// git adds the archive of a commit: uv writes it behind the "#".
func (u *uvParser) git(pkg pyPackage, source *node) error {
	raw, err := source.str("git")
	if err != nil {
		return err
	}
	line := int(source.get("git").line)
	at, err := parseURL(overHTTPS(raw))
	if err != nil {
		return errAt(line, "%s: %w", clip(pkg.name), err)
	}
	if !isCommit(at.Fragment) {
		return errAt(line, "the git source of %s doesn't name a commit by its 40 hex digits", clip(pkg.name))
	}
	repo := *at
	repo.RawQuery, repo.Fragment, repo.RawFragment = "", "", ""
	a, err := gitArchive(pkg.name, pkg.version, &repo, at.Fragment)
	if err != nil {
		return inLine(line, err)
	}
	a.Only.Marker, a.Line = pkg.marker, line
	if at.Query().Has("subdirectory") {
		u.unmoved(pkg, source)
	} else {
		u.sources[raw] = a.Path
	}
	return u.b.add(a)
}
