package store

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// The last holder removes the lock file. Whoever has opened it before must not
// take the lock of the removed file for the lock.
func TestTheLockOfARemovedFileIsNone(t *testing.T) {
	s := openTest(t, Options{})
	unlock, err := s.lock(t.Context(), "name")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(s.path(lockPath("name")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if ok, err := s.tryLockOpened(f, "name"); ok || err != nil {
		t.Errorf("while it is held: %v, %v", ok, err)
	}
	unlock()
	if ok, err := s.tryLockOpened(f, "name"); ok || err != nil {
		t.Errorf("when it is removed: %v, %v", ok, err)
	}
}

func TestTheLockHasOneHolder(t *testing.T) {
	s := openTest(t, Options{})
	stores := []*Store{s, again(t, s, Options{}), again(t, s, Options{})}
	var inside atomic.Int32
	var wg sync.WaitGroup
	for i := range 9 {
		wg.Go(func() {
			for range 100 {
				unlock, err := stores[i%3].lock(t.Context(), "name")
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				inside.Add(-1)
				unlock()
			}
		})
	}
	wg.Wait()
	wantNothingUnderWay(t, s)
	if n := len(s.keys.keys); n != 0 {
		t.Errorf("%d mutexes are left", n)
	}
}

// A pin whose file has been removed by the one before would pin nothing.
func TestALivePinHasItsFile(t *testing.T) {
	s := openTest(t, Options{})
	other := again(t, s, Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				release, err := []*Store{s, other}[i%2].Pin(t.Context(), "build", digestsOf(fmt.Sprint(i)))
				if errors.Is(err, ErrInUse) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if data, err := s.readSmall(pinDir+"/build", 100); string(data) != string(sha256Of(fmt.Sprint(i)))+"\n" {
					t.Errorf("the pin holds %q, %v", data, err)
				}
				if err := release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
