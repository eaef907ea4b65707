package locks

import (
	"fmt"
	"net/url"
	"strings"
)

const sum256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func pylockSample() sample {
	head := "lock-version = \"1.0\"\n"
	wheel := func(fields string) string {
		return head + "[[packages]]\nname = \"a\"\nwheels = [\n{" + fields + "},\n]\n"
	}
	const good = `url = "https://files.example.org/a.whl"`
	return sample{
		name: "pylock", file: "pylock.toml", typ: "pip", many: manyPylock,
		naming: func(name string) string {
			return wheel(fmt.Sprintf("name = %s, %s", tomlString(name), good))
		},
		malformed: []malformed{
			{"no version", "created-by = 'x'\n", 1, "no lock-version"},
			{"other version", "\nlock-version = '2.0'\n", 2, `lock-version "2.0" is not supported`},
			{"no packages", head, 0, "no packages"},
			{"packages is text", head + "packages = 'x'\n", 2, `packages is the string "x", not a list`},
			{"no name", head + "\n[[packages]]\nversion = '1'\n", 3, "a package has no name"},
			{"name is a number", head + "[[packages]]\nname = 1\n", 3, "name is 1, not a string"},
			{"no url", wheel("size = 1"), 5, "neither url nor path"},
			{"file url", wheel(`url = "file:///etc/passwd"`), 5, "neither http nor https"},
			{"no host", wheel(`url = "https:///x.whl"`), 5, "names no host"},
			{"unreadable url", wheel(`url = "https://u:secret@h/%zz"`), 5, "the URL can't be read"},
			{"slash in segment", wheel(`url = "https://h/a%2Fb.whl"`), 5, "path separator"},
			{"no file name", wheel(`url = "https://h/"`), 5, "the file name is empty"},
			{"short hash", wheel(good + `, hashes = {sha256 = "00"}`), 5, "2 hex digits, not 64"},
			{"unknown hash", wheel(good + `, hashes = {blake2b = "00"}`), 5, "none of the file's hash algorithms"},
			{"negative size", wheel(good + `, size = -1`), 5, "not a number of bytes"},
			{"size is text", wheel(good + `, size = "1"`), 5, "not a number of bytes"},
			{"huge size", wheel(good + `, size = 99999999999999999999`), 5, "is no value"},
			{"two files at one path", wheel(good + ", hashes = {sha256 = '" + sum256 + "'}},\n{" + good +
				", hashes = {sha256 = '" + strings.Repeat("0", 64) + "'}"), 6, "first in line 5"},
			{"syntax", head + "[[packages]\n", 2, "doesn't end with ]]"},
			{"key twice", head + "a = 1\na = 2\n", 3, `"a" is there twice`},
			{"unended string", head + "\n\na = \"x\nb = 1", 4, "a string doesn't end"},
		},
	}
}

func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		fmt.Fprintf(&b, `\U%08X`, c)
	}
	return b.String() + `"`
}

func npmSample() sample {
	entry := func(key, fields string) string {
		return "{\n\"lockfileVersion\": 2,\n\"packages\": {\n" + quoteJSON(key) + ": {\n" + fields + "\n}}}"
	}
	const a = "node_modules/a"
	return sample{
		name: "npm", file: "package-lock.json", typ: "npm", many: manyNpm,
		siblings: map[string]string{
			"package.json":    "{\"name\":\"app\", \"dependencies\": {\n\t\"@scope/pkg\": \"^1.0.0\",\n\t\"ext\" : \"https://files.example.org/ext.tgz\"}}",
			"ws/package.json": `{"peerDependencies": {"g": "git+ssh://git@git.example.org/g.git"}}`,
		},
		naming: func(name string) string {
			return entry(a, `"name": `+quoteJSON(name)+`, "version": "1"`)
		},
		malformed: []malformed{
			{"syntax", "{\n\"a\": 1,\n}", 3, "not valid JSON"},
			{"a list", "\n[]", 2, "the lock file is a list"},
			{"version 1", "{\n\"lockfileVersion\": 1}", 2, "has to be 2 or 3"},
			{"no version", "{}", 1, "has to be 2 or 3"},
			{"no packages", "{\"lockfileVersion\": 3}", 1, "no packages"},
			{"entry is text", "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": \"x\"}}", 2, "not a table"},
			{"git", entry(a, "\"version\": \"1\",\n\"resolved\": \"git+ssh://git@git.example.org/a.git#00\""), 6, "doesn't name a commit"},
			{"github", entry(a, `"resolved": "github:u/r#00"`), 5, "doesn't name a commit"},
			{"gist", entry(a, `"resolved": "gist:0123#`+commit40+`"`), 5, "neither http nor https"},
			{"git from a file", entry(a, `"resolved": "git+file:///r#`+commit40+`"`), 5, "neither http nor https"},
			{"git without a namespace", entry(a, `"resolved": "git+https://git.example.org/r.git#`+commit40+`"`), 5, "repository in a namespace"},
			{"git that leaves", entry(a, `"resolved": "git+https://git.example.org/../../r.git#`+commit40+`"`), 4, "not a file name"},
			{"odd scheme", entry(a, `"resolved": "ftp://h/x.tgz"`), 5, "neither http nor https"},
			{"bad integrity", entry(a, "\"version\": \"1\",\n\"integrity\": \"sha512-@@\""), 6, "not base64"},
			{"external without integrity", entry(a, `"resolved": "https://files.example.org/x.tgz"`), 4, "has no integrity"},
			{"link is text", entry(a, `"link": "yes"`), 5, "not true or false"},
			{"os holds a number", entry(a, "\"version\": \"1\",\n\"os\": [1]"), 6, "a string is expected"},
			{"dependency is a number", entry(a, `"dependencies": {"b": 1}`), 5, "not a string"},
			{"resolved is null", entry(a, `"version": "1", "resolved": null`), 4, "is null"},
			{"key twice", entry(a, "\"version\": \"1\",\n\"version\": \"2\""), 6, "there twice"},
			{"scope leaves", entry("node_modules/@../a", `"version": "1"`), 4, "not a file name"},
			{"version leaves", entry(a, `"version": "1/../../../x"`), 5, "path separator"},
		},
	}
}

func genericSample() sample {
	head := "metadata:\n  version: '1.0'\nartifacts:\n"
	one := func(fields string) string {
		return head + "- checksum: sha256:" + sum256 + "\n" + fields
	}
	const u = "  download_url: https://files.example.org/f\n"
	maven := "  type: maven\n  attributes:\n    repository_url: https://maven.example.org/\n    group_id: g\n    version: 1\n"
	return sample{
		name: "generic", file: "artifacts.lock.yaml", typ: "generic", many: manyGeneric,
		naming: func(name string) string { return one(u + "  filename: " + quoteJSON(name) + "\n") },
		malformed: []malformed{
			{"a list", "- a\n", 1, "not a table"},
			{"no metadata", "artifacts: []\n", 1, "no metadata"},
			{"no artifacts", "metadata:\n  version: '1.0'\n", 1, "no artifacts"},
			{"other version", "metadata:\n  version: '3.0'\nartifacts: []\n", 2, `"3.0" is not supported`},
			{"unknown key", head + "- checksum: sha256:" + sum256 + "\n" + u + "  file_name: x\n", 6, `unknown key "file_name"`},
			{"unknown top key", head + "more: 1\n", 4, `unknown key "more"`},
			{"unknown metadata key", "metadata:\n  version: '1.0'\n  x: 1\nartifacts: []\n", 3, `unknown key "x"`},
			{"no checksum", head + "-" + u[1:], 4, "no checksum"},
			{"checksum without algorithm", head + "- checksum: " + sum256 + "\n" + u, 4, "not <algorithm>:<hex>"},
			{"unknown algorithm", head + "- checksum: sha3:00\n" + u, 4, `"sha3" is not supported`},
			{"no url", one(""), 4, "no download_url"},
			{"directory url", one("  download_url: https://files.example.org/d/\n"), 4, "names no file"},
			{"auth in version 1", one(u + "  auth:\n    bearer:\n      value: x\n"), 6, "auth needs metadata version 2.0"},
			{"two auths", strings.Replace(one(u+"  auth: {basic: {}, bearer: {}}\n"), "1.0", "2.0", 1), 6, "either basic or bearer"},
			{"bad header", strings.Replace(one(u+"  auth: {bearer: {value: secret, header: \"a\\nb\"}}\n"), "1.0", "2.0", 1), 6, "name of a header"},
			{"unknown type", one("  type: npm\n"), 5, "not known"},
			{"maven without artifact_id", one(maven), 7, "no artifact_id"},
			{"maven that leaves", one(maven + "    artifact_id: ../x\n"), 10, "artifact_id"},
			{"same name", one(u) + "- checksum: sha256:" + sum256 + "\n  download_url: https://files.example.org/x/f\n", 6, "there twice"},
			{"same url", one(u) + "- checksum: sha256:" + sum256 + "\n" + u + "  filename: other\n", 6, "URL of this artifact is there twice"},
			{"syntax", "metadata:\n  version: '1.0\n", -1, "not valid YAML"},
			{"tab", "metadata:\n\tversion: '1.0'\n", 2, "not valid YAML"},
			{"two documents", head + "\n---\na: 1\n", -1, "second document"},
			{"key twice", "metadata:\n  version: '1.0'\nartifacts: []\nartifacts: []\n", 4, "there twice"},
		},
	}
}

func rpmSample() sample {
	head := "lockfileVersion: 1\nlockfileVendor: redhat\narches:\n- arch: x86_64\n  packages:\n"
	one := func(fields string) string {
		return head + "  - url: https://rpms.example.org/a-1-1.noarch.rpm\n" + fields
	}
	return sample{
		name: "rpm", file: "rpms.lock.yaml", typ: "rpm", many: manyRPM,
		naming: func(name string) string {
			if strings.ContainsAny(name, `/\`) {
				return "" // a URL's last segment holds no slash, and a backslash only escaped
			}
			return head + "  - url: " + quoteJSON("https://rpms.example.org/"+rawSegment(name)) + "\n"
		},
		malformed: []malformed{
			{"other version", "lockfileVersion: 2\nlockfileVendor: redhat\narches: []\n", 1, "not supported"},
			{"other vendor", "lockfileVersion: 1\nlockfileVendor: suse\narches: []\n", 2, "not supported"},
			{"no arches", "lockfileVersion: 1\nlockfileVendor: redhat\n", 1, "no arches"},
			{"no arch", "lockfileVersion: 1\nlockfileVendor: redhat\narches:\n- packages: []\n", 4, "no arch"},
			{"arch leaves", strings.Replace(head, "x86_64", "../..", 1), 4, "not an architecture"},
			{"no url", head + "  - size: 1\n", 6, "no url"},
			{"unknown algorithm", one("    checksum: blake2:00\n"), 7, `"blake2" is not supported`},
			{"short checksum", one("    size: 1\n    checksum: sha256:00\n"), 8, "not 64"},
			{"negative size", one("    size: -1\n"), 7, "not a number of bytes"},
			{"repoid with slash", one("    repoid: a/b\n"), 7, "repoid"},
			{"repoid leaves", one("    repoid: a..b\n"), 7, "repoid"},
			{"repoid with dot", one("    repoid: .a\n"), 7, "repoid"},
			{"repoid repos.d", one("    repoid: repos.d\n"), 7, "repoid"},
			{"repoid with bracket", one("    repoid: 'a]'\n"), 7, "repoid"},
			{"repoid with line end", one("    repoid: \"a\\nb\"\n"), 7, "repoid"},
			{"modules without repoid", head + "  module_metadata:\n  - url: https://h/m.yaml\n", -1, ""},
			{"same file twice", one("    checksum: sha256:" + sum256 + "\n  - url: https://other.example.org/a-1-1.noarch.rpm\n    size: 7\n    checksum: sha256:" + strings.Repeat("0", 64) + "\n"), 8, "different content"},
		},
	}
}

// rawSegment keeps ".." and the like as they are, and escapes what no URL may hold.
func rawSegment(s string) string {
	if strings.ContainsAny(s, "\x00\x01\n") {
		return s
	}
	return (&url.URL{Path: s}).EscapedPath()
}
