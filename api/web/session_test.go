package web

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/review"
)

func inReview() *fakeNotes { return newFake(viewOf(review.StateInReview, content())) }

func TestSignIn(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview())
		b.post("/signin", "login", "okafor", "password", "right").leadsTo("/")
		b.get("/").want(http.StatusOK).has("Your notes", "dr-okafor")
	})
	t.Run("wrong password", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview())
		a := b.post("/signin", "login", "okafor", "password", "wrong").want(http.StatusUnauthorized).has("Name or password is wrong").hasNot("okafor")
		if c := a.Header.Get("Set-Cookie"); c != "" {
			t.Errorf("a cookie was set: %s", c)
		}
		b.get("/").leadsTo("/signin")
	})
	t.Run("unknown name looks like a wrong password", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview())
		wrong := b.post("/signin", "login", "okafor", "password", "wrong")
		unknown := b.post("/signin", "login", "nobody", "password", "right")
		if wrong.Body != unknown.Body || wrong.Status != unknown.Status {
			t.Error("the two can be told apart")
		}
	})
	t.Run("leads to the note that was asked for", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview())
		b.get(notePath).leadsTo("/signin?note=" + string(fixedNote))
		b.get("/signin?note=" + string(fixedNote)).has(`name="note" value="` + string(fixedNote) + `"`)
		b.post("/signin", "login", "okafor", "password", "right", "note", string(fixedNote)).leadsTo(notePath)
	})
	t.Run("leads nowhere else", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview())
		b.get("/signin?note=//evil.example").hasNot("evil")
		b.post("/signin", "login", "okafor", "password", "right", "note", "//evil.example").leadsTo("/")
	})
	t.Run("directory out of order", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, inReview(), brokenAuth{}, Options{})
		b.post("/signin", "login", "okafor", "password", "right").want(http.StatusServiceUnavailable).hasNot("ldap")
	})
}

type brokenAuth struct{}

func (brokenAuth) Authenticate(context.Context, string, string) (review.Actor, error) {
	return review.Actor{}, review.Errorf(review.KindUnavailable, "ldap://10.0.0.1: refused")
}

func TestCookie(t *testing.T) {
	t.Parallel()
	cookieOf := func(a answer) string { return a.Header.Get("Set-Cookie") }
	b := setup(t, inReview())
	first := b.post("/signin", "login", "okafor", "password", "right")
	for _, flag := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookieOf(first), flag) {
			t.Errorf("cookie %q without %s", cookieOf(first), flag)
		}
	}
	for _, not := range []string{"okafor", "Secure", "Expires", "Max-Age", "Domain"} {
		if strings.Contains(cookieOf(first), not) {
			t.Errorf("cookie %q has %s", cookieOf(first), not)
		}
	}
	if second := b.post("/signin", "login", "okafor", "password", "right"); cookieOf(second) == cookieOf(first) {
		t.Error("two sign-ins give one token")
	}
	if n := len(b.server.sessions.byToken); n != 1 {
		t.Errorf("%d sessions after signing in again, want 1: the old one must end", n)
	}
	proxied := setupWith(t, inReview(), fakeAuth{theActor}, Options{SecureCookie: true})
	if c := cookieOf(proxied.post("/signin", "login", "okafor", "password", "right")); !strings.Contains(c, "Secure") {
		t.Errorf("cookie %q without Secure", c)
	}
}

func TestCookieOverTLSIsSecure(t *testing.T) {
	t.Parallel()
	b := setup(t, inReview())
	srv := httptest.NewTLSServer(b.server)
	t.Cleanup(srv.Close)
	b.base, b.client = srv.URL, srv.Client()
	b.client.Jar, _ = cookiejar.New(nil) // never fails without options
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := b.post("/signin", "login", "okafor", "password", "right").Header.Get("Set-Cookie")
	if !strings.Contains(c, "; Secure") {
		t.Errorf("cookie %q without Secure", c)
	}
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview()).signIn()
		b.clock.add(14 * time.Minute)
		b.get("/").want(http.StatusOK)
		b.clock.add(14 * time.Minute)
		b.get("/").want(http.StatusOK)
		b.clock.add(15*time.Minute + time.Second)
		b.get("/").leadsTo("/signin")
		b.get("/").leadsTo("/signin")
	})
	t.Run("a page that loads itself is not a use", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview()).signIn()
		for range 3 {
			b.clock.add(5 * time.Minute)
			b.get(notePath + "?auto=1").want(http.StatusOK)
		}
		b.clock.add(time.Second)
		b.get(notePath + "?auto=1").want(http.StatusSeeOther)
	})
	t.Run("absolute", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview()).signIn()
		for range 72 {
			b.clock.add(10 * time.Minute)
			b.get("/").want(http.StatusOK)
		}
		b.clock.add(time.Second)
		b.get("/").leadsTo("/signin")
	})
	t.Run("sign out", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview()).signIn()
		stolen := b.client.Jar.Cookies(mustURL(t, b.base))
		b.post("/signout").leadsTo("/signin")
		b.get("/").leadsTo("/signin")
		b.client.Jar.SetCookies(mustURL(t, b.base), stolen)
		b.get("/").leadsTo("/signin")
	})
	t.Run("forged token", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview())
		b.client.Jar.SetCookies(mustURL(t, b.base), []*http.Cookie{{Name: cookieName, Value: "forged"}})
		b.get("/").leadsTo("/signin")
	})
}

// Every page that is somebody's needs a session, and nothing is done without.
func TestEveryPageNeedsASession(t *testing.T) {
	t.Parallel()
	f := inReview()
	b := setup(t, f)
	for _, path := range []string{"/", notePath, notePath + "/sign", "/elsewhere"} {
		if a := b.get(path); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/signin") {
			t.Errorf("GET %s: %d", path, a.Status)
		}
	}
	for _, act := range []string{"edit", "confirm", "sign", "return", "discard", "redraft"} {
		if a := b.post(notePath+"/"+act, "seen", hash(f), "agree", "yes"); a.Status != http.StatusSeeOther {
			t.Errorf("POST %s: %d", act, a.Status)
		}
	}
	if len(f.called) > 0 {
		t.Errorf("the service was called: %v", f.called)
	}
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	f := inReview()
	b := setup(t, f).signIn()
	for name, header := range map[string][2]string{
		"fetch metadata": {"Sec-Fetch-Site", "cross-site"}, "same site is another origin": {"Sec-Fetch-Site", "same-site"}, "origin": {"Origin", "https://evil.example"},
	} {
		r, err := http.NewRequest(http.MethodPost, b.base+notePath+"/sign", strings.NewReader("agree=yes&seen="+hash(f)+"&shown="+hash(f)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(header[0], header[1])
		if a := b.do(r); a.Status != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", name, a.Status)
		}
	}
	if f.signed != 0 {
		t.Error("another origin signed")
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t, inReview()).signIn()
	for _, path := range []string{"/", notePath, notePath + "/sign", "/signin", "/elsewhere"} {
		h := b.get(path).Header
		for key, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Content-Type": "text/html; charset=utf-8",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		} {
			if got := h.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", path, key, got, want)
			}
		}
	}
	css := b.get("/static/style.css").want(http.StatusOK)
	if got := css.Header.Get("Content-Type"); got != "text/css; charset=utf-8" {
		t.Errorf("style sheet is %q", got)
	}
	r, err := http.NewRequest(http.MethodGet, b.base+"/static/style.css", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("If-None-Match", css.Header.Get("ETag"))
	b.do(r).want(http.StatusNotModified)
	b.get("/static/").want(http.StatusNotFound)
}

func TestTableOfSessionsIsBounded(t *testing.T) {
	t.Parallel()
	c := &clock{now: noon}
	s := newSessions(Options{Idle: time.Hour, Absolute: time.Hour, Clock: c})
	for i := range maxSessions {
		s.byToken[[32]byte{byte(i), byte(i >> 8), byte(i >> 16)}] = session{started: noon, used: noon.Add(time.Duration(i) * time.Microsecond)}
	}
	s.start(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/signin", nil), theActor)
	if _, there := s.byToken[[32]byte{}]; there || len(s.byToken) != maxSessions {
		t.Errorf("%d sessions, least used still there: %v", len(s.byToken), there)
	}
}
