package locks

import (
	"net/url"
	"strings"
)

// This file is about registries that speak npm's protocol: npm, yarn and pnpm
// share them.

// isRegistryTarball tells a registry's tarball from any other: by the path that
// npm's registries share, <name>/-/<base>-<version>.tgz, because a registry may
// stand at any host.
func isRegistryTarball(u *url.URL, e npmEntry) bool {
	return e.version != "" && strings.HasSuffix(u.Path, "/"+registryTarball(e))
}

// registryTarball is the tarball's path below the URL of a registry.
func registryTarball(e npmEntry) string {
	base := e.name[strings.LastIndexByte(e.name, '/')+1:]
	return e.name + "/-/" + base + "-" + e.version + ".tgz"
}

// npmFile is Hermeto's file name for a registry's tarball: "@s/a" becomes "s-a".
func npmFile(e npmEntry) string {
	name := strings.ReplaceAll(strings.TrimPrefix(e.name, "@"), "/", "-")
	return name + "-" + e.version + ".tgz"
}

// npmRegistryURL is where the user's registry has an entry of which the lock
// says no URL: npm's under omit-lockfile-registry-resolved, and nearly all of
// pnpm's.
func (s Source) npmRegistryURL(e npmEntry) (string, error) {
	own := npmRegistry(s.RegistryURL, e.name)
	if own == "" {
		return "", errAt(e.line, "the lock has no URL for %s, and no npm registry is configured", clip(e.name)).
			hint("write registry=<URL> into .npmrc, or make the lock with the URLs in it")
	}
	u := own + "/" + registryTarball(e)
	if _, err := parseURL(u); err != nil {
		return "", errAt(e.line, "%s: the configured npm registry: %w", clip(e.name), err)
	}
	return u, nil
}

// npmRegistry is the user's registry for a package, without a slash at the end.
func npmRegistry(ask func(format string) string, name string) string {
	if ask == nil {
		return ""
	}
	own := ""
	if scope, _, ok := strings.Cut(name, "/"); ok {
		own = ask("npm:" + scope)
	}
	if own == "" {
		own = ask("npm")
	}
	return strings.TrimRight(own, "/")
}

// npmURLs applies replace-registry-host (npm's documentation, "config") to an
// entry with the URL of a registry's tarball. npm and yarn write one fixed host
// for "whatever registry is configured", which can't be told from a private
// registry's host. Where the user has configured a registry, a strong digest
// makes it safe to try both; without one the same name may be another package elsewhere, so that only what the lock says
// is used, unless the user has said otherwise.
func (s Source) npmURLs(e npmEntry, u *url.URL) []string {
	own := npmRegistry(s.Mirror, e.name)
	mode := s.ReplaceRegistryHost
	if own == "" || mode == "never" {
		return []string{e.resolved}
	}
	mine := own + "/" + registryTarball(e)
	switch {
	case mode == "always" || mode != "" && mode == u.Hostname():
		return []string{mine}
	case mine == e.resolved || e.digest.Weak() || mode != "":
		return []string{e.resolved}
	}
	return []string{mine, e.resolved}
}

func npmPURL(e npmEntry, q map[string]string) string {
	namespace, name, scoped := strings.Cut(strings.ToLower(e.name), "/")
	if !scoped {
		namespace, name = "", namespace
	}
	return purl("npm", namespace, name, e.version, q)
}
