package rpm

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

const (
	regular = 0o100644
	dirMode = 0o040755
	link    = 0o120777
	ghost   = flagGhost
	config  = 1 << 0
)

// featurePackages are RPMs of which each shows a rule of repodata.
func featurePackages() []testPackage {
	base := func(name string) testPackage {
		return testPackage{
			name: name, version: "1.0", release: "1.el9", arch: "x86_64", summary: []string{"Summary of " + name},
			description: []string{"Several\nlines & <marks> of \"" + name + "\"."}, license: "MIT", buildHost: "build.example.org",
			sourceRPM: name + "-1.0-1.el9.src.rpm", buildTime: 1700000000, size: 4711, sigArchive: 5000, payload: 100,
			deps: map[DepKind][]dep{Provides: {{name, 8, "1.0-1.el9"}, {name + "(x86-64)", 8, "1.0-1.el9"}}},
		}
	}
	var list []testPackage
	add := func(name string, change func(p *testPackage)) {
		p := base(name)
		change(&p)
		list = append(list, p)
	}
	add("plain", func(*testPackage) {})
	add("bare", func(p *testPackage) { *p = testPackage{name: "bare", version: "0", release: "0", arch: "noarch"} })
	add("epoch", func(p *testPackage) { p.epoch = 42; p.deps[Provides][0].version = "42:1.0-1.el9" })
	add("epoch-max", func(p *testPackage) { p.epoch = 1<<32 - 1 })
	add("i18n", func(p *testPackage) {
		p.summary = []string{"english", "deutsch"}
		p.group = []string{"Group & Co", "Gruppe"}
	})
	add("empty-texts", func(p *testPackage) { p.summary, p.description = []string{""}, []string{""} })
	add("unicode", func(p *testPackage) {
		p.summary = []string{"Žluťoučký kůň — 日本語 \U0001F980 ï"}
		p.vendor, p.packager = "Åke & Söner <a@example.org>", "\"Ünïcode\""
		p.deps[Provides] = append(p.deps[Provides], dep{"font(日本語\U0001F980é)", 0, ""}, dep{"ends-with-é", 8, "1é"})
		p.logTimes, p.logNames, p.logTexts = []uint32{9}, []string{"Çelik <ç@example.org>"}, []string{"- žába\n\ttab \"quoted\""}
	})
	add("latin1", func(p *testPackage) {
		p.summary, p.vendor = []string{"caf\xe9 \x80\x9f\xbf \xc0\xff"}, "M\xfcller"
		p.deps[Provides] = append(p.deps[Provides], dep{"caf\xe9", 8, "1.0\xe9-2"})
		p.files = []file{{"/usr/share/d\xefr/caf\xe9", regular, 0}, {"/usr/share/ü/\xe4", regular, 0}, {"/usr/share/ü/ä", regular, 0}, {"/etc/\xe9", regular, 0}}
		p.logTimes, p.logNames, p.logTexts = []uint32{9}, []string{"J\xf6rg  "}, []string{"- \xe4\xf6\xfc\r\n"}
	})
	add("escapes", func(p *testPackage) {
		p.description = []string{"a\tb\rc\nd<e>f&g\"h'i]]>"}
		p.url = "https://example.org/?a=1&b=2"
		p.deps[Provides] = append(p.deps[Provides], dep{"q\"<>&'\t\n\r", 8, "1"})
		p.files = []file{{"/usr/share/a&b/<c>\"'", regular, 0}, {"/etc/t\tn\nr\r", regular, 0}}
	})
	add("control-summary", func(p *testPackage) { p.summary = []string{"bell \a"} })
	add("control-file", func(p *testPackage) { p.files = []file{{"/usr/\x01", regular, 0}} })
	add("control-dep", func(p *testPackage) { p.deps[Requires] = []dep{{"a\x02", 0, ""}} })
	add("control-late-log", func(p *testPackage) {
		for i := range 12 {
			p.logTimes, p.logNames, p.logTexts = append(p.logTimes, uint32(1000-i)), append(p.logNames, "a"), append(p.logTexts, "t")
		}
		p.logTexts[11] = "\x1b" // behind the limit of 10
	})
	add("control-log", func(p *testPackage) {
		p.logTimes, p.logNames, p.logTexts = []uint32{5}, []string{"a"}, []string{"\x1b[0m"}
	})
	add("files", func(p *testPackage) {
		p.files = []file{
			{"/usr/bin", dirMode, 0}, {"/usr/bin/tool", 0o100755, 0}, {"/usr/sbin/tool", link, 0}, {"/etc/tool.conf", regular, config},
			{"/etc/ghost", regular, ghost}, {"/etc/ghostdir", dirMode, ghost}, {"/usr/lib/sendmail", link, 0}, {"/usr/lib/sendmail2", link, 0},
			{"/usr/share/doc/tool", dirMode, 2}, {"/usr/share/cabin/x", regular, 0}, {"/usr/share/bin", regular, 0}, {"/usr/share/bindir/x", regular, 0},
			{"/var/log/x", regular, ghost}, {"/dev/null", 0o020666, 0}, {"/run/fifo", 0o010600, 0}, {"/etc", dirMode, 0}, {"/", dirMode, 0},
		}
	})
	add("old-names", func(p *testPackage) {
		p.oldNames = true
		p.files = []file{{"/usr/bin/old", regular, 0}, {"/etc/old", regular, ghost}, {"/usr/share/old", dirMode, 0}}
	})
	add("odd-names", func(p *testPackage) { // base names with slashes, directories without
		p.extra = []value{
			int16Value(tagFileModes, regular, regular, regular, regular), int32Value(tagFileFlags, 0, 0, 0, 0), int32Value(tagDirIndexes, 0, 1, 2, 3),
			stringsValue(tagBaseNames, "bin/x", "c/y", "mail", "sendmail"), stringsValue(tagDirNames, "/usr/", "/et", "/usr/lib/send", "/usr/lib/"),
		}
	})
	add("bad-dirindex", func(p *testPackage) {
		p.extra = []value{int16Value(tagFileModes, regular), int32Value(tagFileFlags, 0), int32Value(tagDirIndexes, 7),
			stringsValue(tagBaseNames, "x"), stringsValue(tagDirNames, "/usr/")}
	})
	add("few-modes", func(p *testPackage) {
		p.extra = []value{int16Value(tagFileModes, regular), int32Value(tagFileFlags, 0, 0), int32Value(tagDirIndexes, 0, 0),
			stringsValue(tagBaseNames, "x", "y"), stringsValue(tagDirNames, "/usr/")}
	})
	add("no-modes", func(p *testPackage) {
		p.extra = []value{int32Value(tagFileFlags, 0), int32Value(tagDirIndexes, 0), stringsValue(tagBaseNames, "x"), stringsValue(tagDirNames, "/usr/")}
	})
	add("many-files", func(p *testPackage) {
		for i := range 12000 {
			p.files = append(p.files, file{fmt.Sprintf("/usr/share/many/%d/file-%d-with-a-long-name.txt", i/50, i), regular, 0})
		}
	})
	add("requires", func(p *testPackage) {
		p.files = []file{{"/usr/bin/own", 0o100755, 0}, {"/usr/share/own", regular, 0}}
		p.deps[Provides] = append(p.deps[Provides], dep{"virtual", 8, "2.0"}, dep{"unversioned", 0, ""})
		p.deps[Requires] = []dep{
			{"rpmlib(CompressedFileNames)", 8 | 2 | 1<<24, "3.0.4-1"}, {"/usr/bin/own", 0, ""}, {"/usr/share/own", 0, ""}, {"/bin/sh", 1 << 9, ""},
			{"/bin/sh", 1 << 10, ""}, {"/bin/sh", 1 << 11, ""}, {"/bin/sh", 0, ""}, {"/bin/sh", 1 << 6, ""}, {"virtual", 8, "2.0"}, {"virtual", 12, "2.0"}, {"unversioned", 0, ""},
			{"dup", 8, "1"}, {"dup", 8, "1"}, {"dup", 12, "1"}, {"dup", 8, "1"}, {"weak", 1 << 19, ""}, {"weak", 8 | 1<<19, "3"}, {"", 0, ""},
		}
	})
	add("only-empty-dep", func(p *testPackage) { p.deps[Conflicts] = []dep{{"", 0, ""}} })
	add("libc", func(p *testPackage) {
		p.deps[Requires] = []dep{
			{"libc.so.6(GLIBC_2.4)(64bit)", 0, ""}, {"libc.so.6()(64bit)", 0, ""}, {"libm.so.6()(64bit)", 0, ""}, {"libc.so.6(GLIBC_2.34)(64bit)", 0, ""},
			{"libc.so.6(GLIBC_2.3.4)(64bit)", 0, ""}, {"libc.so.6", 0, ""}, {"libc.so.6(GLIBC_PRIVATE)", 0, ""}, {"rtld(GNU_HASH)", 0, ""},
		}
	})
	for i, names := range [][]string{
		{"libc.so.6", "libc.so.6("}, {"libc.so.6(", "libc.so.6()"}, {"libc.so.6()", "libc.so.6(X)"}, {"libc.so.6(X)(64bit)", "libc.so.6(X_1)"},
		{"libc.so.6(A_2.08)", "libc.so.6(A_2.8)"}, {"libc.so.6(A_2.a)", "libc.so.6(A_2.1)"}, {"libc.so.6(A_2)", "libc.so.6(A_2.)"}, {"libc.so.6(A_2.1)", "libc.so.6(A_2.1b)"},
	} {
		add(fmt.Sprintf("libc-pair-%d", i), func(p *testPackage) {
			p.deps[Requires] = []dep{{names[0], 0, ""}, {names[1], 1 << 9, ""}, {names[0], 0, ""}}
		})
	}
	add("rich", func(p *testPackage) {
		p.deps[Requires] = []dep{{"(foo >= 1.0 if bar else (baz or qux))", 1 << 29, ""}}
		p.deps[Recommends] = []dep{{"(a and b with c >= 2)", 1 << 29, ""}}
		p.deps[Supplements] = []dep{{"(x unless y)", 1 << 29, ""}}
	})
	add("versions", func(p *testPackage) {
		for i, v := range []string{"1", "1-2", "3:1-2", "0:1", ":5", "a:1", "1a:2", " 7:1", "+7:1", "-7:1", "x-", "-x", "1-2-3", "1:", "1:-", "1:2:3-4", ""} {
			p.deps[Provides] = append(p.deps[Provides], dep{fmt.Sprintf("v%d", i), 8, v}, dep{fmt.Sprintf("w%d", i), 0, v})
		}
	})
	add("flags", func(p *testPackage) {
		for i := uint32(0); i < 16; i++ {
			p.deps[Conflicts] = append(p.deps[Conflicts], dep{fmt.Sprintf("f%d", i), i, "1-1"})
			p.deps[Obsoletes] = append(p.deps[Obsoletes], dep{fmt.Sprintf("o%d", i), i | 1<<30, "2:1-1"})
		}
	})
	add("weak", func(p *testPackage) {
		p.deps[Suggests] = []dep{{"s", 0, ""}, {"s2", 8, "1"}}
		p.deps[Enhances] = []dep{{"e", 0, ""}}
		p.deps[Recommends] = []dep{{"r", 12, "1-1"}}
		p.deps[Supplements] = []dep{{"u", 0, ""}}
		p.oldSuggests = []dep{{"os", 0, ""}, {"or", 1 << 27, ""}}
		p.oldEnhances = []dep{{"oe", 0, ""}, {"ou", 8 | 1<<27, "2"}}
	})
	add("source", func(p *testPackage) {
		p.source, p.sourceRPM = true, ""
		p.files = []file{{"source.spec", regular, 32}, {"source-1.0.tar.gz", regular, 0}}
		p.deps = map[DepKind][]dep{Requires: {{"gcc", 0, ""}, {"make", 12, "4"}}}
	})
	add("old-source", func(p *testPackage) {
		p.sourceRPM = ""
		p.files = []file{{"old.spec", regular, 32}}
	})
	add("no-sourcerpm", func(p *testPackage) { p.sourceRPM = ""; p.files = []file{{"/usr/x", regular, 0}} })
	add("no-sourcerpm-no-files", func(p *testPackage) { p.sourceRPM = "" })
	add("large", func(p *testPackage) { p.longSize, p.longArchive, p.size, p.sigArchive = 5<<32, 6<<32, 0, 0 })
	add("archive-in-main", func(p *testPackage) { p.sigArchive = 0; p.extra = []value{int32Value(tagArchiveSize, 77)} })
	add("no-sizes", func(p *testPackage) { p.size, p.sigArchive, p.buildTime = 0, 0, 0 })
	add("late-time", func(p *testPackage) { p.buildTime = 1<<32 - 1 })
	add("logs", func(p *testPackage) {
		p.logTimes = []uint32{500, 500, 500, 499, 498, 498, 500, 500, 1, 0, 0, 0}
		for i := range p.logTimes {
			p.logNames, p.logTexts = append(p.logNames, fmt.Sprintf("Name %d  ", i)), append(p.logTexts, fmt.Sprintf("- entry %d", i))
		}
	})
	add("log-authors", func(p *testPackage) {
		p.logTimes, p.logNames, p.logTexts = []uint32{4, 3, 2}, []string{" ", "a ", "  b  "}, []string{"", "x", " y "}
	})
	add("log-same-day", func(p *testPackage) {
		for i := range 40 {
			p.logTimes, p.logNames, p.logTexts = append(p.logTimes, 86400), append(p.logNames, "n"), append(p.logTexts, fmt.Sprint(i))
		}
	})
	add("log-short", func(p *testPackage) {
		p.logTimes, p.logNames, p.logTexts = []uint32{3, 2, 1}, []string{"a", "b"}, []string{"t", "u", "v"}
	})
	add("long-texts", func(p *testPackage) { p.description = []string{strings.Repeat("Lorem ipsum dolor. \n", 9000)} })
	for i := range 16 {
		add(fmt.Sprintf("signed-%d", i), func(p *testPackage) { p.signature = 500 + i })
	}
	add("noarch", func(p *testPackage) { p.arch = "noarch" })
	add("caret", func(p *testPackage) { p.version, p.release = "1.0~rc1^git2", "0.1.el9+7" })
	return list
}

var (
	alphabet = []string{"a", "lib", "python3-", "-devel", "9", ".", "é", "日", "\xe9", "&", "<", "x86", "_", "+", "bin/", "~"}
	versions = []string{"", "1", "1.0-1", "2:1.0", "0:3-4.el9", "x:1", "1.0~rc1-0.1"}
)

// randomPackages are RPMs that combine everything; the same for the same seed.
func randomPackages(n int, seed uint64) []testPackage {
	r := rand.New(rand.NewPCG(seed, seed))
	list := make([]testPackage, n)
	for i := range list {
		list[i] = randomPackage(r, fmt.Sprintf("random-%03d", i))
	}
	return list
}

func randomPackage(r *rand.Rand, name string) testPackage {
	word := func(max int) string {
		var b strings.Builder
		for range r.IntN(max + 1) {
			b.WriteString(alphabet[r.IntN(len(alphabet))])
		}
		return b.String()
	}
	p := testPackage{
		name: name, version: fmt.Sprintf("%d.%d", r.IntN(9), r.IntN(99)), release: "1", arch: []string{"x86_64", "noarch", "i686"}[r.IntN(3)],
		epoch: r.Uint32N(3), summary: []string{word(8)}, description: []string{word(60)}, group: []string{word(3)}, url: word(4), license: word(5),
		vendor: word(3), packager: word(3), buildHost: word(2), sourceRPM: name + ".src.rpm", buildTime: r.Uint32(), size: r.Uint32(),
		sigArchive: r.Uint32(), signature: r.IntN(600), payload: r.IntN(300), source: r.IntN(20) == 0, deps: map[DepKind][]dep{},
	}
	deps := func() (list []dep) {
		for range r.IntN(12) {
			list = append(list, dep{word(4), []uint32{0, 2, 4, 8, 10, 12, 14}[r.IntN(7)] | 1<<r.IntN(30)&^15, versions[r.IntN(len(versions))]})
		}
		return list
	}
	for kind := range DepKinds {
		p.deps[kind] = deps()
	}
	p.oldSuggests, p.oldEnhances = deps(), deps()
	prefixes := []string{"/usr/bin/", "/etc/", "/usr/share/x/", "/usr/share/é/", "/opt/\xe9/", "/", "/usr/lib64/"}
	for range r.IntN(60) {
		p.files = append(p.files, file{prefixes[r.IntN(len(prefixes))] + strings.ReplaceAll(word(5), "/", ""), []uint16{regular, dirMode, link, 0o100755}[r.IntN(4)], uint32(r.IntN(256))})
	}
	day := r.Uint32N(1 << 30)
	for range r.IntN(15) {
		p.logTimes, p.logNames, p.logTexts = append(p.logTimes, day), append(p.logNames, word(4)+"x "), append(p.logTexts, word(20))
		day -= uint32(r.IntN(2) * 86400)
	}
	return p
}
