package plan

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// konfluxSource is where Konflux has a project's source. Hermeto notes absolute
// paths in .build-config.json; these must not depend on the machine, because the
// tree's content decides whether a layer can be reused.
const konfluxSource = "/var/workdir/source"

// outputDir is what Hermeto writes for its own directory.
const outputDir = "${output_dir}"

// buildConfig is the text of .build-config.json: the environment and the project
// files with a placeholder for the output directory, and the options of inputs.
func (b *builder) buildConfig() []byte {
	template := strings.NewReplacer(strings.TrimSuffix(b.o.OutputDir, "/"), outputDir)
	out := []byte("{\n  \"environment_variables\": [")
	sep := "\n    {\n      \"name\": "
	for _, e := range b.plan.Env {
		out = appendJSON(append(out, sep...), e.Name)
		out = appendJSON(append(out, ",\n      \"value\": "...), template.Replace(e.Value))
		sep = "\n    },\n    {\n      \"name\": "
	}
	out = closeList(out, len(b.plan.Env))
	out = append(out, ",\n  \"project_files\": ["...)
	files := b.projectFiles()
	sep = "\n    {\n      \"abspath\": "
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out = appendJSON(append(out, sep...), name)
		out = appendJSON(append(out, ",\n      \"template\": "...), template.Replace(string(files[name])))
		sep = "\n    },\n    {\n      \"abspath\": "
	}
	out = closeList(out, len(files))
	if dnf := b.dnfOptions(); dnf != nil {
		// What the options hold has passed their check, so it can be encoded.
		text, _ := json.MarshalIndent(map[string]any{"rpm": map[string]any{"dnf": dnf}}, "  ", "  ")
		out = append(append(out, ",\n  \"options\": "...), text...)
	}
	return append(out, "\n}\n"...)
}

func closeList(out []byte, n int) []byte {
	if n == 0 {
		return append(out, ']')
	}
	return append(out, "\n    }\n  ]"...)
}

// npmSecret is a line of .npmrc with a token or a password. The build has the
// file itself, if it copies it; nobody needs a second copy of a secret.
var npmSecret = regexp.MustCompile(`(?mi)^[^\n]*(?:_auth|_password|:username)[^\n]*\n?`)

// projectFiles are the rewritten files of the project, and those that Hermeto
// writes into its own directory at the same time: absolute path to content.
func (b *builder) projectFiles() map[string][]byte {
	files := map[string][]byte{}
	for name, data := range b.plan.Rewrites {
		if filepath.Base(name) == ".npmrc" {
			data = npmSecret.ReplaceAll(data, nil)
		}
		files[konfluxSource+"/"+b.inSource(name)] = data
	}
	for i := range b.files {
		if f := &b.files[i]; f.Content != nil && !strings.HasPrefix(f.Path, "deps/") {
			files[outputDir+"/"+f.Path] = f.Content
		}
	}
	return files
}

// dnfOptions are those of the last RPM input that has any, as in Hermeto.
func (b *builder) dnfOptions() map[string]map[string]any {
	for _, r := range slices.Backward(b.read) {
		if r.options != nil && len(r.options.Options.DNF) > 0 {
			return r.options.Options.DNF
		}
	}
	return nil
}

// appendJSON appends a JSON string. Lock files have megabytes, with next to
// nothing to escape but quotes and line ends, so runs are copied as they are.
func appendJSON(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	out = append(out, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		out = append(out, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, '\\', 'n')
		case '\r':
			out = append(out, '\\', 'r')
		case '\t':
			out = append(out, '\\', 't')
		default:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(out, s[start:]...), '"')
}
