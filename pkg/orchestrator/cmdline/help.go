package cmdline

import (
	"regexp"
	"strings"
)

// HelpFlag is one flag of a `podman … --help`.
type HelpFlag struct {
	// Name is the long one, without dashes; Short is the letter, or 0.
	Name  string
	Short byte
	// TakesValue says that the next word is the flag's value unless one is
	// joined to it with "=". It is false for a value that may be left out.
	TakesValue bool
}

// helpLine is how podman's flag library prints a flag: "-f, --file pathname or
// URL", two spaces or more, the description. What stands behind the name is the
// value's kind, which may have spaces; a value that may be left out is shown as
// [="what it then is"].
var helpLine = regexp.MustCompile(`^\s+(?:-([A-Za-z]), )?--([a-z0-9][a-z0-9-]*)(?: (\S.*?))?(?:\s{2,}|$)`)

// HelpFlags reads the flags of a help text of podman. Other lines, and lines of
// which it can make nothing, are passed over.
func HelpFlags(help string) []HelpFlag {
	var flags []HelpFlag
	for line := range strings.Lines(help) {
		m := helpLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		f := HelpFlag{Name: m[2], TakesValue: m[3] != "" && !strings.Contains(m[3], "[=")}
		if m[1] != "" {
			f.Short = m[1][0]
		}
		flags = append(flags, f)
	}
	return flags
}

// Missing lists the flags of podman's help that the tables read differently or
// not at all. build is the text of `podman build --help`, global that of
// `podman --help`.
func Missing(build, global string) []string {
	return append(missing("build", build, buildFlags, shorthands),
		missing("global", global, globalFlags, globalShorthands)...)
}

func missing(where, help string, table map[string]kind, shorts map[byte]string) []string {
	var list []string
	for _, f := range HelpFlags(help) {
		k := table[f.Name]
		switch {
		case f.Name == "help" || f.Name == "version":
			// podman's other half of the command line: it does not build.
		case k == unknown:
			list = append(list, where+" flag --"+f.Name+" is not in the table")
		case (k == value) != f.TakesValue:
			list = append(list, where+" flag --"+f.Name+" takes its value in another way than the table says")
		case f.Short != 0 && shorts[f.Short] != f.Name:
			list = append(list, where+" flag -"+string(f.Short)+" is --"+f.Name+", which the table does not say")
		}
	}
	return list
}
