package locks

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// cargoDir is where Hermeto has cargo put the unpacked crates.
const cargoDir = "deps/cargo"

// maxCargoVersion is the newest lock format that cargo writes.
const maxCargoVersion = 4

// parseCargo reads a Cargo.lock of versions 1 to 4. Packages from registries and
// from git become directories, as `cargo vendor --versioned-dirs` makes them;
// those without a source are the project's own.
func parseCargo(src Source, b *builder) error {
	root, err := readTOML(src.Data)
	if err != nil {
		return err
	}
	lock := cargoLock{src: src, root: root, downloads: map[string]string{}}
	if err := lock.checkVersion(); err != nil {
		return err
	}
	packages, err := root.tables("package")
	if err != nil {
		return err
	}
	if packages == nil && root.get("root") == nil && root.get("version") == nil {
		return errAt(0, "the file names no packages, so it is no Cargo.lock")
	}
	for _, p := range packages {
		a, err := lock.artifact(p)
		if err != nil {
			return err
		}
		if a == nil {
			continue
		}
		if err := b.add(*a); err != nil {
			return err
		}
	}
	if len(lock.sources.list) == 0 {
		return nil
	}
	rewrite, err := cargoConfig(src, lock.sources.list)
	if err != nil {
		return err
	}
	b.lock.Rewrites = append(b.lock.Rewrites, rewrite)
	return nil
}

type cargoLock struct {
	src       Source
	root      *node
	sources   cargoSources
	downloads map[string]string // of registries that were asked for: templates
}

func (l *cargoLock) checkVersion() error {
	v := l.root.get("version")
	if v == nil {
		return nil // 1 and 2 don't say it
	}
	switch v.text {
	case "1", "2", "3", "4":
		if v.kind == kindBare {
			return nil
		}
	}
	return errAt(int(v.line), "version %s of the lock file is not supported; versions 1 to %d are", v.what(), maxCargoVersion)
}

// artifact is the file or directory of one package; nil for the project's own.
func (l *cargoLock) artifact(p *node) (*Artifact, error) {
	name, err := p.need("name", "a package")
	if err != nil {
		return nil, err
	}
	version, err := p.need("version", "the package "+clip(name))
	if err != nil {
		return nil, err
	}
	source, err := p.str("source")
	if err != nil || source == "" {
		return nil, err
	}
	line := p.get("source").lineOf(p)
	dir := name + "-" + version
	for _, part := range []string{name, version, dir} {
		if err := checkName(part); err != nil {
			return nil, errAt(int(p.line), "the package %q: %w", clip(dir), err)
		}
	}
	a := &Artifact{Name: name, Version: version, Path: cargoDir + "/" + dir, Size: SizeUnknown, Line: int(p.line)}
	s, err := l.sources.get(source, line)
	if err != nil {
		return nil, err
	}
	if s.kind == "git" {
		a.URLs = []string{s.remote.url.String()}
		a.Make = &Make{Kind: MakeGitCrate, Dir: true, Args: map[string]string{"package": name, "version": version, "commit": s.remote.commit}}
		a.PURL = purl("cargo", "", name, version, s.remote.purl())
		return a, nil
	}
	if a.Digest, err = l.checksum(p, name, version, source); err != nil {
		return nil, err
	}
	download, err := l.download(s, line)
	if err != nil {
		return nil, err
	}
	a.URLs = []string{crateURL(download, name, version, a.Digest)}
	a.Make = &Make{Kind: MakeCrate, Dir: true, Args: map[string]string{"package": dir}}
	qualifiers := map[string]string{}
	if !s.isDefault {
		qualifiers["repository_url"] = s.plain()
	}
	a.PURL = purl("cargo", "", name, version, qualifiers)
	return a, nil
}

// checksum is the package's own, or in version 1 that of [metadata].
func (l *cargoLock) checksum(p *node, name, version, source string) (digest.Digest, error) {
	from, key := p, "checksum"
	if p.get(key) == nil {
		metadata, err := l.root.table("metadata")
		if err != nil {
			return "", err
		}
		from, key = metadata, fmt.Sprintf("checksum %s %s (%s)", name, version, source)
	}
	if from == nil {
		return "", nil
	}
	value, err := from.str(key)
	if err != nil || value == "" || value == "<none>" {
		return "", err
	}
	d, err := digest.New("sha256", value)
	if err != nil {
		return "", errAt(from.get(key).lineOf(p), "the checksum of %s %s: %w", clip(name), clip(version), err)
	}
	return d, nil
}

// download is the registry's template for the URLs of crates.
func (l *cargoLock) download(s *cargoSource, line int) (string, error) {
	if t, ok := l.downloads[s.text]; ok {
		return t, nil
	}
	var template string
	if l.src.RegistryURL != nil {
		template = l.src.RegistryURL("cargo:" + s.text)
	}
	if template == "" {
		return "", errAt(line, "nobody knows from where the registry %s serves its crates", clip(s.redacted())).unsupported().
			hint("name its sparse index or its download URL in lazybuild.toml: [registries] %q = \"sparse+https://…\"", clip(s.redacted()))
	}
	if _, err := parseURL(crateURL(template, "a", "1", "")); err != nil {
		return "", errAt(line, "the download URL of the registry %s: %w", clip(s.redacted()), err)
	}
	l.downloads[s.text] = template
	return template, nil
}

// crateURL fills in a registry's template (the "dl" of its config.json:
// doc.rust-lang.org/cargo/reference/registry-index.html).
func crateURL(template, name, version string, d digest.Digest) string {
	if !strings.Contains(template, "{") {
		return strings.TrimRight(template, "/") + "/" + url.PathEscape(name) + "/" + url.PathEscape(version) + "/download"
	}
	var b strings.Builder
	for rest := template; ; {
		text, behind, found := strings.Cut(rest, "{")
		b.WriteString(text)
		if !found {
			return b.String()
		}
		var marker string
		if marker, rest, found = strings.Cut(behind, "}"); !found {
			return template // no URL: parseURL, or the server, will say so
		}
		switch marker {
		case "crate":
			b.WriteString(url.PathEscape(name))
		case "version":
			b.WriteString(url.PathEscape(version))
		case "prefix":
			b.WriteString(cratePrefix(name))
		case "lowerprefix":
			b.WriteString(strings.ToLower(cratePrefix(name)))
		case "sha256-checksum":
			b.WriteString(d.Hex())
		default:
			b.WriteString("{" + marker + "}")
		}
	}
}

// cratePrefix spreads crates over directories, as the index does.
func cratePrefix(name string) string {
	switch len(name) {
	case 1, 2:
		return fmt.Sprint(len(name))
	case 3:
		return "3/" + name[:1]
	}
	return name[:2] + "/" + name[2:4]
}

// cargoSource is where a package comes from: "<kind>+<url>[?…][#commit]".
type cargoSource struct {
	text      string // without the commit
	kind      string // "registry", "sparse" or "git"
	url       string // as cargo's configuration has it: of git without query
	index     *url.URL
	ref, name string // of git: "branch", "tag" or "rev", and its value
	remote    gitRemote
	isDefault bool
}

// plain is a registry's URL without credentials: it goes into the SBOM.
func (s *cargoSource) plain() string { return withoutUser(s.index) }

func (s *cargoSource) redacted() string { return s.kind + "+" + s.plain() }

// cargoSources are the sources of a lock, each once.
type cargoSources struct {
	list []*cargoSource
	at   map[string]*cargoSource // by the text in the lock
}

func (all *cargoSources) get(text string, line int) (*cargoSource, error) {
	if s := all.at[text]; s != nil {
		return s, nil
	}
	s, err := readCargoSource(text)
	if err != nil {
		return nil, inLine(line, err)
	}
	if all.at == nil {
		all.at = make(map[string]*cargoSource)
	}
	all.at[text] = s
	for _, have := range all.list {
		if have.text == s.text {
			return s, nil // another commit of one repository
		}
	}
	all.list = append(all.list, s)
	return s, nil
}

func readCargoSource(text string) (*cargoSource, error) {
	kind, rest, ok := strings.Cut(text, "+")
	if !ok || kind != "registry" && kind != "sparse" && kind != "git" {
		return nil, errAt(0, "the source %q is neither a registry nor a git repository", clip(kind)).unsupported().
			hint("such sources are this machine's own; lazybuild can't take packages from them")
	}
	rest, commit, _ := strings.Cut(rest, "#")
	s := &cargoSource{text: kind + "+" + rest, kind: kind, url: rest}
	if kind == "git" {
		return s, s.readGit(commit)
	}
	if kind == "sparse" {
		s.url = s.text
	}
	var err error
	if s.index, err = parseURL(rest); err != nil {
		return nil, errAt(0, "the registry: %w", err).hint("lazybuild takes packages by http and https")
	}
	_, s.isDefault = CargoIndex(s.text)
	return s, nil
}

func (s *cargoSource) readGit(commit string) error {
	repo, query, _ := strings.Cut(s.url, "?")
	var err error
	if s.remote, err = parseGitRemote(repo + "#" + commit); err != nil {
		return err
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return errAt(0, "the query of the git URL can't be read: %w", err)
	}
	for _, ref := range []string{"branch", "tag", "rev"} {
		if v := values.Get(ref); v != "" {
			s.ref, s.name = ref, v
		}
	}
	s.url = repo
	return nil
}

// CargoIndex returns the URL of the sparse index of a registry, given as a
// Cargo.lock names it, and whether that is cargo's default registry; an
// empty index when the registry has a git index alone. A registry whose git
// index is called <domain>-index has its sparse index at index.<domain>: so it
// is with cargo's default, which locks always name by its git index.
func CargoIndex(source string) (index string, isDefault bool) {
	if sparse, ok := strings.CutPrefix(source, "sparse+"); ok {
		return strings.TrimRight(sparse, "/"), false
	}
	u, err := parseURL(strings.TrimPrefix(source, "registry+"))
	if err != nil {
		return "", false
	}
	domain, ok := strings.CutSuffix(path.Base(u.Path), "-index")
	if !ok || !strings.Contains(domain, ".") {
		return "", false
	}
	return "https://index." + domain, true
}
