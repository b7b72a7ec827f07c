package viewer

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// knownTrace is the trace of testdata: a hello with a SET, and a GET that failed, in round microseconds.
const knownTrace = "73b887c537ddd240244c6e474fa9639b"

// serveJaeger serves the page as Jaeger does: files below /static/, index.html for whatever else is not its API, which knows
// one trace. Beside it is /harness, a page of the test's own.
func serveJaeger(t *testing.T, harness string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.FileServerFS(Assets()))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, Assets(), "index.html") })
	mux.HandleFunc("GET /harness", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(harness))
	})
	answer := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if id := r.PathValue("id"); id != "" && id != knownTrace {
				http.Error(w, `{"error":{"httpCode":404,"message":"No traces found"}}`, http.StatusNotFound)
				return
			}
			_, _ = w.Write([]byte(body))
		})
	}
	answer("GET /api/services", `{"data":["mini-redis","hello"]}`)
	answer("GET /api/operations", `{"data":[{"name":"SET","spanKind":"client"},{"name":"GET","spanKind":"client"},{"name":"SET","spanKind":"server"}]}`)
	answer("GET /api/v3/traces/{id}", testdata(t, "trace.json"))
	mux.HandleFunc("GET /api/traces", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Asked", r.URL.RawQuery)
		if r.URL.Query().Get("minDuration") == "1h" {
			_, _ = w.Write([]byte(`{"data":[]}`))
			return
		}
		_, _ = w.Write([]byte(testdata(t, "search.json")))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWriteMakesWhatJaegerServes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "viewer")
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.html", "static/main.js", "static/viewer.css", "static/icon.svg"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPageNeedsNobodyElse keeps the page free of addresses outside of the Jaeger it came from.
func TestPageNeedsNobodyElse(t *testing.T) {
	address := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
	err := fs.WalkDir(Assets(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(Assets(), path)
		for _, found := range address.FindAllString(string(text), -1) {
			if !strings.HasSuffix(found, "//www.w3.org") { // the name of SVG's namespace, which nobody fetches
				t.Errorf("%s has the address %s", path, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIndexIsWhatJaegerPatches: Jaeger rewrites the base element when it is served below another path.
func TestIndexIsWhatJaegerPatches(t *testing.T) {
	index, err := fs.ReadFile(Assets(), "index.html")
	if err != nil || !strings.Contains(string(index), `<base href="/"`) {
		t.Fatalf("no base element, %v", err)
	}
}
