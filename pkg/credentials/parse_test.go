package credentials

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestNetrc(t *testing.T) {
	for text, want := range map[string]string{
		"machine a login b password c":                                    "a b c 1",
		"# machine x login y\nmachine a\n\tlogin b\n\tpassword #c":        "a b #c 2",
		"default login x password y\nmachine a login b account z":         "a b  2",
		"machine a login b password c\nmachine a login d password e":      "a b c 1|a d e 2",
		"macdef init\n machine x login y\n\nmachine a login b\n":          "a b  4",
		`machine a login "b c" password "d\"e"` + "\n\nmachine f login g": `a b c d"e 1|f g  3`,
		"machine a password default login machine":                        "a machine default 1",
		"":                               "",
		"macdef init\nmachine x login y": "",
		"machine":                        "line 1",
		"machine a login b\nlogin":       "line 2",
		"machine a\n\nsecret word":       "line 3",
		"machine a login \"b\nc\"":       "line 1",
	} {
		got := ""
		ms, err := parseNetrc(text)
		if err != nil {
			got = err.Error()
		}
		for i, m := range ms {
			if i > 0 {
				got += "|"
			}
			got += fmt.Sprintf("%s %s %s %d", m.host, m.login, m.password, m.line)
		}
		if err != nil && strings.HasPrefix(got, want) && want != "" {
			continue
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestExpand(t *testing.T) {
	env := map[string]string{"A": "a", "A_1": "x$B", "EMPTY": ""}
	for in, want := range map[string]string{
		"":          "",
		"plain":     "plain",
		"Bearer $A": "Bearer a",
		"${A}b$A":   "aba",
		"$A_1":      "x$B",
		"$$A$$":     "$A$",
		"$EMPTY.":   ".",
		"$B":        "the variable B is not set",
		"${A":       errTemplate.Error(),
		"${A-b}":    errTemplate.Error(),
		"${}":       errTemplate.Error(),
		"end$":      errTemplate.Error(),
		"$1":        errTemplate.Error(),
	} {
		got, _, err := expand(in, env)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("expand(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNpmrc(t *testing.T) {
	text := "registry=https://example.org/\n; //a/:_auth=x\n#//a/:_auth=x\n//a/b/:_authToken = \"t=1\"\n//c:80/:_password='x'\n//d/:email=e\n//:_auth=x\n"
	var got []string
	for s := range npmrc(text) {
		got = append(got, fmt.Sprint(s.section, " ", s.key, " ", s.value, " ", s.line))
	}
	if want := []string{"//a/b/ _authToken t=1 4", "//c:80/ _password x 5"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for in, want := range map[string]string{"${A}x": "1x", "${B?}x": "x", `\${A}`: "${A}", "${B}": "the variable B is not set", "$A ${": "$A ${"} {
		got, _, err := npmExpand(in, map[string]string{"A": "1"})
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("npmExpand(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzNetrc(f *testing.F) {
	f.Add("machine a login b password \"c d\"\nmacdef x\ny\n\ndefault login z # c\n")
	f.Fuzz(func(t *testing.T, text string) {
		ms, err := parseNetrc(text)
		if err != nil {
			return
		}
		lines := 1 + strings.Count(text, "\n")
		for _, m := range ms {
			if m.line < 1 || m.line > lines {
				t.Errorf("line %d of %d", m.line, lines)
			}
			if strings.ContainsAny(m.login+m.password, "\r\n\x00") {
				t.Errorf("control characters in %+v", m)
			}
		}
	})
}

func FuzzNpmrc(f *testing.F) {
	f.Add("//a/:_authToken=${X?}\\${Y}\n; c\n\"//b:1/c/:_auth\" = 'x'\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := 1 + strings.Count(text, "\n")
		for s := range npmrc(text) {
			if s.line < 1 || s.line > lines || !strings.HasPrefix(s.section, "//") {
				t.Errorf("%+v", s)
			}
			if out, _, err := npmExpand(s.value, nil); err == nil && len(out) > len(s.value) {
				t.Errorf("%q became longer: %q", s.value, out)
			}
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add("a $A ${B} $$ ${")
	f.Fuzz(func(t *testing.T, s string) {
		env := map[string]string{"A": "1", "B": ""}
		out, names, err := expand(s, env)
		if err == nil && len(names) == 0 && !strings.Contains(s, "$") && out != s {
			t.Errorf("%q became %q", s, out)
		}
	})
}
