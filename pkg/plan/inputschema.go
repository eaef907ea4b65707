package plan

import (
	"maps"
	"slices"
)

// What an input may say is Hermeto's (its documentation, "Usage" and the page
// of each package manager). One table holds it for JSON, YAML and TOML alike.

// kind is what a value has to be.
type kind uint8

const (
	asText kind = iota
	asTruth
	asNumber
	asTexts  // a list of strings
	asFilter // a string: values with commas between, at least one
	asTable
	asSections // tables by name, of scalars: dnf's options
)

// String names the kind for messages.
func (k kind) String() string {
	return [...]string{"a string", "true or false", "a number", "a list of strings", "a string", "a table", "a table of tables"}[k]
}

// option is one key of an input.
type option struct {
	key  string
	kind kind
	// of are the keys of a table.
	of []option
	// ignored says why lazybuild does not act on the option; empty means that it
	// does. What is ignored is said in a warning.
	ignored string
}

// everyInput are the keys of all types.
var everyInput = []option{{key: "type"}, {key: "path"}}

// inputOptions are the other keys, by type. Every type of Hermeto is here.
var inputOptions = map[string][]option{
	"bundler": {
		{key: "allow_binary", kind: asTruth},
		{key: "binary", kind: asTable, of: []option{
			{key: "packages", kind: asFilter, ignored: "the gems of all platforms are in the tree"},
			{key: "platform", kind: asFilter, ignored: "the gems of all platforms are in the tree"},
		}},
	},
	"cargo":   nil,
	"generic": {{key: "lockfile"}},
	"gomod":   nil,
	"npm":     nil,
	"pip": {
		{key: "requirements_files", kind: asTexts},
		{key: "requirements_build_files", kind: asTexts},
		{key: "allow_binary", kind: asTruth},
		{key: "binary", kind: asTable, of: []option{
			{key: "packages", kind: asFilter}, {key: "arch", kind: asFilter}, {key: "os", kind: asFilter}, {key: "py_version", kind: asNumber},
			{key: "py_impl", kind: asFilter}, {key: "abi", kind: asFilter}, {key: "platform"},
		}},
	},
	"pnpm": nil,
	"rpm": {
		{key: "include_summary_in_sbom", kind: asTruth, ignored: "summaries stand in the packages, which are not downloaded for it"},
		{key: "options", kind: asTable, of: []option{
			{key: "dnf", kind: asSections},
			{key: "ssl", kind: asTable, of: []option{{key: "client_cert"}, {key: "client_key"}, {key: "ca_bundle"}, {key: "ssl_verify", kind: asTruth}},
				ignored: "lazybuild takes certificates from its own settings"},
		}},
		{key: "binary", kind: asTable, of: []option{{key: "arch", kind: asFilter}}},
	},
	"x-maven": nil,
	"yarn":    {{key: "workspaces", kind: asTexts, ignored: "the packages of all workspaces are in the tree"}},
}

// inputFlags are Hermeto's flags. None changes what is in the tree: some are
// about how Hermeto runs go, the others do nothing in Hermeto either.
var inputFlags = []string{"cgo-disable", "dev-package-managers", "force-gomod-tidy", "gomod-vendor", "gomod-vendor-check"}

// hermetoTypes lists the types that Hermeto knows, sorted.
func hermetoTypes() []string { return slices.Sorted(maps.Keys(inputOptions)) }

// keysOf lists the keys of options.
func keysOf(options []option) []string {
	keys := make([]string, len(options))
	for i, o := range options {
		keys[i] = o.key
	}
	return keys
}
