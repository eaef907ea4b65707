package store

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lazybuild/lazybuild/internal/failpoint"
	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Problem is one thing that Verify has found.
type Problem struct {
	// Path of the file, below v1.
	Path string
	// What is wrong with it, for people.
	What string
	// Repaired says that it is set right: a damaged blob is in the quarantine
	// and will be fetched again, all else has been removed or made anew.
	Repaired bool
}

// VerifyReport is what Verify has read and found.
type VerifyReport struct {
	Blobs    Count // that were read
	Problems []Problem
}

// Verify reads every blob and compares it with its name, and checks that facts
// and aliases say what the blobs say. A damaged blob is quarantined at once, unless
// the store is read-only: nobody may be served what is known to be wrong. With
// repair, Verify sets right all else too; nothing is lost by that, because all of
// it can be fetched or computed again. It may run while builds use the store. It blocks for as long as reading the whole
// store takes, on at most four processors. The error is one of reading, or
// ctx's; problems are in the report, sorted by path.
func (s *Store) Verify(ctx context.Context, repair bool) (VerifyReport, error) {
	if repair {
		if err := s.writable(); err != nil {
			return VerifyReport{}, fmt.Errorf("repairing the store: %w", err)
		}
	}
	v := verifier{s: s, repair: repair, aliases: make(map[digest.Digest][]ref)}
	err := v.run(ctx)
	slices.SortFunc(v.report.Problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	if err != nil {
		return v.report, fmt.Errorf("verifying the store: %w", err)
	}
	return v.report, nil
}

type verifier struct {
	s       *Store
	repair  bool
	aliases map[digest.Digest][]ref // that lead to a blob; complete before blobs are read

	mu     sync.Mutex
	report VerifyReport
}

func (v *verifier) run(ctx context.Context) error {
	if err := v.readAliases(ctx); err != nil {
		return err
	}
	if err := v.checkFacts(ctx); err != nil {
		return err
	}
	return v.checkBlobs(ctx)
}

// found notes a problem and repairs it, if that is asked for.
func (v *verifier) found(path, what string, mend func() error) error {
	return v.note(path, what, v.repair, mend)
}

func (v *verifier) note(path, what string, repair bool, mend func() error) error {
	p := Problem{Path: path, What: what}
	if repair {
		if err := mend(); err != nil {
			return unlessGone(err)
		}
		p.Repaired = true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Problems = append(v.report.Problems, p)
	return nil
}

func (v *verifier) remove(path string) func() error {
	return func() error {
		return failpoint.Step("verify.remove", func() error { return v.s.root.RemoveAll(path) })
	}
}

// readAliases gathers what each blob has to match beside its name. One that
// leads to a blob that is gone is no problem: it comes back with the blob.
func (v *verifier) readAliases(ctx context.Context) error {
	return v.s.eachFile(ctx, "alias", func(name string, _ fs.FileInfo) error {
		r, ok := aliasName(name)
		if !ok {
			return v.found(name, "does not belong here", v.remove(name))
		}
		v.s.sums.Delete(r) // the file is what is looked at
		sum, err := v.s.sum(r)
		if errors.Is(err, fs.ErrNotExist) {
			return v.found(name, "is not readable", v.remove(name))
		}
		if err == nil {
			v.aliases[sum] = append(v.aliases[sum], r)
		}
		return err
	})
}

func (v *verifier) checkFacts(ctx context.Context) error {
	return v.s.eachFile(ctx, "facts", func(name string, _ fs.FileInfo) error {
		d, ok := factsName(name)
		if !ok {
			return v.found(name, "does not belong here", v.remove(name))
		}
		if _, err := v.s.readFacts(d); errors.Is(err, fs.ErrNotExist) {
			return v.found(name, "is not readable", v.remove(name))
		} else if err != nil {
			return err
		}
		return nil
	})
}

func (v *verifier) checkBlobs(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(min(4, runtime.GOMAXPROCS(0)))
	err := v.s.eachFile(ctx, blobDir, func(name string, fi fs.FileInfo) error {
		sum, ok := blobName(name)
		if !ok {
			return v.found(name, "does not belong here", v.remove(name))
		}
		g.Go(func() error { return v.checkBlob(ctx, sum) })
		return nil
	})
	return errors.Join(err, g.Wait())
}

// checkBlob reads a blob once and computes all that is said about it.
func (v *verifier) checkBlob(ctx context.Context, sum digest.Digest) error {
	name := blobPath(sum)
	f, fi, err := v.s.openRegular(name)
	if errors.Is(err, errNotRegular) {
		return v.damaged(sum, err.Error())
	}
	if err != nil {
		return unlessGone(err)
	}
	defer f.Close()
	// One hash for each algorithm that is asked for.
	hashes := map[string]hash.Hash{"sha256": sum.Hash()}
	for _, r := range v.aliases[sum] {
		if want := r.want(); want != "" && !want.NeedsFile() && hashes[r.kind] == nil {
			hashes[r.kind] = want.Hash()
		}
	}
	n, err := readInto(ctx, f, hashes)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil { // EIO: the disk has lost it
		return v.damaged(sum, err.Error())
	}
	v.mu.Lock()
	v.report.Blobs.add(n)
	v.mu.Unlock()
	if got := digest.FromHash("sha256", hashes["sha256"]); got != sum {
		return v.damaged(sum, "its content has the digest "+string(got))
	}
	if err := v.checkMode(name, fi); err != nil {
		return err
	}
	got := make(map[string]digest.Digest)
	for kind, h := range hashes {
		got[kind] = digest.FromHash(kind, h)
	}
	if err := v.wholeFiles(ctx, sum, f, n, got); err != nil {
		return err
	}
	if err := v.checkAliases(sum, got); err != nil {
		return err
	}
	return v.checkSize(sum, n)
}

// wholeFiles adds the digests that the bytes in their order don't give. The
// content is that of its name by now, so one that has no such digest never had.
func (v *verifier) wholeFiles(ctx context.Context, sum digest.Digest, f io.ReaderAt, size int64, got map[string]digest.Digest) error {
	for _, r := range v.aliases[sum] {
		if _, done := got[r.kind]; done || !r.want().NeedsFile() {
			continue
		}
		d, err := fromFile(ctx, r.kind, f, size)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		got[r.kind] = d
	}
	return nil
}

func readInto(ctx context.Context, f io.Reader, hashes map[string]hash.Hash) (n int64, err error) {
	buf := make([]byte, 1<<20)
	for ctx.Err() == nil {
		k, err := f.Read(buf)
		for _, h := range hashes {
			h.Write(buf[:k])
		}
		n += int64(k)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}

// damaged takes a blob away from its readers.
func (v *verifier) damaged(sum digest.Digest, why string) error {
	return v.note(blobPath(sum), why, !v.s.readOnly, func() error {
		if err := v.s.corrupt(sum, why); !errors.As(err, new(*CorruptError)) {
			return err
		}
		return nil
	})
}

func (v *verifier) checkMode(name string, fi fs.FileInfo) error {
	if fi.Mode().Perm() == 0o444 {
		return nil
	}
	return v.found(name, fmt.Sprintf("has the mode %04o, not 0444", fi.Mode().Perm()), func() error {
		return v.s.root.Chmod(name, 0o444)
	})
}

func (v *verifier) checkAliases(sum digest.Digest, got map[string]digest.Digest) error {
	for _, r := range v.aliases[sum] {
		want := r.want()
		if want == "" || got[r.kind] == want {
			continue
		}
		v.s.sums.Delete(r)
		if err := v.found(r.alias(), "leads to a blob with another digest", v.remove(r.alias())); err != nil {
			return err
		}
	}
	return nil
}

// checkSize needs no *CorruptError: the blob has just been read and is good, so
// the facts are wrong.
func (v *verifier) checkSize(sum digest.Digest, n int64) error {
	facts, err := v.s.readFacts(sum)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && facts.Verified && facts.Size == n {
		return nil
	}
	what := "does not say how long the blob is"
	if err == nil && facts.Verified {
		what = fmt.Sprintf("says that the blob has %d bytes, it has %d", facts.Size, n)
	}
	return v.found(factsPath(sum), what, func() error {
		v.s.sizes.Delete(sum)
		return v.s.addFacts(sum, Facts{Size: n, Verified: true})
	})
}
