package locks

import (
	"fmt"
	"path"
	"strings"
)

// gemRepo is one GIT section of a Gemfile.lock: a repository at one commit, and
// the gems in it.
type gemRepo struct {
	options map[string]string // "remote", "revision", "branch", "tag", …
	gems    []gemSpec
	line    int
}

// git reads a line of a GIT section.
func (r *gemReader) git(text string, indent int) error {
	repo := &r.lock.repos[len(r.lock.repos)-1]
	switch indent {
	case 2:
		key, value, _ := strings.Cut(text, ":")
		if _, twice := repo.options[key]; twice {
			return errAt(r.line, "%s is there twice", clip(key))
		}
		repo.options[key] = strings.TrimSpace(value)
	case 4:
		name, version, platform, rest, ok := cutGem(text)
		if !ok || rest != "" {
			return errAt(r.line, "%q is not <name> (<version>)", clip(text))
		}
		repo.gems = append(repo.gems, gemSpec{name: name, version: version, platform: platform, line: r.line})
	case 6: // what a gem depends on
	default:
		return errAt(r.line, "the line is indented by %d spaces, which no line here is", indent)
	}
	return nil
}

// addGemRepos puts a bare clone into the tree for each repository, and has git
// take it in place of the remote, as Hermeto does.
func addGemRepos(src Source, b *builder, lock *gemLock) error {
	var config []EnvVar
	lines := make(map[string]int) // of the remotes
	for i := range lock.repos {
		repo := &lock.repos[i]
		if len(repo.gems) == 0 {
			continue
		}
		a, err := repo.artifact()
		if err != nil {
			return err
		}
		remote := repo.options["remote"]
		if first, twice := lines[remote]; twice {
			return errAt(repo.line, "the lock wants two commits of one git repository (the other in line %d), and git can be sent to one clone only", first).
				unsupported().hint("Hermeto refuses this too: use one commit of it for all its gems")
		}
		lines[remote] = repo.line
		if repo.options["submodules"] == "true" {
			b.warn("the submodules of the git repository of %s are not in the tree", clip(repo.gems[0].name))
		}
		if err := b.add(a); err != nil {
			return err
		}
		config = append(config, EnvVar{"url.file://" + inOutput(src, a.Path) + "/.insteadOf", remote})
	}
	if len(config) == 0 {
		return nil
	}
	config = append(config, EnvVar{"protocol.file.allow", "always"})
	b.env("GIT_CONFIG_COUNT", fmt.Sprint(len(config)))
	for i, c := range config {
		b.env(fmt.Sprintf("GIT_CONFIG_KEY_%d", i), c.Name)
		b.env(fmt.Sprintf("GIT_CONFIG_VALUE_%d", i), c.Value)
	}
	return nil
}

// artifact is the bare clone: <repository>-<12 digits of the commit>.
func (r *gemRepo) artifact() (Artifact, error) {
	remote, err := parseGitRemote(r.options["remote"] + "#" + r.options["revision"])
	if err != nil {
		return Artifact{}, inLine(r.line, err)
	}
	if remote.url.User != nil {
		// It would have to stand in the build's environment, which images keep.
		return Artifact{}, errAt(r.line, "the git remote %s holds a user or a password", clip(withoutUser(remote.url))).unsupported().
			hint("take them out of the Gemfile, and put them where lazybuild finds credentials")
	}
	dir := strings.TrimSuffix(remote.base(), path.Ext(remote.base())) + "-" + remote.commit[:12]
	if err := checkName(dir); err != nil {
		return Artifact{}, errAt(r.line, "the git repository: %w", err)
	}
	first := &r.gems[0]
	for _, part := range []string{first.name, first.version} {
		if err := checkName(part); err != nil {
			return Artifact{}, errAt(first.line, "the gem %q: %w", clip(first.file()), err)
		}
	}
	args := map[string]string{"commit": remote.commit}
	for _, name := range []string{"branch", "tag"} {
		if v := r.options[name]; v != "" {
			args[name] = v
		}
	}
	return Artifact{
		Name: first.name, Version: first.version, Path: bundlerDir + "/" + dir, Size: SizeUnknown,
		URLs: []string{remote.url.String()}, Make: &Make{Kind: MakeGitBare, Dir: true, Args: args}, Line: first.line,
		PURL: purl("gem", "", first.name, first.version, remote.purl()),
	}, nil
}
