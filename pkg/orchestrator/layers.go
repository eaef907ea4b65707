package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

// Where a Containerfile has to stay as it is, nothing in podman's layer cache
// says of which dependencies a layer was made. Then layers are taken from the
// cache only if the last builds of this kind had the same dependencies, and
// only those made since the first of these (podman's --cache-ttl).

// layerRecord is the fingerprint of the last builds of this kind, and when the
// first of them began. The zero value is that of no build: of different ones at
// the same time nobody can tell whose a layer is.
type layerRecord struct {
	Fingerprint string    `json:"fingerprint"`
	Since       time.Time `json:"since"`
}

// cacheFlags are the flags that keep podman from taking a layer of other
// dependencies, and says what it does.
func (b *build) cacheFlags(ctx context.Context) ([]string, error) {
	o := &b.o
	if len(o.Plan.Env) > 0 {
		o.UI.Note("%s: it stays as it is, and the environment is in %s alone", o.Target.Opaque, o.envFile())
	}
	if b.place.kind() == remote {
		o.UI.Note("%s: building with --no-cache, because nothing here says of which dependencies the layers of another machine were made", o.Target.Opaque)
		return []string{"--no-cache"}, nil
	}
	since, lock, err := claimLayers(ctx, filepath.Join(o.Store, "layers.json"), o.Plan.Fingerprint(), o.Now())
	if err != nil {
		return nil, err
	}
	b.layers = lock
	why := ""
	switch {
	case o.Line.Bool("no-cache", false) || !o.Line.Bool("layers", true):
		return nil, nil // nothing is taken from the cache anyway
	case o.Line.Has("cache-from"):
		why = "nothing says of which dependencies layers of another machine were made"
	case since.IsZero():
		why = "the dependencies are not those of the last such build"
	}
	if why != "" {
		o.UI.Note("%s: building with --no-cache, because %s", o.Target.Opaque, why)
		return []string{"--no-cache"}, nil
	}
	age := o.Now().Sub(since).Round(time.Millisecond)
	if users, err := time.ParseDuration(o.Line.Value("cache-ttl")); err == nil && users < age {
		return nil, nil
	}
	o.UI.Note("%s: only layers made since %s are taken from podman's cache, since when the dependencies are the same",
		o.Target.Opaque, since.Format(time.DateTime))
	return []string{"--cache-ttl=" + age.String()}, nil
}

// claimLayers says since when the layers in podman's cache that builds of this
// kind have made are of the given fingerprint; zero: unknown. The lock has to
// be kept until the build's end: it says that layers are being made.
func claimLayers(ctx context.Context, path, fingerprint string, now time.Time) (since time.Time, lock *flock.Flock, err error) {
	lock = flock.New(path + ".lock")
	alone, err := lock.TryLock()
	if err == nil && !alone {
		// Others hold it for as long as they build, but not for themselves.
		_, err = lock.TryRLockContext(ctx, time.Millisecond)
	}
	if err != nil {
		return time.Time{}, nil, fmt.Errorf("locking the record of layers: %w", err)
	}
	r, err := readLayers(path)
	if err == nil && r.Fingerprint != fingerprint {
		r = layerRecord{}
		if alone {
			r = layerRecord{Fingerprint: fingerprint, Since: now}
		}
		err = writeLayers(path, r)
	} else {
		since = r.Since
	}
	if err == nil && alone {
		since, err = shareLayers(lock, path, fingerprint, since)
	}
	if err != nil {
		_ = lock.Unlock()
		return time.Time{}, nil, err
	}
	return since, lock, nil
}

// shareLayers lets other builds in. Between the two locks somebody may have
// come in alone, with other dependencies.
func shareLayers(lock *flock.Flock, path, fingerprint string, since time.Time) (time.Time, error) {
	if err := lock.RLock(); err != nil {
		return time.Time{}, fmt.Errorf("locking the record of layers: %w", err)
	}
	r, err := readLayers(path)
	if err != nil || r.Fingerprint == fingerprint {
		return since, err
	}
	return time.Time{}, writeLayers(path, layerRecord{})
}

// readLayers takes a record that cannot be read for none.
func readLayers(path string) (layerRecord, error) {
	var r layerRecord
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("reading the record of layers: %w", err)
	}
	if json.Unmarshal(data, &r) != nil {
		r = layerRecord{}
	}
	return r, nil
}

func writeLayers(path string, r layerRecord) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("writing the record of layers: %w", err)
	}
	return nil
}
