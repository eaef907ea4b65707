//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mavenImage has Maven 3.9 inside; hack/image-lang.sh makes it.
const mavenImage = "localhost/lazybuild-test/maven:trixie"

// The plugins are of today: for old ones, the lock lacks POMs (docs/inputs.md).
const mavenPOM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>app</artifactId>
  <version>1.0</version>
  <properties>
    <maven.compiler.release>17</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency><groupId>org.apache.commons</groupId><artifactId>commons-text</artifactId><version>1.12.0</version></dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
      <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.13.0</version></plugin>
      <plugin><artifactId>maven-surefire-plugin</artifactId><version>3.5.2</version></plugin>
      <plugin><artifactId>maven-jar-plugin</artifactId><version>3.4.2</version></plugin>
    </plugins>
  </build>
</project>
`

const mavenLockPlugin = "io.github.chains-project:maven-lockfile:5.18.3"

// lockMaven makes lockfile.json with the real plugin, which asks for each of more
// than a thousand files where it is. So the lock is kept beside the images.
func (p *project) lockMaven() {
	p.t.Helper()
	cache := os.Getenv("LAZYBUILD_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			p.t.Fatal(err)
		}
		cache = filepath.Join(dir, "lazybuild-dev")
	}
	kept := filepath.Join(cache, "maven-lock-"+sha256Hex([]byte(mavenPOM + mavenLockPlugin))[:12]+".json")
	if lock, err := os.ReadFile(kept); err == nil {
		p.write("lockfile.json", string(lock))
		return
	}
	mvn := []string{"-q", "-B", "-Dmaven.repo.local=" + filepath.Join(p.tmp, "m2"), "-DincludeMavenPlugins=true", mavenLockPlugin + ":generate"}
	cmd := exec.Command("mvn", mvn...)
	if _, err := exec.LookPath("mvn"); err != nil {
		run := []string{"run", "--rm", "--network=host", "--volume", work + ":" + work, "--workdir", p.dir, mavenImage, "mvn"}
		cmd = exec.Command("podman", append(run, mvn...)...)
	}
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("making the lock: %v\n%s", err, out)
	}
	if err := os.WriteFile(kept, []byte(p.text("lockfile.json")), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// Maven finds settings.xml through MAVEN_ARGS, and all that the lock names in the
// directory that these make its repository. It writes its notes there.
func TestMavenPackagesOffline(t *testing.T) {
	needImage(t, mavenImage)
	p := newProject(t, map[string]string{
		"pom.xml": mavenPOM,
		"src/main/java/App.java": "public class App {\n  public static void main(String[] a) {\n" +
			"    System.out.println(org.apache.commons.text.WordUtils.capitalize(\"hello\"));\n  }\n}\n",
		"Containerfile": "FROM " + mavenImage + `
WORKDIR /app
COPY . ./
RUN test "$MAVEN_ARGS" = "-s /cachi2/output/settings.xml" && mvn -q -B -o package
RUN m=/cachi2/output/deps/maven/org/apache/commons; java -cp target/app-1.0.jar:$m/commons-text/1.12.0/commons-text-1.12.0.jar:$m/commons-lang3/3.14.0/commons-lang3-3.14.0.jar App >/said
`,
	})
	p.lockMaven()
	p.write("note", nonce())
	args := []string{"-t", p.image(), "--network=none", noReadAhead, "--lazy-input", "x-maven:."}
	// The lock has no checksums for the POMs of jars.
	if r := p.build(args...); r.code() == 0 || !strings.Contains(r.err.String(), "--lazy-allow-unverified=all") {
		t.Errorf("without permission: exit code %d\n%s", r.code(), r)
	}
	r := p.must(append(args, "--lazy-allow-unverified=all")...)
	if got := inImage(t, p.image(), "cat /said"); got != "Hello" {
		t.Errorf("the program prints %q", got)
	}
	rep := r.read()
	if rep.Fetched.Files == 0 || rep.Fetched.Files > rep.Tree.Files/2 {
		t.Errorf("%d of %d files were fetched, want those that Maven reads", rep.Fetched.Files, rep.Tree.Files)
	}
	p.goodStore()
}
