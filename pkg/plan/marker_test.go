package plan

import (
	"strings"
	"testing"
)

func TestMarker(t *testing.T) {
	env := Platform{"linux", "arm64"}.markerEnv()
	for s, want := range map[string]truth{
		`sys_platform == 'linux'`:                                          yes,
		`sys_platform == "win32"`:                                          no,
		`'linux' == sys_platform`:                                          yes,
		`sys_platform != 'darwin' and os_name == 'posix'`:                  yes,
		`platform_machine == 'x86_64'`:                                     no,
		`platform_machine=='aarch64'`:                                      yes,
		`platform_machine in 'aarch64 arm64'`:                              yes,
		`platform_machine not in "aarch64 arm64"`:                          no,
		`platform_machine  not   in "x86_64"`:                              yes,
		`platform_system === 'Linux'`:                                      yes,
		`python_version >= '3.12'`:                                         unknown,
		`python_version >= '3.12' and sys_platform == 'win32'`:             no,
		`python_version >= '3.12' and sys_platform == 'linux'`:             unknown,
		`python_version >= '3.12' or sys_platform == 'linux'`:              yes,
		`python_version >= '3.12' or sys_platform == 'win32'`:              unknown,
		`sys_platform == 'win32' and os_name == 'nt' or extra == 'x'`:      unknown,
		`sys_platform == 'win32' and (os_name == 'nt' or extra == 'x')`:    no,
		`(sys_platform == 'win32')`:                                        no,
		`((sys_platform == 'linux') and (os_name == 'posix'))`:             yes,
		`os.name == 'nt'`:                                                  no,
		`sys_platform >= 'linux'`:                                          unknown,
		`platform_machine == 'x86_64' or platform_machine == 'amd64'`:      no,
		`implementation_name == 'cpython' and sys_platform not in 'linux'`: no,

		// What cannot be read may fit.
		``:                            unknown,
		`sys_platform`:                unknown,
		`sys_platform ==`:             unknown,
		`sys_platform == 'win32`:      unknown,
		`sys_platform == 'win32')`:    unknown,
		`(sys_platform == 'win32'`:    unknown,
		`sys_platform == 'win32' and`: unknown,
		`sys_platform == 'win32' 'x'`: unknown,
		`sys_platform not 'win32'`:    unknown,
		`and == 'win32'`:              unknown,
		`sys_platform = = 'win32'`:    unknown,
		strings.Repeat("(", 100_000):  unknown,
		strings.Repeat("(", 60) + `'a'=='b'` + strings.Repeat(")", 60): unknown,
		strings.Repeat("(", 40) + `'a'=='b'` + strings.Repeat(")", 40): no,
	} {
		if got := marker(s, env); got != want {
			t.Errorf("marker(%.80q) = %d, want %d", s, got, want)
		}
	}
}

func FuzzMarker(f *testing.F) {
	f.Add(`python_version >= '3.12' and (sys_platform not in "win32" or os_name=='nt')`)
	f.Add(`(`)
	env := Platform{"linux", "amd64"}.markerEnv()
	f.Fuzz(func(t *testing.T, s string) {
		got := marker(s, env)
		if wrapped := marker("("+s+")", env); got != unknown && wrapped != got && strings.Count(s, "(") < maxMarkerDepth-1 {
			t.Fatalf("%q is %d, in parentheses %d", s, got, wrapped)
		}
		if marker(s, nil) == no && got == yes || marker(s, nil) == yes && got == no {
			t.Fatalf("%q: knowing less turned the answer around", s)
		}
	})
}
