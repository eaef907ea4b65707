package plan

import (
	"fmt"
	"strings"
	"testing"
)

// Shows S76.
func TestPipelinesThatExpandAreRefused(t *testing.T) {
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'j'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ","))
	}
	const head = "kind: PipelineRun\nspec:\n  params:\n  - name: prefetch-input\n    value: "
	for name, text := range map[string]string{
		"deep flow":       head + strings.Repeat("[", 200_000),
		"deep tables":     head + strings.Repeat("{a: ", 200_000),
		"deep block":      strings.Repeat("- ", 100_000) + "x",
		"billion laughs":  laughs,
		"alias to itself": head + "&a [*a]\n",
		"deep JSON":       head + "'" + strings.Repeat("[", 200_000) + "'\n",
	} {
		t.Run(name, func(t *testing.T) {
			if all, err := readPipelines("run.yaml", []byte(text)); err == nil && len(all) > 0 {
				if ins, err := all[0].inputs(); err == nil {
					t.Errorf("inputs: %v", ins)
				}
			}
			if ins, err := readInputYAML("input.yaml", []byte(text)); err == nil {
				t.Errorf("inputs: %v", ins)
			}
			if ins, err := parseInputJSON([]byte(strings.TrimPrefix(text, head))); err == nil {
				t.Errorf("inputs: %v", ins)
			}
		})
	}
}
