//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// sample is one build; times in seconds.
type sample struct{ step, total, cpu float64 }

// build runs a command until it ends and notes when podman began its first step.
// cut runs it without network.
func build(ctx context.Context, dir string, cut bool, env []string, args ...string) (sample, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, env
	if cut {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return sample{}, err
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	var s sample
	start := time.Now()
	err = cmd.Start()
	w.Close()
	if err != nil {
		return s, err
	}
	var said bytes.Buffer
	lines := bufio.NewReader(io.TeeReader(r, &said))
	for {
		line, err := lines.ReadString('\n')
		if s.step == 0 && strings.HasPrefix(line, "STEP ") {
			s.step = time.Since(start).Seconds()
		}
		if err != nil {
			break
		}
	}
	err = cmd.Wait()
	s.total = time.Since(start).Seconds()
	if err == nil && s.step == 0 {
		err = fmt.Errorf("podman has said nothing of a step")
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, said.Bytes())
	}
	s.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return s, nil
}
