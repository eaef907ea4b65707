// Demo builds a small real application three times with lazybuild – cold, with
// a changed source file, with changed locks – and each time also in the old
// way, by downloading everything that the locks name and then building. It
// prints what each way opened, fetched and took, and fails when a promise is
// broken: a source-only change must fetch nothing and reuse podman's layers, a
// changed lock must not reuse a stale layer, and both ways must give the same
// application.
//
// The locks are made now, by uv and npm, in a container of the tests' base
// image, with the indexes that this user has configured. Run it with
// `make demo`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/lazybuild/lazybuild/e2e/realapp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	keep := flag.Bool("keep", false, "keep the application, the downloads and the images")
	binary := flag.String("lazybuild", "bin/lazybuild", "the lazybuild to show")
	flag.Parse()
	if err := run(ctx, *binary, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, keep bool) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	work, err := workDir()
	if err != nil {
		return err
	}
	if keep {
		say("everything stays in %s", work)
	} else {
		defer os.RemoveAll(work)
		// Images first: their removal does not depend on the directory.
		defer removeImages(work)
	}
	say("making the locks with uv and npm")
	app, err := realapp.Make(ctx, work)
	if err != nil {
		return err
	}
	ways := []way{
		newLazy(binary, work),
		newPrefetch("prefetch all, build", binary, work, false),
		newPrefetch("prefetch "+machine()+" only, build", binary, work, true),
	}
	if err := warmUp(ctx, binary, work, app); err != nil {
		return err
	}
	results, err := runAll(ctx, app, ways)
	if err != nil {
		return err
	}
	if err := printTable(os.Stdout, app, ways, results); err != nil {
		return err
	}
	return check(results)
}

// workDir is below the cache that hack/setup.sh uses: a temporary directory of
// the system may be small, or in memory.
func workDir() (string, error) {
	cache := os.Getenv("LAZYBUILD_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "lazybuild-dev")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	return os.MkdirTemp(cache, "demo-")
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "demo: "+format+"\n", args...) }
