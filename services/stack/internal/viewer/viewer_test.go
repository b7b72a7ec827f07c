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

// knownTrace is the trace of testdata: hello with a SET and a failed GET, with durations in whole
// microseconds.
const knownTrace = "73b887c537ddd240244c6e474fa9639b"

// serveJaeger serves the page as Jaeger does: files below /static/, index.html for every other path
// except the API, which has one trace. In addition it serves the test's page /harness.
func serveJaeger(t *testing.T, harness string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.FileServerFS(Assets()))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, Assets(), "index.html") })
	mux.HandleFunc("GET /harness", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(harness))
	})
	serveJSON := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if id := r.PathValue("id"); id != "" && id != knownTrace {
				http.Error(w, `{"error":{"httpCode":404,"message":"No traces found"}}`, http.StatusNotFound)
				return
			}
			_, _ = w.Write([]byte(body))
		})
	}
	serveJSON("GET /api/services", `{"data":["mini-redis","hello"]}`)
	serveJSON("GET /api/operations", `{"data":[{"name":"SET","spanKind":"client"},{"name":"GET","spanKind":"client"},{"name":"SET","spanKind":"server"}]}`)
	serveJSON("GET /api/v3/traces/{id}", testdata(t, "trace.json"))
	mux.HandleFunc("GET /api/traces", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Query", r.URL.RawQuery)
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

func TestWrite(t *testing.T) {
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

// TestPageHasNoExternalURLs checks that the page loads nothing from other hosts.
func TestPageHasNoExternalURLs(t *testing.T) {
	address := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
	err := fs.WalkDir(Assets(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(Assets(), path)
		for _, found := range address.FindAllString(string(text), -1) {
			if !strings.HasSuffix(found, "//www.w3.org") { // the SVG namespace, which is not loaded
				t.Errorf("%s contains the URL %s", path, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIndexHasBaseElement checks for the base element, which Jaeger rewrites if it is served below
// another path.
func TestIndexHasBaseElement(t *testing.T) {
	index, err := fs.ReadFile(Assets(), "index.html")
	if err != nil || !strings.Contains(string(index), `<base href="/"`) {
		t.Fatalf("index.html has no base element (%v)", err)
	}
}
