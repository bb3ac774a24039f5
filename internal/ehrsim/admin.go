package ehrsim

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
)

// routeAdmin registers the admin API, JSON in both directions:
//
//	GET    /admin/documents   everything received
//	GET    /admin/requests    counters per door
//	GET    /admin/faults      faults still to come
//	POST   /admin/faults      one fault or a list; replaces the faults of the doors named
//	DELETE /admin/faults      takes all back
//	POST   /admin/seed        {"patients":[…],"encounters":[…]}
//	POST   /admin/reset       forgets documents, counters and faults
//
// POST needs Content-Type application/json, which a page of another origin cannot send without asking.
func (s *Simulator) routeAdmin(mux *http.ServeMux) {
	mux.HandleFunc("GET /admin/documents", func(w http.ResponseWriter, _ *http.Request) {
		adminReply(w, map[string]any{"documents": s.Documents()})
	})
	mux.HandleFunc("GET /admin/requests", func(w http.ResponseWriter, _ *http.Request) { adminReply(w, s.Requests()) })
	mux.HandleFunc("GET /admin/faults", func(w http.ResponseWriter, _ *http.Request) {
		adminReply(w, map[string]any{"faults": s.faults.snapshot()})
	})
	mux.HandleFunc("DELETE /admin/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.clear("")
		adminReply(w, map[string]any{"faults": s.faults.snapshot()})
	})
	mux.HandleFunc("POST /admin/faults", adminPost(s.adminFaults))
	mux.HandleFunc("POST /admin/seed", adminPost(s.adminSeed))
	mux.HandleFunc("POST /admin/reset", adminPost(func([]byte) (any, error) {
		s.Reset()
		return map[string]any{"documents": 0}, nil
	}))
}

func (s *Simulator) adminFaults(body []byte) (any, error) {
	var list []Fault
	if err := json.Unmarshal(body, &list); err != nil {
		var one Fault
		if err := json.Unmarshal(body, &one); err != nil {
			return nil, errors.New("set faults: body must be a fault or a list of faults")
		}
		list = []Fault{one}
	}
	for _, f := range list {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	for _, f := range list {
		s.faults.clear(f.Endpoint)
	}
	if err := s.faults.add(list...); err != nil {
		return nil, err
	}
	return map[string]any{"faults": s.faults.snapshot()}, nil
}

func (s *Simulator) adminSeed(body []byte) (any, error) {
	var in struct {
		Patients   []Patient   `json:"patients"`
		Encounters []Encounter `json:"encounters"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, errors.New("seed: body must have the form {\"patients\":[…],\"encounters\":[…]}")
	}
	if err := s.seed(in.Patients, in.Encounters); err != nil {
		return nil, err
	}
	return map[string]any{"patients": len(in.Patients), "encounters": len(in.Encounters)}, nil
}

// SeedJSON makes known what a JSON document of the form {"patients":[…],"encounters":[…]} describes.
func (s *Simulator) SeedJSON(body []byte) error {
	_, err := s.adminSeed(body)
	return err
}

func adminPost(handle func([]byte) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
			http.Error(w, "content type must be application/json", http.StatusUnsupportedMediaType)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "request is too large", http.StatusRequestEntityTooLarge)
			return
		}
		out, err := handle(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		adminReply(w, out)
	}
}

func adminReply(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	reply{status: http.StatusOK, contentType: "application/json", body: append(body, '\n')}.send(w)
}
