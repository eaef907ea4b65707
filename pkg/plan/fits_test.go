package plan

import (
	"testing"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

func TestParsePlatform(t *testing.T) {
	for s, want := range map[string]Platform{
		"linux/amd64":    {"linux", "amd64"},
		"linux/arm64/v8": {"linux", "arm64"},
		"linux/x86_64":   {"linux", "amd64"},
		"Linux/AArch64":  {"linux", "arm64"},
		"linux/ppc64le":  {"linux", "ppc64le"},
		"linux/mips":     {"linux", "mips"},
	} {
		if got, err := ParsePlatform(s); err != nil || got != want {
			t.Errorf("ParsePlatform(%q) = %v, %v", s, got, err)
		}
	}
	host, err := ParsePlatform("")
	if err != nil || host.OS != "linux" {
		t.Errorf("this machine is %v, %v", host, err)
	}
	for _, s := range []string{"linux", "local"} {
		if got, err := ParsePlatform(s); err != nil || got != host {
			t.Errorf("ParsePlatform(%q) = %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"/", "linux/", "/amd64", "linux/arm64/", "a/b/c/d"} {
		if got, err := ParsePlatform(s); err == nil {
			t.Errorf("ParsePlatform(%q) = %v", s, got)
		}
	}
}

func TestRPMArchitectures(t *testing.T) {
	for arch, want := range map[string]string{
		"amd64": "x86_64", "arm64": "aarch64", "ppc64le": "ppc64le", "s390x": "s390x", "386": "i686", "mips": "mips",
	} {
		if got := (Platform{"linux", arch}).RPM(); got != want {
			t.Errorf("%s is %s, want %s", arch, got, want)
		}
	}
}

func TestWhatFitsTheTarget(t *testing.T) {
	amd64 := Platform{"linux", "amd64"}
	arm64 := Platform{"linux", "arm64"}
	whl := func(tags string) locks.Artifact {
		return locks.Artifact{Name: "p", Version: "1", Path: "deps/pip/p-1-" + tags + ".whl"}
	}
	only := func(c locks.Constraint) locks.Artifact { return locks.Artifact{Path: "deps/x.tgz", Only: c} }
	for name, c := range map[string]struct {
		a     locks.Artifact
		on    Platform
		want  bool
		other []locks.Artifact
	}{
		"any file":                   {only(locks.Constraint{}), amd64, true, nil},
		"pure wheel":                 {whl("py3-none-any"), amd64, true, nil},
		"manylinux":                  {whl("cp312-cp312-manylinux_2_28_x86_64"), amd64, true, nil},
		"manylinux, joined tags":     {whl("cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64"), amd64, true, nil},
		"another Python's":           {whl("cp39-cp39-manylinux1_x86_64"), amd64, true, nil},
		"plain linux":                {whl("cp312-cp312-linux_x86_64"), amd64, true, nil},
		"with a build number":        {whl("2-cp312-cp312-linux_x86_64"), amd64, true, nil},
		"another machine":            {whl("cp312-cp312-manylinux_2_28_aarch64"), amd64, false, nil},
		"that machine":               {whl("cp312-cp312-manylinux_2_28_aarch64"), arm64, true, nil},
		"macOS":                      {whl("cp312-cp312-macosx_11_0_arm64"), arm64, false, nil},
		"macOS, same machine's name": {whl("cp312-cp312-macosx_10_13_x86_64"), amd64, false, nil},
		"Windows":                    {whl("cp312-cp312-win_amd64"), amd64, false, nil},
		"musl alone":                 {whl("cp312-cp312-musllinux_1_2_x86_64"), amd64, true, nil},
		"musl beside glibc": {whl("cp312-cp312-musllinux_1_2_x86_64"), amd64, false,
			[]locks.Artifact{whl("cp312-cp312-manylinux_2_28_x86_64")}},
		"musl beside another machine's glibc": {whl("cp312-cp312-musllinux_1_2_x86_64"), amd64, true,
			[]locks.Artifact{whl("cp312-cp312-manylinux_2_28_aarch64")}},
		"musl beside another package's glibc": {whl("cp312-cp312-musllinux_1_2_x86_64"), amd64, true,
			[]locks.Artifact{{Name: "q", Version: "1", Path: "q-1-cp312-cp312-manylinux_2_28_x86_64.whl"}}},
		"both libcs in one file": {whl("cp312-cp312-manylinux_2_17_x86_64.musllinux_1_1_x86_64"), amd64, true,
			[]locks.Artifact{whl("cp313-cp313-manylinux_2_28_x86_64")}},

		"marker says yes":         {only(locks.Constraint{Marker: "sys_platform == 'linux'"}), amd64, true, nil},
		"marker says no":          {only(locks.Constraint{Marker: "sys_platform == 'win32'"}), amd64, false, nil},
		"marker says perhaps":     {only(locks.Constraint{Marker: "python_version < '3'"}), amd64, true, nil},
		"source beside wheels":    {only(locks.Constraint{Source: true}), amd64, false, nil},
		"RPM of this machine":     {only(locks.Constraint{Arch: "aarch64"}), arm64, true, nil},
		"RPM of every machine":    {only(locks.Constraint{Arch: "noarch"}), arm64, true, nil},
		"RPM of another machine":  {only(locks.Constraint{Arch: "x86_64"}), arm64, false, nil},
		"npm os":                  {only(locks.Constraint{OS: []string{"darwin", "linux"}}), amd64, true, nil},
		"npm other os":            {only(locks.Constraint{OS: []string{"darwin"}}), amd64, false, nil},
		"npm not this os":         {only(locks.Constraint{OS: []string{"!linux"}}), amd64, false, nil},
		"npm not another os":      {only(locks.Constraint{OS: []string{"!win32"}}), amd64, true, nil},
		"npm any":                 {only(locks.Constraint{OS: []string{"any"}}), amd64, true, nil},
		"npm cpu":                 {only(locks.Constraint{CPU: []string{"x64"}}), amd64, true, nil},
		"npm other cpu":           {only(locks.Constraint{CPU: []string{"x64"}}), arm64, false, nil},
		"npm yes and no":          {only(locks.Constraint{CPU: []string{"arm64", "!arm64"}}), arm64, false, nil},
		"npm glibc":               {only(locks.Constraint{Libc: []string{"glibc"}}), amd64, true, nil},
		"npm musl":                {only(locks.Constraint{Libc: []string{"musl"}}), amd64, false, nil},
		"every condition must be": {only(locks.Constraint{OS: []string{"linux"}, CPU: []string{"ia32"}}), amd64, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			lock := &locks.Lock{Artifacts: append(c.other, c.a)}
			if got := c.on.chooser(lock)(&c.a); got != c.want {
				t.Errorf("fits = %v, want %v", got, c.want)
			}
		})
	}
}
