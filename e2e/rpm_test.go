//go:build e2e

package e2e

import (
	"os"
	"strings"
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
	// Of the two repositories, one has so many that it is asked for its own
	// metadata, once; it has none.
	if len(c.metadata) != 1 || c.metadata["/baseos/repodata/repomd.xml"] != 1 {
		t.Errorf("the requests for metadata were %v", c.metadata)
	}
	installed := inImage(t, image, "rpm -qa --qf '%{name}\\n' | grep -c '^app'")
	if installed != "36" {
		t.Errorf("%s packages are installed, want 36\n%s", installed, r)
	}
}

// TestDnfInstallsFromTheRepositorysOwnMetadata: a repository that createrepo_c
// has looked at is asked for that instead of for the headers of its packages.
func TestDnfInstallsFromTheRepositorysOwnMetadata(t *testing.T) {
	o := newRPMOrigin(t)
	p := newRPMProject(t, o)
	p.publish("baseos")
	p.runs(installApp)
	image := p.image()
	r := p.must(p.hermetic("-t", image)...)
	c := o.count()
	asked := 0
	for path, n := range c.headers {
		if strings.HasPrefix(path, "/baseos/") {
			asked += n
		}
	}
	if asked > 8 { // a few, to see whether they say the same
		t.Errorf("%d requests for headers of a repository that has metadata\n%s", asked, r)
	}
	if len(c.metadata) != 4 {
		t.Errorf("the requests for metadata were %v, want repomd.xml, primary, filelists and other", c.metadata)
	}
	differs(t, "whole downloads", c.names(), append(transaction(), "modules.yaml"))
	if installed := inImage(t, image, "rpm -qa --qf '%{name}\\n' | grep -c '^app'"); installed != "36" {
		t.Errorf("%s packages are installed, want 36\n%s", installed, r)
	}
}

// TestSecondProjectAsksNothing: facts, repodata and files belong to the host, not
// to a project.
func TestSecondProjectAsksNothing(t *testing.T) {
	o := newRPMOrigin(t)
	first := newRPMProject(t, o)
	first.runs(installApp)
	first.must(first.hermetic("-t", first.image())...)
	o.forget()

	again := first.must(first.hermetic("-t", first.image(), "--no-cache")...)
	second := newRPMProject(t, o)
	second.store = first.store
	second.runs(installApp)
	second.must(second.hermetic("-t", second.image(), "--no-cache")...)
	if c := o.count(); c.requests() != 0 || len(c.whole) != 0 {
		t.Errorf("%d header requests and the downloads %q, want none\n%s", c.requests(), c.names(), again)
	}

	// Another lock needs the headers that are new.
	for _, name := range second.world.rpms {
		if strings.HasPrefix(name, "extra") {
			second.lock(name)
		}
	}
	second.writeLock()
	second.runs("dnf -y install extra1")
	second.must(second.hermetic("-t", second.image())...)
	c := o.count()
	if c.requests() != extras {
		t.Errorf("a lock with %d more packages made %d header requests", extras, c.requests())
	}
	differs(t, "whole downloads", c.names(), []string{"extra1-1.0-1.el9.noarch.rpm"})
}

// Shows S26.
func TestCachedLayerFetchesNoHeader(t *testing.T) {
	o := newRPMOrigin(t)
	p := newRPMProject(t, o)
	p.runs(installApp)
	p.must(p.hermetic("-t", p.image())...)
	o.forget()
	p.store += "-empty" // so that what is needed would have to be asked for
	r := p.must(p.hermetic("-t", p.image())...)
	if c := o.count(); c.requests() != 0 || len(c.whole) != 0 {
		t.Errorf("%d header requests and the downloads %q for layers that podman has\n%s", c.requests(), c.names(), r)
	}
}

// Shows S8.
func TestRepoqueryOpensNoRPM(t *testing.T) {
	o := newRPMOrigin(t)
	p := newRPMProject(t, o)
	p.runs("dnf repoquery --requires app3", "dnf repoquery --list manyfiles | grep -q a-long-name-for-a-small-file-3000",
		"test $(dnf -q repoquery | wc -l) -gt 800", "dnf -q repoquery --whatprovides /usr/share/world/app7 | grep -q ^app7")
	r := p.must(p.hermetic("-t", p.image())...)
	differs(t, "whole downloads", o.count().names(), []string{"modules.yaml"})
	for _, f := range r.read().Opened {
		if strings.HasSuffix(f.Path, ".rpm") {
			t.Errorf("%s was opened", f.Path)
		}
	}
}

func TestModuleStreamDecidesWhatIsInstalled(t *testing.T) {
	o := newRPMOrigin(t)
	p := newRPMProject(t, o)
	p.runs("! dnf -y install streamtool", "dnf -y module enable tool:1 && dnf -y install streamtool", "dnf module list --enabled")
	image := p.image()
	r := p.must(p.hermetic("-t", image)...)
	if got := inImage(t, image, "cat /usr/share/streamtool/version"); got != "1" {
		t.Errorf("stream %s is installed, want 1\n%s", got, r)
	}
	differs(t, "whole downloads", o.count().names(), []string{"modules.yaml", "streamtool-1-1.module_el9.noarch.rpm"})
}

// TestDownloadsOfATransactionStartAtOnce: dnf verifies package after package,
// so that without librepo's attributes only one would be under way.
//
// Shows S9.
func TestDownloadsOfATransactionStartAtOnce(t *testing.T) {
	const atOnce = 8 // as many as a parallel prefetch; lazybuild's own limit per host is higher
	o := newRPMOrigin(t)
	p := newRPMProject(t, o)
	p.runs("dnf makecache", installApp)
	// modules.yaml is a whole download too, and comes alone.
	modules := p.modules.url[len(o.URL)+1:]
	met := o.gather(t, atOnce, modules)
	r := p.start(p.hermetic("-t", p.image(), noReadAhead)...)
	r.event(met, "the downloads that run at once")
	r.wait()
	if r.code() != 0 {
		t.Fatalf("exit code %d\n%s", r.code(), r)
	}
	if c := o.count(); c.atOnce < atOnce {
		t.Errorf("%d downloads ran at once, want at least %d", c.atOnce, atOnce)
	}
}

func TestUnsignedPackageIsRefused(t *testing.T) {
	o := newRPMOrigin(t)
	p := newRPMProject(t, o)
	content := p.world.read(t, "unsigned")
	p.entries = append(p.entries, locked{"appstream", o.add("appstream/extra0-1.0-1.el9.noarch.rpm", content), sha256Hex(content), len(content)})
	p.writeLock()
	p.runs("dnf -y install extra0")
	r := p.build(p.hermetic()...)
	if r.code() == 0 || !strings.Contains(r.String(), "is not signed") {
		t.Errorf("exit code %d; want a failure because the package is not signed\n%s", r.code(), r)
	}
}

func TestYumReposCanBeLeftAlone(t *testing.T) {
	p := newRPMProject(t, newRPMOrigin(t))
	p.runs("test -z \"$(ls /etc/yum.repos.d)\"", "grep -q gpgcheck=1 /cachi2/output/deps/rpm/*/repos.d/hermeto.repo")
	p.must(p.hermetic("-t", p.image(), "--lazy-yum-repos=false")...)
}

// TestCreaterepoIsTheOtherWay: the machine's own createrepo_c, run by the proxy
// container, after all packages have been downloaded.
func TestCreaterepoIsTheOtherWay(t *testing.T) {
	o := newRPMOrigin(t)
	p := newRPMProject(t, o)
	p.runs("dnf -y module enable tool:2", installApp, "dnf -y install streamtool && grep -qx 2 /usr/share/streamtool/version")
	r := p.must(p.hermetic("-t", p.image(), "--lazy-rpm-metadata=createrepo_c")...)
	c := o.count()
	if c.requests() != 0 || len(c.whole) != len(p.entries)+1 {
		t.Errorf("%d header requests and %d whole downloads, want none and all %d and modules.yaml\n%s", c.requests(), len(c.whole), len(p.entries), r)
	}
	o.forget()
	p.must(p.hermetic("-t", p.image(), "--lazy-rpm-metadata=createrepo_c", "--no-cache")...)
	if c := o.count(); len(c.whole) != 0 {
		t.Errorf("the second build downloaded %q", c.names())
	}
}

// TestDnf5InstallsFromHeadersAlone needs an image of Debian unstable, the only
// suite with dnf 5, which cannot be had on every day: make e2e-dnf5 makes it and
// runs this test.
func TestDnf5InstallsFromHeadersAlone(t *testing.T) {
	if os.Getenv("LAZYBUILD_E2E_DNF5") == "" {
		t.Skip("dnf 5 has a target of its own: make e2e-dnf5")
	}
	needImage(t, dnf5Image)
	o := newRPMOrigin(t)
	p := newRPMProject(t, o)
	p.base = dnf5Image
	// A plugin of Debian's dnf5 ("local") fails without a createrepo_c in the image.
	p.runs("dnf5 -y repoquery --requires app3", "dnf5 -y --setopt=plugins=0 --setopt=optional_metadata_types=filelists install app1")
	image := p.image()
	r := p.must(p.hermetic("-t", image)...)
	c := o.count()
	if n := c.requests(); n != len(p.entries)+1 {
		t.Errorf("%d header requests, want %d", n, len(p.entries)+1)
	}
	differs(t, "whole downloads", c.names(), append(transaction(), "modules.yaml"))
	if got := inImage(t, image, "rpm -qa --qf '%{name}\\n' | grep -c '^app'"); got != "36" {
		t.Errorf("%s packages are installed, want 36\n%s", got, r)
	}
}
