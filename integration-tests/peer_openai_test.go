//go:build integration

package integrationtests

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/notegen"
	"countersign/notegen/drafttest"
	"countersign/notegen/openai"
	"countersign/review"
)

const (
	modelKey   = "peer-key"
	azureAPI   = "2024-10-21"
	spokenName = "Quillfeather"
)

// modelEndpoints are the two ways to the same models, by kind.
func modelEndpoints(p *peer) map[openai.Kind]openai.Options {
	return map[openai.Kind]openai.Options{
		openai.KindAzure:      {Kind: openai.KindAzure, Endpoint: "http://" + p.addr, APIVersion: azureAPI},
		openai.KindCompatible: {Kind: openai.KindCompatible, Endpoint: "http://" + p.addr + "/v1"},
	}
}

func modelDrafter(t *testing.T, o openai.Options, deployment string) *openai.Drafter {
	t.Helper()
	o.Deployment, o.AllowLoopback = deployment, true
	if o.APIKey == "" {
		o.APIKey = modelKey
	}
	if o.MaxElapsed == 0 {
		o.MaxElapsed = 10 * time.Second
	}
	d, err := openai.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// visitOf is a visit in which the patient's name is spoken.
func visitOf() review.Conversation {
	c := drafttest.Visit()
	c.Context.DisplayName = "Rosamund " + spokenName
	u := c.Transcript.Streams[0].Utterances
	u[0].Text = "Good morning, Ms. " + spokenName + ". " + u[0].Text
	return c
}

// modelRequest is one entry of aimock's journal.
type modelRequest struct {
	Path string
	Body struct {
		Model          string
		Messages       []struct{ Role, Content string }
		ResponseFormat struct {
			Type       string
			JSONSchema struct{ Strict bool } `json:"json_schema"`
		} `json:"response_format"`
	}
}

// modelRequests are what the endpoint was asked for one deployment.
func modelRequests(t *testing.T, p *peer, deployment string) []modelRequest {
	t.Helper()
	req, err := http.NewRequestWithContext(peerContext(t), http.MethodGet, "http://"+p.addr+"/__aimock/journal", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+modelKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all, out []modelRequest
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatalf("journal: %s: %v", resp.Status, err)
	}
	for _, r := range all {
		if r.Body.Model == deployment {
			out = append(out, r)
		}
	}
	return out
}

func TestPeerModelGood(t *testing.T) {
	t.Parallel()
	p := startPeer(t, nil, "aimock.cjs")
	for kind, o := range modelEndpoints(p) {
		t.Run(string(kind), func(t *testing.T) {
			c := visitOf()
			got, err := modelDrafter(t, o, "good").Draft(peerContext(t), c)
			if err != nil {
				t.Fatal(err)
			}
			drafttest.Check(t, c, got)
			if len(got.Sections) != 2 || len(got.Sections[0].Statements) != 2 || got.Sections[1].Statements[0].Heading != "Knee sprain" {
				t.Fatalf("draft has %d sections", len(got.Sections))
			}
			ev := got.Sections[0].Statements[1].Evidence
			if len(ev) != 2 || ev[0].Seq != 4 || ev[1].Seq != 6 {
				t.Errorf("evidence %+v, want utterances 4 and 6: the third does not exist", ev)
			}
			if got.Generator.Deployment != "good" || got.Generator.Drafter != "openai" {
				t.Errorf("generator %+v", got.Generator)
			}
		})
	}
	asked := modelRequests(t, p, "good")
	if len(asked) != 2 {
		t.Fatalf("%d requests, want one for each path", len(asked))
	}
	paths := map[string]bool{}
	for _, r := range asked {
		path, _, _ := strings.Cut(r.Path, "?")
		paths[path] = true
		if r.Body.ResponseFormat.Type != "json_schema" || !r.Body.ResponseFormat.JSONSchema.Strict {
			t.Errorf("response format %+v, want a strict schema", r.Body.ResponseFormat)
		}
		for _, m := range r.Body.Messages {
			if strings.Contains(m.Content, spokenName) {
				t.Error("the patient's name was sent")
			}
		}
	}
	if !paths["/openai/deployments/good/chat/completions"] || !paths["/v1/chat/completions"] {
		t.Errorf("asked at %v", paths)
	}
}

func TestPeerModelBusy(t *testing.T) {
	t.Parallel()
	p := startPeer(t, nil, "aimock.cjs")
	o := modelEndpoints(p)[openai.KindAzure]
	t.Run("429 with a short Retry-After then a draft", func(t *testing.T) {
		c := visitOf()
		got, err := modelDrafter(t, o, "busy-once").Draft(peerContext(t), c)
		if err != nil {
			t.Fatal(err)
		}
		drafttest.Check(t, c, got)
		if n := len(modelRequests(t, p, "busy-once")); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
	})
	t.Run("429 with a long Retry-After is handed on", func(t *testing.T) {
		_, err := modelDrafter(t, o, "busy-long").Draft(peerContext(t), visitOf())
		var wait *notegen.RetryAfterError
		if !errors.As(err, &wait) || wait.After != 2*time.Minute || wait.Code != notegen.CodeRateLimited {
			t.Errorf("got %v, want to come back after 2 minutes", err)
		}
		if n := len(modelRequests(t, p, "busy-long")); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestPeerModelErrors(t *testing.T) {
	t.Parallel()
	p := startPeer(t, nil, "aimock.cjs")
	cases := map[string]struct {
		code      string
		permanent bool
	}{
		"filtered-prompt": {notegen.CodeContentFilter, true},
		"filtered-answer": {notegen.CodeContentFilter, true},
		"cut-off":         {notegen.CodeLength, true},
		"not-the-schema":  {notegen.CodeMalformed, false},
		"cut-json":        {notegen.CodeMalformed, false},
		"malformed-body":  {notegen.CodeMalformed, false},
		"dropped":         {notegen.CodeUnavailable, false},
		"unavailable":     {notegen.CodeUnavailable, false},
	}
	for kind, o := range modelEndpoints(p) {
		o.MaxElapsed = time.Nanosecond // no second request
		for deployment, want := range cases {
			t.Run(string(kind)+" "+deployment, func(t *testing.T) {
				wantDraftError(t, modelDrafter(t, o, deployment), want.code, want.permanent)
			})
		}
		t.Run(string(kind)+" wrong key", func(t *testing.T) {
			o.APIKey = "another-key"
			wantDraftError(t, modelDrafter(t, o, "good"), notegen.CodeUnauthorized, true)
		})
	}
	for deployment := range cases {
		if n := len(modelRequests(t, p, deployment)); n != 2 {
			t.Errorf("%s: %d requests, want one on each path", deployment, n)
		}
	}
}

// wantDraftError drafts and fails unless the error is of this class and
// holds nothing of the visit or the answer.
func wantDraftError(t *testing.T, d notegen.Drafter, code string, permanent bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), peerPatience)
	defer cancel()
	draft, err := d.Draft(ctx, visitOf())
	if err == nil || len(draft.Sections) != 0 {
		t.Fatalf("got %d sections and error %v, want no draft", len(draft.Sections), err)
	}
	got, after, perm := notegen.Classify(err)
	if got != code || perm != permanent || after != 0 {
		t.Errorf("got %s, permanent %v, after %s; want %s, permanent %v", got, perm, after, code, permanent)
	}
	for _, word := range []string{spokenName, "knee", "Azure OpenAI's", modelKey} {
		if strings.Contains(err.Error(), word) {
			t.Errorf("the error holds %q: %v", word, err)
		}
	}
}
