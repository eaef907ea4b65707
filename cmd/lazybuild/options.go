package main

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/store"
)

// outputDir is where builds see the tree; Hermeto's own users have it in their
// Containerfiles.
const outputDir = "/cachi2/output"

// lazyOptions are lazybuild's own flags.
type lazyOptions struct {
	inputs          []string
	buildArgFiles   []string
	buildArgs       []string
	config          string
	report          string
	verbose         bool
	readOnly        bool
	hermetic        bool
	rpmSource       bool
	rpmMetadata     string
	yumRepos        bool
	allowUnverified string
	readAhead       string
	store           string
	storeSize       string
	volume          string
	proxy           string
	fallback        string
	podman          string

	// strict makes it an error when a lock that was found can't be completed.
	strict bool
	// renew asks registries again whose answers are old; nil before there is a plan.
	renew func()

	flags  *pflag.FlagSet
	global []string // podman's flags that stood before "build"
	found  func()   // called when a kept plan has been found; may be nil
}

func (o *lazyOptions) addFlags(fs *pflag.FlagSet) {
	o.flags = fs
	fs.StringArrayVar(&o.inputs, "lazy-input", nil, "read the lock `TYPE[:PATH]` ("+strings.Join(plan.Types(), ", ")+"), or what Hermeto's JSON names (the JSON itself, or @FILE), instead of looking for locks; may be repeated")
	fs.StringVar(&o.config, "lazy-config", "", "read the configuration from `FILE` (default: lazybuild.toml beside the Containerfile, else in the context)")
	fs.StringVar(&o.report, "lazy-report", "", "write a JSON report to `FILE`")
	fs.BoolVar(&o.verbose, "lazy-verbose", false, "say what lazybuild does and how")
	fs.BoolVar(&o.readOnly, "lazy-read-only", false, "mount the dependencies read-only")
	fs.BoolVar(&o.hermetic, "lazy-hermetic", false, "run the build without network (--network=none), and hide a RHEL host's subscription from it")
	fs.BoolVar(&o.rpmSource, "lazy-rpm-source", false, "have source RPMs in the tree too")
	fs.StringVar(&o.rpmMetadata, "lazy-rpm-metadata", "headers", "how repodata is made, `HOW`: headers (from the RPMs' headers) or createrepo_c (download all RPMs and run it)")
	fs.BoolVar(&o.yumRepos, "lazy-yum-repos", true, "mount the RPM lock's repositories over /etc/yum.repos.d")
	fs.StringVar(&o.allowUnverified, "lazy-allow-unverified", "weak", "serve `WHICH` files without a strong checksum in the lock: none, weak (those with sha1 or md5) or all")
	fs.StringVar(&o.readAhead, "lazy-readahead", "trace", "fetch ahead what the build will probably read, `HOW`: trace (what the last good build read, else as group), group (the files of a lock that fit the platform, once one of them is read) or off")
	fs.StringVar(&o.store, "lazy-store", "", "keep downloaded files in `DIR` (default: the user's cache directory)")
	fs.StringVar(&o.storeSize, "lazy-store-size", "", "let the store have `SIZE`, as 20GB (default: 50GB or 20% of its disk, whichever is less)")
	fs.StringVar(&o.volume, "lazy-volume", "lazybuild-store", "keep downloaded files in the volume `NAME` where podman builds on another machine")
	fs.StringVar(&o.proxy, "lazy-proxy", orchestrator.ProxyAuto, "serve the dependencies from a container or a process, `WHERE`: container, process or auto (container, and where that is not possible process)")
	fs.StringVar(&o.fallback, "lazy-fallback", "none", "where nothing can mount the dependencies, do `WHAT`: none (the build does not start) or materialize (write all files out first)")
	fs.StringVar(&o.podman, "lazy-podman", os.Getenv("LAZYBUILD_PODMAN"), "run this `PROGRAM` as podman")
}

// fill makes the plan and settles where things go.
func (o *lazyOptions) fill(b *orchestrator.Options) error {
	config, err := plan.FindConfig(o.config, b.Target.Containerfile(), b.Target.Context)
	if err != nil {
		return &orchestrator.UsageError{Err: err}
	}
	if err := o.settle(config); err != nil {
		return &orchestrator.UsageError{Err: err}
	}
	o.buildArgFiles, o.buildArgs = b.Line.Values("build-arg-file"), b.Line.Values("build-arg")
	if b.Plan, err = o.plan(b.UI, b.Target, config, platform(b.Line)); err != nil {
		return planError(err)
	}
	found, err := credentialsFor(b.Plan, b.UI)
	if err != nil {
		return err
	}
	b.Credentials, b.LookedAt, b.SecretVariables = found.Credentials, found.LookedAt, found.Variables
	b.OutputDir, b.ReadOnly, b.Hermetic, b.YumRepos = outputDir, o.readOnly, o.hermetic, o.yumRepos
	b.AllowUnverified, b.ReadAhead, b.RPMMetadata = o.allowUnverified, o.readAhead, o.rpmMetadata
	b.HTTPProxy, b.HTTPSProxy, b.NoProxy = proxyVariable("HTTP_PROXY"), proxyVariable("HTTPS_PROXY"), proxyVariable("NO_PROXY")
	if b.CA, err = authorities(); err != nil {
		return &orchestrator.UsageError{Err: err}
	}
	if b.Store, err = o.storeDir(); err != nil {
		return &orchestrator.UsageError{Err: err}
	}
	b.Kept, b.Known = plansName, o.answersDir(podmanName)
	if b.StoreBytes, err = o.storeBytes(); err != nil {
		return &orchestrator.UsageError{Err: err}
	}
	if b.Executable, err = os.Executable(); err != nil {
		return fmt.Errorf("finding lazybuild's own executable: %w", err)
	}
	b.Base, b.Tmp = runDir(), tmpDir()
	b.Proxy, b.Volume, b.Online = o.proxy, o.volume, o.renew
	if o.fallback == "materialize" {
		b.Materialize = o.materialized(b)
	}
	return nil
}

// settle merges the settings: a flag wins over a LAZYBUILD_* variable, that
// over lazybuild.toml, that over the default.
func (o *lazyOptions) settle(c *plan.Config) error {
	if c == nil {
		c = &plan.Config{}
	}
	texts := map[string]struct {
		value   *string
		file    string
		allowed []string
	}{
		"lazy-store":            {&o.store, c.Store, nil},
		"lazy-store-size":       {&o.storeSize, "", nil}, // a project must not empty its users' stores
		"lazy-volume":           {&o.volume, c.Volume, nil},
		"lazy-proxy":            {&o.proxy, c.Proxy, plan.Proxies},
		"lazy-fallback":         {&o.fallback, c.Fallback, plan.Fallbacks},
		"lazy-rpm-metadata":     {&o.rpmMetadata, c.RPMMetadata, plan.RPMMetadatas},
		"lazy-readahead":        {&o.readAhead, c.ReadAhead, plan.ReadAheads},
		"lazy-allow-unverified": {&o.allowUnverified, c.AllowUnverified, plan.Unverifieds},
	}
	for flag, t := range texts {
		if !o.flags.Changed(flag) {
			*t.value = cmp.Or(os.Getenv(variable(flag)), t.file, *t.value)
		}
		if t.allowed != nil && !slices.Contains(t.allowed, *t.value) {
			return fmt.Errorf("--%s (or %s) is %q; it can be %s", flag, variable(flag), *t.value, strings.Join(t.allowed, ", "))
		}
	}
	switches := map[string]struct{ value, file *bool }{
		"lazy-rpm-source": {&o.rpmSource, c.RPMSource}, "lazy-yum-repos": {&o.yumRepos, c.YumRepos},
		"lazy-read-only": {&o.readOnly, c.ReadOnly}, "lazy-hermetic": {&o.hermetic, c.Hermetic},
	}
	for flag, s := range switches {
		if o.flags.Changed(flag) {
			continue
		}
		if v := os.Getenv(variable(flag)); v != "" {
			b, err := strconv.ParseBool(v)
			if err != nil {
				return fmt.Errorf("%s is %q; it can be true or false", variable(flag), v)
			}
			*s.value = b
		} else if s.file != nil {
			*s.value = *s.file
		}
	}
	return nil
}

// variable is the environment variable that belongs to a flag.
func variable(flag string) string {
	return "LAZYBUILD_" + strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(flag, "lazy-"), "-", "_"))
}

func (o *lazyOptions) plan(ui *orchestrator.UI, t *orchestrator.Target, c *plan.Config, platform string) (*plan.Plan, error) {
	own := registriesOf(t.Context, c, o.registryCache(), ui.Warn)
	o.renew = own.cargo.renew
	p := plan.Options{
		ContextDir: t.Context, Containerfile: t.Containerfile(), OutputDir: outputDir, Config: c,
		BuildArgFiles: o.buildArgFiles, BuildArgs: o.buildArgs, Platform: platform, SourceRPMs: o.rpmSource, RegistryURL: own.url, Mirror: own.configured,
		Lookup: o.lookup(ui, t.Context, c), Strict: o.strict || o.hermetic,
	}
	for _, s := range o.inputs {
		ins, err := plan.ParseInput(s)
		if err != nil {
			return nil, err
		}
		p.Inputs = append(p.Inputs, ins...)
	}
	return o.planCache().Make(p)
}

// platform is what the command line builds for, several platforms separated by
// commas; "" is this machine's.
func platform(l *cmdline.Line) string {
	if ps := l.Values("platform"); len(ps) > 0 {
		return strings.Join(ps, ",")
	}
	if l.Has("arch") || l.Has("os") {
		return cmp.Or(l.Value("os"), "linux") + "/" + cmp.Or(l.Value("arch"), runtime.GOARCH)
	}
	return ""
}

func (o *lazyOptions) storeDir() (string, error) {
	if o.store != "" {
		return filepath.Abs(o.store)
	}
	home, _ := os.UserHomeDir()
	return store.DefaultDir(os.Getenv, os.Geteuid(), home)
}

// storeBytes is how large the store may be; 0 is the default.
func (o *lazyOptions) storeBytes() (int64, error) {
	if o.storeSize == "" {
		return 0, nil
	}
	return parseSize("--lazy-store-size", o.storeSize)
}

// parseSize reads a size that is not zero: a limit of 0 would mean the default.
func parseSize(flag, text string) (int64, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil {
		return 0, fmt.Errorf("%s %q is no size (20GB, 500MiB)", flag, text)
	}
	return max(1, int64(min(n, math.MaxInt64))), nil
}

// runDir is where mounts and state go: it must not outlive a reboot.
func runDir() string {
	if dir := os.Getenv("LAZYBUILD_RUNDIR"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/run/lazybuild"
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "lazybuild")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("lazybuild-%d", os.Geteuid()))
}

// tmpDir is where podman keeps temporary files: it may be large, so not /tmp.
func tmpDir() string {
	if dir := os.Getenv("TMPDIR"); dir != "" {
		return dir
	}
	return "/var/tmp"
}
