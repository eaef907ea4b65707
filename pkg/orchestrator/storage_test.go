package orchestrator

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
)

// api is a podman's API that answers one path, the rest of it after "/libpod".
func api(t *testing.T, path string, answer any) context.Context {
	t.Helper()
	sock := socket(t)
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	s := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Libpod-API-Version", "5.0.0")
		switch {
		case strings.HasSuffix(r.URL.Path, "/_ping"):
		case strings.HasSuffix(r.URL.Path, "/libpod"+path):
			_ = json.NewEncoder(w).Encode(answer)
		default:
			http.NotFound(w, r)
		}
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	c, err := dialAPI(context.Background(), sock)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAContainerSaysWhereItsFilesAre(t *testing.T) {
	for _, tt := range []struct {
		name, files, want string
	}{
		{"as podman keeps it", "/srv/store/overlay-containers/0a1b/userdata", "/srv/store/overlay-containers/0a1b"},
		{"somewhere else", "/srv/elsewhere/userdata", ""},
		{"nowhere", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := api(t, "/containers/"+testID.container()+"/json", map[string]string{"Id": "0a1b", "StaticDir": tt.files})
			got, err := filesOf(c, testID.container())
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}
