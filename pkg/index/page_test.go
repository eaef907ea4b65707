package index

import (
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/locks"
)

// Shows S75.
func TestLinksThatLeadAstrayAreDropped(t *testing.T) {
	base, _ := url.Parse("https://index.example.org/simple/p/")
	for link, want := range map[string]string{
		"../../a.whl#sha256=00":               "https://index.example.org/a.whl",
		"//files.example.org/a.whl":           "https://files.example.org/a.whl",
		"https://u:p@files.example.org/a.whl": "https://files.example.org/a.whl",
		"http://files.example.org/a.whl":      "",
		"https://localhost/a.whl":             "",
		"https://127.0.0.1:8080/a.whl":        "",
		"https://[::1]/a.whl":                 "",
		"https://169.254.169.254/a.whl":       "",
		"file:///etc/passwd":                  "",
		"javascript:alert(1)":                 "",
		"https:///a.whl":                      "",
		"https://h/%zz":                       "",
		"a.whl?" + strings.Repeat("x", 9000):  "",
	} {
		if got := resolve(base, link); got != want {
			t.Errorf("%.60q: %q, want %q", link, got, want)
		}
	}
	for _, page := range []string{`<base href="https://localhost/"><a href="a-1.zip">`, `<base href="http://h/"><a href="a-1.zip">`} {
		files, err := parsePage(fetch.Page{Data: []byte(page), URL: base.String()})
		if err != nil || len(files) != 1 || files[0].URL != "https://index.example.org/simple/p/a-1.zip" {
			t.Errorf("%s: %+v %v", page, files, err)
		}
	}
	files, err := parsePage(fetch.Page{Data: []byte(`<base href="https://cdn.example.org/x/"><base href="/y/"><A HREF=a-1.zip>`), URL: base.String()})
	if err != nil || len(files) != 1 || files[0].URL != "https://cdn.example.org/x/a-1.zip" {
		t.Errorf("%+v %v", files, err)
	}
}

// Shows S75.
func TestUnreadablePagesAreErrors(t *testing.T) {
	for data, want := range map[string]string{
		`{`: "JSON", `[]`: "JSON", `{"meta":{"api-version":"2.0"},"files":[]}`: `version "2.0"`, `{}`: `version ""`,
	} {
		if _, err := parsePage(fetch.Page{Data: []byte(data), ContentType: jsonType, URL: "https://h/"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", data, err)
		}
	}
}

// Shows S75.
func TestPagesWithoutBoundAreRefused(t *testing.T) {
	head := `{"meta":{"api-version":"1.1"},"files":`
	var links strings.Builder
	for range maxFiles + 2 {
		links.WriteString("<a href=a>")
	}
	for name, c := range map[string]struct{ typ, data, want string }{
		"files":        {jsonType, head + `[` + strings.Repeat("{},", 2*maxFiles) + `{}]}`, "lists more than"},
		"links":        {"text/html", links.String(), "lists more than"},
		"hashes":       {jsonType, head + `[{"filename":"a","hashes":{` + strings.Repeat(`"a":"b",`, maxFileJSON) + `"a":"b"}}]}`, "bytes of hashes"},
		"a reason":     {jsonType, head + `[{"filename":"a","yanked":"` + strings.Repeat(`x`, maxFileJSON) + `"}]}`, "bytes of hashes"},
		"nested lists": {jsonType, strings.Repeat("[", 1<<20), "depth"},
		"nested files": {jsonType, head + strings.Repeat(`[{"x":`, 1<<20), "depth"},
		"no list":      {jsonType, head + `{"a":1}}`, "no list"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := parsePage(fetch.Page{Data: []byte(c.data), ContentType: c.typ, URL: "https://h/"})
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%.200v, want %q", err, c.want)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<30 {
				t.Errorf("%d bytes were allocated for %d", n, len(c.data))
			}
		})
	}
}

func TestVersionsAreComparedAsPipDoes(t *testing.T) {
	for _, c := range []struct {
		pin, v string
		same   bool
	}{
		{"1.0", "1", true}, {"1.0.0", "v1", true}, {"1", "1.1", false}, {"1.0a1", "1.0.alpha.1", true}, {"1.0rc1", "1.0-c1", true},
		{"1.0", "1.0rc1", false}, {"1.0-1", "1.0.post1", true}, {"1.0.post", "1.0.post0", true}, {"1.0.dev3", "1.0-DEV03", true},
		{"1.0", "1.0+cpu", true}, {"1.0+cpu", "1.0", false}, {"1.0+cpu", "1.0+CPU", true}, {"1.0+u_1", "1.0+u.01", true}, {"1!1.0", "1.0", false},
		{"2012c", "2012c", true}, {"2012c", "2012", false}, {"0", "0.0", true}, {"01.02", "1.2", true}, {"odd version", "odd version", true},
	} {
		if got := sameVersion(c.pin, c.v); got != c.same {
			t.Errorf("%q and %q: %v", c.pin, c.v, got)
		}
	}
}

func TestVersionIsReadFromTheFileName(t *testing.T) {
	for _, c := range []struct{ file, project, want string }{
		{"zope.interface-7.0.tar.gz", "zope-interface", "7.0"}, {"zope_interface-7.0-cp312-cp312-win32.whl", "zope-interface", "7.0"},
		{"a-b-1.0-2.tar.gz", "a-b", "1.0-2"}, {"a-b-1.0.zip", "a", "b-1.0"}, {"a-1.0-1-py3-none-any.whl", "a", "1.0"},
		{"a-1.0-py3-none.whl", "a", ""}, {"b-1.0.tar.gz", "a", ""}, {"a-1.0.exe", "a", ""}, {"a-1.0-py3.7.egg", "a", ""}, {"a.tar.gz", "a", ""},
	} {
		if got, _ := versionOf(c.file, c.project); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.file, c.project, got, c.want)
		}
	}
}

func FuzzPage(f *testing.F) {
	for _, p := range [][2]string{jsonPage(jsonFile(wheel, `,"size":-1,"yanked":true`), jsonFile("../x", `,"yanked":"y"`)), htmlPage(htmlLink(wheel, "data-yanked"), htmlLink("..%2f..%2fx", ""))} {
		f.Add(p[0] == jsonType, []byte(p[1]))
	}
	f.Add(false, []byte("<base href=//h/><a href='&#x2e;./a-1.zip#sha256=00&x'><script><a href=b></script><a/href=c a a a>"))
	f.Fuzz(func(t *testing.T, isJSON bool, data []byte) {
		typ := "text/html"
		if isJSON {
			typ = jsonType
		}
		files, err := parsePage(fetch.Page{Data: data, ContentType: typ, URL: "https://index.example.org/simple/p-q/"})
		if err != nil {
			return
		}
		for _, file := range files {
			u, err := url.Parse(file.URL)
			if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || file.Size < locks.SizeUnknown {
				t.Errorf("%+v", file)
			}
		}
		u := pinned()
		found := match(&u, files)
		as, err := artifacts(&u, found, nil)
		if err != nil {
			return
		}
		for _, a := range as {
			if strings.Contains(strings.TrimPrefix(a.Path, "deps/pip/"), "/") || !a.Unverified {
				t.Errorf("%+v", a)
			}
		}
	})
}
