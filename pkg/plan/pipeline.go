package plan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"gopkg.in/yaml.v3"
)

// pipeline is what one Tekton PipelineRun says about the image that it builds.
// Konflux's projects keep them in .tekton; the parameters are those of
// Konflux's build pipelines.
type pipeline struct {
	// file is where it stands, as the user would name it.
	file string
	// dockerfile is relative to pathContext, which is relative to the
	// repository's root, or to that root itself.
	dockerfile, pathContext string
	buildArgsFile           string
	hermetic                bool
	platforms               []string
	// input is the decoded prefetch-input, nil when there is none, or err why it
	// can't be decoded; line is where it stands.
	input any
	err   error
	line  int
}

// pipelineRun is the part of a PipelineRun that counts here.
type pipelineRun struct {
	Kind string `yaml:"kind"`
	Spec struct {
		Params []struct {
			Name  string    `yaml:"name"`
			Value yaml.Node `yaml:"value"`
		} `yaml:"params"`
	} `yaml:"spec"`
}

// readPipelines reads the PipelineRuns in a file. Documents of other kinds are
// passed over.
func readPipelines(file string, data []byte) ([]pipeline, error) {
	var all []pipeline
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var run pipelineRun
		err := dec.Decode(&run)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if wrong := (*yaml.TypeError)(nil); errors.As(err, &wrong) {
			continue // a document of another shape
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if run.Kind != "PipelineRun" {
			continue
		}
		// Konflux's pipelines have these defaults.
		p := pipeline{file: file, dockerfile: "Dockerfile", pathContext: "."}
		for i := range run.Spec.Params {
			param := &run.Spec.Params[i]
			if err := p.set(param.Name, &param.Value); err != nil {
				return nil, fmt.Errorf("%s:%d: %s: %w", file, param.Value.Line, param.Name, err)
			}
		}
		all = append(all, p)
	}
}

// set takes one parameter over.
func (p *pipeline) set(name string, v *yaml.Node) error {
	switch name {
	case "dockerfile":
		return v.Decode(&p.dockerfile)
	case "path-context":
		return v.Decode(&p.pathContext)
	case "build-args-file":
		return v.Decode(&p.buildArgsFile)
	case "hermetic":
		p.hermetic = strings.EqualFold(v.Value, "true")
	case "build-platforms":
		return v.Decode(&p.platforms)
	case "prefetch-input":
		p.line = v.Line
		p.input, p.err = prefetchInput(v)
	}
	return nil
}

// prefetchInput decodes the parameter: a string with JSON or a type in it, or
// YAML's own lists and tables. An empty string is no input.
func prefetchInput(v *yaml.Node) (any, error) {
	if v.Kind != yaml.ScalarNode {
		var value any
		err := v.Decode(&value)
		return value, err
	}
	s := strings.TrimSpace(v.Value)
	if s == "" || v.Tag == "!!null" {
		return nil, nil
	}
	if !strings.HasPrefix(s, "{") && !strings.HasPrefix(s, "[") {
		return s, nil
	}
	// YAML reads every JSON document.
	var value any
	if err := yaml.Unmarshal([]byte(s), &value); err != nil {
		return nil, err
	}
	return value, nil
}

// inputs are those of prefetch-input; none when it is empty. The error names
// the file and the line.
func (p *pipeline) inputs() ([]Input, error) {
	if list, ok := p.input.([]any); p.err == nil && (p.input == nil || ok && len(list) == 0) {
		return nil, nil
	}
	var ins []Input
	err := p.err
	if err == nil {
		ins, err = decodeInputs(p.input)
	}
	if err != nil {
		return nil, fmt.Errorf("%s:%d: prefetch-input: %w", p.file, p.line, err)
	}
	return by(ins, p.file), nil
}

// files are the places, relative to the repository's root, where the
// Containerfile may be, the better first: Konflux looks in the context, then in
// the source.
func (p *pipeline) files() []string {
	return []string{path.Join(p.pathContext, p.dockerfile), path.Clean(p.dockerfile)}
}

// builds says whether one of the platforms is the target. Konflux's names have
// the kind of the machine in front: "linux-d160-m4xlarge/arm64".
func (p *pipeline) builds(target Platform) bool {
	for _, s := range p.platforms {
		arch := s[strings.LastIndexByte(s, '/')+1:]
		if arch == target.Arch || goArch(arch) == target.Arch {
			return true
		}
	}
	return len(p.platforms) == 0
}

// readInputYAML reads the inputs of a YAML file: those of its only PipelineRun,
// or a list of inputs.
func readInputYAML(file string, data []byte) ([]Input, error) {
	all, err := readPipelines(file, data)
	if err != nil {
		return nil, err
	}
	var with []pipeline
	for _, p := range all {
		if p.input != nil || p.err != nil {
			with = append(with, p)
		}
	}
	switch {
	case len(with) == 1:
		return with[0].inputs()
	case len(with) > 1:
		return nil, fmt.Errorf("%s holds %d pipelines with a prefetch-input", file, len(with))
	case len(all) > 0:
		return nil, fmt.Errorf("%s: the pipeline has no prefetch-input", file)
	}
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	ins, err := decodeInputs(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return ins, nil
}
