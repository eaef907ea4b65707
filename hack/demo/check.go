package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// check holds the results against what lazybuild promises.
func check(results map[string][]*result) error {
	var broken []error
	fail := func(format string, args ...any) { broken = append(broken, fmt.Errorf(format, args...)) }
	cold, source, locks := results["cold"], results["source"], results["locks"]
	if r := source[0]; r.opened != 0 || r.files != 0 {
		fail("the source-only change opened %d files and fetched %d, not none", r.opened, r.files)
	}
	if kept, all := sameLayers(cold[0].image, source[0].image); all == 0 || kept < all-sourceLayers {
		fail("the source-only change kept %d of %d layers", kept, all)
	}
	before, after := contents(cold[0].image), contents(locks[0].image)
	for i := range before {
		if before[i] == after[i] {
			fail("the changed locks left a stale layer: the image still holds %s", before[i])
		}
	}
	for i := range cold {
		if got := strings.Join(contents(cold[i].image), " "); got != strings.Join(before, " ") {
			fail("before the change, the ways differ: %s and %s", before, got)
		}
		if got := strings.Join(contents(locks[i].image), " "); got != strings.Join(after, " ") {
			fail("after the change, the ways differ: %s and %s", after, got)
		}
	}
	if err := errors.Join(broken...); err != nil {
		return err
	}
	fmt.Println("\nThe source-only change fetched nothing and reused the layers; the changed locks left no stale layer.")
	return nil
}

// sourceLayers are the last layers of the Containerfile, from COPY src on.
const sourceLayers = 2

// sameLayers counts the layers at the bottom that two images share, and a's layers.
func sameLayers(a, b string) (same, all int) {
	x, y := layers(a), layers(b)
	for same < min(len(x), len(y)) && x[same] == y[same] {
		same++
	}
	return same, len(x)
}

func layers(image string) (list []string) {
	out, err := podman(context.Background(), "image", "inspect", "--format", "{{json .RootFS.Layers}}", image)
	if err != nil || json.Unmarshal([]byte(out), &list) != nil {
		return nil
	}
	return list
}

// contents says which versions an image holds of the three things that the
// changed locks change.
func contents(image string) []string {
	out, err := podman(context.Background(), "run", "--rm", "--network=none", image, "sh", "-euc",
		`echo "data.tar.gz=$(sha256sum <data.tar.gz | cut -c1-12)"
		 python3 -c 'import importlib.metadata as m; print("certifi=" + m.version("certifi"))'
		 node -p '"lodash=" + require("lodash").VERSION'`)
	if err != nil {
		return []string{err.Error()}
	}
	return strings.Fields(out)
}

func removeImages(work string) {
	ctx := context.Background()
	out, err := podman(ctx, "images", "--format", "{{.Repository}}", "--filter", "reference="+imagePrefix(work)+"*")
	if err != nil {
		return
	}
	for image := range strings.FieldsSeq(out) {
		// podman lists all names of an image that has a name that matches.
		if !strings.HasPrefix(image, imagePrefix(work)) {
			continue
		}
		if _, err := podman(ctx, "rmi", image); err != nil {
			say("%v", err)
		}
	}
}
