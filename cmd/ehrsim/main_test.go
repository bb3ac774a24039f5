package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func parse(t *testing.T, args ...string) flags {
	t.Helper()
	var f flags
	k, err := kong.New(&f, kong.Name("ehrsim"), kong.Description(description))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRunServesUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "people.json")
	if err := os.WriteFile(file, []byte(`{"patients":[{"id":"p1"}],"encounters":[{"id":"e1"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f := parse(t, "--http", ":0", "--mllp", ":0", "--json", "--seed", file, "--fault", "fhir=busy:1,retry=5,on=read", "--fault", "mllp=drop")
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, f, in) }()
	var addresses map[string]string
	if err := json.NewDecoder(out).Decode(&addresses); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{503, 200} { // the planned fault, then the seeded encounter
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, addresses["fhir"]+"/Encounter/e1", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("got %d, want %d", resp.StatusCode, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRunExplainsItsErrors(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"not a loopback address": {"--mllp", "0.0.0.0:2575"},
		"parse fault":            {"--fault", "fhir"},
		"read keys":              {"--epic-client", "app=/does/not/exist"},
	} {
		err := run(t.Context(), parse(t, args...), io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
