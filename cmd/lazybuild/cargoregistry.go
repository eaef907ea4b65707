package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/lazybuild/lazybuild/internal/untrusted"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/locks"
)

// cargoRegistries finds from where the registries of a Cargo.lock serve their
// crates.
type cargoRegistries struct {
	context string            // the project's directory
	config  map[string]string // lazybuild.toml's
	home    string            // CARGO_HOME
	cache   string            // directory for what registries have said; may be empty
	get     func(ctx context.Context, url string) ([]byte, error)
	warn    func(format string, args ...any)

	failed map[string]bool // indexes that could not be asked: once is slow enough
	old    []string        // indexes whose kept answers are due: see renew
}

// download is the template for the URLs of the crates of a registry, named as a
// Cargo.lock does; "" when nobody knows. It asks the registry once and keeps the answer.
func (c *cargoRegistries) download(source string) string {
	index, isDefault := locks.CargoIndex(source)
	own := c.config[source]
	if own == "" && isDefault {
		own = c.config["cargo"]
	}
	if own != "" && !strings.HasPrefix(own, "sparse+") {
		return own // the template itself
	}
	if own == "" {
		own = c.replacement(source, isDefault)
	}
	if sparse, ok := strings.CutPrefix(own, "sparse+"); ok {
		index = strings.TrimRight(sparse, "/")
	}
	if index == "" {
		return ""
	}
	return c.template(index)
}

// cargoSettings is what matters of a cargo configuration
// (doc.rust-lang.org/cargo/reference/config.html).
type cargoSettings struct {
	Source map[string]struct {
		ReplaceWith string `toml:"replace-with"`
		Registry    string `toml:"registry"`
	} `toml:"source"`
	Registries map[string]struct {
		Index string `toml:"index"`
	} `toml:"registries"`
}

// replacement is the registry that the user's cargo configuration puts into the
// place of another; "" for none.
func (c *cargoRegistries) replacement(source string, isDefault bool) string {
	all := c.settings()
	name := ""
	if isDefault {
		name = "crates-io"
	}
	url := strings.TrimPrefix(source, "registry+")
	for n, s := range all.Source {
		if s.Registry == url {
			name = n
		}
	}
	for n, r := range all.Registries {
		if name == "" && r.Index == url {
			name = n
		}
	}
	found := ""
	for range len(all.Source) + 1 { // a circle of replacements must end
		s := all.Source[name]
		if s.ReplaceWith == "" {
			break
		}
		name = s.ReplaceWith
		found = cmp.Or(os.Getenv("CARGO_REGISTRIES_"+cargoVariable(name)+"_INDEX"), all.Source[name].Registry, all.Registries[name].Index)
	}
	return found
}

func cargoVariable(name string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// settings merges the configuration files as cargo does: the nearer one wins.
// A file that can't be read is cargo's business.
func (c *cargoRegistries) settings() cargoSettings {
	var all cargoSettings
	dirs := []string{c.home}
	for dir := c.context; ; dir = filepath.Dir(dir) {
		dirs = append(dirs, filepath.Join(dir, ".cargo"))
		if dir == filepath.Dir(dir) {
			break
		}
	}
	// Later decoding overwrites: the farthest first.
	order := append([]string{dirs[0]}, reversed(dirs[1:])...)
	for _, dir := range order {
		for _, name := range []string{"config.toml", "config"} {
			data, err := untrusted.ReadFile(filepath.Join(dir, name), untrusted.MaxConfig)
			if err == nil {
				_, _ = untrusted.DecodeTOML(string(data), &all)
			}
		}
	}
	return all
}

func reversed(list []string) []string {
	out := make([]string, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		out = append(out, list[i])
	}
	return out
}

// cargoKept is how long the answer of a registry is used before it is asked
// again: registries move their crates seldom, and a plan must not need the
// network each time.
const cargoKept = 30 * 24 * time.Hour

// How long a registry may take to answer: when nothing can be planned without,
// and when the build is over.
const (
	cargoWait  = 20 * time.Second
	cargoRenew = 2 * time.Second
)

// template is the "dl" of the config.json in a sparse index: from what was kept,
// else from the index. However old what was kept is, nobody waits for a better
// one: without a network that would be in vain each time.
func (c *cargoRegistries) template(index string) string {
	kept, age := readKept(c.keptIn(index))
	if kept != "" {
		if age >= cargoKept && !slices.Contains(c.old, index) {
			c.old = append(c.old, index)
			// It stays due, but it is in use: no clean-up may take it away.
			due := time.Now().Add(-cargoKept)
			_ = os.Chtimes(c.keptIn(index), due, due)
		}
		return kept
	}
	if c.failed[index] {
		return ""
	}
	// The signals of a build are read once it has begun.
	ctx, stop := signal.NotifyContext(context.Background(), endingSignals...)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, cargoWait)
	defer cancel()
	dl, err := c.ask(ctx, index)
	if err != nil {
		c.failed[index] = true
		c.warn("asking a cargo registry where its crates are: %v", err)
	}
	return dl
}

// renew asks those registries again whose answers were kept for long. It is for
// the end of a build that has downloaded something, so that there is a network,
// or could not, perhaps because the crates have moved.
func (c *cargoRegistries) renew() {
	ctx, cancel := context.WithTimeout(context.Background(), cargoRenew)
	defer cancel()
	for _, index := range c.old {
		_, _ = c.ask(ctx, index) // another time, then
	}
	c.old = nil
}

// keptIn is the file in which the answer of an index is kept; empty for none.
func (c *cargoRegistries) keptIn(index string) string {
	if c.cache == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(index))
	return filepath.Join(c.cache, hex.EncodeToString(sum[:8])+".json")
}

// ask asks an index, and keeps its answer.
func (c *cargoRegistries) ask(ctx context.Context, index string) (dl string, err error) {
	data, err := c.get(ctx, index+"/config.json")
	if err != nil {
		return "", err
	}
	path := c.keptIn(index)
	if dl = cargoDl(data); dl != "" && path != "" {
		// An answer that can't be kept is asked for again.
		if err := os.MkdirAll(c.cache, 0o700); err == nil {
			_ = renameio.WriteFile(path, data, 0o600)
		}
	}
	return dl, nil
}

func readKept(path string) (dl string, age time.Duration) {
	info, err := os.Stat(path)
	if err != nil {
		return "", 0
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", 0
	}
	return cargoDl(data), max(time.Since(info.ModTime()), 0)
}

func cargoDl(config []byte) string {
	var c struct {
		Dl string `json:"dl"`
	}
	if json.Unmarshal(config, &c) != nil {
		return ""
	}
	return c.Dl
}

// maxCargoConfig bounds the config.json of an index; real ones have 200 bytes.
const maxCargoConfig = 1 << 20

// getSmall downloads a small file.
func getSmall(ctx context.Context, url string) ([]byte, error) {
	ca, err := authorities()
	if err != nil {
		return nil, err
	}
	client, err := fetch.New(fetch.Options{
		SystemCAs: ca,
		Proxy:     fetch.Proxy{HTTP: proxyVariable("HTTP_PROXY"), HTTPS: proxyVariable("HTTPS_PROXY"), No: proxyVariable("NO_PROXY")},
	})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var data []byte
	err = client.Exchange(ctx, fetch.Exchange{URL: url}, func(a fetch.Answer) error {
		data, err = io.ReadAll(io.LimitReader(a.Body, maxCargoConfig+1))
		if err == nil && len(data) > maxCargoConfig {
			err = errors.New("the answer is too long")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// registryCache is where answers of registries are kept; "" where there is no place.
func (o *lazyOptions) registryCache() string { return o.answersDir("registries") }
