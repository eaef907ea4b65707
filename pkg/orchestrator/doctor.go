package orchestrator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// What a Finding may be.
const (
	FindingOK   = "ok"
	FindingWarn = "warning" // builds work, but not as well as they could
	FindingFail = "problem" // builds do not work, or something is left to clean up
)

// Finding is one thing that Doctor has looked at.
type Finding struct {
	// Check names it; Status is one of the constants; Text says what there is;
	// Hint what to do, empty when there is nothing to be done.
	Check  string `json:"check"`
	Status string `json:"status"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

func finding(check, status, hint, format string, args ...any) Finding {
	return Finding{Check: check, Status: status, Hint: hint, Text: fmt.Sprintf(format, args...)}
}

// Checkup says what Doctor is to look at, in the words of Options.
type Checkup struct {
	Podman           string
	Global           []string
	Base, Store, Tmp string
	// Fix removes what dead builds have left.
	Fix bool
}

// Doctor looks at podman, at this machine, and at what dead builds have left. It
// changes nothing unless Fix is set, and never touches a build that lives. It
// returns everything that it has looked at, good or bad, and blocks for as long
// as podman takes to answer.
func Doctor(ctx context.Context, c Checkup) []Finding {
	p, err := findPodman(c.Podman, c.Global)
	if err != nil {
		var h *HintError
		advice := ""
		if errors.As(err, &h) {
			err, advice = h.Err, h.Hint
		}
		return append([]Finding{finding("podman", FindingFail, advice, "%v", err)}, checkHost(c)...)
	}
	found := []Finding{checkPodmanInfo(ctx, p)}
	v, err := p.versions(ctx)
	far := err == nil && v.Server != nil
	if far {
		// Nothing of this machine says anything of that one.
		found = append(found, checkFar(v))
	} else {
		found = append(found, checkHost(c)...)
	}
	return append(found, checkLeftovers(ctx, p, c, far)...)
}

// checkFar says whether lazybuild can build at a podman on another machine.
func checkFar(v *versions) Finding {
	err := checkVersions(v)
	if err == nil {
		return finding("remote", FindingOK, "", "client and service are new enough; whether FUSE can be had there, a build says")
	}
	advice := ""
	if h := (*HintError)(nil); errors.As(err, &h) {
		err, advice = h.Err, h.Hint
	}
	return finding("remote", FindingFail, advice, "%v", err)
}

// oldestPodman is the first version whose API can drive the proxy, and whose
// build honours volumes.
var oldestPodman = [2]int{4, 3}

// checkPodmanInfo asks podman itself how it works.
func checkPodmanInfo(ctx context.Context, p *podman) Finding {
	format := "{{.Version.Version}}\t{{.Host.Security.Rootless}}\t{{.Host.ServiceIsRemote}}\t{{.Store.GraphDriverName}}\t{{.Host.OCIRuntime.Name}}\t{{.Store.GraphRoot}}"
	cmd := p.command(ctx, "info", "--format", format)
	var said tail
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return finding("podman", FindingFail, "`podman info` must work", "%s does not work: %v: %s", p.path, err, lastLine([]byte(said.String())))
	}
	f := strings.Split(strings.TrimSpace(string(out)), "\t")
	if len(f) < 6 {
		return finding("podman", FindingFail, "`podman info` must work", "%s says %q of itself", p.path, out)
	}
	mode := "rootful"
	if f[1] == "true" {
		mode = "rootless"
	}
	where := "local"
	if f[2] == "true" {
		where = "remote"
	}
	text := fmt.Sprintf("podman %s at %s: %s, %s, storage %s in %s, runtime %s", f[0], p.path, mode, where, f[3], f[5], f[4])
	switch {
	case versionBefore(f[0], oldestPodman):
		return finding("podman", FindingFail, "install podman 4.3 or later", "%s", text)
	case f[3] == "vfs" && where == "local":
		return finding("podman", FindingWarn, "use the storage driver overlay", "%s; with vfs a mount made in a container may not reach the host", text)
	}
	return finding("podman", FindingOK, "", "%s", text)
}

// versionBefore compares "4.3.1" or "5.0.0-dev" with a major and minor number.
// What it cannot read is not before anything.
func versionBefore(version string, oldest [2]int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if errors.Join(err1, err2) != nil {
		return false
	}
	return cmp.Or(cmp.Compare(major, oldest[0]), cmp.Compare(minor, oldest[1])) < 0
}

// checkLeftovers lists what dead builds have left, or removes it.
func checkLeftovers(ctx context.Context, p *podman, c Checkup, far bool) []Finding {
	list, err := findLeftovers(ctx, p, c, far)
	var found []Finding
	if err != nil {
		found = append(found, finding("leftovers", FindingWarn, "", "not everything could be looked at: %v", err))
	}
	for _, l := range list {
		if !c.Fix {
			found = append(found, finding("leftovers", FindingFail, "lazybuild doctor --fix removes it", "%s", l.what))
		} else if err := l.remove(ctx); err != nil {
			found = append(found, finding("leftovers", FindingFail, "", "removing %s: %v", l.what, err))
		} else {
			found = append(found, finding("leftovers", FindingOK, "", "removed: %s", l.what))
		}
	}
	if len(found) == 0 {
		found = append(found, finding("leftovers", FindingOK, "", "no dead build has left anything"))
	}
	return found
}
