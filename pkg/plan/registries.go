package plan

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// RegistryKeys are the short keys of [registries]: npm's default registry, Go's
// module proxies (a list as in GOPROXY), cargo's default registry, and the package
// indexes of pip (with spaces between them).
var RegistryKeys = []string{"cargo", "gomod", "npm", "pip"}

// checkRegistries refuses keys that nothing asks for: a typing error there would
// only show as a registry that is not used.
func checkRegistries(registries map[string]string) error {
	for key, value := range registries {
		known := slices.Contains(RegistryKeys, key) || strings.HasPrefix(key, "registry+") || strings.HasPrefix(key, "sparse+")
		switch {
		case !known:
			return fmt.Errorf("registries.%s: there is no such registry; it can be %s, or a registry as a Cargo.lock names it (\"sparse+https://…\")",
				key, strings.Join(RegistryKeys, ", "))
		case value == "":
			return fmt.Errorf("registries.%s is empty", key)
		}
	}
	return nil
}

// redacted is a registry without its credentials.
func redacted(value string) string {
	u, err := url.Parse(value)
	// In a list, all but the first URL would pass for a path.
	if err != nil || strings.Count(value, "@") > 1 || strings.Contains(value, "@") && strings.Count(value, "://") > 1 {
		return "(set)"
	}
	u.User = nil
	return u.String()
}
