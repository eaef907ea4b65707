package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/lazybuild/lazybuild/pkg/content"
	"github.com/lazybuild/lazybuild/pkg/materialize"
	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/store"
)

// inSource opens the store and the plan's content in it, runs f and closes both.
func (o *lazyOptions) inSource(ctx context.Context, p *plan.Plan, ui *orchestrator.UI, f func(*content.Source) error) error {
	return inStore(o, func(s *store.Store) error { return o.inSourceOf(ctx, s, p, ui, f) })
}

func (o *lazyOptions) inSourceOf(ctx context.Context, s *store.Store, p *plan.Plan, ui *orchestrator.UI, f func(*content.Source) error) error {
	warnReadOnly(ui, s)
	name := fmt.Sprintf("materialize-%d", os.Getpid())
	unpin, err := s.Pin(ctx, name, content.Digests(p.Tree))
	if err != nil {
		return err
	}
	defer func() {
		cleanStore(ui, s)
		_ = unpin()
	}()
	network, err := networkFor(p, ui)
	if err != nil {
		return &orchestrator.UsageError{Err: err}
	}
	src, err := content.New(ctx, p.Tree, content.Options{
		Store: s, Events: uiEvents{ui}, Network: network,
		AllowUnverified: o.allowUnverified, RPMMetadata: o.rpmMetadata, Scratch: path.Join(s.Dir(), "scratch", name),
	})
	if err != nil {
		return err
	}
	defer src.Close()
	err = f(src)
	if err != nil || src.Summary().Fetched.Files > 0 {
		o.renew() // a registry that has moved is one reason
	}
	return err
}

// warnReadOnly says what the user may otherwise learn from a failure alone.
func warnReadOnly(ui *orchestrator.UI, s *store.Store) {
	if s.ReadOnly() {
		ui.Warn("the store %s can't be written to: only what it has already can be had", s.Dir())
	}
}

// cleanLimit bounds the daily clean-up of the store.
const cleanLimit = 30 * time.Second

// cleanStore keeps the store within its limits, as the end of a build does.
func cleanStore(ui *orchestrator.UI, s *store.Store) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanLimit)
	defer cancel()
	r, ran, err := s.AutoGC(ctx)
	if err != nil {
		ui.Verbose("%v", err)
	} else if ran && len(r.Removed) > 0 {
		ui.Verbose("cleaned up the store: %d files, %s", len(r.Removed), humanize.Bytes(uint64(r.Freed)))
	}
}

// networkFor is how this machine reaches the origins of a plan.
func networkFor(p *plan.Plan, ui *orchestrator.UI) (content.Network, error) {
	found, err := credentialsFor(p, ui)
	if err != nil {
		return content.Network{}, err
	}
	ca, err := authorities()
	return content.Network{
		SystemCAs: ca, Credentials: found.Credentials, LookedAt: found.LookedAt,
		HTTPProxy: proxyVariable("HTTP_PROXY"), HTTPSProxy: proxyVariable("HTTPS_PROXY"), NoProxy: proxyVariable("NO_PROXY"),
	}, err
}

// materialized writes a build's whole tree to a directory, where it cannot be mounted.
func (o *lazyOptions) materialized(b *orchestrator.Options) func(context.Context, string) error {
	return func(ctx context.Context, dir string) error {
		return o.inSource(ctx, b.Plan, b.UI, func(src *content.Source) error {
			_, err := materialize.Write(ctx, b.Plan.Tree, src, materialize.Options{Dir: dir})
			return err
		})
	}
}
