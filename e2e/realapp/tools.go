package realapp

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// BaseImage is the image that hack/setup.sh makes.
const BaseImage = "localhost/lazybuild-test/base:bookworm"

// makeLocks runs uv and npm over dir, in a container: this machine need not
// have them.
func makeLocks(ctx context.Context, dir string) error {
	return inContainer(ctx, dir, strings.Join([]string{
		"uv pip compile -q --no-cache --format pylock.toml -o pylock.toml requirements.in",
		"uv pip compile -q --no-cache --no-annotate --no-header -o requirements.install.txt requirements.in",
		"npm install --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel error",
	}, " && "))
}

// Lock runs a script that makes locks in dir, as Make does; it is one for
// `sh -eu`, with pip, uv, node and npm at hand.
func Lock(ctx context.Context, dir, script string) error { return inContainer(ctx, dir, script) }

// inContainer runs a script in dir with the network, the CA roots and the
// package index settings of this user.
func inContainer(ctx context.Context, dir, script string) error {
	args := []string{"run", "--rm", "--network=host", "--security-opt=label=disable", "-v", dir + ":/src", "-w", "/src"}
	args = append(args, userSettings(ctx)...)
	args = append(args, BaseImage, "sh", "-euc", script)
	cmd := exec.CommandContext(ctx, "podman", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making the locks: %w\n%s", err, out)
	}
	return nil
}

// userSettings are podman's flags that give uv and npm in a container what
// they would find outside.
func userSettings(ctx context.Context) []string {
	const roots = "/etc/ssl/certs/ca-certificates.crt"
	flags := []string{
		"-v", roots + ":" + roots + ":ro", "-e", "SSL_CERT_FILE=" + roots, "-e", "NODE_EXTRA_CA_CERTS=" + roots,
	}
	if home, err := os.UserHomeDir(); err == nil {
		npmrc := filepath.Join(home, ".npmrc")
		if _, err := os.Stat(npmrc); err == nil {
			flags = append(flags, "-v", npmrc+":/root/.npmrc:ro")
		}
	}
	for _, name := range []string{"UV_DEFAULT_INDEX", "UV_INDEX_URL", "NPM_CONFIG_REGISTRY", "http_proxy", "https_proxy", "no_proxy"} {
		if value := os.Getenv(name); value != "" {
			flags = append(flags, "-e", name+"="+value)
		}
	}
	// uv does not read pip's settings; whoever has an index there means it for both.
	index, err := exec.CommandContext(ctx, "pip", "config", "get", "global.index-url").Output()
	if err == nil && os.Getenv("UV_DEFAULT_INDEX") == "" {
		flags = append(flags, "-e", "UV_DEFAULT_INDEX="+strings.TrimSpace(string(index)))
	}
	return flags
}
