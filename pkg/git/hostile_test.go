package git

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// packOf makes a pack of entries that packed has made.
func packOf(entries ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(len(entries)))
	b = append(b, bytes.Join(entries, nil)...)
	h := sha1Format.new()
	h.Write(b)
	return h.Sum(b)
}

// packed is an object that says it has size bytes and has content; before is
// what a delta has in front of its content.
func packed(t objectType, size int, before string, content string) []byte {
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	zw.Write([]byte(content))
	zw.Close()
	return append(append(entryHead(t, int64(size)), before...), z.Bytes()...)
}

func blobID(content string) id {
	h := sha1Format.objectHash(typeBlob, int64(len(content)))
	h.Write([]byte(content))
	i, _ := sum(h)
	return i
}

func unpackBytes(t testing.TB, pack []byte) (*objects, error) {
	t.Helper()
	f, err := scratch(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(pack); err != nil {
		t.Fatal(err)
	}
	o, err := newObjects(Options{Scratch: os.TempDir(), Limits: Limits{Unpacked: 1 << 20, Objects: 1000}.withDefaults()}, sha1Format)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.close)
	return o, o.unpack(context.Background(), f)
}

// A delta that makes "hello there" of "hello world": copy 6 bytes, insert 5.
const helloDelta = "\x0b\x0b\x90\x06\x05there"

func TestDeltasAreResolved(t *testing.T) {
	base := packed(typeBlob, 11, "", "hello world")
	ref := string(blobID("hello world"))
	for name, pack := range map[string][]byte{
		"by offset":            packOf(base, packed(typeOfsDelta, len(helloDelta), string(rune(len(base))), helloDelta)),
		"by id":                packOf(base, packed(typeRefDelta, len(helloDelta), ref, helloDelta)),
		"in front of its base": packOf(packed(typeRefDelta, len(helloDelta), ref, helloDelta), base),
	} {
		t.Run(name, func(t *testing.T) {
			o, err := unpackBytes(t, pack)
			if err != nil {
				t.Fatal(err)
			}
			ob, ok := o.index[blobID("hello there")]
			got, err := io.ReadAll(o.content(ob))
			if !ok || err != nil || string(got) != "hello there" {
				t.Errorf("the object is there: %v, and holds %q (%v)", ok, got, err)
			}
		})
	}
}

// Shows S60.
func TestMalformedPacksAreRefused(t *testing.T) {
	base := packed(typeBlob, 11, "", "hello world")
	back := string(rune(len(base)))
	big := strings.Repeat("\xff\x00\x00\x00\x00\x0b\x00\x00", 1)
	for name, pack := range map[string][]byte{
		"nothing":                     {},
		"no pack":                     []byte("HTTP/1.1 200 OK\r\n\r\n"),
		"more objects than there are": append([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x05"), base...),
		"too many objects":            []byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"),
		"longer than it says":         packOf(packed(typeBlob, 5, "", "hello world")),
		"shorter than it says":        packOf(packed(typeBlob, 50, "", "hello world")),
		"a bomb":                      packOf(packed(typeBlob, 2<<20, "", strings.Repeat("\x00", 2<<20))),
		"a delta of nothing":          packOf(packed(typeRefDelta, len(helloDelta), strings.Repeat("x", 20), helloDelta)),
		"a delta of itself":           packOf(packed(typeOfsDelta, len(helloDelta), "\x00", helloDelta)),
		"a delta of before the pack":  packOf(packed(typeOfsDelta, len(helloDelta), "\x7f", helloDelta)),
		"a delta of another size":     packOf(base, packed(typeOfsDelta, len(helloDelta), back, "\x0a"+helloDelta[1:])),
		"a delta beyond its base":     packOf(base, packed(typeOfsDelta, 5, back, "\x0b\x0b\x91\x06\x0b")),
		"a delta that makes too much": packOf(base, packed(typeOfsDelta, 2+3*2, back, "\x0b\x0b"+strings.Repeat("\x90\x0b", 3))),
		"a delta that ends early":     packOf(base, packed(typeOfsDelta, 4, back, "\x0b\x0b\x05a")),
		"instruction 0":               packOf(base, packed(typeOfsDelta, 3, back, "\x0b\x0b\x00")),
		"type 5":                      packOf(packed(5, 11, "", "hello world")),
		"another checksum":            append(packOf(base)[:len(packOf(base))-1], 0),
		"something behind it":         append(packOf(base), 0),
		"not deflated":                packOf(append(entryHead(typeBlob, 11), "hello world"...)),
		"impossible size":             packOf([]byte(strings.Repeat("\xbf", 12) + big)),
	} {
		t.Run(name, func(t *testing.T) {
			o, err := unpackBytes(t, pack)
			if err == nil {
				t.Fatal("no error")
			}
			if !errors.Is(err, errPack) && !errors.As(err, new(*LimitError)) {
				t.Errorf("the error is %v", err)
			}
			if o.size > 2<<20 {
				t.Errorf("%d bytes were written", o.size)
			}
		})
	}
}

// Shows S60.
func TestHostileTreesAreRefused(t *testing.T) {
	raw := strings.Repeat("\x01", 20)
	for name, tree := range map[string]string{
		"parent":            "40000 ..\x00" + raw,
		"git directory":     "40000 .git\x00" + raw,
		"its other case":    "40000 .GiT\x00" + raw,
		"its short name":    "40000 GIT~1\x00" + raw,
		"slash":             "100644 a/b\x00" + raw,
		"absolute":          "100644 /a\x00" + raw,
		"empty":             "100644 \x00" + raw,
		"twice":             "120000 a\x00" + raw + "100644 a\x00" + raw,
		"link and dir":      "120000 a\x00" + raw + "100644 a.b\x00" + raw + "40000 a\x00" + raw,
		"device":            "60000 a\x00" + raw,
		"no mode":           "a\x00" + raw,
		"short id":          "100644 a\x00" + raw[:10],
		"no NUL":            "100644 a",
		"too long a name":   "100644 " + strings.Repeat("a", 256) + "\x00" + raw,
		"mode of a setuid?": "777777777777 a\x00" + raw,
	} {
		if e, err := parseTree([]byte(tree), sha1Format); err == nil {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// A tree that has itself twice, 40 levels deep, names 2^40 files.
//
// Shows S60.
func TestATreeThatExpandsWithoutBoundIsRefused(t *testing.T) {
	w := newWorld(t)
	w.repo("app", map[string]string{"x": "x"})
	mktree := func(lines string) string {
		cmd := exec.Command("git", "-C", w.dir+"/app", "mktree")
		cmd.Stdin = strings.NewReader(lines)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	tree := w.git("app", "rev-parse", "HEAD^{tree}")
	for range 40 {
		tree = mktree("040000 tree " + tree + "\ta\n040000 tree " + tree + "\tb\n")
	}
	commit := w.git("app", "commit-tree", "-m", "bomb", tree)
	w.git("app", "branch", "bomb", commit)
	opt := w.options()
	opt.Limits.Files = 10000
	c, err := Fetch(context.Background(), []string{w.url("app")}, commit, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.WriteArchive(context.Background(), io.Discard, Archive{}); !errors.As(err, new(*LimitError)) {
		t.Errorf("the error is %v", err)
	}
}

// The first two blocks of the SHAttered files: git's object header in front of
// them keeps the known pair from colliding as objects, so the hash is asked.
//
// Shows S59.
func TestAnAttackOnSha1IsFound(t *testing.T) {
	const prefix = "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f4865696768742033203020522f547970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f7253706163652037203020522f4c656e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d3120697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01"
	const attack = "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c56b45c1530afedfb76038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be33542a4802d98b5d70f2a332ec37fac3514e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf3f98cda8044629a1"
	b, err := hex.DecodeString(prefix + attack)
	if err != nil {
		t.Fatal(err)
	}
	h := sha1Format.new()
	h.Write(b)
	if _, err := sum(h); !errors.Is(err, errCollision) {
		t.Errorf("the error is %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	base := packed(typeBlob, 11, "", "hello world")
	f.Add(packOf(base, packed(typeOfsDelta, len(helloDelta), string(rune(len(base))), helloDelta)))
	f.Add(packOf(packed(typeRefDelta, len(helloDelta), string(blobID("hello world")), helloDelta), base))
	f.Fuzz(func(t *testing.T, pack []byte) {
		o, err := unpackBytes(t, pack)
		if o.size > 2<<20 {
			t.Errorf("%d bytes were written", o.size)
		}
		for i, ob := range o.index {
			if err != nil {
				break
			}
			b, err := io.ReadAll(o.content(ob))
			h := sha1Format.objectHash(ob.typ, int64(len(b)))
			h.Write(b)
			if got, _ := sum(h); got != i || err != nil {
				t.Errorf("%s holds %s (%v)", i, got, err)
			}
		}
	})
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("40000 a\x00" + strings.Repeat("\x01", 20) + "100644 b\x00" + strings.Repeat("\x02", 20)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := parseTree(raw, sha1Format)
		for _, e := range entries {
			if err == nil && (e.name == ".." || strings.ContainsAny(e.name, "/\x00") || len(e.id) != 20) {
				t.Errorf("%+v", e)
			}
		}
	})
}

func FuzzConversation(f *testing.F) {
	f.Add([]byte("001e# service=git-upload-pack\n0000000eversion 2\n000bls-refs\n0000"))
	f.Add([]byte("000cpackfile\n0009\x01PACK0000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r remote
		_ = r.readAdvertisement(newPacketReader(bytes.NewReader(b)))
		p := newPacketReader(bytes.NewReader(b))
		if skipToPack(p) == nil {
			n, _ := io.Copy(io.Discard, &sideband{p: p})
			if n > int64(len(b)) {
				t.Errorf("%d bytes of %d", n, len(b))
			}
		}
		_ = skipToPack0(newPacketReader(bytes.NewReader(b)), true)
	})
}

func FuzzCommitAndModules(f *testing.F) {
	f.Add("tree " + strings.Repeat("ab", 20) + "\ncommitter C <c> 1 +0000\n\nmessage")
	f.Add("[submodule \"x\"]\n\tpath = x\n\turl = ../x.git\n")
	f.Fuzz(func(t *testing.T, s string) {
		_, _ = parseCommit([]byte(s), sha1Format)
		for _, m := range parseModules(s) {
			if where, err := m.place("https://example.org/a/b"); err == nil {
				_, _ = Places(where)
			}
		}
	})
}

// answer has the server answer with this pack, in packets of a sideband.
func answer(pack []byte) func(http.Handler) http.Handler {
	return spoil(func(w http.ResponseWriter, _ []byte) {
		fmt.Fprint(w, "000dpackfile\n")
		for len(pack) > 0 {
			n := min(len(pack), 60000)
			fmt.Fprintf(w, "%04x\x01%s", n+5, pack[:n])
			pack = pack[n:]
		}
		fmt.Fprint(w, "0000")
	})
}

// A pack that is well-formed and holds something else.
//
// Shows S59.
func TestObjectsThatNobodyAskedForAreOfNoUse(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("app", map[string]string{"file": "the right content\n"})
	object := func(typ objectType, name string) []byte {
		t.Helper()
		cmd := exec.Command("git", "-C", w.dir+"/app", "cat-file", typ.String(), name)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return packed(typ, len(out), "", string(out))
	}
	real := object(typeCommit, commit)
	tree := object(typeTree, commit+"^{tree}")
	other := w.commit("app", map[string]string{"file": "other content\n"})
	for name, c := range map[string]struct {
		pack []byte
		want error
	}{
		"another commit":    {packOf(object(typeCommit, other), tree, packed(typeBlob, 14, "", "other content\n")), errNotThere},
		"nothing":           {packOf(), errNotThere},
		"no tree":           {packOf(real), errObject},
		"another tree":      {packOf(real, object(typeTree, other+"^{tree}")), errObject},
		"no content":        {packOf(real, tree), errObject},
		"another content":   {packOf(real, tree, packed(typeBlob, 14, "", "other content\n")), errObject},
		"a tree for a file": {packOf(real, tree, packed(typeTree, 0, "", "")), errObject},
	} {
		t.Run(name, func(t *testing.T) {
			w.fault(answer(c.pack))
			got, err := Fetch(context.Background(), []string{w.url("app")}, commit, w.options())
			if err == nil {
				defer got.Close()
				err = got.WriteArchive(context.Background(), io.Discard, Archive{})
			}
			if !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
		})
	}
	w.fault(answer(packOf(real, tree, packed(typeBlob, 18, "", "the right content\n"))))
	if a := w.archive(w.fetch("app", commit), Archive{}); len(a) == 0 {
		t.Error("the right objects make no archive")
	}
}
