//go:build e2e

package e2e

import (
	"crypto/rand"
	"fmt"
	"testing"
)

// sample is a small application with one input of each type, whose files an
// origin of the test serves.
type sample struct {
	*project
	origin *origin
	// wheelPath, tarballPath and dataPath are the origin's paths.
	wheelPath, tarballPath, dataPath string
}

// installAll is a Containerfile that installs the sample with uv, npm and cp.
const installAll = `FROM localhost/lazybuild-test/base:bookworm
WORKDIR /app
RUN cp /cachi2/output/deps/generic/data.bin /app/data.bin
COPY requirements.install.txt ./
RUN . /cachi2/cachi2.env && uv pip install --system --break-system-packages --no-cache --no-index --no-deps --find-links /cachi2/output/deps/pip -r requirements.install.txt
COPY package.json package-lock.json ./
RUN NODE_DISABLE_COMPILE_CACHE=1 npm ci --offline --no-audit --no-fund --cache /tmp/npm && rm -rf /tmp/npm
COPY src ./src
RUN cat src/note
`

// newSample makes the sample; unused packages are in the locks too, which no
// build opens.
func newSample(t *testing.T) *sample {
	t.Helper()
	o := newOrigin(t)
	s := &sample{project: newProject(t, nil), origin: o, dataPath: "files/data.bin"}
	s.useRegistry()
	s.write("Containerfile", installAll)
	s.write("src/note", "one\n")
	s.setData("first data " + nonce())
	s.setWheel("1.0.0")
	s.setTarball("1.0.0")
	return s
}

// useRegistry makes the origin the registry of npm packages, so that no test
// asks the one that this user has configured.
func (s *sample) useRegistry() {
	s.env = append(s.env, "npm_config_registry="+s.origin.URL+"/npm")
}

// nonce makes content new: podman must not know its layers from an earlier run.
func nonce() string { return rand.Text() }

// setData changes the generic artifact and its lock.
func (s *sample) setData(text string) {
	s.t.Helper()
	// A URL of its own for every content, as versions have.
	s.dataPath = "files/data-" + sha256Hex([]byte(text))[:8] + ".bin"
	url := s.origin.add(s.dataPath, []byte(text))
	unused := s.origin.add("files/unused.bin", []byte("unused"))
	s.write("artifacts.lock.yaml", genericHead+generic("data.bin", url, []byte(text))+generic("unused.bin", unused, []byte("unused")))
}

// setWheel changes the Python package and its lock.
func (s *sample) setWheel(version string) {
	s.t.Helper()
	file, content := wheel(s.t, "lazysample", version, "wheel "+version)
	s.wheelPath = "wheels/" + file
	other, otherContent := wheel(s.t, "unused", "1.0.0", "unused")
	lock := pylockHead + pylock("lazysample", version, file, s.origin.add(s.wheelPath, content), content) +
		pylock("unused", "1.0.0", other, s.origin.add("wheels/"+other, otherContent), otherContent)
	s.write("pylock.toml", lock)
	s.write("requirements.install.txt", fmt.Sprintf("lazysample==%s\n", version))
}

// setTarball changes the npm package and its lock.
func (s *sample) setTarball(version string) {
	s.t.Helper()
	content := tarball(s.t, "lazysample", version, "tarball "+version)
	s.tarballPath = "npm/lazysample/-/lazysample-" + version + ".tgz" // as registries name it
	manifest, lock := npmLock(s.t, npmPackage{"lazysample", version, s.origin.add(s.tarballPath, content), integrity(content)})
	s.write("package.json", manifest)
	s.write("package-lock.json", lock)
}

// installed says which versions an image of the sample holds.
func installed(t *testing.T, image string) string {
	t.Helper()
	return inImage(t, image, `cat data.bin; echo; python3 -c 'import lazysample; print(lazysample.VALUE)'; node -p 'require("lazysample")'`)
}
