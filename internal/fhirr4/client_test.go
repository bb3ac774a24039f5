package fhirr4

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func setup(t *testing.T, o Options, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(s.URL+"/fhir", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

type tokens struct{ discarded atomic.Value }

func (*tokens) Token(context.Context) (string, error) { return "secret", nil }
func (s *tokens) Discard(token string)                { s.discarded.Store(token) }

func TestCreate(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Tokens: &tokens{}}, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		want := map[string]string{"Authorization": "Bearer secret", "Prefer": "return=representation", "If-None-Exist": "identifier=a|b",
			"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
		for k, v := range want {
			if got := r.Header.Get(k); got != v {
				t.Errorf("%s: got %q, want %q", k, got, v)
			}
		}
		if r.Method != http.MethodPost || r.URL.Path != "/fhir/DocumentReference" || string(b) != "{}" || !r.Close {
			t.Errorf("got %s %s %q close=%v", r.Method, r.URL.Path, b, r.Close)
		}
		w.WriteHeader(http.StatusCreated)
	})
	r, err := c.Create(t.Context(), "DocumentReference", []byte("{}"), "identifier=a|b")
	if err != nil || r.Status != 201 || !r.OK() || !r.Complete {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestCreateMaySent(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, err error, code string, maySent bool) {
		t.Helper()
		var te *TransportError
		if !errors.As(err, &te) || te.Code != code || te.MaySent != maySent {
			t.Errorf("got %#v, want code %s, may sent %v", err, code, maySent)
		}
	}
	t.Run("connection refused", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		c, err := New("http://"+l.Addr().String(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Create(t.Context(), "DocumentReference", nil, "")
		check(t, err, "dial", false)
	})
	t.Run("address refused after resolution", func(t *testing.T) {
		t.Parallel()
		refused := errors.New("no")
		var seen string
		c, err := New("http://localhost:9", Options{CheckAddress: func(a string) error { seen = a; return refused }})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Create(t.Context(), "DocumentReference", nil, "")
		check(t, err, "dial", false)
		if host, _, _ := net.SplitHostPort(seen); net.ParseIP(host) == nil || !errors.Is(err, refused) {
			t.Errorf("checked %q, error %v: want an IP address and the cause kept", seen, err)
		}
	})
	t.Run("connection dropped after the request", func(t *testing.T) {
		t.Parallel()
		c := setup(t, Options{}, func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		})
		_, err := c.Create(t.Context(), "DocumentReference", []byte("{}"), "")
		check(t, err, "cut_off", true)
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		c := setup(t, Options{}, func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		_, err := c.Create(ctx, "DocumentReference", []byte("{}"), "")
		check(t, err, "timeout", true)
	})
	t.Run("no token", func(t *testing.T) {
		t.Parallel()
		c := setup(t, Options{Tokens: noToken{}}, func(http.ResponseWriter, *http.Request) { t.Error("called, want no request") })
		_, err := c.Create(t.Context(), "DocumentReference", nil, "")
		check(t, err, "token", false)
	})
}

type noToken struct{}

func (noToken) Token(context.Context) (string, error) { return "", errors.New("none") }
func (noToken) Discard(string)                        {}

func TestRedirectNotFollowed(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other server was called") }))
	defer other.Close()
	c := setup(t, Options{Tokens: &tokens{}}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	r, err := c.Create(t.Context(), "DocumentReference", []byte("{}"), "")
	if err != nil || r.Status != http.StatusTemporaryRedirect {
		t.Errorf("got %d, %v, want 307", r.Status, err)
	}
	if _, err := c.Fetch(t.Context(), other.URL+"/Binary/1"); err == nil {
		t.Error("fetch from another server: got nil, want an error")
	}
}

func TestUnauthorizedDiscardsToken(t *testing.T) {
	t.Parallel()
	s := &tokens{}
	c := setup(t, Options{Tokens: s}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	if _, err := c.Read(t.Context(), "Patient", "a"); err != nil {
		t.Fatal(err)
	}
	if s.discarded.Load() != "secret" {
		t.Errorf("discarded %v, want the token", s.discarded.Load())
	}
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{MaxBody: 10}, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 11)) })
	r, err := c.Read(t.Context(), "Patient", "a")
	if err != nil || r.Status != 200 || r.Complete || r.Body != nil {
		t.Errorf("got %+v, %v, want status 200, not complete, no body", r, err)
	}
}

func TestSearchPages(t *testing.T) {
	t.Parallel()
	var c *Client
	c = setup(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if r.URL.RawQuery != "" || r.FormValue("identifier") != "s|v" {
				t.Errorf("got %s with %v, want the search in the body", r.URL, r.Form)
			}
			io.WriteString(w, `{"resourceType":"Bundle","link":[{"relation":"next","url":"`+c.Base()+`next/1"}],"entry":[
				{"resource":{"resourceType":"Patient","id":"a"}},{"resource":{"resourceType":"OperationOutcome"}}]}`)
			return
		}
		io.WriteString(w, `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","id":"b"}}]}`)
	})
	got, err := c.Search(t.Context(), "Patient", url.Values{"identifier": {"s|v"}})
	if err != nil || len(got) != 2 {
		t.Fatalf("got %d resources, %v, want 2", len(got), err)
	}
	var p struct{ ID string }
	if json.Unmarshal(got[1], &p); p.ID != "b" {
		t.Errorf("second: got %q, want b", p.ID)
	}
}

func TestSearchErrors(t *testing.T) {
	t.Parallel()
	t.Run("status", func(t *testing.T) {
		t.Parallel()
		c := setup(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(503)
		})
		_, err := c.Search(t.Context(), "Patient", nil)
		var se *StatusError
		if !errors.As(err, &se) || se.Status != 503 || se.RetryAfter != "7" {
			t.Errorf("got %v, want a StatusError 503", err)
		}
	})
	t.Run("no bundle", func(t *testing.T) {
		t.Parallel()
		c := setup(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `<html>`) })
		if _, err := c.Search(t.Context(), "Patient", nil); err == nil {
			t.Error("got nil, want an error")
		}
	})
	t.Run("endless pages", func(t *testing.T) {
		t.Parallel()
		c := setup(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"resourceType":"Bundle","link":[{"relation":"next","url":"x"}]}`)
		})
		if _, err := c.Search(t.Context(), "Patient", nil); !errors.Is(err, ErrTooMany) {
			t.Errorf("got %v, want ErrTooMany", err)
		}
	})
}

func TestNewErrors(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "ehr", "ftp://h/", "http://u:p@h/", "http://h/?q=1", "http://h/#f", "http://%zz"} {
		if _, err := New(base, Options{}); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("New(%q): got %v, want an error without the URL", base, err)
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Timeout: 20 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	var te *TransportError
	if _, err := c.Read(t.Context(), "Patient", "a"); !errors.As(err, &te) || te.Code != "timeout" {
		t.Errorf("got %v, want timeout", err)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fhir/Binary/json":
			w.Header().Set("Content-Type", "application/fhir+json;charset=utf-8")
			io.WriteString(w, `{"resourceType":"Binary","contentType":"text/HTML; charset=utf-8","data":"PHA+"}`)
		case "/fhir/Binary/raw":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<p>")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	for name, a := range map[string]AttachmentView{
		"data": {ContentType: "text/html;charset=utf-8", Data: "PHA+"}, "json": {URL: "Binary/json"}, "raw": {URL: c.Base() + "Binary/raw"},
	} {
		got, err := c.Open(t.Context(), a)
		if err != nil || got.Type != "text/html" || string(got.Data) != "<p>" {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if _, err := c.Open(t.Context(), AttachmentView{URL: "Binary/none"}); err == nil {
		t.Error("missing binary: got nil, want an error")
	}
	if _, err := c.Open(t.Context(), AttachmentView{}); !errors.Is(err, ErrAttachment) {
		t.Errorf("nothing: got %v, want ErrAttachment", err)
	}
}
