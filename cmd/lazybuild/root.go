package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
)

const rootLong = `lazybuild is podman build with one thing more: /cachi2/output is there in every
RUN, holding every dependency that the project's lock files name, laid out as
Hermeto lays it out. Nothing in it is downloaded before a program in the build
reads it; each file is downloaded once per host, checked against its lock
before anybody sees a byte of it, and kept.

  lazybuild [podman build flags] [--lazy-… flags] CONTEXT

All flags of podman build work and go to podman as they are.`

const rootExample = `  lazybuild -f Containerfile .
  lazybuild -t app:dev --build-arg VERSION=1 .
  lazybuild --lazy-input pip:requirements/pylock.toml --lazy-report report.json .
  lazybuild tree .`

// The exit statuses of a build, and of the commands beside it.
const (
	exitOfBuild = `
Exit status:
  0    the build succeeded
  2    usage or bad input (a malformed lock file, an unknown --lazy- flag); nothing was started
  125  podman or lazybuild could not
  130  interrupted (Ctrl-C, SIGTERM, a closed terminal)
  any other: the exit code of podman build, which is that of the RUN that failed
`
	exitOfCommand = `
Exit status:
  0    done
  2    usage or bad input (a malformed lock file, an unknown flag)
  125  podman or lazybuild could not
  130  interrupted (Ctrl-C, SIGTERM, a closed terminal)
`
	exitOfMount = exitOfCommand + `  any other: the exit code of COMMAND
`
)

// helpWith is a template of a command's help.
func helpWith(exit string) string {
	return `{{with or .Long .Short}}{{.}}

{{end}}{{.UsageString}}` + exit
}

const buildLong = rootLong + ` podman build --help
lists them. Flags that contradict lazybuild's own are refused: a --volume over
/cachi2/output, another --network than none with --lazy-hermetic.

The lock files are those that the project's Tekton pipeline names for this
Containerfile, and without one those beside the Containerfile and in the
context's root; lazybuild tree prints what they hold. Without any, the build is
podman build's own.

Most --lazy-… flags can stand in lazybuild.toml or in a variable too, as in
"read-only = true" or LAZYBUILD_READ_ONLY=true. A flag wins over a variable, that
over the file.`

type rootCommand struct{ *cobra.Command }

func newRoot(signals <-chan os.Signal, global []string) rootCommand {
	root := &cobra.Command{
		Use:           "lazybuild",
		Short:         "podman build with its dependencies there at once",
		Long:          rootLong,
		Example:       rootExample,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
	}
	root.SetVersionTemplate(versionText())
	build := newBuild(signals, global)
	root.Long += "\n\nlazybuild's own flags:\n" + strings.TrimRight(build.LocalFlags().FlagUsagesWrapped(100), "\n")
	root.AddCommand(build, newTree(), newMaterialize(signals), newMount(signals), newConfig(), newVersion(), newProxy(signals), newReap(), newClean(), newStore(),
		newPs(), newCancel(signals), newDoctor(global))
	root.InitDefaultCompletionCmd()
	// Long descriptions of flags are wrapped, so that they stay readable.
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 100"))
	for _, c := range root.Commands() {
		c.Args = usageError(c.Args)
		c.SetHelpTemplate(helpWith(exitOfCommand)) // and those of its own commands
		if c.Name() == "mount" {
			c.SetHelpTemplate(helpWith(exitOfMount))
		}
	}
	root.SetHelpTemplate(helpWith(exitOfBuild))
	build.SetHelpTemplate(helpWith(exitOfBuild))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &orchestrator.UsageError{Err: err} })
	return rootCommand{root}
}

// usageError makes a wrong number of arguments the usage error that it is.
func usageError(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(c, args); err != nil {
			return &orchestrator.UsageError{Err: err}
		}
		return nil
	}
}

// names are the words that are commands; "help" and "completion" are cobra's.
func (r rootCommand) names() []string {
	names := []string{"help", "completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}
	for _, c := range r.Commands() {
		names = append(names, c.Name())
	}
	return names
}
