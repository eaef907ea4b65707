package git

import (
	"context"
	"io"
	"os"
)

// fetchKept is fetchAny by way of Options.Keep. What is kept is a pack of the
// commit alone, which is a function of the commit and is checked like any pack
// that a server sends.
func fetchKept(ctx context.Context, urls []string, want id, opt Options) (*Commit, error) {
	if opt.Keep == nil {
		return fetchAny(ctx, urls, want, opt)
	}
	var fetched *Commit
	f, err := opt.Keep(ctx, want.String(), func(ctx context.Context, w io.Writer) error {
		c, err := fetchAny(ctx, urls, want, opt)
		if err != nil {
			return err
		}
		if fetched != nil {
			fetched.Close()
		}
		fetched = c
		return c.writePack(ctx, w)
	})
	switch {
	case err != nil && fetched != nil:
		fetched.Close()
		return nil, err
	case err != nil:
		return nil, err
	}
	defer f.Close()
	if fetched != nil {
		return fetched, nil
	}
	return openPack(ctx, f, urls, want, opt)
}

// openPack is the commit in a pack that is on the disk already.
func openPack(ctx context.Context, f *os.File, urls []string, want id, opt Options) (*Commit, error) {
	o, err := newObjects(opt, want.format())
	if err != nil {
		return nil, err
	}
	c := &Commit{id: want, o: o, limits: opt.Limits, dir: opt.Scratch}
	for _, u := range urls {
		if places, err := Places(u); err == nil && c.url == "" {
			c.url = places[0]
		}
	}
	if err = o.unpack(ctx, f); err == nil {
		c.info, err = o.commit(want)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return c, nil
}

// writePack writes the commit's own objects as a pack.
func (c *Commit) writePack(ctx context.Context, w io.Writer) error {
	r, err := c.repository(ctx, repositoryOptions{})
	if err != nil {
		return err
	}
	defer r.close()
	_, err = r.pack.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.Copy(w, r.pack)
	}
	return err
}
