package content

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/rpm"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// repodata makes the repodata of dir, or takes it from the store: a repository
// that any build of this host has seen costs no header and no request.
func (s *Source) repodata(ctx context.Context, dir, modulesPath string) ([]tree.File, error) {
	packages := s.packagesIn(dir)
	var modules []byte
	if modulesPath != "" {
		var err error
		if modules, err = s.wholeFile(ctx, modulesPath); err != nil {
			return nil, err
		}
	}
	entries := make([]rpm.Entry, len(packages))
	for i, f := range packages {
		entries[i] = rpm.Entry{Href: strings.TrimPrefix(f.Path, dir+"/"), Digest: f.Digest, Size: f.Size, Mtime: f.Mtime().Unix()}
	}
	if err := s.stateDigests(ctx, packages, entries); err != nil {
		return nil, err
	}
	name := s.repodataKey(entries, modules)
	var fresh freshFacts
	blob, _, err := s.view.Make(ctx, name, func(ctx context.Context, w io.Writer) error {
		data := s.noted(name)
		if data == nil {
			made, err := s.makeRepodata(ctx, packages, entries, modules, &fresh)
			if err != nil {
				return err
			}
			if data, err = made.MarshalBinary(); err != nil {
				return err
			}
			if len(made.Stated) > 0 {
				s.note(name, data)
			}
		}
		_, err := w.Write(data)
		return err
	})
	s.keep(&fresh)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	return s.readRepodata(blob)
}

// notedSection is where repodata stands among the store's facts.
const notedSection = "repodata"

// noteOf names repodata among the store's facts, apart for each set of credentials.
func (s *Source) noteOf(name string) digest.Digest {
	return digest.FromBytes([]byte("lazybuild repodata " + s.view.Tag() + " " + name))
}

// note keeps repodata among the facts too if it was made of what repositories
// say, of which no facts about single packages are kept: a store that had to make
// room need not ask for all of it again. Nobody waits for that.
func (s *Source) note(name string, data []byte) {
	s.wg.Go(func() {
		section, err := json.Marshal(data)
		if err == nil {
			err = s.setSection(s.noteOf(name), notedSection, section, tree.SizeUnknown)
		}
		if err != nil {
			s.debug("noting repodata: %v", err)
		}
	})
}

// noted is what note has kept; nil when that is nothing of use.
func (s *Source) noted(name string) []byte {
	facts, err := s.store.Facts(s.noteOf(name))
	var data []byte
	if err != nil || json.Unmarshal(facts.Sections[notedSection], &data) != nil || new(rpm.Repodata).UnmarshalBinary(data) != nil {
		return nil
	}
	return data
}

func (s *Source) makeRepodata(ctx context.Context, packages []*tree.File, entries []rpm.Entry, modules []byte, fresh *freshFacts) (*rpm.Repodata, error) {
	if s.oldWay != nil {
		return s.createrepo(ctx, packages, modules)
	}
	stated, err := s.readHeaders(ctx, packages, entries, fresh)
	if err != nil {
		return nil, err
	}
	made, err := rpm.Write(entries, modules, rpm.Options{})
	if err != nil {
		return nil, err
	}
	made.Stated = stated
	return made, nil
}

func (s *Source) readRepodata(r io.Reader) ([]tree.File, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var made rpm.Repodata
	if err := made.UnmarshalBinary(data); err != nil {
		return nil, err
	}
	s.stated.add(made.Stated) // before anybody can act on it
	var files []tree.File
	for _, f := range made.Files {
		files = append(files, tree.File{Path: f.Name, Size: int64(len(f.Data)), Digest: digest.FromBytes(f.Data), Content: f.Data})
	}
	return files, nil
}

// packagesIn lists the RPMs directly in dir, source packages too.
func (s *Source) packagesIn(dir string) []*tree.File {
	var fs []*tree.File
	for i := range s.tree.Files {
		f := &s.tree.Files[i]
		rest, ok := strings.CutPrefix(f.Path, dir+"/")
		if ok && strings.HasSuffix(rest, ".rpm") && !strings.Contains(rest, "/") {
			fs = append(fs, f)
		}
	}
	return fs
}

// wholeFile downloads a file of the tree and reads it.
func (s *Source) wholeFile(ctx context.Context, path string) (data []byte, err error) {
	for i := range s.tree.Files {
		if f := &s.tree.Files[i]; f.Path == path {
			err = s.withContent(ctx, f, func(file *os.File) error {
				data, err = io.ReadAll(io.NewSectionReader(file, 0, math.MaxInt64))
				return err
			})
			return data, err
		}
	}
	return nil, fmt.Errorf("%s is not in the tree", path)
}

// rpmEpoch is a name under which the store counts how often repodata had to be
// forgotten: it is part of every repodata's key.
var rpmEpoch = digest.FromBytes([]byte("lazybuild repodata epoch"))

func (s *Source) repodataKey(entries []rpm.Entry, modules []byte) string {
	if s.oldWay != nil {
		return wire.Createrepo + ":" + string(rpm.Key(entries, modules, rpm.Options{}))
	}
	var epoch bytes.Buffer
	if facts, err := s.store.Facts(rpmEpoch); err == nil {
		epoch.Write(facts.Sections["epoch"])
	}
	return "repodata:" + epoch.String() + ":" + string(rpm.Key(entries, modules, rpm.Options{}))
}

func (s *Source) spoilRepodata() {
	n := 0
	if facts, err := s.store.Facts(rpmEpoch); err == nil {
		_ = json.Unmarshal(facts.Sections["epoch"], &n)
	}
	section, _ := json.Marshal(n + 1)
	if err := s.setSection(rpmEpoch, "epoch", section, tree.SizeUnknown); err != nil {
		s.debug("forgetting repodata: %v", err)
	}
}
