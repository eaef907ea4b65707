//go:build !linux

package orchestrator

import "errors"

// localPlaceFor: without Linux every podman is a client of one elsewhere.
func localPlaceFor(*podman, *Options) (place, error) {
	return nil, errors.New("podman builds on this machine, which needs Linux")
}
