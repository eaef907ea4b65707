//go:build !linux

package orchestrator

import "context"

// What a remote podman leaves is on its own machine.

func stopProcess(int, uint64)                                         {}
func stopProxy(*State)                                                {}
func stopService(*State) bool                                         { return false }
func killBuildProcesses(*State) ([]int, []string)                     { return nil, nil }
func stillRuns(*State) error                                          { return nil }
func stillStored(*State, []string) error                              { return nil }
func processStart(int) uint64                                         { return 0 }
func removeRuntimeContainers(context.Context, *State, []string) error { return nil }
func halfMade(context.Context, *State) (h halves, _ error)            { return h, nil }

type halves struct{ containers, images []string }

func (p *podman) workingContainers(context.Context, *State) ([]string, error) { return nil, nil }
