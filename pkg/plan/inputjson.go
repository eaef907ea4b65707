package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/internal/untrusted"
)

// maxInputBytes bounds a file that holds inputs. Real ones have some kilobytes.
const maxInputBytes = 4 << 20

// ParseInput reads the value of --lazy-input:
//
//	TYPE[:PATH]      a lock file, or a directory with lock files of the type
//	{"type": …}      one of Hermeto's inputs, as JSON
//	[{…}, {…}]       several
//	{"packages": […], "flags": […]}
//	@FILE, FILE.json a file that holds any of these; if it is YAML, the
//	                 prefetch-input of a PipelineRun, or a list of inputs
//
// The path of TYPE:PATH starts at the current directory, like those of other
// flags; those in JSON start at the repository's root, as in Hermeto. A
// relative FILE starts at the current directory. Errors begin with the flag.
func ParseInput(s string) ([]Input, error) {
	const flag = "--lazy-input"
	trimmed := strings.TrimSpace(s)
	if strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		ins, err := parseInputJSON([]byte(trimmed))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		return by(ins, flag), nil
	}
	typ, path, _ := strings.Cut(s, ":")
	known := knownType(typ)
	if file, ok := strings.CutPrefix(s, "@"); ok || known != nil && strings.HasSuffix(s, ".json") {
		ins, err := readInputFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		return by(ins, flag+" @"+file), nil
	}
	if known != nil {
		return nil, fmt.Errorf("%s %q: %w", flag, s, known)
	}
	return []Input{{Type: typ, Path: path, By: flag}}, nil
}

// by notes where the inputs were named.
func by(ins []Input, who string) []Input {
	for i := range ins {
		ins[i].By = who
	}
	return ins
}

// readInputFile reads inputs from a file of JSON or YAML.
func readInputFile(name string) ([]Input, error) {
	data, err := readSmall(name)
	if err != nil {
		return nil, err
	}
	if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" {
		ins, err := parseInputJSON(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return ins, nil
	}
	return readInputYAML(name, data)
}

// readSmall reads a file up to maxInputBytes.
func readSmall(name string) ([]byte, error) {
	return untrusted.ReadFile(name, maxInputBytes)
}

// parseInputJSON reads Hermeto's JSON in all its forms; a bare word is a type.
func parseInputJSON(data []byte) ([]Input, error) {
	data = bytes.TrimSpace(data)
	if word := string(data); slices.Contains(hermetoTypes(), word) {
		return decodeInputs(map[string]any{"type": word})
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		if se := (*json.SyntaxError)(nil); errors.As(err, &se) {
			return nil, fmt.Errorf("line %d: this is no JSON: %w", 1+bytes.Count(data[:min(int(se.Offset), len(data))], []byte("\n")), err)
		}
		return nil, fmt.Errorf("this is no JSON: %w", err)
	}
	return decodeInputs(v)
}

// decodeInputs makes inputs of a decoded value: one input, a list, or a table
// with packages and flags.
func decodeInputs(v any) ([]Input, error) {
	switch v := v.(type) {
	case string:
		return decodeInputs(map[string]any{"type": v})
	case []any:
		return decodeList(nil, v)
	case map[string]any:
		if _, ok := v["packages"]; ok {
			return decodePackages(v)
		}
		return decodeList(nil, []any{v})
	}
	return nil, &optionError{nil, fmt.Sprintf("%s is no input: it has to be an object, a list of objects, or a type", describe(v))}
}

func decodePackages(v map[string]any) ([]Input, error) {
	for _, key := range sortedKeys(v) {
		if key != "packages" && key != "flags" {
			return nil, &optionError{[]string{key}, fmt.Sprintf("there is no key %q beside packages%s", key, nearest(key, []string{"packages", "flags"}))}
		}
	}
	list, ok := v["packages"].([]any)
	if !ok {
		return nil, &optionError{[]string{"packages"}, "it has to be a list of objects"}
	}
	ins, err := decodeList([]string{"packages"}, list)
	if err != nil {
		return nil, err
	}
	flags, ok := v["flags"].([]any)
	if !ok && v["flags"] != nil {
		return nil, &optionError{[]string{"flags"}, "it has to be a list of strings"}
	}
	for i, f := range flags {
		name, _ := f.(string)
		if !slices.Contains(inputFlags, name) {
			return nil, &optionError{[]string{fmt.Sprintf("flags[%d]", i)}, fmt.Sprintf("there is no flag %s%s", describe(f), nearest(name, inputFlags))}
		}
		ins[0].warnings = append(ins[0].warnings, fmt.Sprintf("the flag %s has no effect: it does not change which files a build needs", name))
	}
	return ins, nil
}

// decodeList checks every input of a list; the first that is wrong is reported.
func decodeList(at []string, list []any) ([]Input, error) {
	if len(list) == 0 {
		return nil, &optionError{at, "the list of inputs is empty"}
	}
	ins := make([]Input, 0, len(list))
	for i, v := range list {
		where := at
		if len(list) > 1 || len(at) > 0 {
			where = []string{strings.Join(at, ".") + fmt.Sprintf("[%d]", i)}
		}
		in, err := decodeOne(v)
		if bad := (*optionError)(nil); errors.As(err, &bad) {
			return nil, &optionError{append(slices.Clip(where), bad.key...), bad.msg}
		}
		ins = append(ins, in)
	}
	return ins, nil
}

// decodeOne checks an input of JSON or YAML, whose path starts at the
// repository's root and may not leave it.
func decodeOne(v any) (Input, error) {
	values, ok := v.(map[string]any)
	if !ok {
		return Input{}, &optionError{nil, fmt.Sprintf("an input is %s, and has to be an object", describe(v))}
	}
	in, err := decodeInput(values)
	if err != nil {
		return in, err
	}
	if in.Path == "" {
		in.Path = "."
	}
	in.fromRoot = true
	if err := saneRelative(in.Path); err != nil {
		return in, &optionError{[]string{"path"}, err.Error()}
	}
	return in, nil
}
