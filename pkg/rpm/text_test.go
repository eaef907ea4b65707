package rpm

import "testing"

func TestTextBecomesXML(t *testing.T) {
	for _, tt := range []struct{ in, text, attr string }{
		{"plain", "plain", "plain"},
		{`<a> & "b"'`, `&lt;a&gt; &amp; "b"'`, `&lt;a&gt; &amp; &quot;b&quot;'`},
		{"t\tn\nr\r", "t\tn\nr&#13;", "t&#9;n&#10;r&#13;"},
		{"é日\U0001F980", "é日\U0001F980", "&#xE9;&#x65E5;&#x1F980;"},
		{"caf\xe9\x96", "café", "caf&#xE9;"},
		{"\uFFFE\xed\xa0\x80", "\uFFFD\uFFFD", "&#xFFFD;&#xFFFD;"},
		{"\xc0\x80", "\uFFFD", "&#xFFFD;"},
	} {
		if got := string(appendText(nil, tt.in)); got != tt.text {
			t.Errorf("text of %q is %q, want %q", tt.in, got, tt.text)
		}
		if got := string(appendAttr(nil, "", tt.in)); got != tt.attr+`"` {
			t.Errorf("attribute of %q is %q, want %q", tt.in, got, tt.attr)
		}
	}
}

func TestVersionsCompareAsRPMCompares(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"2.4", "2.34", -1}, {"2.34", "2.4", 1}, {"2.3.4", "2.3", 1}, {"2.08", "2.8", 0}, {"1.a", "1.1", -1},
		{"1.1", "1.a", 1}, {"2.", "2", 0}, {"2a", "2", 1}, {"10", "9", 1}, {"1_2", "1.2", 0}, {"1b", "1a", 1},
	} {
		if got := compareVersions(tt.a, tt.b); got != tt.want {
			t.Errorf("compareVersions(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestVersionStringsAreSplit(t *testing.T) {
	type evr struct {
		epoch, version, release string
		ok                      bool
	}
	for in, want := range map[string]evr{
		"":          {"", "", "", true},
		"1":         {"0", "1", "", true},
		"1.0-2.el9": {"0", "1.0", "2.el9", true},
		"3:1.0-2":   {"3", "1.0", "2", true},
		":1":        {"0", "1", "", true},
		"a:1":       {"", "", "", false},
		"1-2-3":     {"0", "1", "2-3", true},
	} {
		var got evr
		if got.epoch, got.version, got.release, got.ok = splitEVR(in); got != want {
			t.Errorf("splitEVR(%q) = %v, want %v", in, got, want)
		}
	}
}
