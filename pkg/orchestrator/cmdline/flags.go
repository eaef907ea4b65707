package cmdline

import "strings"

// kind says how a flag of podman takes its value.
type kind int

const (
	unknown  kind = iota
	boolean       // --flag, or --flag=false; the next word is never its value
	value         // --flag VALUE or --flag=VALUE
	optional      // --flag or --flag=VALUE; the next word is never its value
)

// buildFlags are the flags of `podman build` from 4.3 to 5.8, the hidden ones
// too. An end-to-end test holds the table against `podman build --help` of
// each podman that is tested.
var buildFlags = flagTable(
	`all-platforms compat-volumes compress created-annotation disable-compression disable-content-trust
	force-rm help http-proxy identity-label inherit-annotations inherit-labels layers load log-rusage logsplit
	no-cache no-hostname no-hosts omit-history pull-always pull-never quiet rewrite-timestamp rm
	skip-unused-stages squash squash-all stdin tls-verify`,
	`add-host annotation arch authfile blob-cache build-arg build-arg-file build-context cache-from cache-to
	cache-ttl cap-add cap-drop cdi-config-dir cert-dir cgroup-parent cgroupns cni-config-dir cni-plugin-path
	cpp-flag cpu-period cpu-quota cpu-shares cpuset-cpus cpuset-mems creds cw decryption-key device dns
	dns-option dns-search env file format from group-add hooks-dir ignorefile iidfile ipc isolation jobs label
	layer-label logfile loglevel manifest memory memory-swap network os os-feature os-version output pid
	platform progress retry retry-delay runtime-flag rusage-logfile sbom sbom-image-output
	sbom-image-purl-output sbom-merge-strategy sbom-output sbom-purl-output sbom-scanner-command
	sbom-scanner-image secret security-opt shm-size sign-by signature-policy source-date-epoch ssh tag target
	timestamp ulimit unsetannotation unsetenv unsetlabel userns userns-gid-map userns-gid-map-group
	userns-uid-map userns-uid-map-user uts variant volume metadata-file`,
	`pull`,
)

// aliases are other names of build flags (podman accepts `--net`).
var aliases = map[string]string{"net": "network"}

// shorthands are the one-letter flags after `build`. Before it some of them
// mean other things (globalShorthands).
var shorthands = map[byte]string{
	'c': "cpu-shares", 'D': "disable-compression", 'f': "file", 'h': "help", 'm': "memory",
	'o': "output", 'q': "quiet", 't': "tag", 'v': "volume",
}

// globalShorthands are the one-letter flags before `build`.
var globalShorthands = map[byte]string{'c': "connection", 'r': "remote"}

// globalFlags go before `build` on podman's command line. podman takes most of
// them behind it too; there a build flag of the same name wins (--ssh).
var globalFlags = flagTable(
	`remote noout syslog trace transient-store`,
	`cdi-spec-dir cgroup-manager config conmon connection context cpu-profile db-backend default-mounts-file
	events-backend hooks-dir host identity imagestore log-level max-workers memory-profile module namespace
	network-backend network-cmd-path network-config-dir out pull-option registries-conf root runroot runtime
	runtime-flag ssh storage-driver storage-opt tls-ca tls-cert tls-key tmpdir url volumepath`,
	``,
)

func flagTable(booleans, values, optionals string) map[string]kind {
	t := map[string]kind{}
	for names, k := range map[string]kind{booleans: boolean, values: value, optionals: optional} {
		for _, name := range strings.Fields(names) {
			t[name] = k
		}
	}
	return t
}
