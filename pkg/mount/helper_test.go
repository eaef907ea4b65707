//go:build linux

package mount

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// The tests never touch a mount from the process that serves it: an agent, the test
// binary run again, does it for them.
const agentEnv = "LAZYBUILD_MOUNT_TEST_AGENT"

func TestMain(m *testing.M) {
	if os.Getenv(agentEnv) != "" {
		agentMain()
		return
	}
	goleak.VerifyTestMain(m)
}

// agentMain carries out one command per line and answers each with one line: "ok",
// a tab and the result, or the name of the errno.
func agentMain() {
	runtime.LockOSThread() // one thread does all, so that a test can send it signals
	fmt.Printf("%d\n", unix.Gettid())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		result, err := agentDo(strings.Split(in.Text(), "\t"))
		var errno syscall.Errno
		switch {
		case errors.As(err, &errno):
			fmt.Println(unix.ErrnoName(errno))
		case err != nil:
			fmt.Println(strconv.Quote(err.Error()))
		default:
			fmt.Printf("ok\t%q\n", result)
		}
	}
}

func agentDo(args []string) (string, error) {
	number := func(i int) int { n, _ := strconv.Atoi(args[i]); return n }
	switch args[0] {
	case "open":
		fd, err := unix.Open(args[1], unix.O_RDONLY, 0)
		return strconv.Itoa(fd), err
	case "openwrite":
		fd, err := unix.Open(args[1], unix.O_WRONLY, 0)
		return strconv.Itoa(fd), err
	case "read": // fd, bytes, offset
		buf := make([]byte, number(2))
		n, err := unix.Pread(number(1), buf, int64(number(3)))
		return string(buf[:max(n, 0)]), err
	case "copyrange": // fd, bytes, path of a new file
		out, err := unix.Open(args[3], unix.O_WRONLY|unix.O_CREAT, 0o644)
		if err != nil {
			return "", err
		}
		defer unix.Close(out)
		n, err := unix.CopyFileRange(number(1), nil, out, nil, number(2), 0)
		return strconv.Itoa(n), err
	case "close":
		return "", unix.Close(number(1))
	case "fsync":
		return "", unix.Fsync(number(1))
	case "stat", "fstat":
		var st unix.Stat_t
		var err error
		if args[0] == "stat" {
			err = unix.Stat(args[1], &st)
		} else {
			err = unix.Fstat(number(1), &st)
		}
		return fmt.Sprintf("mode=%o size=%d nlink=%d ino=%d mtime=%d.%d uid=%d",
			st.Mode, st.Size, st.Nlink, st.Ino, st.Mtim.Sec, st.Mtim.Nsec, st.Uid), err
	case "getxattr":
		buf := make([]byte, 256)
		n, err := unix.Getxattr(args[1], args[2], buf)
		return string(buf[:max(n, 0)]), err
	case "listxattr":
		buf := make([]byte, 256)
		n, err := unix.Listxattr(args[1], buf)
		return string(buf[:max(n, 0)]), err
	case "mmap": // fd, bytes, "shared" or "private"
		flags := unix.MAP_PRIVATE
		if args[3] == "shared" {
			flags = unix.MAP_SHARED
		}
		b, err := unix.Mmap(number(1), 0, number(2), unix.PROT_READ, flags)
		if err != nil {
			return "", err
		}
		s := string(b) // the mapping stays
		return s, nil
	case "ls":
		entries, err := os.ReadDir(args[1])
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return strings.Join(names, " "), err
	case "statfs":
		var st unix.Statfs_t
		err := unix.Statfs(args[1], &st)
		return fmt.Sprintf("files=%d bytes=%d free=%d namelen=%d", st.Files, st.Blocks*uint64(st.Bsize), st.Bfree, st.Namelen), err
	case "readall": // path, bytes per read, how often; each with open and close
		return "", readAll(args[1], number(2), number(3))
	case "write":
		return "", os.WriteFile(args[1], []byte(args[2]), 0o644)
	}
	return "", fmt.Errorf("unknown command %q", args[0])
}

func readAll(path string, size, times int) error {
	buf := make([]byte, size)
	for range times {
		fd, err := unix.Open(path, unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		for n := 1; n > 0; {
			if n, err = unix.Read(fd, buf); err != nil {
				return err
			}
		}
		if err := unix.Close(fd); err != nil {
			return err
		}
	}
	return nil
}

// An agent is a process that uses the mount.
type agent struct {
	t    testing.TB
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	tid  int
	dead bool
}

func newAgent(t testing.TB) *agent {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), agentEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(a.stop)
	if a.tid, err = strconv.Atoi(a.line()); err != nil {
		t.Fatal(err)
	}
	return a
}

// stop ends the agent and waits for it.
func (a *agent) stop() {
	if a.dead {
		return
	}
	a.dead = true
	_ = a.in.Close()
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
}

func (a *agent) line() string {
	a.t.Helper()
	s, err := a.out.ReadString('\n')
	if err != nil {
		a.t.Errorf("the agent has died: %v", err)
	}
	return strings.TrimSuffix(s, "\n")
}

// start sends a command; answer gets what came of it.
func (a *agent) start(args ...any) {
	a.t.Helper()
	var words []string
	for _, arg := range args {
		words = append(words, fmt.Sprint(arg))
	}
	if _, err := io.WriteString(a.in, strings.Join(words, "\t")+"\n"); err != nil {
		a.t.Fatal(err)
	}
}

// answer returns the result and "" or the errno's name.
func (a *agent) answer() (result, errno string) {
	a.t.Helper()
	status, quoted, ok := strings.Cut(a.line(), "\t")
	if !ok {
		return "", status
	}
	result, err := strconv.Unquote(quoted)
	if err != nil {
		a.t.Fatal(err)
	}
	return result, ""
}

func (a *agent) do(args ...any) (result, errno string) {
	a.t.Helper()
	a.start(args...)
	return a.answer()
}

// must does what has to succeed.
func (a *agent) must(args ...any) string {
	a.t.Helper()
	result, errno := a.do(args...)
	if errno != "" {
		a.t.Fatalf("%v: %s", args, errno)
	}
	return result
}

// refused does what has to fail with an errno.
func (a *agent) refused(errno string, args ...any) {
	a.t.Helper()
	if got, have := a.do(args...); have != errno {
		a.t.Errorf("%v: result %q, errno %q; want errno %s", args, got, have, errno)
	}
}

// within fails the test when something that must happen does not.
func within[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("%s did not happen", what)
		panic("unreachable")
	}
}
