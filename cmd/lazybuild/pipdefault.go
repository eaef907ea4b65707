package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// askedDefault is what a tool has said once: asking takes a third of a second
// and more, and the answer can only change with the tool.
type askedDefault struct {
	Tool     string    `json:"tool"`
	Modified time.Time `json:"modified"`
	URL      string    `json:"url"`
}

// defaultInHelp is the index in the help of pip ("--index-url … (default URL)")
// and of uv ("--default-index … (by default: <URL>)"), wherever lines are broken.
var defaultInHelp = regexp.MustCompile(`--(?:default-index|index-url)\s+<[^>]*>[^()]*\((?:by\s+)?default:?\s+<?(https?://[^\s<>)]+?)>?\)`)

// toolDefault asks the pip of this machine, else its uv, for the index that it
// would use; "" when there is neither.
func (p pipIndexes) toolDefault() string {
	for _, tool := range []struct {
		name string
		args []string
	}{
		{"pip", []string{"help", "install"}}, {"pip3", []string{"help", "install"}},
		{"python3", []string{"-m", "pip", "help", "install"}}, {"uv", []string{"pip", "install", "--help"}},
	} {
		path, err := exec.LookPath(tool.name)
		if err != nil {
			continue
		}
		if u := p.askTool(path, tool.args); u != "" {
			return u
		}
	}
	return ""
}

func (p pipIndexes) askTool(path string, args []string) string {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	now := askedDefault{Tool: path, Modified: info.ModTime()}
	file := filepath.Join(p.cache, "default-index.json")
	var before askedDefault
	if data, err := os.ReadFile(file); err == nil && p.cache != "" && json.Unmarshal(data, &before) == nil &&
		before.Tool == now.Tool && before.Modified.Equal(now.Modified) {
		return before.URL
	}
	cmd := exec.Command(path, args...)
	// Wide, so that no URL is broken.
	cmd.Env = append(os.Environ(), "COLUMNS=1000", "NO_COLOR=1")
	out, err := cmd.Output()
	m := defaultInHelp.FindSubmatch(out)
	if err != nil || m == nil {
		return ""
	}
	now.URL = string(m[1])
	if data, err := json.Marshal(now); err == nil && p.cache != "" && os.MkdirAll(p.cache, 0o700) == nil {
		_ = os.WriteFile(file, data, 0o600) // else it is asked again
	}
	return now.URL
}
