package store

import (
	"bytes"
	"context"
	"os/exec"
	"strconv"
	"testing"
)

// Shows S11.
func TestOneFillOverAllProcesses(t *testing.T) {
	s := openTest(t, Options{})
	const processes = 8
	var out [processes]bytes.Buffer
	var cmds []*exec.Cmd
	for i := range processes {
		cmd := child(t, "", "put", s.Dir(), "5000")
		cmd.Stdout, cmd.Stderr = &out[i], &out[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	fills := 0
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v\n%s", i, err, &out[i])
		}
		fills += bytes.Count(out[i].Bytes(), []byte("filled"))
	}
	if fills != 1 {
		t.Errorf("%d processes filled, want 1", fills)
	}
	wantNothingUnderWay(t, s)
}

// Shows S13.
func TestAKilledWriterIsContinued(t *testing.T) {
	content := testContent(1000)
	for _, at := range []int{1, 4096, 10_000, len(content) - 1, len(content)} {
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			s := openTest(t, Options{})
			if err := child(t, "", "die", s.Dir(), "1000", strconv.Itoa(at)).Run(); !killed(err) {
				t.Fatalf("the writer ended with %v, want SIGKILL", err)
			}
			if _, err := s.Stat(sha256Of(content)); err == nil {
				t.Error("the blob is there")
			}
			offset := int64(len(content))
			f, _, err := s.Put(t.Context(), sha256Of(content), int64(len(content)), func(ctx context.Context, p *Partial) error {
				offset = p.Offset()
				return fillWith(content)(ctx, p)
			})
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, f, content)
			if offset != int64(at) {
				t.Errorf("continued at %d, want %d", offset, at)
			}
			wantNothingUnderWay(t, s)
		})
	}
}
