//go:build integration

package integrationtests

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/adapters/epic"
	"countersign/adapters/fhir"
	"countersign/review"
)

// faultsOf is what each validator has against a resource.
type faultsOf struct {
	Medplum []string `json:"medplum"`    // structure, cardinality, invariants
	USCore  []string `json:"us_core"`    // the same with the US Core 6.1.0 profile
	Schema  []string `json:"hl7_schema"` // HL7's JSON schema
	Lantana []string `json:"lantana"`    // profiles and required value sets
}

func (f faultsOf) none() bool {
	return len(f.Medplum)+len(f.USCore)+len(f.Schema)+len(f.Lantana) == 0
}

// validate gives the resources to every validator.
func validate(t *testing.T, resources ...[]byte) []faultsOf {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for i, r := range resources {
		files = append(files, filepath.Join(dir, string(rune('a'+i))+".json"))
		if err := os.WriteFile(files[i], r, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dec := json.NewDecoder(bytes.NewReader(runPeer(t, nil, "fhir-validate.cjs", files...)))
	var out []faultsOf
	for range resources {
		var f faultsOf
		if err := dec.Decode(&f); err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// recordedCreates passes requests on to a server and keeps the bodies of the
// creates, byte for byte.
type recordedCreates struct {
	base string
	mu   sync.Mutex
	body [][]byte
}

func recordCreates(t *testing.T, server string) *recordedCreates {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	r := &recordedCreates{}
	pass := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost && req.URL.Path == "/DocumentReference" {
			body, err := io.ReadAll(req.Body)
			if err != nil {
				t.Error(err)
			}
			r.mu.Lock()
			r.body = append(r.body, body)
			r.mu.Unlock()
			req.Body = io.NopCloser(bytes.NewReader(body))
		}
		pass.ServeHTTP(w, req)
	}))
	t.Cleanup(front.Close)
	r.base = front.URL
	return r
}

// sent is the body of the newest create.
func (r *recordedCreates) sent(t *testing.T) []byte {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.body) == 0 {
		t.Fatal("no create was sent")
	}
	return r.body[len(r.body)-1]
}

func TestPeerValidators(t *testing.T) {
	t.Parallel()
	p := startMedplum(t)
	front := recordCreates(t, p.base)
	write := func(t *testing.T, a adapters.Adapter, d review.Document) []byte {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), peerPatience)
		defer cancel()
		if _, err := a.WriteBack(ctx, d); err != nil {
			t.Fatal(err)
		}
		return front.sent(t)
	}
	plain, err := fhir.New(front.base, fhir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plain.Close)
	full, err := fhir.New(front.base, fhir.Options{Custodian: "org-1", Marks: []review.Confidentiality{review.ConfidentialityUsual, "R"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(full.Close)
	epicAdapter, err := epic.New(front.base, epic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(epicAdapter.Close)

	restricted := adaptertest.Document(t, p.destination)
	restricted.Confidential = "R"
	unsigned := adaptertest.Document(t, p.destination)
	unsigned.Signatures, unsigned.Signers, unsigned.Completed = nil, nil, false
	byNPI := adaptertest.Document(t, p.destination)
	byNPI.Author.Identifiers = nil
	names := []string{"fhir", "fhir, custodian and restricted", "fhir, preliminary", "fhir, author by NPI", "epic"}
	sent := [][]byte{
		write(t, plain, adaptertest.Document(t, p.destination)),
		write(t, full, restricted),
		write(t, plain, unsigned),
		write(t, plain, byNPI),
		write(t, epicAdapter, adaptertest.Document(t, p.destination)),
	}
	damaged := damagedDocuments(t, sent[0])
	found := validate(t, append(sent, damaged...)...)
	for i, name := range names {
		if !found[i].none() {
			t.Errorf("%s: %+v\n%s", name, found[i], sent[i])
		}
	}
	// The validators find what is wrong.
	bad := found[len(names):]
	if len(bad[0].Medplum) == 0 || len(bad[0].USCore) == 0 || len(bad[0].Lantana) == 0 {
		t.Errorf("without status: %+v", bad[0])
	}
	if len(bad[1].USCore) == 0 {
		t.Errorf("without category: %+v", bad[1])
	}
	if len(bad[3].Lantana) == 0 {
		t.Errorf("with a docStatus that R4 does not have: %+v", bad[3])
	}
	if len(bad[2].Schema) == 0 || len(bad[2].Medplum) == 0 {
		t.Errorf("with an unknown property: %+v", bad[2])
	}
}

// damagedDocuments are a resource without status, without category, with a
// property and with a docStatus that R4 does not have.
func damagedDocuments(t *testing.T, good []byte) [][]byte {
	t.Helper()
	var out [][]byte
	for _, damage := range []func(map[string]any){
		func(r map[string]any) { delete(r, "status") },
		func(r map[string]any) { delete(r, "category") },
		func(r map[string]any) { r["autor"] = r["author"] },
		func(r map[string]any) { r["docStatus"] = "signed" },
	} {
		var r map[string]any
		if err := json.Unmarshal(good, &r); err != nil {
			t.Fatal(err)
		}
		damage(r)
		out = append(out, mustJSON(t, r))
	}
	return out
}
