package locks

import (
	"fmt"
	"strings"
	"testing"
)

func mavenSample() sample {
	lock := func(dependency string) string {
		return "{\n\"artifactId\": \"app\", \"mavenPlugins\": [],\n\"dependencies\": [\n{" + dependency + "}\n]}"
	}
	one := func(fields string) string {
		return lock(`"groupId": "org.example", "version": "1", "checksumAlgorithm": "SHA-256",` + fields)
	}
	const name, sum = `"artifactId": "a",`, `"checksum": "` + sum256 + `",`
	const url = `"resolved": "https://maven.example.org/m/a-1.jar"`
	return sample{
		name: "maven", file: "lockfile.json", typ: "x-maven", many: manyMaven,
		naming: func(name string) string { return one(`"artifactId": ` + quoteJSON(name) + "," + sum + url) },
		malformed: []malformed{
			{"syntax", "{\n\"a\": 1,\n}", 3, "not valid JSON"},
			{"a list", "\n[]", 2, "the lock file is a list"},
			{"another file of this name", "{\"lockfileVersion\": 3}", 1, "no lock of maven-lockfile"},
			{"other version", "{\n\"lockFileVersion\": 2,\n\"artifactId\": \"a\", \"dependencies\": [], \"mavenPlugins\": []}", 2, "lockFileVersion 2 is not supported"},
			{"dependencies is text", "{\"artifactId\": \"a\", \"mavenPlugins\": [],\n\"dependencies\": \"x\"}", 2, "not a list"},
			{"dependency is text", "{\"artifactId\": \"a\", \"mavenPlugins\": [],\n\"dependencies\": [\n\"x\"]}", 3, "a table is expected"},
			{"no name", one(sum + url), 4, "no artifactId"},
			{"no checksum", one(name + url), 4, "no checksum"},
			{"no resolved", one(name + strings.TrimSuffix(sum, ",")), 4, "no resolved"},
			{"short checksum", one(name + `"checksum": "00",` + url), 4, "not 64"},
			{"unknown algorithm", lock(`"groupId": "g", "version": "1", "checksumAlgorithm": "SHA3-256",` + name + sum + url), 4, "not supported"},
			{"file url", one(name + sum + `"resolved": "file:///etc/passwd"`), 4, "neither http nor https"},
			{"directory url", one(name + sum + `"resolved": "https://u:secret@h/"`), 4, "the file name is empty"},
			{"slash in segment", one(name + sum + `"resolved": "https://h/a%2Fb.jar"`), 4, "path separator"},
			{"group leaves", lock(`"groupId": "org..example", "version": "1", "checksumAlgorithm": "SHA-256",` + name + sum + url), 4, "the file name is empty"},
			{"version leaves", lock(`"groupId": "g", "version": "../1", "checksumAlgorithm": "SHA-256",` + name + sum + url), 4, "path separator"},
			{"two checksums", one(name + sum + url + ",\n\"children\": [{\"groupId\": \"org.example\", \"version\": \"1\", \"checksumAlgorithm\": \"SHA-256\"," +
				name + `"checksum": "` + strings.Repeat("0", 64) + `",` + url + "}]"), 5, "different content"},
			{"bad parent", one(name + sum + url + ",\n\"parentPom\": {}"), 5, "no groupId"},
		},
	}
}

func manyMaven(n int) []byte {
	return repeat(n, `{"artifactId": "app", "groupId": "org.example", "version": "1", "lockFileVersion": 1, "mavenPlugins": [], "dependencies": [`, func(i int) string {
		return fmt.Sprintf("\n    {\n      \"groupId\": \"org.example.g%d\",\n      \"artifactId\": \"a%d\",\n      \"version\": \"1.%d\",\n"+
			"      \"checksumAlgorithm\": \"SHA-256\",\n      \"checksum\": \"%064x\",\n      \"scope\": \"compile\",\n"+
			"      \"resolved\": \"https://maven.example.org/m/org/example/g%d/a%d/1.%d/a%d-1.%d.pom\",\n      \"included\": true,\n      \"children\": []\n    }",
			i%50, i, i, i, i%50, i, i, i, i)
	}, ",", "\n]}\n")
}

func TestMavenSettingsStayXML(t *testing.T) {
	s := mavenSample()
	src := s.source(s.valid(t))
	src.OutputDir = "/a&b/<c>"
	lock, err := s.parse(src)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(lock.Texts["settings.xml"]); !strings.Contains(text, "<url>file:///a&amp;b/&lt;c&gt;/deps/maven</url>") {
		t.Error(text)
	}
}
