package orchestrator

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lazybuild/lazybuild/pkg/orchestrator/containerfile"
)

// arguments makes podman's command line: the user's own, with the rewritten
// Containerfiles, the context view where one is needed, and our volumes.
func (b *build) arguments(ctx context.Context) ([]string, error) {
	o := &b.o
	if o.Target.Stdin {
		if err := b.readStdin(); err != nil {
			return nil, err
		}
	}
	files, extra, err := b.rewriteContainerfiles()
	if o.Target.Opaque != "" {
		extra, err = b.cacheFlags(ctx)
	}
	if err != nil {
		return nil, err
	}
	if o.Target.Stdin && len(files) > 0 {
		// podman reads it from stdin, where it expects it.
		if o.Stdio.In, err = os.Open(files[0]); err != nil {
			return nil, fmt.Errorf("reading the rewritten Containerfile: %w", err)
		}
		files = nil
	}
	view := ""
	if len(o.Plan.Rewrites) > 0 {
		inProxy := false
		if view, inProxy, err = b.place.view(b); err != nil {
			return nil, err
		}
		if inProxy {
			b.view = view
		}
	}
	hidden, err := b.hideSubscription()
	if err != nil {
		return nil, err
	}
	extra = append(append(extra, b.volumes()...), hidden...)
	if o.Hermetic && !o.Line.Has("network") {
		extra = append(extra, "--network=none")
	}
	return append([]string{"build"}, o.Line.Replace(files, view, extra)...), nil
}

// envFile is where the build sees the environment as a script.
func (o *Options) envFile() string { return filepath.Join(filepath.Dir(o.OutputDir), "cachi2.env") }

func (b *build) volumes() []string {
	o := &b.o
	mode := "nosuid,nodev"
	if o.ReadOnly {
		// Plain "ro" is EPERM in a user namespace: the mount's own nosuid and
		// nodev may not be cleared by the remount.
		mode = "ro,nosuid,nodev"
	}
	v := []string{
		"--volume", b.output() + ":" + o.OutputDir + ":" + mode,
		"--volume", filepath.Join(b.state.Dir, "cachi2.env") + ":" + o.envFile() + ":ro,nosuid,nodev",
	}
	if o.YumRepos && len(o.Plan.ReposD) > 0 {
		v = append(v, "--volume", filepath.Join(b.state.Dir, "repos.d")+":/etc/yum.repos.d:ro,nosuid,nodev")
	}
	return v
}

// rewriteContainerfiles writes copies with our ARGs and returns their paths
// and the flags that they need. There are none of a Target that is Opaque.
func (b *build) rewriteContainerfiles() (files, extra []string, err error) {
	o := &b.o
	args := []containerfile.Arg{{Name: "LAZYBUILD_DEPS", Value: o.Plan.Fingerprint()}}
	for _, e := range o.Plan.Env {
		args = append(args, containerfile.Arg{Name: e.Name, Value: e.Value})
	}
	for i := range o.Target.Files {
		f := &o.Target.Files[i]
		data, err := containerfile.Rewrite(f.Name, f.Data, args)
		if err != nil {
			return nil, nil, &UsageError{err}
		}
		path := filepath.Join(b.state.Tmp, fmt.Sprintf("Containerfile.%d", i))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return nil, nil, fmt.Errorf("writing the rewritten Containerfile: %w", err)
		}
		files = append(files, path)
		if ignore := f.ignoreFile(); ignore != "" && !o.Line.Has("ignorefile") && len(extra) == 0 {
			extra = append(extra, "--ignorefile", ignore)
		}
	}
	return files, extra, nil
}
