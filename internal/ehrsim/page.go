package ehrsim

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
)

//go:embed page.html
var pageSource string

// routePage answers health checks at /healthz and shows what was received to a person watching a demonstration: newest first, without script.
func (s *Simulator) routePage(mux *http.ServeMux) {
	page := template.Must(template.New("page").Parse(pageSource))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		reply{status: http.StatusOK, contentType: "text/plain; charset=utf-8", body: []byte("ok\n")}.send(w)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		docs := s.Documents()
		slices.Reverse(docs)
		var b bytes.Buffer
		if err := page.Execute(&b, map[string]any{"Documents": docs, "FHIR": s.FHIRBase(), "Epic": s.EpicBase(), "MLLP": s.MLLPAddr()}); err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		reply{status: http.StatusOK, contentType: "text/html; charset=utf-8", body: b.Bytes()}.
			with("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'").send(w)
	})
}
