package fetch

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// talker answers and notes what it was asked.
type talker struct {
	mu    sync.Mutex
	asked []string
	do    http.HandlerFunc
}

func (k *talker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	k.mu.Lock()
	k.asked = append(k.asked, fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, body))
	k.mu.Unlock()
	k.do(w, r)
}

func exchangeWith(t *testing.T, do http.HandlerFunc) (*talker, string, *Client) {
	t.Helper()
	k := &talker{do: do}
	srv := httptest.NewServer(k)
	t.Cleanup(srv.Close)
	c, err := New(Options{MaxTries: 3, Backoff: ExponentialBackoff(1, 1, nil)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return k, srv.URL, c
}

func readAll(into *string) func(Answer) error {
	return func(a Answer) error {
		b, err := io.ReadAll(a.Body)
		*into = a.ContentType + ": " + string(b)
		return err
	}
}

func TestExchangePostsItsBody(t *testing.T) {
	k, url, c := exchangeWith(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "x/"+r.Header.Get("X-Kind"))
		fmt.Fprint(w, "answer")
	})
	var got string
	err := c.Exchange(t.Context(), Exchange{URL: url + "/q", Body: []byte("question"), Header: http.Header{"X-Kind": {"y"}}}, readAll(&got))
	if err != nil || got != "x/y: answer" || !slices.Equal(k.asked, []string{"POST /q question"}) {
		t.Errorf("%q, %v after %q", got, err, k.asked)
	}
}

func TestExchangeIsTriedAgainWhenTheNetworkFails(t *testing.T) {
	n := 0
	k, url, c := exchangeWith(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			w.Header().Set("Content-Length", "100")
		}
		fmt.Fprint(w, "answer")
	})
	var got string
	err := c.Exchange(t.Context(), Exchange{URL: url, Body: []byte("q")}, readAll(&got))
	if err != nil || got != "text/plain; charset=utf-8: answer" || len(k.asked) != 2 || !strings.HasSuffix(k.asked[1], " q") {
		t.Errorf("%q, %v after %q", got, err, k.asked)
	}
}

func TestExchangeEndsWithItsReadersError(t *testing.T) {
	k, url, c := exchangeWith(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "answer") })
	mine := errors.New("mine")
	err := c.Exchange(t.Context(), Exchange{URL: url}, func(Answer) error { return mine })
	if !errors.Is(err, mine) || len(k.asked) != 1 {
		t.Errorf("%v after %d requests", err, len(k.asked))
	}
}

func TestExchangeSaysWhereRedirectsLed(t *testing.T) {
	k, url, c := exchangeWith(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new?x=1", http.StatusMovedPermanently)
		}
	})
	var at string
	err := c.Exchange(t.Context(), Exchange{URL: url + "/old"}, func(a Answer) error { at = a.At; return nil })
	if err != nil || at != url+"/new?x=1" {
		t.Errorf("%q, %v after %q", at, err, k.asked)
	}
	err = c.Exchange(t.Context(), Exchange{URL: url + "/old", At: url + "/further", Body: []byte("q")}, func(Answer) error { return nil })
	if err != nil || k.asked[len(k.asked)-1] != "POST /further q" {
		t.Errorf("%v after %q", err, k.asked)
	}
	err = c.Exchange(t.Context(), Exchange{URL: url + "/old", Body: []byte("q")}, func(Answer) error { return nil })
	if !errors.Is(err, ErrRedirect) {
		t.Errorf("a POST was redirected: %v", err)
	}
}

// Where a redirect has led, its rules still hold.
//
// Shows S50.
func TestExchangeGuardsWhatAServerChose(t *testing.T) {
	k, url, c := exchangeWith(t, func(http.ResponseWriter, *http.Request) {})
	err := c.Exchange(t.Context(), Exchange{URL: "https://far.example/x", At: url}, func(Answer) error { return nil })
	if !errors.Is(err, errLocalAddress) || len(k.asked) > 0 {
		t.Errorf("%v after %q", err, k.asked)
	}
}

func TestExchangeRefusesFiles(t *testing.T) {
	c, err := New(Options{AllowFile: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exchange(t.Context(), Exchange{URL: "file:///etc/passwd"}, func(Answer) error { return nil }); !errors.Is(err, ErrURL) {
		t.Errorf("the error is %v", err)
	}
}

// A server that goes silent in the middle costs one interval for each try.
func TestExchangeWithASilentServerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.serve("silent.example:80", "192.0.2.1", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			fmt.Fprint(rw, "begin")
			rw.(http.Flusher).Flush()
			<-r.Context().Done()
		}))
		c := w.client(Options{MaxTries: 2, NoProgress: time.Minute})
		started := time.Now()
		var got string
		err := c.Exchange(t.Context(), Exchange{URL: "http://silent.example/x"}, readAll(&got))
		if !errors.Is(err, ErrNoProgress) {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(started); took > 4*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}
