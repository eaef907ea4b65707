package tree

import (
	"strconv"
	"testing"
	"time"
)

// Shows S19.
func TestMtimesLieInThePast(t *testing.T) {
	for i := range 10000 {
		ino, mtime := identify("sha256:" + strconv.Itoa(i))
		at := time.Unix(mtime, 0).UTC()
		if at.Year() < 2000 || at.Year() >= 2020 {
			t.Fatalf("mtime %v", at)
		}
		if ino < 1<<16 || ino >= 1<<48+1<<16 {
			t.Fatalf("inode number %d", ino)
		}
	}
}

// Shows S19.
func TestIdentityFollowsTheContent(t *testing.T) {
	same := File{Path: "a", Digest: digestA}
	other := File{Path: "b", Digest: digestA}
	if !same.Mtime().Equal(other.Mtime()) {
		t.Error("the same content has another time under another name")
	}
	made := func(commit string) *File {
		return &File{Path: "a", Make: &Recipe{Kind: "git", Args: map[string]string{"commit": commit}}}
	}
	if made("1").Mtime().Equal(made("2").Mtime()) {
		t.Error("another recipe has the same time")
	}
	if (&File{Path: "a"}).Mtime().Equal((&File{Path: "b"}).Mtime()) {
		t.Error("contents of which nothing is known have the same time")
	}
}
