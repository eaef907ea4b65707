//go:build linux

package show

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Measurement is what the programs that measure one thing have in common.
type Measurement struct {
	// Binary is the lazybuild to measure, Rounds how often each way is measured.
	Binary string
	Rounds int
	out    string
	head   string
}

// Measure is the main function of `make bench-<name>`. It defines the flags that
// all have, besides the program's own, and calls run until a Ctrl-C.
func Measure(name, title string, run func(context.Context, *Measurement) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	var m Measurement
	flag.StringVar(&m.Binary, "lazybuild", "bin/lazybuild", "the lazybuild to measure")
	flag.StringVar(&m.out, "out", "", "the file for the page (default: none)")
	flag.IntVar(&m.Rounds, "rounds", 7, "how often each way is measured")
	flag.Parse()
	var err error
	if m.Binary, err = filepath.Abs(m.Binary); err == nil {
		// Before the measurement makes a load of its own.
		m.head = Head(ctx, title, "make bench-"+name, m.Binary)
		err = run(ctx, &m)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		stop()
		os.Exit(1)
	}
}

// Page shows or writes what was measured.
func (m *Measurement) Page(text string) error { return Out(m.head+text, m.out) }
