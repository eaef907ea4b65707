//go:build e2e

package e2e

import (
	"testing"
)

const installApp = "dnf -y install app1"

// TestDnfInstallsFromHeadersAlone is the main promise: headers for what this
// host has never seen, whole files for the transaction, nothing for the rest.
func TestDnfInstallsFromHeadersAlone(t *testing.T) {
	o := newRPMOrigin(t)
	p := newRPMProject(t, o)
	p.runs(installApp, "rpm -qa --qf '%{name} %{sigpgp:pgpsig}\\n' | sort")
	image := p.image()
	r := p.must(p.hermetic("-t", image)...)

	c := o.count()
	var asked []string
	for path := range c.headers {
		asked = append(asked, path)
	}
	if len(asked) != len(p.entries) {
		t.Errorf("headers of %d packages were asked for, want those of all %d in the lock", len(asked), len(p.entries))
	}
	// Only the package with 3000 files has a header that needs a second request.
	if n := c.requests(); n != len(p.entries)+1 {
		t.Errorf("%d header requests, want %d", n, len(p.entries)+1)
	}
	differs(t, "whole downloads", c.names(), append(transaction(), "modules.yaml")) // sorted: m-a before m-o
	installed := inImage(t, image, "rpm -qa --qf '%{name}\\n' | grep -c '^app'")
	if installed != "36" {
		t.Errorf("%s packages are installed, want 36\n%s", installed, r)
	}
}
