package ehrsim

import (
	"net/http"
	"net/url"
)

const fhirPrefix = "/fhir/r4"

// routeFHIR opens the plain FHIR R4 door.
func (s *Simulator) routeFHIR(mux *http.ServeMux) {
	d := &door{sim: s, endpoint: FHIR, base: s.FHIRBase()}
	mux.HandleFunc("GET "+fhirPrefix+"/metadata", func(w http.ResponseWriter, r *http.Request) { d.send(w, r, d.capability()) })
	mux.HandleFunc("POST "+fhirPrefix+"/DocumentReference", d.write(d.createFHIR))
	d.routeReads(mux, fhirPrefix)
	mux.HandleFunc(fhirPrefix+"/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			d.send(w, r, outcome(http.StatusNotFound, issue{code: "not-found", diagnostics: "no such resource type or operation"}))
			return
		}
		d.send(w, r, outcome(http.StatusMethodNotAllowed, issue{code: "not-supported", diagnostics: "this server does not support this interaction"}))
	})
}

// routeReads registers the interactions that both doors have in common.
func (d *door) routeReads(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET "+prefix+"/DocumentReference/{id}", d.guard(d.read(d.readDocument)))
	mux.HandleFunc("GET "+prefix+"/DocumentReference/{id}/_history/{vid}", d.guard(d.read(d.vreadDocument)))
	mux.HandleFunc("GET "+prefix+"/Patient/{id}", d.guard(d.read(d.readPatient)))
	mux.HandleFunc("GET "+prefix+"/Encounter/{id}", d.guard(d.read(d.readEncounter)))
	mux.HandleFunc("GET "+prefix+"/Binary/{id}", d.guard(d.read(d.readBinary)))
	for name, search := range map[string]func(url.Values) reply{
		"DocumentReference": d.searchDocuments, "Patient": d.searchPatients, "Encounter": d.searchEncounters,
	} {
		mux.HandleFunc("GET "+prefix+"/"+name, d.guard(d.read(func(r *http.Request) reply {
			q, err := url.ParseQuery(r.URL.RawQuery)
			if err != nil {
				return badParameter("query", "query string is malformed")
			}
			return search(q)
		})))
		mux.HandleFunc("POST "+prefix+"/"+name+"/_search", d.guard(d.read(func(r *http.Request) reply {
			if err := r.ParseForm(); err != nil {
				return badParameter("body", "form is malformed")
			}
			return search(r.Form)
		})))
	}
}

// guard asks for a bearer token where the door needs one.
func (d *door) guard(h http.HandlerFunc) http.HandlerFunc {
	if d.endpoint != Epic || !d.sim.opt.RequireToken {
		return h
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if !d.sim.tokens.valid(r.Header.Get("Authorization"), d.sim.opt.NowFunc()) {
			d.send(w, r, reply{status: http.StatusUnauthorized}.with("WWW-Authenticate", `Bearer error="invalid_token"`))
			return
		}
		h(w, r)
	}
}

func badParameter(name, text string) reply {
	return outcome(http.StatusBadRequest, issue{code: "invalid", diagnostics: name + ": " + text})
}
