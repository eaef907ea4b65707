package locks

import "strings"

// goProxies are the base URLs of the user's module proxies, best first, from
// what GOPROXY says. The two separators, "," and "|", differ in which errors lead
// to the next proxy; here every error does, because the hash decides what is
// right. "direct" (the repositories themselves) would need the programs of all
// kinds of version control; it is passed over as long as a proxy is named.
func goProxies(src Source) ([]string, error) {
	var setting string
	if src.RegistryURL != nil {
		setting = strings.TrimSpace(src.RegistryURL("gomod"))
	}
	if setting == "" {
		return nil, errAt(0, "go.sum says what the modules are, but not where: no module proxy is known").unsupported().
			hint("set GOPROXY, install go, or name a proxy in lazybuild.toml: [registries] gomod = \"https://…\"")
	}
	var urls []string
	for _, one := range strings.FieldsFunc(setting, func(r rune) bool { return r == ',' || r == '|' }) {
		one = strings.TrimSpace(one)
		if one == "off" {
			break // go too looks no further
		}
		if one == "direct" || one == "" || one == "noproxy" {
			continue
		}
		if !strings.Contains(one, ":/") {
			one = "https://" + one // as go takes it
		}
		if _, err := parseURL(one); err != nil {
			return nil, errAt(0, "GOPROXY: %w", err).unsupported().hint("lazybuild downloads modules from proxies by http and https")
		}
		urls = append(urls, strings.TrimRight(one, "/"))
	}
	if len(urls) == 0 {
		return nil, errAt(0, "GOPROXY is %q: it names no module proxy, and lazybuild can't take modules from their repositories", clip(setting)).unsupported().
			hint("name a proxy in GOPROXY, or in lazybuild.toml: [registries] gomod = \"https://…\"")
	}
	return urls, nil
}
