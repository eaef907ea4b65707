package store

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/lazybuild/lazybuild/internal/failpoint"
)

// Policy says what GC removes. The zero value keeps the store within its limits.
type Policy struct {
	// Limits to keep, instead of the store's own. A store that is over one is
	// brought well below it (MaxBytes to four fifths, MinFree to six fifths), so
	// that the next blob does not start it all over again.
	Limits *Limits
	// MaxAge removes blobs that nobody has used for so long; zero keeps them.
	MaxAge time.Duration
	// DryRun reports and removes nothing.
	DryRun bool
}

// How long what is of no use is kept all the same.
const (
	partialAge    = 7 * 24 * time.Hour   // somebody may try again tomorrow
	temporaryAge  = time.Hour            // no small file takes that long to write
	quarantineAge = 30 * 24 * time.Hour  // for whoever looks into a broken disk
	factsAge      = 180 * 24 * time.Hour // of a blob that is gone
)

// Reason is why GC has removed something.
type Reason string

// The reasons that are in a Report.
const (
	ReasonUnused    Reason = "not used for too long"
	ReasonQuota     Reason = "the store is over its size limit"
	ReasonDisk      Reason = "the disk is nearly full"
	ReasonAbandoned Reason = "a download that nobody has continued"
	ReasonDamaged   Reason = "a damaged blob"
	ReasonDangling  Reason = "belongs to nothing any more"
)

// Removal is one file that GC has removed.
type Removal struct {
	// Name is the blob's digest, or else the file's path in the store.
	Name    string
	Size    int64 // bytes
	LastUse time.Time
	Reason  Reason
}

// Report is what GC did, or would do.
type Report struct {
	Removed []Removal
	Freed   int64 // bytes
	Before  int64 // bytes of blobs, partials and quarantine before
	Pinned  int   // blobs that would have been removed but for a live build
}

// GC removes what the policy says, the least recently used blobs first, and
// leftovers of processes that died. It may run while builds use the store: what a
// live build has pinned stays, an open file stays readable, and a download under
// way is not touched. It blocks while another process's GC is at work. What it
// had done before an error is in the Report.
func (s *Store) GC(ctx context.Context, p Policy) (Report, error) {
	limits := s.limits
	if p.Limits != nil {
		limits = *p.Limits
	}
	c := collector{s: s, dry: p.DryRun, now: s.now()}
	err := c.exclusively(ctx, func() error {
		// Leftovers first: they may be all that is too much.
		if err := c.leftovers(ctx); err != nil {
			return err
		}
		if err := c.trim(ctx, limits, 0, p.MaxAge); err != nil {
			return err
		}
		if err := c.dangling(ctx); err != nil {
			return err
		}
		return c.answers(ctx, limits)
	})
	if err != nil {
		return c.report, fmt.Errorf("cleaning up the store: %w", asReadOnly(err))
	}
	return c.report, nil
}

// autoEvery is how often AutoGC does something.
const autoEvery = 24 * time.Hour

// AutoGC is GC with the zero Policy, at most once a day over all processes; ran
// says whether this was the time. It is meant to be called after every build.
func (s *Store) AutoGC(ctx context.Context) (r Report, ran bool, err error) {
	const stamp = ".gc"
	fi, err := s.root.Lstat(stamp)
	if s.readOnly || err == nil && s.now().Sub(fi.ModTime()).Abs() < autoEvery {
		return Report{}, false, nil
	}
	if r, err = s.GC(ctx, Policy{}); err != nil {
		return r, true, err
	}
	if err = s.writeSmall(stamp, nil, "gc.stamp"); err == nil {
		err = s.root.Chtimes(stamp, s.now(), s.now())
	}
	return r, true, asReadOnly(err)
}

// collector carries one GC along.
type collector struct {
	s      *Store
	dry    bool
	now    time.Time
	report Report
}

// exclusively keeps the GCs of other processes away.
func (c *collector) exclusively(ctx context.Context, work func() error) error {
	if err := c.s.writable(); err != nil {
		return err
	}
	unlock, err := c.s.lock(ctx, "gc")
	if err != nil {
		return err
	}
	defer unlock()
	return work()
}

// trim removes blobs until the limits are kept with room bytes to spare.
func (c *collector) trim(ctx context.Context, l Limits, room int64, maxAge time.Duration) error {
	blobs, err := c.s.List(ctx)
	if err != nil {
		return err
	}
	used, err := c.s.bytesIn(ctx, partialDir, quarantineDir)
	if err != nil {
		return err
	}
	for _, b := range blobs {
		used += b.Size
	}
	d, err := c.s.disk()
	if err != nil {
		return err
	}
	c.report.Before = used + c.report.Freed
	kept, err := c.blobs(ctx, lineUp(blobs, maxAge, c.now), excess(l.on(d), d.free, used, room))
	if !c.dry {
		c.s.space.measured(used-kept, c.now)
	}
	return err
}

// victim is a blob that has to go, unless somebody needs it.
type victim struct {
	Entry
	reason Reason
}

// overrun is how much has to go, in bytes, for either limit.
type overrun struct{ quota, disk int64 }

// excess says by how much a limit is overrun, down to the low mark; nothing
// when the high mark, the limit itself, is kept.
func excess(l Limits, free, used, room int64) (o overrun) {
	if l.MaxBytes >= 0 && used+room > l.MaxBytes {
		o.quota = used + room - l.MaxBytes/5*4
	}
	if l.MinFree > 0 && free-room < l.MinFree {
		o.disk = l.MinFree + l.MinFree/5 - (free - room)
	}
	return o
}

// lineUp puts the blobs in the order in which they have to go, with those that
// have to go in any case marked.
func lineUp(blobs []Entry, maxAge time.Duration, now time.Time) []victim {
	slices.SortFunc(blobs, func(a, b Entry) int {
		return cmp.Or(a.LastUse.Compare(b.LastUse), cmp.Compare(a.Digest, b.Digest))
	})
	line := make([]victim, len(blobs))
	for i, b := range blobs {
		line[i].Entry = b
		if maxAge > 0 && now.Sub(b.LastUse) > maxAge {
			line[i].reason = ReasonUnused
		}
	}
	return line
}

// blobs removes from the front of the line until enough is gone, and returns how
// many bytes that were. The gate is closed meanwhile: no build can pin a blob
// between the look at the pins and the removal.
func (c *collector) blobs(ctx context.Context, line []victim, over overrun) (gone int64, err error) {
	if over == (overrun{}) && !slices.ContainsFunc(line, func(v victim) bool { return v.reason != "" }) {
		return 0, nil
	}
	gate, err := c.s.gate(ctx, exclusive)
	if err != nil {
		return 0, err
	}
	defer gate.Close()
	pinned, err := c.s.pinned(ctx)
	if err != nil {
		return 0, err
	}
	for _, v := range line {
		if v.reason == "" {
			v.reason = over.reason(gone)
		}
		switch {
		case v.reason == "":
			return gone, nil // the rest is younger and not too much
		case pinned[v.Digest]:
			c.report.Pinned++
			continue
		}
		ok, err := c.removeBlob(v)
		if err != nil {
			return gone, err
		}
		if ok {
			gone += v.Size
		}
	}
	return gone, nil
}

// reason says why one more blob has to go when so many bytes are gone already.
func (o overrun) reason(gone int64) Reason {
	switch {
	case gone < o.disk:
		return ReasonDisk
	case gone < o.quota:
		return ReasonQuota
	}
	return ""
}

// removeBlob leaves a blob that was used since it was listed.
func (c *collector) removeBlob(v victim) (bool, error) {
	fi, err := c.s.root.Lstat(blobPath(v.Digest))
	if err != nil {
		return false, unlessGone(err)
	}
	if !fi.ModTime().Equal(v.LastUse) {
		return false, nil
	}
	return c.remove(blobPath(v.Digest), Removal{string(v.Digest), v.Size, v.LastUse, v.reason})
}

// remove removes a file and notes it; false when it was gone already.
func (c *collector) remove(name string, r Removal) (bool, error) {
	return c.removeIn(c.s.root, name, r)
}

func (c *collector) removeIn(root *os.Root, name string, r Removal) (bool, error) {
	if !c.dry {
		err := failpoint.Step("gc.remove", func() error { return root.Remove(name) })
		if err != nil {
			return false, unlessGone(err)
		}
	}
	c.report.Removed = append(c.report.Removed, r)
	c.report.Freed += r.Size
	return true, nil
}
