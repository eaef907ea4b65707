package fetch

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestErrorThatEndsAContextStaysWhatItIs: one request's failure often ends those
// beside it. It must go on naming the URL that it is about.
func TestErrorThatEndsAContextStaysWhatItIs(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	failure := &Error{URL: "http://example.org/other", Permanent: true, Err: errors.New("it failed")}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel(failure)
		<-r.Context().Done()
	}))
	defer s.Close()
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Range(ctx, s.URL, 0, 10)
	if !errors.Is(err, failure) || failure.URL != "http://example.org/other" {
		t.Errorf("error %v, want the one that ended the context: %v", err, failure)
	}
}
