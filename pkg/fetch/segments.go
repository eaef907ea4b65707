package fetch

import (
	"context"
	"errors"
	"sync"
)

// A large file is fetched by several connections, since one is often held back
// by its round-trip time or by the server. Its pieces are read into a few
// buffers and written in order, so that the Sink can hash them as they come and
// what it has is always the file's beginning.
//
// This is nothing but an accelerator: whatever goes wrong, the plain way goes on
// from the last byte that was written, and says what is wrong.
type segments struct {
	// from is the least number of missing bytes for which more connections are
	// worth their handshakes.
	from int64
	// probe is the length of the first piece, which finds out whether the server
	// does ranges.
	probe int64
	// piece is the length of the others. It is a compromise: each one costs a
	// round trip, and is held in memory.
	piece int64
}

var defaultSegments = segments{from: 8 << 20, probe: 512 << 10, piece: 2 << 20}

// maxSegmented bounds the memory: so many downloads at once are segmented, with
// a piece for each connection and two pieces to be written. Others begin with one
// connection, and go on with several when one of these has ended: the last large
// file of many would else have one connection, and the link to itself.
const maxSegmented = 3

// piece is a part of the file that a worker fetches. done is closed when
// everything else is final.
type piece struct {
	from, to int64
	data     []byte
	tries    int
	err      error
	done     chan struct{}
}

// worthSegments says whether enough is missing.
func (d *download) worthSegments() bool {
	return d.req.Size-d.sink.Offset() >= d.c.segments.from
}

// takeRoom takes a place among the segmented downloads if there is one.
func (d *download) takeRoom() bool {
	select {
	case d.c.segmenting <- struct{}{}:
		d.room, d.wider = true, false
	default:
	}
	return d.room
}

// inSegments downloads with several connections, in the room that was taken, and
// gives it back. done is false when the plain way must do the rest. The error is
// the Sink's or ctx's.
func (d *download) inSegments(ctx context.Context) (done bool, err error) {
	defer func() {
		<-d.c.segmenting
		d.room = false
	}()
	first := &piece{from: d.sink.Offset(), to: d.sink.Offset() + d.c.segments.probe, done: make(chan struct{})}
	etag := d.probe(ctx, first)
	if first.err != nil {
		return false, d.given(ctx, first)
	}
	if err := d.state(d.req.Size); err != nil {
		return false, asError(d.tg, err)
	}
	d.etag = etag
	if err := d.writePiece(first); err != nil {
		return false, err
	}
	return d.rest(ctx)
}

// probe fetches the first piece. No second try: the plain way has those.
func (d *download) probe(ctx context.Context, p *piece) (etag string) {
	r := d.part(p, d.etag)
	defer close(p.done)
	_, e, err := d.c.once(ctx, d.tg, d.ticket, func(ctx context.Context) (bool, error) {
		p.tries++
		return false, r.try(ctx)
	})
	switch {
	case err != nil:
		p.err = err
	case e != nil:
		p.err = e
	case r.result.Whole || r.result.Total != d.req.Size:
		p.err = errMismatch
	}
	p.data = r.result.Data
	return r.etag
}

func (d *download) part(p *piece, etag string) *part {
	return &part{c: d.c, tg: d.tg, from: p.from, to: p.to, segment: true, ifRange: etag, buf: p.data}
}

// rest fetches what is missing. Workers take pieces in order and fetch them at
// the same time; this goroutine writes.
func (d *download) rest(parent context.Context) (done bool, err error) {
	ctx, cancel := context.WithCancel(parent)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	s := &splitter{next: d.sink.Offset(), end: d.req.Size, size: d.c.segments.piece, order: make(chan *piece, d.c.opt.Segments+2)}
	free := make(chan []byte, d.c.opt.Segments+2)
	for range cap(free) {
		free <- nil // made when first used
	}
	for range d.c.opt.Segments {
		workers.Go(func() { d.work(ctx, s, free) })
	}
	for d.sink.Offset() < d.req.Size {
		var p *piece
		select {
		case p = <-s.order:
		case <-parent.Done():
			return false, context.Cause(parent)
		}
		<-p.done
		if p.err != nil {
			return false, d.given(parent, p)
		}
		if err := d.writePiece(p); err != nil {
			return false, err
		}
		free <- p.data
	}
	return true, nil
}

// splitter hands out the pieces in order.
type splitter struct {
	mu        sync.Mutex
	next, end int64
	size      int64       // of a piece
	order     chan *piece // as handed out; has room for as many as there are buffers
}

func (s *splitter) take(buf []byte) *piece {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next >= s.end {
		return nil
	}
	p := &piece{from: s.next, to: min(s.next+s.size, s.end), data: buf, done: make(chan struct{})}
	s.next = p.to
	s.order <- p
	return p
}

// work fetches pieces until there are none. A buffer is taken before a piece:
// so the piece that is written next always has one.
func (d *download) work(ctx context.Context, s *splitter, free chan []byte) {
	for {
		var buf []byte
		select {
		case buf = <-free:
		case <-ctx.Done():
			return
		}
		p := s.take(buf)
		if p == nil {
			return
		}
		d.fetchPiece(ctx, p)
	}
}

func (d *download) fetchPiece(ctx context.Context, p *piece) {
	defer close(p.done)
	r := d.part(p, d.etag)
	p.err = d.c.persist(ctx, d.tg, d.ticket, func(ctx context.Context) (bool, error) {
		p.tries++
		return false, r.try(ctx)
	})
	if p.err == nil && (r.result.Whole || r.result.Total != d.req.Size) {
		p.err = errMismatch // the file has changed
	}
	p.data = r.result.Data
}

func (d *download) writePiece(p *piece) error {
	d.count(p)
	if _, err := d.sink.Write(p.data); err != nil {
		return asError(d.tg, local("storing the file", err))
	}
	d.result.Bytes += int64(len(p.data))
	d.highest = d.sink.Offset()
	d.result.URL = d.tg.redacted
	return nil
}

// given is what remains of a piece's error: the caller's context. Everything
// else is left to the plain way.
func (d *download) given(ctx context.Context, p *piece) error {
	d.count(p)
	if _, ok := errors.AsType[*Error](p.err); !ok && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (d *download) count(p *piece) {
	d.result.Tries += p.tries
	d.result.Retries += max(0, p.tries-1)
}
