package orchestrator

import "testing"

func TestRlimitsStayWithinOurOwn(t *testing.T) {
	if n := len(ownRlimits()); n != len(proxyLimits) {
		t.Errorf("%d limits", n)
	}
	for _, l := range ownRlimits() {
		if l.Soft != l.Hard || l.Hard > proxyLimits[l.Type].want || l.Hard == 0 {
			t.Errorf("%+v", l)
		}
	}
}
