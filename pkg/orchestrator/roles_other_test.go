//go:build !linux

package orchestrator

import "errors"

func playRole(string, []string) error { return errors.New("only on Linux") }

func testPlace(*build) place { return &remotePlace{} }

// allPlaces: without Linux every podman is elsewhere.
func allPlaces() []place {
	return []place{&remotePlace{info: remoteInfo(false)}, &remotePlace{info: remoteInfo(true)}}
}
