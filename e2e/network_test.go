//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// toxic spoils a connection (toxiproxy's own words).
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]int `json:"attributes"`
}

// How a download through a spoiled connection ends: it succeeds all the same,
// or it fails with a message, and succeeds once the connection is good again.
// What pkg/fetch makes of each kind of answer is the table of its TestFaults;
// here are real sockets, the real program and a restart in between.
//
// Shows S62.
func TestSpoiledConnections(t *testing.T) {
	const size = 2 << 20
	for name, c := range map[string]struct {
		toxic toxic
		fails string // what the message says; empty: it succeeds
	}{
		"latency":                   {toxic{"latency", "downstream", map[string]int{"latency": 100, "jitter": 50}}, ""},
		"slow":                      {toxic{"bandwidth", "downstream", map[string]int{"rate": 2000}}, ""},
		"tiny packets":              {toxic{"slicer", "downstream", map[string]int{"average_size": 300, "size_variation": 200, "delay": 10}}, ""},
		"slow close":                {toxic{"slow_close", "downstream", map[string]int{"delay": 300}}, ""},
		"cut before the first byte": {toxic{"limit_data", "downstream", map[string]int{"bytes": 1}}, "malformed HTTP response"},
		"cut again and again":       {toxic{"limit_data", "downstream", map[string]int{"bytes": size / 3}}, ""},
		"cut before the last byte":  {toxic{"limit_data", "downstream", map[string]int{"bytes": size - 1}}, ""},
		"silence, then the end":     {toxic{"timeout", "downstream", map[string]int{"timeout": 200}}, "EOF"},
		"reset":                     {toxic{"reset_peer", "downstream", map[string]int{"timeout": 0}}, "reset"},
		"requests never arrive":     {toxic{"timeout", "upstream", map[string]int{"timeout": 200}}, "EOF"},
		"nobody listens":            {toxic{}, "refused"},
	} {
		for _, resumed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/resumed=%t", name, resumed), func(t *testing.T) {
				t.Parallel() // failures take seconds of back-off, and nothing here looks at what others leave
				content := randomBytes(size)
				p := newProject(t, nil)
				o := newOrigin(t)
				x := startToxiproxy(t, o.Listener.Addr().String())
				url := strings.Replace(o.add("blob", content), o.Listener.Addr().String(), x.listen, 1)
				p.write("artifacts.lock.yaml", genericHead+generic("blob", url, content))
				if resumed {
					p.killInTheMiddle(o, content)
				}
				x.spoil(c.toxic)
				said, code := p.materialize()
				if (code != 0) != (c.fails != "") || !strings.Contains(said, c.fails) {
					t.Errorf("exit code %d, want %q:\n%s", code, c.fails, said)
				}
				x.mend()
				if said, code := p.materialize(); code != 0 {
					t.Errorf("over a good connection: exit code %d\n%s", code, said)
				}
				got, err := os.ReadFile(filepath.Join(p.tmp, "out", "deps/generic/blob"))
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%d bytes, or other ones (%v)", len(got), err)
				}
				p.goodStore()
			})
		}
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(b)
	return append([]byte(nonce()), b...)
}

// materialize writes the project's files to out, and returns what was said.
func (p *project) materialize() (string, int) {
	p.t.Helper()
	return output(p.t, p.materializing())
}

// output runs a program that may fail.
func output(t *testing.T, cmd *exec.Cmd) (string, int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err == nil {
		return string(out), 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), exit.ExitCode()
}

func (p *project) materializing() *exec.Cmd {
	cmd := exec.Command(binary(), "materialize", "--output", filepath.Join(p.tmp, "out"), ".")
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "LAZYBUILD_STORE="+p.store)
	return cmd
}

// killInTheMiddle leaves half of a download in the store: a lazybuild that was
// killed when half had come.
func (p *project) killInTheMiddle(o *origin, content []byte) {
	p.t.Helper()
	half := make(chan struct{})
	o.answer("blob", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:len(content)/2])
		w.(http.Flusher).Flush()
		close(half)
		<-r.Context().Done()
	})
	cmd := p.materializing()
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	<-half
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	o.mu.Lock()
	delete(o.serve, "/blob")
	o.mu.Unlock()
}

// toxiproxy is a running proxy that spoils connections.
type toxiproxy struct {
	t                     *testing.T
	program               string
	api, listen, upstream string
	kill                  func()
}

// startToxiproxy starts one in front of upstream. hack/toxiproxy.sh builds it.
func startToxiproxy(t *testing.T, upstream string) *toxiproxy {
	t.Helper()
	out, err := exec.Command("../hack/toxiproxy.sh").Output()
	if err != nil {
		t.Fatalf("building toxiproxy: %v", err)
	}
	x := &toxiproxy{t: t, program: strings.TrimSpace(string(out)), listen: ownAddress(t, upstream) + ":0", upstream: upstream}
	x.start()
	t.Cleanup(func() { x.kill() })
	return x
}

// start starts the program, with good connections.
func (x *toxiproxy) start() {
	x.t.Helper()
	own, _, _ := net.SplitHostPort(x.listen)
	host, port, _ := net.SplitHostPort(freeAddress(x.t, own))
	x.api = "http://" + net.JoinHostPort(host, port)
	cmd := exec.Command(x.program, "-host", host, "-port", port)
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	x.kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	x.await()
	made := x.call("POST", "/proxies", map[string]any{"name": "origin", "listen": x.listen, "upstream": x.upstream, "enabled": true})
	x.listen = made["listen"].(string)
}

// ownAddress is an address of the loopback (127.0.0.0/8) that no other test uses:
// upstream's port makes it. On a shared one somebody else may get the port of a
// proxy that does not listen for a moment.
func ownAddress(t *testing.T, upstream string) string {
	t.Helper()
	addr, err := netip.ParseAddrPort(upstream)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrFrom4([4]byte{127, 77, byte(addr.Port() >> 8), byte(addr.Port())}).String()
}

// freeAddress is host with a port on which nobody listens now.
func freeAddress(t *testing.T, host string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await waits until the program answers.
func (x *toxiproxy) await() {
	x.t.Helper()
	for end := time.Now().Add(patience); ; {
		resp, err := http.Get(x.api + "/version")
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(end) {
			x.t.Fatal(err)
		}
	}
}

func (x *toxiproxy) call(method, path string, body any) map[string]any {
	x.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		x.t.Fatal(err)
	}
	req, err := http.NewRequest(method, x.api+path, bytes.NewReader(data))
	if err != nil {
		x.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		x.t.Fatalf("toxiproxy: %s: %s (%v)", resp.Status, text, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		x.t.Fatalf("toxiproxy: %s: %v", text, err)
	}
	return answer
}

// spoil spoils the connections; the zero toxic ends the listening. No connection
// may be open meanwhile: the program waits for those that are in the middle of
// something, now and then for ever. So all are ended first.
func (x *toxiproxy) spoil(c toxic) {
	x.t.Helper()
	x.mend()
	if c.Type == "" {
		x.call("POST", "/proxies/origin", map[string]any{"enabled": false})
		return
	}
	x.call("POST", "/proxies/origin/toxics", c)
}

// mend makes everything good again.
func (x *toxiproxy) mend() {
	x.t.Helper()
	x.kill()
	x.start()
}
