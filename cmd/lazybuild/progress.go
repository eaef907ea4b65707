package main

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/lazybuild/lazybuild/pkg/content"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// filesBar shows on a terminal how far a long work over files is. Elsewhere it
// shows nothing.
type filesBar struct {
	progress *mpb.Progress
	bar      *mpb.Bar
	files    atomic.Int64
	total    int64
}

// newFilesBar begins. end must be called.
func newFilesBar(out *os.File, src *content.Source, total int) *filesBar {
	b := &filesBar{total: int64(total)}
	if !term.IsTerminal(int(out.Fd())) {
		return b
	}
	started := time.Now()
	state := func(decor.Statistics) string {
		n := src.Fetched()
		rate := float64(n) / max(time.Since(started).Seconds(), 0.001)
		return fmt.Sprintf(" %s fetched, %s/s ", humanize.Bytes(uint64(n)), humanize.Bytes(uint64(rate)))
	}
	b.progress = mpb.New(mpb.WithOutput(out), mpb.WithWidth(40))
	b.bar = b.progress.AddBar(b.total,
		mpb.PrependDecorators(decor.CountersNoUnit("%d of %d files ")),
		mpb.AppendDecorators(decor.Any(state)), mpb.BarRemoveOnComplete())
	return b
}

// done hears of a file; generated directories have files that nobody has counted.
func (b *filesBar) done(*tree.File, int64, bool) {
	n := b.files.Add(1)
	if b.bar == nil {
		return
	}
	if n > b.total {
		b.bar.SetTotal(n, false)
	}
	b.bar.Increment()
}

// end removes the bar.
func (b *filesBar) end() {
	if b.bar == nil {
		return
	}
	b.bar.Abort(true)
	b.progress.Wait()
}
