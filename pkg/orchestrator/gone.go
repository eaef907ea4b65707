package orchestrator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/containers/podman/v5/pkg/bindings"
	"github.com/containers/podman/v5/pkg/bindings/containers"
	"github.com/containers/podman/v5/pkg/errorhandling"
)

// A container counts as gone when podman has been asked and has answered so:
// only then may the state that names it be removed. That a request to remove it
// has been sent, or has failed, says nothing.

// createError says that the proxy container was asked for in vain.
type createError struct{ err error }

func (e *createError) Error() string { return "creating the proxy container: " + e.err.Error() }

func (e *createError) Unwrap() error { return e.err }

// outcomeUnknown says whether nobody knows what became of a request for the proxy
// container: without an answer podman may be at work on it, and make it later.
func outcomeUnknown(err error) bool {
	var create *createError
	return errors.As(err, &create) && !isAnswer(err)
}

// isAnswer says whether the error is podman's. Else there was nobody to answer,
// which the bindings find out three times in a row.
func isAnswer(err error) bool {
	var answer *errorhandling.ErrorModel
	return errors.As(err, &answer)
}

var errStillThere = errors.New("podman has removed it, and it is still there")

// containerThere says whether podman knows the container, or its storage does: a
// podman that removes one forgets it first, and may then be killed or fail.
// It does not use the bindings' Exists, to which every failure is a no.
func containerThere(api context.Context, name string) (bool, error) {
	conn, err := bindings.GetClient(api)
	if err != nil {
		return false, err
	}
	external := url.Values{"external": {"true"}}
	r, err := conn.DoRequest(api, nil, http.MethodGet, "/containers/%s/exists", external, nil, name)
	if err != nil {
		return false, err
	}
	defer r.Body.Close()
	switch {
	case r.IsSuccess():
		return true, nil
	case r.StatusCode == http.StatusNotFound:
		return false, nil
	}
	return false, r.Process(nil)
}

// waitRemoved blocks until the container has been removed (podman does that by
// itself), at most for limit; then it is stopped and removed by force. nil means
// that it is gone.
func waitRemoved(api context.Context, name string, limit time.Duration) error {
	// A podman that does not answer must not keep anybody waiting.
	wait, cancel := context.WithTimeout(api, limit)
	defer cancel()
	for wait.Err() == nil {
		there, err := containerThere(wait, name)
		if err == nil && !there {
			return nil
		}
		if err != nil && !isAnswer(err) && wait.Err() == nil {
			return fmt.Errorf("asking for container %s: %w", name, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return removeNow(api, name)
}

// quietLimit is how long podman is not asked about a container that it should be
// removing. If it is not, nobody shall wait for it any longer.
const quietLimit = time.Second

// answerLag is how long podman may take from a container's files to the last of it,
// which is a line in its database.
const answerLag = 50 * time.Millisecond

// waitRemovedBy is waitRemoved where files are nearly the last of the container that
// podman removes: it is not asked before, which would keep it from that work. answered
// is closed when podman has answered to removeEnded.
func waitRemovedBy(api context.Context, name, files string, answered <-chan struct{}, limit time.Duration) error {
	end, quiet := time.Now().Add(limit), time.Now().Add(min(limit, quietLimit))
	for exists(files) && time.Now().Before(quiet) {
		time.Sleep(2 * time.Millisecond)
	}
	select {
	case <-answered:
	case <-time.After(answerLag):
	}
	return waitRemoved(api, name, time.Until(end))
}

// removeEnded has the service remove a container whose process has ended. podman
// does that unasked (SpecGenerator.Remove), but by a process of its own, which takes
// longer to start than the removal does; whichever comes second finds nothing. There is
// no force in it: the process may still be unmounting although its streams have
// ended, and podman refuses then. What it answers says nothing of whether the
// container is gone.
func removeEnded(api context.Context, ended <-chan struct{}, name string, limit time.Duration) {
	api, stop := context.WithTimeout(api, limit)
	defer stop()
	select {
	case <-ended:
		_, _ = containers.Remove(api, name, new(containers.RemoveOptions).WithIgnore(true))
	case <-api.Done():
	}
}

// removeNow removes a container by force: SIGTERM, time to unmount, SIGKILL. nil
// means that it is gone, also when there was none.
func removeNow(api context.Context, name string) (err error) {
	api, stop := context.WithTimeout(api, removeLimit)
	defer stop()
	// podman 5 fails once on a container whose conmon was killed, and then knows
	// that it has ended; and one that is stuck may have to be killed (podman.remove).
	for range 2 {
		_, err = containers.Remove(api, name, new(containers.RemoveOptions).WithForce(true).WithIgnore(true).WithTimeout(5))
		there, asked := containerThere(api, name)
		if asked == nil && !there {
			return nil
		}
		err = cmp.Or(err, asked, errStillThere)
		if asked != nil && !isAnswer(asked) {
			break
		}
		_ = containers.Kill(api, name, new(containers.KillOptions).WithSignal("KILL"))
	}
	return fmt.Errorf("removing container %s: %w", name, err)
}
