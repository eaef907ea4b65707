package main

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/lazybuild/lazybuild/pkg/credentials"
	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/plan"
)

// credentialsFor gathers what the user's tools know about the hosts of a plan.
// The error is about the project's files.
func credentialsFor(p *plan.Plan, ui *orchestrator.UI) (*credentials.Result, error) {
	home, _ := os.UserHomeDir()
	o := credentials.Options{
		URLs: p.URLs(), Auth: p.Auth, Hosts: p.Hosts, Indexes: p.Indexes, ReposD: p.ReposD,
		Dirs: projectDirs(p), Home: home, Env: os.Environ(),
	}
	found, err := credentials.Gather(o)
	if err != nil {
		return nil, &orchestrator.UsageError{Err: err}
	}
	for _, w := range found.Warnings {
		ui.Warn("%s", w)
	}
	for _, n := range found.Notes {
		ui.Note("%s", n)
	}
	return found, nil
}

// projectDirs are where a project's tools may have files of their own: the
// context's root, and the directories of the locks.
func projectDirs(p *plan.Plan) []string {
	var dirs []string
	for _, f := range p.Files {
		if dir := filepath.Dir(f); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if p.ContextDir != "" && !slices.Contains(dirs, p.ContextDir) {
		dirs = append(dirs, p.ContextDir)
	}
	return dirs
}
