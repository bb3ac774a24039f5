package web

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/review"
)

// browser is a person at the page: cookies, no redirects followed.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
	clock  *clock
	log    *lockedBuffer
	server *Server
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// setup serves notes to somebody who is not signed in yet.
func setup(t *testing.T, notes Notes) *browser {
	t.Helper()
	return setupWith(t, notes, fakeAuth{theActor}, Options{})
}

func setupWith(t *testing.T, notes Notes, auth review.Authenticator, o Options) *browser {
	t.Helper()
	b := &browser{t: t, clock: &clock{now: noon}, log: &lockedBuffer{}}
	o.Clock = b.clock
	var err error
	b.server, err = New(notes, auth, slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})), o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(b.server)
	t.Cleanup(srv.Close)
	b.base = srv.URL
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.client = srv.Client()
	b.client.Jar = jar
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// signIn signs the author in and returns the browser.
func (b *browser) signIn() *browser {
	b.t.Helper()
	b.post("/signin", "login", "okafor", "password", "right").want(http.StatusSeeOther)
	return b
}

// answer is a response, read.
type answer struct {
	t      *testing.T
	Status int
	Header http.Header
	Body   string
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(path string, fields ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{b.t, resp.StatusCode, resp.Header, string(body)}
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("status %d, want %d; body:\n%s", a.Status, status, a.Body)
	}
	return a
}

func (a answer) has(parts ...string) answer {
	a.t.Helper()
	for _, p := range parts {
		if !strings.Contains(a.Body, p) {
			a.t.Errorf("the page does not have %q:\n%s", p, a.Body)
		}
	}
	return a
}

func (a answer) hasNot(parts ...string) answer {
	a.t.Helper()
	for _, p := range parts {
		if strings.Contains(a.Body, p) {
			a.t.Errorf("the page has %q:\n%s", p, a.Body)
		}
	}
	return a
}

func (a answer) leadsTo(path string) {
	a.t.Helper()
	a.want(http.StatusSeeOther)
	if got := a.Header.Get("Location"); got != path {
		a.t.Errorf("leads to %q, want %q", got, path)
	}
}

const notePath = "/notes/nnnnnnnnnnnnnnnnnnnnnnnnnn"

// hash is what a form of the note's page carries now.
func hash(f *fakeNotes) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.view.Revision.ContentSHA256.String()
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
