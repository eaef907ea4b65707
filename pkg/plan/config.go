package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/lazybuild/lazybuild/internal/untrusted"
)

// ConfigName is the file that holds a project's configuration.
const ConfigName = "lazybuild.toml"

// Config is a project's lazybuild.toml (docs/configuration.md). Keys are the
// --lazy-* flags without the prefix; a flag or a LAZYBUILD_* variable wins.
type Config struct {
	// Inputs are the lock files; with none, they are looked for. Relative paths
	// start at the file's directory.
	Inputs []Input `toml:"-"`
	// Store is the directory of the blob store, relative to the file.
	Store string `toml:"store"`
	// ReadAhead is "trace", "group" or "off".
	ReadAhead string `toml:"readahead"`
	// AllowUnverified is "none", "weak" or "all".
	AllowUnverified string `toml:"allow-unverified"`
	// Proxy is "container", "process" or "auto".
	Proxy string `toml:"proxy"`
	// Volume is the name of the volume that a remote podman keeps the store in.
	Volume string `toml:"volume"`
	// Fallback is "none" or "materialize".
	Fallback string `toml:"fallback"`
	// RPMMetadata is "headers" or "createrepo_c".
	RPMMetadata string `toml:"rpm-metadata"`
	// RPMSource has source RPMs in the tree too.
	RPMSource *bool `toml:"rpm-source"`
	// YumRepos mounts the RPM lock's repositories over /etc/yum.repos.d.
	YumRepos *bool `toml:"yum-repos"`
	// ReposD are directories, relative to the file, whose *.repo files join those
	// of the RPM lock over /etc/yum.repos.d; of two with one name the later wins.
	ReposD []string `toml:"repos-d"`
	// Registries are the places from which packages are downloaded whose locks do
	// not say it, by RegistryKeys or by the registry as a Cargo.lock names it.
	Registries map[string]string `toml:"registries"`
	// ReadOnly mounts the tree read-only.
	ReadOnly *bool `toml:"read-only"`
	// Hermetic runs builds without network.
	Hermetic *bool `toml:"hermetic"`
	// Hosts say how to get at hosts that want credentials.
	Hosts []Host `toml:"hosts"`

	path, dir string
}

// FindConfig returns the project's configuration: the file named explicitly
// (an error if it is not there), else that beside the Containerfile, else that
// in the context's root ("" for none), else nil.
func FindConfig(explicit, containerfile, contextDir string) (*Config, error) {
	if explicit != "" {
		return ReadConfig(explicit)
	}
	var dirs []string
	if containerfile != "" {
		dirs = append(dirs, filepath.Dir(containerfile))
	}
	if contextDir != "" {
		dirs = append(dirs, contextDir)
	}
	for _, dir := range dirs {
		c, err := ReadConfig(filepath.Join(dir, ConfigName))
		if !errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
	}
	return nil, nil
}

// ReadConfig reads and checks a configuration file. Errors name the file, and
// the line where they can.
func ReadConfig(path string) (*Config, error) {
	data, err := untrusted.ReadFile(path, untrusted.MaxConfig)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	c, err := parseConfig(path, string(data))
	if err != nil {
		return nil, err
	}
	c.path = path
	if c.dir, err = filepath.Abs(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if c.Store != "" && !filepath.IsAbs(c.Store) {
		c.Store = filepath.Join(c.dir, c.Store)
	}
	return c, nil
}

// configFile is a Config as it is written.
type configFile struct {
	Config
	Tables []map[string]any `toml:"inputs"`
}

func parseConfig(path, data string) (*Config, error) {
	var c configFile
	meta, err := untrusted.DecodeTOML(data, &c)
	var bad toml.ParseError
	if errors.As(err, &bad) {
		return nil, fmt.Errorf("%s:%d: %s", path, bad.Position.Line, bad.Message)
	}
	if err != nil {
		if m := typeError.FindStringSubmatch(err.Error()); m != nil {
			return nil, fmt.Errorf("%s:%s: %s: %s", path, m[1], m[2], m[3])
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, unknown := range meta.Undecoded() {
		if unknown[0] == "inputs" {
			continue // decodeInput knows better
		}
		key := unknown.String()
		return nil, fmt.Errorf("%s:%d: there is no key %q%s", path, lineOf(data, unknown), key, nearest(key, configKeys))
	}
	for i, values := range c.Tables {
		in, err := decodeInput(values)
		if wrong := (*optionError)(nil); errors.As(err, &wrong) {
			return nil, fmt.Errorf("%s:%d: inputs[%d]: %w", path, lineOf(data, toml.Key(wrong.key)), i, err)
		}
		in.By = path
		c.Inputs = append(c.Inputs, in)
	}
	c.placeHosts(path, data)
	return &c.Config, c.check(path)
}

// typeError takes the line out of the decoder's message about a value of the
// wrong type, which has no position of its own.
var typeError = regexp.MustCompile(`^toml: line (\d+) \(last key "(.*?)"\): (.*)$`)

// check holds the values against what they may be.
func (c *Config) check(path string) error {
	for _, h := range c.Hosts {
		if err := h.check(); err != nil {
			return err
		}
	}
	if err := checkRegistries(c.Registries); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, v := range []struct {
		key, value string
		allowed    []string
	}{
		{"readahead", c.ReadAhead, ReadAheads},
		{"rpm-metadata", c.RPMMetadata, RPMMetadatas},
		{"proxy", c.Proxy, Proxies},
		{"fallback", c.Fallback, Fallbacks},
		{"allow-unverified", c.AllowUnverified, Unverifieds},
	} {
		if v.value != "" && !slices.Contains(v.allowed, v.value) {
			return fmt.Errorf("%s: %s is %q; it can be %s", path, v.key, v.value, strings.Join(v.allowed, ", "))
		}
	}
	return nil
}

// ReadAheads, Unverifieds, RPMMetadatas, Proxies and Fallbacks are the values of settings.
var (
	ReadAheads   = []string{"trace", "group", "off"}
	RPMMetadatas = []string{"headers", "createrepo_c"}
	Proxies      = []string{"auto", "container", "process"}
	Fallbacks    = []string{"none", "materialize"}
	Unverifieds  = []string{"none", "weak", "all"}
)

// configKeys are the keys that exist.
var configKeys = []string{
	"inputs", "store", "readahead", "allow-unverified", "rpm-source", "rpm-metadata",
	"yum-repos", "repos-d", "registries", "read-only", "hermetic",
	"hosts", "hosts.host", "hosts.path", "hosts.user-env", "hosts.user-file", "hosts.password-env", "hosts.password-file",
	"hosts.token-env", "hosts.token-file", "hosts.header", "hosts.cert", "hosts.key", "hosts.ca", "hosts.plain-http",
}

// lineOf finds the line of a key that nothing knows: the decoder does not say
// where it stood. A key of the same name in another table can mislead it.
func lineOf(data string, key toml.Key) int {
	if len(key) == 0 {
		return 1
	}
	last := regexp.QuoteMeta(key[len(key)-1])
	// In front: the line's start, a table's bracket, an inline table, a dotted
	// key; behind: what makes it a key.
	at := regexp.MustCompile(`(?m)(?:^|[\[{,.])[ \t]*["']?` + last + `["']?[ \t]*[=.\]]`).FindStringIndex(data)
	if at == nil {
		return 1
	}
	return 1 + strings.Count(data[:at[0]], "\n")
}
