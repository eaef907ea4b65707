package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func read(t testing.TB, r io.Reader) []Event {
	t.Helper()
	var events []Event
	if err := ReadEvents(r, func(ev Event) { events = append(events, ev) }); err != nil {
		t.Fatal(err)
	}
	return events
}

func TestEventsArriveInTheirOrder(t *testing.T) {
	var want []Event
	for i := range 50 {
		want = append(want, Event{Kind: []Kind{Debug, Warning, ProgressKind}[i%3], Text: fmt.Sprint(i), Progress: &Progress{Active: i}})
	}
	want = append(want, Event{Kind: SummaryKind, Summary: &Summary{Opened: []Opened{{Path: "a\nb", Size: -1}}, WaitedMS: 3}})
	var out bytes.Buffer
	w := NewEventWriter(&out)
	for _, ev := range want {
		w.Send(ev)
	}
	w.Close(time.Minute)
	if d := cmp.Diff(want, read(t, &out)); d != "" {
		t.Error(d)
	}
}

// stuck is a reader that has stopped reading.
type stuck struct {
	bytes.Buffer
	began, goOn chan struct{}
	once        sync.Once
}

func (s *stuck) Write(b []byte) (int, error) {
	s.once.Do(func() { close(s.began) })
	<-s.goOn
	return s.Buffer.Write(b)
}

// A CLI that does not read must not stop a build, and what it must know waits for it.
func TestSendNeverBlocks(t *testing.T) {
	w := &stuck{began: make(chan struct{}), goOn: make(chan struct{})}
	e := NewEventWriter(w)
	e.Send(Event{Kind: Ready})
	<-w.began // the writer holds this one, and no other
	for i := range 2 * keepQueue {
		e.Send(Event{Kind: Debug, Text: "noise"})
		e.Send(Event{Kind: ProgressKind})
		e.Send(Event{Kind: Failed, Path: fmt.Sprint(i)})
	}
	e.Send(Event{Kind: SummaryKind, Summary: &Summary{}})
	e.Close(time.Nanosecond) // does not wait for the reader
	e.Send(Event{Kind: Failed, Path: "too late"})
	close(w.goOn)
	<-e.done
	n := map[Kind]int{}
	events := read(t, &w.Buffer)
	for i, ev := range events {
		if ev.Kind == Failed && ev.Path != fmt.Sprint(n[Failed]) {
			t.Fatalf("event %d is %+v", i, ev)
		}
		n[ev.Kind]++
	}
	if n[Failed] != keepQueue || n[Debug]+n[ProgressKind] != lossyQueue {
		t.Errorf("%v have waited", n)
	}
	if last := events[len(events)-1]; last.Kind != SummaryKind {
		t.Errorf("the last event is %+v", last)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestEventsToTheDeadEnd(t *testing.T) {
	e := NewEventWriter(broken{})
	e.Send(Event{Kind: Ready})
	e.Close(time.Minute)
	select {
	case <-e.done:
	default:
		t.Error("Close has not waited")
	}
}

func TestNoiseBetweenEventsIsPassedOver(t *testing.T) {
	in := "time=now level=warning msg=runtime\n{\"kind\":\"ready\"}\n\n{}\n[1]\n{\"kind\":3}\n{\"kind\":\"failed\",\"path\":\"a\"}\n"
	want := []Event{{Kind: Ready}, {Kind: Failed, Path: "a"}}
	if d := cmp.Diff(want, read(t, strings.NewReader(in))); d != "" {
		t.Error(d)
	}
}

func TestCutEventIsAnError(t *testing.T) {
	err := ReadEvents(strings.NewReader(`{"kind":"ready"}`+"\n"+`{"kind":"fai`), func(Event) {})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add([]byte(`{"kind":"ready","proxy":{"mode":"container"}}` + "\n"))
	f.Add([]byte("\x00\n{\"kind\":\"summary\",\"summary\":{\"opened\":[{}]}}\nx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var events []Event
		if ReadEvents(bytes.NewReader(data), func(ev Event) { events = append(events, ev) }) != nil {
			return
		}
		if n := bytes.Count(data, []byte("\n")); len(events) > n {
			t.Errorf("%d events in %d lines", len(events), n)
		}
	})
}
