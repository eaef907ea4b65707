package orchestrator

import (
	"strings"
	"testing"
)

func TestTheUsersVolumesAreHonouredOrRefused(t *testing.T) {
	for _, tt := range []struct {
		volume          string
		readOnly        bool
		refused, remark string
	}{
		{volume: "/a:/b"},
		{volume: "/a:/cachi2/outputs"},
		{volume: "/a:/cachi2/output", refused: "lazybuild itself provides /cachi2/output;"},
		{volume: "/a:/cachi2/./output/:ro", refused: "lazybuild itself provides /cachi2/output;"},
		{volume: "/a:/cachi2", refused: "which is below"},
		{volume: "/a:/", refused: "which is below"},
		{volume: "/a:/cachi2/cachi2.env", refused: "provides this file"},
		{volume: "/a:/cachi2/output/deps/mine"},
		{volume: "/a:/cachi2/output/deps/mine:ro", readOnly: true, refused: "--lazy-read-only"},
		{volume: "/a:/cachi2/output/deps/generic", remark: "it hides 2 files"},
		{volume: "/a:/cachi2/output/deps/generic/a.bin", readOnly: true, remark: "it hides 1 files"},
		{volume: "/a:/etc/yum.repos.d", remark: "the lock's repositories are not"},
	} {
		var said strings.Builder
		b := testBuild(t, "-v "+tt.volume+" .")
		b.o.UI, b.o.ReadOnly = NewUI(&said, false, false), tt.readOnly
		err := checkVolume(tt.volume, &b.o)
		if got := err != nil; got != (tt.refused != "") || got && !strings.Contains(err.Error(), tt.refused) {
			t.Errorf("%s: %v, want %q", tt.volume, err, tt.refused)
		}
		if !strings.Contains(said.String(), tt.remark) || tt.remark == "" && said.Len() > 0 {
			t.Errorf("%s: said %q, want %q", tt.volume, said.String(), tt.remark)
		}
	}
}
