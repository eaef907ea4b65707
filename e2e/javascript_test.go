//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// client puts a package manager that the base image lacks into the project, as
// client/. npm brings it, as it does for its users.
func (p *project) client(spec string) {
	p.t.Helper()
	p.tool("npm", "pack", spec, "--silent", "--pack-destination", p.tmp)
	packed, err := filepath.Glob(filepath.Join(p.tmp, "*.tgz"))
	if err != nil || len(packed) != 1 {
		p.t.Fatalf("npm pack %s made %q: %v", spec, packed, err)
	}
	p.tool("tar", "-xzf", packed[0], "--transform", "s,^[^/]*,client,")
}

// useNpmRegistry has yarn and pnpm make their locks with the registry that npm is
// configured for on this machine; lazybuild finds that by itself.
func (p *project) useNpmRegistry() {
	p.t.Helper()
	out, err := exec.Command("npm", "config", "get", "registry").Output()
	if err != nil {
		p.t.Fatalf("npm config get registry: %v", err)
	}
	registry := strings.TrimSpace(string(out))
	p.env = append(p.env, "npm_config_registry="+registry, "YARN_NPM_REGISTRY_SERVER="+registry, "YARN_ENABLE_TELEMETRY=0")
}

// The locks are made by the real clients, from the registry that this machine is
// configured for. Of the three packages one is scoped, and one needs another.
func TestJavaScriptClientsInstallTheirRegistryLocks(t *testing.T) {
	const yarnBerry = "node client/bin/yarn.js"
	for name, c := range map[string]struct {
		client, lock, install, run, config string
	}{
		"pnpm 9": {
			client: "pnpm@9.15.9", lock: "node client/bin/pnpm.cjs install --lockfile-only",
			install: "node client/bin/pnpm.cjs install --frozen-lockfile --store-dir /tmp/store", run: "node",
		},
		"pnpm 10": {
			client: "pnpm@10.18.0", lock: "node client/bin/pnpm.cjs install --lockfile-only",
			install: "node client/bin/pnpm.cjs install --frozen-lockfile --store-dir /tmp/store", run: "node",
		},
		"yarn 1": {
			client: "yarn@1.22.22", lock: "node client/bin/yarn.js install --ignore-scripts",
			install: "node client/bin/yarn.js install --offline --frozen-lockfile", run: "node",
		},
		"yarn 4": {
			client: "@yarnpkg/cli-dist@4.10.3", lock: yarnBerry + " install --mode=update-lockfile",
			install: yarnBerry + " install --immutable", run: yarnBerry + " node",
		},
		"yarn 4 with node_modules": {
			client: "@yarnpkg/cli-dist@4.10.3", lock: yarnBerry + " install --mode=update-lockfile",
			install: yarnBerry + " install --immutable", run: "node", config: "nodeLinker: node-modules\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, map[string]string{
				"package.json":  `{"name": "app", "version": "1.0.0", "dependencies": {"is-odd": "3.0.1", "@sindresorhus/is": "4.6.0"}}`,
				"Containerfile": "FROM localhost/lazybuild-test/base:bookworm\nWORKDIR /app\nCOPY . ./\nRUN " + c.install + "\n",
				"note":          nonce(),
			})
			if c.config != "" {
				p.write(".yarnrc.yml", c.config)
			}
			p.useNpmRegistry()
			p.client(c.client)
			p.tool("sh", "-euc", c.lock)
			for _, made := range []string{"node_modules", ".yarn", ".pnp.cjs"} {
				if err := os.RemoveAll(filepath.Join(p.dir, made)); err != nil {
					t.Fatal(err)
				}
			}
			r := p.must("-t", p.image(), "--network=none", noReadAhead)
			got := inImage(t, p.image(), "cd /app && "+c.run+` -p 'require("is-odd")(3) + " " + require("@sindresorhus/is").string("x")'`)
			if got != "true true" {
				t.Errorf("the program prints %q", got)
			}
			if n := r.read().Fetched.Files; n != 3 {
				t.Errorf("%d files were fetched, want the tarballs of three packages", n)
			}
			p.goodStore()
		})
	}
}
