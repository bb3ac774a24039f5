package smartauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/ehrsim"
	"countersign/internal/fhirr4"
	"countersign/internal/smartauth"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time          { return now.Add(time.Duration(c.Load())) }
func (c *clock) advance(d time.Duration) { c.Add(int64(d)) }

func setup(t *testing.T, o smartauth.BackendOptions, h http.HandlerFunc) *smartauth.Backend {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := fhirr4.HTTPClient(nil, false)
	b, err := smartauth.NewBackend(c, s.URL+"/token", "client", ecKey(t), "key-1", o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAgainstSimulator: ehrsim checks signature, claims, single use and
// answers Epic's way.
func TestAgainstSimulator(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"ES384": ecKey(t), "RS384": rsaKey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, err := ehrsim.Start(context.Background(), ehrsim.Options{RequireToken: true, EpicClients: map[string]jose.JSONWebKeySet{
				"client": {Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "key-1"}}}}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { sim.Shutdown(context.Background()) })
			b, err := smartauth.NewBackend(fhirr4.HTTPClient(nil, false), sim.EpicTokenURL(), "client", key, "key-1", smartauth.BackendOptions{})
			if err != nil {
				t.Fatal(err)
			}
			first, err := b.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			again, err := b.Token(t.Context())
			if err != nil || again != first {
				t.Errorf("second call: %v, want the kept token", err)
			}
			b.Discard("another")
			if again, _ = b.Token(t.Context()); again != first {
				t.Error("discarding another token dropped the current one")
			}
			b.Discard(first)
			if again, err = b.Token(t.Context()); err != nil || again == first {
				t.Errorf("after Discard: %v, want a new token", err)
			}
			wrong, err := smartauth.NewBackend(fhirr4.HTTPClient(nil, false), sim.EpicTokenURL(), "client", ecKey(t), "key-1", smartauth.BackendOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var te *smartauth.TokenError
			if _, err := wrong.Token(t.Context()); !errors.As(err, &te) || te.Code != "invalid_client" {
				t.Errorf("wrong key: got %v, want invalid_client", err)
			}
		})
	}
}

func TestAssertion(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	b := setup(t, smartauth.BackendOptions{NowFunc: func() time.Time { return now }}, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		if _, there := r.PostForm["scope"]; there || r.URL.RawQuery != "" {
			t.Errorf("form %v, want no scope", r.PostForm)
		}
		tok, err := jwt.ParseSigned(r.PostForm.Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES384})
		if err != nil {
			t.Error(err)
			return
		}
		var c jwt.Claims
		if err := tok.UnsafeClaimsWithoutVerification(&c); err != nil {
			t.Error(err)
		}
		h := tok.Headers[0]
		if c.Issuer != "client" || c.Subject != "client" || len(c.Audience) != 1 || c.Audience[0] != "http://"+r.Host+"/token" ||
			c.Expiry.Time().Sub(now) > 5*time.Minute || h.KeyID != "key-1" || h.ExtraHeaders["typ"] != "JWT" || c.ID == "" || ids[c.ID] {
			t.Errorf("claims %+v, header %+v", c, h)
		}
		ids[c.ID] = true
		io.WriteString(w, `{"access_token":"a","token_type":"Bearer","expires_in":"60"}`)
	})
	for range 2 {
		tok, err := b.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.Discard(tok)
	}
	if len(ids) != 2 {
		t.Errorf("%d assertions, want 2 with ids of their own", len(ids))
	}
}

func TestTokenLife(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expiresIn string
		good, bad time.Duration // still used, asked anew
	}{
		"number":   {`,"expires_in":3600`, 58 * time.Minute, 59*time.Minute + time.Second},
		"string":   {`,"expires_in":"3600"`, 58 * time.Minute, 59*time.Minute + time.Second},
		"short":    {`,"expires_in":8`, 5 * time.Second, 6 * time.Second},
		"missing":  {``, 3 * time.Minute, 4 * time.Minute},
		"nonsense": {`,"expires_in":null`, 3 * time.Minute, 4 * time.Minute},
		"negative": {`,"expires_in":-1`, 3 * time.Minute, 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clk clock
			var n atomic.Int64
			b := setup(t, smartauth.BackendOptions{NowFunc: clk.now}, func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"access_token":"%d","token_type":"bearer"%s}`, n.Add(1), c.expiresIn)
			})
			get := func() string {
				tok, err := b.Token(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return tok
			}
			first := get()
			clk.advance(c.good)
			if get() != first {
				t.Errorf("after %s: asked anew, want the kept token", c.good)
			}
			clk.advance(c.bad - c.good)
			if get() == first {
				t.Errorf("after %s: kept, want a new token", c.bad)
			}
		})
	}
}

func TestTokenError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status     int
		body, code string
	}{
		"invalid_client":    {400, `{"error":"invalid_client","error_description":"secret"}`, "invalid_client"},
		"busy":              {503, `<html>secret`, "status_503"},
		"odd error":         {400, `{"error":"Secret text"}`, "status_400"},
		"redirect":          {302, ``, "status_302"},
		"no token":          {200, `{"token_type":"bearer"}`, "unreadable"},
		"other type":        {200, `{"access_token":"secret","token_type":"mac"}`, "unreadable"},
		"header injection":  {200, `{"access_token":"secret\r\nX: y","token_type":"bearer"}`, "unreadable"},
		"not JSON":          {200, `secret`, "unreadable"},
		"201 is not a 200":  {201, `{"access_token":"secret","token_type":"bearer"}`, "status_201"},
		"error with 200":    {200, `{"error":"invalid_client"}`, "unreadable"},
		"unauthorized":      {401, `{"error":"unauthorized_client"}`, "unauthorized_client"},
		"insufficient":      {403, `{"error":"insufficient_scope"}`, "insufficient_scope"},
		"token of null":     {200, `null`, "unreadable"},
		"truncated by size": {200, `{"access_token":"` + strings.Repeat("x", 1<<20) + `","token_type":"bearer"}`, "unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, smartauth.BackendOptions{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "9")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			_, err := b.Token(t.Context())
			var te *smartauth.TokenError
			if !errors.As(err, &te) || te.Code != c.code || strings.Contains(err.Error(), "ecret") {
				t.Errorf("got %v, want %s without the body", err, c.code)
			}
			if c.status != 200 && te != nil && te.RetryAfter != "9" {
				t.Errorf("retry after %q, want 9", te.RetryAfter)
			}
		})
	}
}

func TestTokenAskedOnce(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	release := make(chan struct{})
	b := setup(t, smartauth.BackendOptions{}, func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		<-release
		io.WriteString(w, `{"access_token":"a","token_type":"bearer","expires_in":300}`)
	})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := b.Token(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for n.Load() == 0 { // until the one request is there
		if _, err := b.Token(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's end", err)
			break
		}
	}
	close(release)
	wg.Wait()
	if n.Load() != 1 {
		t.Errorf("%d requests, want 1", n.Load())
	}
}

func TestNewBackendErrors(t *testing.T) {
	t.Parallel()
	small := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: big.NewInt(15), E: 3}}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := ecKey(t)
	for name, c := range map[string]struct {
		url, client, kid string
		key              crypto.Signer
	}{
		"small RSA": {"https://h/t", "c", "k", small}, "P-256": {"https://h/t", "c", "k", p256}, "no client": {"https://h/t", "", "k", good},
		"no key id": {"https://h/t", "c", "", good}, "no URL": {"", "c", "k", good}, "user in URL": {"https://u:p@h/t", "c", "k", good},
	} {
		if _, err := smartauth.NewBackend(http.DefaultClient, c.url, c.client, c.key, c.kid, smartauth.BackendOptions{}); err == nil {
			t.Errorf("%s: got nil, want an error", name)
		}
	}
}
