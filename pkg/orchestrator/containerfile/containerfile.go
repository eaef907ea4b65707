// Package containerfile puts build arguments into a Containerfile.
//
// podman's layer cache never looks at volumes, so a changed lock under an
// unchanged RUN line would silently reuse a stale layer. It does look at ARGs:
// the value of each declared ARG is part of the key of every later RUN (run on
// podman 4.3.1 and 5.4.2). So lazybuild builds from a copy of the
// Containerfile in which each FROM is followed by an ARG line: the fingerprint
// of the dependencies, and the environment that Hermeto sets. ARGs are visible
// in every RUN, exec form and heredocs too, and leave nothing in the image's
// config but a history line. No line of the user's is changed. It is one line
// for all of them because podman makes an image of each step.
package containerfile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/openshift/imagebuilder/dockerfile/parser"
)

// Arg is a build argument with its default value.
type Arg struct {
	Name, Value string
}

// Stage is one FROM and what follows it.
type Stage struct {
	// Base is FROM's image or stage, arguments not expanded; Name is behind AS.
	Base, Name string
	// Runs says that the stage has a RUN instruction.
	Runs bool
	// Line of the FROM, from 1.
	Line int

	endLine int
}

// Error is a Containerfile that cannot be read.
type Error struct {
	File string
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.File, e.Err) }

// Unwrap returns the parser's error.
func (e *Error) Unwrap() error { return e.Err }

// Parse lists the stages of a Containerfile, with the parser that podman itself
// uses. name is for messages. A Containerfile without FROM has no stages: it is
// podman's business to refuse it.
func Parse(name string, src []byte) (stages []Stage, err error) {
	// The parser is somebody else's and reads whatever a user has: a panic in
	// it is a bad Containerfile, not a crash of lazybuild.
	defer func() {
		if r := recover(); r != nil {
			stages, err = nil, &Error{name, fmt.Errorf("the parser gave up: %v", r)}
		}
	}()
	result, err := parser.Parse(bytes.NewReader(src))
	if err != nil {
		return nil, &Error{name, err}
	}
	for _, node := range result.AST.Children {
		switch strings.ToLower(node.Value) {
		case "from":
			stages = append(stages, stageOf(node))
		case "run":
			if n := len(stages); n > 0 {
				stages[n-1].Runs = true
			}
		}
	}
	return stages, nil
}

func stageOf(node *parser.Node) Stage {
	s := Stage{Line: node.StartLine, endLine: node.EndLine}
	var words []string
	for n := node.Next; n != nil; n = n.Next {
		words = append(words, n.Value)
	}
	if len(words) > 0 {
		s.Base = words[0]
	}
	if len(words) == 3 && strings.EqualFold(words[1], "as") {
		s.Name = words[2]
	}
	return s
}

// Rewrite returns src with the ARGs declared in every stage, on one line
// directly behind its FROM. Line ends are kept as they are. name is for messages.
func Rewrite(name string, src []byte, args []Arg) ([]byte, error) {
	stages, err := Parse(name, src)
	if err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(src, []byte("\n"))
	newline := "\n"
	if bytes.HasSuffix(lines[0], []byte("\r\n")) {
		newline = "\r\n"
	}
	insert, err := instruction(args)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	at := 0
	for _, s := range stages {
		end := min(s.endLine, len(lines))
		for ; at < end; at++ {
			out.Write(lines[at])
		}
		if !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
			out.WriteString(newline)
		}
		out.WriteString(insert + newline)
	}
	for ; at < len(lines); at++ {
		out.Write(lines[at])
	}
	return out.Bytes(), nil
}

// instruction declares the arguments.
func instruction(args []Arg) (string, error) {
	var line strings.Builder
	line.WriteString("ARG")
	for _, a := range args {
		v, err := quote(a.Value)
		if err != nil {
			return "", fmt.Errorf("build argument %s: %w", a.Name, err)
		}
		fmt.Fprintf(&line, " %s=%s", a.Name, v)
	}
	return line.String(), nil
}

// quote makes a value literal: within single quotes the parser expands nothing
// and knows no escape character, which the escape directive could change.
func quote(v string) (string, error) {
	if strings.ContainsAny(v, "'\n\r\x00") {
		return "", fmt.Errorf("the value %q has a quote or a line break and cannot stand in a Containerfile", v)
	}
	return "'" + v + "'", nil
}

// Rewritable says whether podman reads the file of this name as it is. Files
// that end in ".in" go through the C preprocessor first.
func Rewritable(name string) bool { return !strings.HasSuffix(name, ".in") }
