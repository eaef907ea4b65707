package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/fetch"
)

// maxRefs bounds the branches and tags of a repository; the largest have 100,000.
const maxRefs = 1 << 20

// remote is a repository on a server.
type remote struct {
	client *fetch.Client
	ticket *fetch.Ticket
	url    string // the repository's, perhaps with user and password
	at     string // where redirects have led from there; empty for nowhere

	version int               // of the protocol: 2 or 0
	caps    map[string]string // what the server can do
	refs    []ref             // version 0 tells them at once
}

// ref is a branch or tag, or HEAD.
type ref struct {
	name string
	id   id
}

// service is the request that opens a conversation.
const service = "/info/refs?service=git-upload-pack"

// connect asks the server what it can do.
func (r *remote) connect(ctx context.Context) error {
	asked := r.url + service
	return r.client.Exchange(ctx, fetch.Exchange{
		URL: asked, Ticket: r.ticket,
		Header: map[string][]string{
			"Git-Protocol": {"version=2"},
			"Accept":       {"application/x-git-upload-pack-advertisement"},
		},
	}, func(a fetch.Answer) error {
		if typ, _, _ := strings.Cut(a.ContentType, ";"); typ != "application/x-git-upload-pack-advertisement" {
			return fmt.Errorf("%w: it answers with %q (is this the URL of a repository?)", errProtocol, clip(printable(a.ContentType)))
		}
		if err := r.moved(asked, a.At); err != nil {
			return err
		}
		return r.readAdvertisement(newPacketReader(a.Body))
	})
}

// moved notes where redirects have led: the rest of the conversation goes there.
func (r *remote) moved(asked, at string) error {
	r.at = ""
	if u, err := url.Parse(asked); err == nil {
		u.User = nil
		if u.String() == at {
			return nil
		}
	}
	base, ok := strings.CutSuffix(at, service)
	if !ok {
		return fmt.Errorf("%w: a redirect leads to something that is no repository", errProtocol)
	}
	r.at = base
	return nil
}

func (r *remote) readAdvertisement(p *packetReader) error {
	r.version, r.caps, r.refs = 0, map[string]string{}, nil
	first, kind, err := p.line()
	if err == nil && kind == packetData && strings.HasPrefix(first, "# service=") {
		if _, kind, err = p.line(); err == nil && kind == packetFlush {
			first, kind, err = p.line()
		}
	}
	switch {
	case errors.Is(err, io.EOF) || err == nil && kind == packetFlush:
		return errors.New("the repository is empty")
	case err != nil:
		return err
	case first == "version 2":
		r.version = 2
		return r.readCapabilities(p)
	}
	return r.readRefs(p, first)
}

// readCapabilities reads version 2's: one per packet, "key" or "key=value".
func (r *remote) readCapabilities(p *packetReader) error {
	for {
		s, kind, err := p.line()
		if err != nil {
			return cutShort(err)
		}
		if kind != packetData {
			return nil
		}
		if len(r.caps) > 1000 {
			return fmt.Errorf("%w: it has too many capabilities", errProtocol)
		}
		key, value, _ := strings.Cut(s, "=")
		r.caps[key] = value
	}
}

// readRefs reads version 0's: "id name", the first with the capabilities behind a NUL.
func (r *remote) readRefs(p *packetReader, first string) error {
	if first == "version 1" {
		var err error
		if first, _, err = p.line(); err != nil {
			return cutShort(err)
		}
	}
	line, caps, _ := strings.Cut(first, "\x00")
	for c := range strings.FieldsSeq(caps) {
		key, value, _ := strings.Cut(c, "=")
		r.caps[key] = value
	}
	for kind := packetData; kind == packetData; {
		if len(r.refs) > maxRefs {
			return fmt.Errorf("%w: it has more than %d branches and tags", errProtocol, maxRefs)
		}
		hex, name, ok := strings.Cut(line, " ")
		i, err := parseID(hex)
		if !ok || err != nil {
			return fmt.Errorf("%w: it sends %q for a branch or tag", errProtocol, clip(printable(line)))
		}
		if name != "capabilities^{}" && !strings.HasSuffix(name, "^{}") {
			r.refs = append(r.refs, ref{name, i})
		}
		if line, kind, err = p.line(); err != nil {
			return cutShort(err)
		}
	}
	return nil
}

// cutShort is for places where the answer must not end.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the answer ends before its end", errProtocol)
	}
	return err
}

// lsRefs returns the repository's HEAD, branches and tags.
func (r *remote) lsRefs(ctx context.Context, f format) ([]ref, error) {
	if r.version != 2 {
		return r.refs, nil
	}
	var q request
	r.command(&q, "ls-refs", f)
	q.line("ref-prefix HEAD")
	q.line("ref-prefix refs/heads/")
	q.line("ref-prefix refs/tags/")
	q.flush()
	var refs []ref
	err := r.post(ctx, q.bytes(), func(p *packetReader) error {
		refs = nil
		for {
			s, kind, err := p.line()
			if err != nil {
				return cutShort(err)
			}
			if kind != packetData {
				return nil
			}
			hex, name, _ := strings.Cut(s, " ")
			name, _, _ = strings.Cut(name, " ")
			i, err := parseID(hex)
			if err != nil || len(refs) > maxRefs {
				return fmt.Errorf("%w: it sends %q for a branch or tag", errProtocol, clip(printable(s)))
			}
			refs = append(refs, ref{name, i})
		}
	})
	return refs, err
}

// command begins a version 2 request.
func (r *remote) command(q *request, name string, f format) {
	q.line("command=%s", name)
	if _, ok := r.caps["agent"]; ok {
		q.line("agent=lazybuild")
	}
	if _, ok := r.caps["object-format"]; ok {
		q.line("object-format=%s", f.name)
	}
	q.delim()
}

// formatOf is the repository's object format.
func (r *remote) formatOf() string {
	if f := r.caps["object-format"]; f != "" {
		return f
	}
	return sha1Format.name
}

// can says whether a server has one of the capabilities (version 0).
func (r *remote) can(any ...string) bool {
	return slices.ContainsFunc(any, func(c string) bool { _, ok := r.caps[c]; return ok })
}

// fetch has the pack with the wanted objects written by pack. depth 0 means the
// whole history.
func (r *remote) fetch(ctx context.Context, f format, wants []id, depth int, pack func(io.Reader) error) error {
	if r.version == 2 {
		return r.post(ctx, r.fetchRequest(f, wants, depth), func(p *packetReader) error {
			if err := skipToPack(p); err != nil {
				return err
			}
			return pack(&sideband{p: p})
		})
	}
	q, band := r.fetchRequest0(f, wants, depth)
	return r.post(ctx, q, func(p *packetReader) error {
		if err := skipToPack0(p, depth > 0); err != nil {
			return err
		}
		if !band {
			return pack(p.r)
		}
		return pack(&sideband{p: p})
	})
}

func (r *remote) fetchRequest(f format, wants []id, depth int) []byte {
	var q request
	r.command(&q, "fetch", f)
	q.line("no-progress")
	q.line("ofs-delta")
	for _, w := range wants {
		q.line("want %s", w)
	}
	if depth > 0 {
		q.line("deepen %d", depth)
	}
	q.line("done")
	q.flush()
	return q.bytes()
}

// skipToPack passes over the sections of an answer in front of the pack.
func skipToPack(p *packetReader) error {
	for {
		s, kind, err := p.line()
		switch {
		case err != nil:
			return cutShort(err)
		case kind == packetFlush || kind == packetEnd:
			return fmt.Errorf("%w: an answer without a pack", errProtocol)
		case s == "packfile":
			return nil
		}
	}
}

// fetchRequest0 is a version 0 request; band says that the pack will come in a sideband.
func (r *remote) fetchRequest0(f format, wants []id, depth int) (q []byte, band bool) {
	var caps string
	for _, c := range []string{"side-band-64k", "ofs-delta", "no-progress"} {
		if r.can(c) {
			caps += " " + c
		}
	}
	if r.can("object-format") {
		caps += " object-format=" + f.name
	}
	var b request
	for _, w := range wants {
		b.line("want %s%s", w, caps)
		caps = ""
	}
	if depth > 0 {
		b.line("deepen %d", depth)
	}
	b.flush()
	b.line("done")
	return b.bytes(), r.can("side-band-64k")
}

// skipToPack0 passes over "shallow …", a flush, and NAK.
func skipToPack0(p *packetReader, shallow bool) error {
	for {
		s, kind, err := p.line()
		switch {
		case err != nil:
			return cutShort(err)
		case s == "NAK" || strings.HasPrefix(s, "ACK "):
			return nil
		case shallow && (kind == packetFlush || strings.HasPrefix(s, "shallow ") || strings.HasPrefix(s, "unshallow ")):
		default:
			return fmt.Errorf("%w: it answers with %q", errProtocol, clip(printable(s)))
		}
	}
}

// post asks one question.
func (r *remote) post(ctx context.Context, q []byte, read func(*packetReader) error) error {
	const path = "/git-upload-pack"
	x := fetch.Exchange{
		URL: r.url + path, Body: q, Ticket: r.ticket,
		Header: map[string][]string{
			"Content-Type": {"application/x-git-upload-pack-request"},
			"Accept":       {"application/x-git-upload-pack-result"},
		},
	}
	if r.at != "" {
		x.At = r.at + path
	}
	if r.version == 2 {
		x.Header["Git-Protocol"] = []string{"version=2"}
	}
	return r.client.Exchange(ctx, x, func(a fetch.Answer) error {
		if typ, _, _ := strings.Cut(a.ContentType, ";"); typ != "application/x-git-upload-pack-result" {
			return fmt.Errorf("%w: it answers with %q", errProtocol, clip(printable(a.ContentType)))
		}
		return read(newPacketReader(a.Body))
	})
}
