package plan

import (
	"strings"
	"testing"
)

func TestAListOfRegistriesIsShownWithoutPasswords(t *testing.T) {
	for value, want := range map[string]string{
		"https://u:hunter2@a/x": "https://a/x", "https://a/x": "https://a/x",
		"https://a/x https://u:hunter2@b": "(set)", "https://a/x,https://u:hunter2@b": "(set)", "https://u:hunter2@a https://u:hunter2@b": "(set)",
	} {
		if got := redacted(value); got != want || strings.Contains(got, "hunter2") {
			t.Errorf("%q: %q", value, got)
		}
	}
}
