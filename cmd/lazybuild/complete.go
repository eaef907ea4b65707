package main

import (
	"cmp"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/plan"
)

// flagValues are the values of lazybuild's own flags that have a few.
var flagValues = map[string][]string{
	"lazy-allow-unverified": plan.Unverifieds,
	"lazy-fallback":         plan.Fallbacks,
	"lazy-proxy":            plan.Proxies,
	"lazy-readahead":        plan.ReadAheads,
	"lazy-rpm-metadata":     plan.RPMMetadatas,
}

// completeValues makes the shell complete the values of the flags of a command
// whose flags cobra reads.
func completeValues(c *cobra.Command) {
	for name, values := range flagValues {
		if c.Flags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

// completeBuild completes the words of a build: cobra knows the names of
// lazybuild's own flags, lazybuild their values, and podman everything else.
func (o *lazyOptions) completeBuild(c *cobra.Command, words []string, last string) ([]string, cobra.ShellCompDirective) {
	own := ""
	if name, _, ok := strings.Cut(last, "="); ok && strings.HasPrefix(name, "--lazy-") {
		own = name
	} else if n := len(words); n > 0 && o.takesNext(c, words[n-1]) {
		own, words = words[n-1], words[:n-1]
	}
	if own != "" {
		if values := flagValues[strings.TrimPrefix(own, "--")]; values != nil {
			return values, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveDefault // the names of files
	}
	ask := append([]string{cobra.ShellCompRequestCmd}, append(slices.Clone(o.global), "build")...)
	for i := 0; i < len(words); i++ {
		if !strings.HasPrefix(words[i], "--lazy-") {
			ask = append(ask, words[i])
		} else if o.takesNext(c, words[i]) {
			i++
		}
	}
	out, err := exec.CommandContext(c.Context(), cmp.Or(o.podman, "podman"), append(ask, last)...).Output()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return podmanOffers(string(out))
}

// takesNext says whether a word is a flag of lazybuild's whose value is the next word.
func (o *lazyOptions) takesNext(c *cobra.Command, word string) bool {
	f := c.Flags().Lookup(strings.TrimPrefix(word, "--"))
	return f != nil && strings.HasPrefix(word, "--lazy-") && f.NoOptDefVal == ""
}

// podmanOffers reads what podman's __complete prints: a line per word, then a
// colon and the directive, which cobra on both sides numbers alike.
func podmanOffers(out string) ([]string, cobra.ShellCompDirective) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := len(lines) - 1
	number, found := strings.CutPrefix(lines[last], ":")
	directive, err := strconv.Atoi(number)
	if !found || err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return lines[:last], cobra.ShellCompDirective(directive)
}
