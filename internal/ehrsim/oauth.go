package ehrsim

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	assertionType   = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	tokenLifetime   = time.Hour
	maxAssertionAge = 5 * time.Minute
	maxJTI          = 151 // characters; Epic's limit
	// epicScopes is what Epic answers whatever was asked: the application's registered set, in version 1 spelling.
	epicScopes = "system/Binary.read system/DocumentReference.read system/DocumentReference.write system/Encounter.read system/Patient.read"
)

// tokenStore keeps access tokens and used assertion ids until they expire. It is safe for concurrent use.
type tokenStore struct {
	mu     sync.Mutex
	tokens map[string]time.Time
	used   map[string]time.Time // by client id and jti
}

func newTokenStore() *tokenStore {
	t := &tokenStore{}
	t.forget()
	return t
}

func (t *tokenStore) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens, t.used = map[string]time.Time{}, map[string]time.Time{}
}

// spend marks an assertion as used and reports whether it was fresh.
func (t *tokenStore) spend(client, jti string, expiry, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, until := range t.used {
		if until.Before(now) {
			delete(t.used, key)
		}
	}
	key := client + "\x00" + jti
	if _, again := t.used[key]; again {
		return false
	}
	t.used[key] = expiry
	return true
}

func (t *tokenStore) issue(now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	token := rand.Text() + rand.Text()
	t.tokens[token] = now.Add(tokenLifetime)
	return token
}

func (t *tokenStore) valid(header string, now time.Time) bool {
	token, ok := strings.CutPrefix(header, "Bearer ")
	t.mu.Lock()
	defer t.mu.Unlock()
	until, known := t.tokens[token]
	return ok && known && now.Before(until)
}

// epicToken serves the client_credentials grant with a signed assertion (SMART Backend Services; Epic's limits on exp and jti).
func (s *Simulator) epicToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		oauthError(w, "invalid_request")
		return
	}
	form := r.PostForm
	switch {
	case form.Get("grant_type") != "client_credentials":
		oauthError(w, "unsupported_grant_type")
		return
	case form.Get("client_assertion_type") != assertionType || form.Get("client_assertion") == "":
		oauthError(w, "invalid_request")
		return
	}
	now := s.opt.NowFunc()
	if err := s.checkAssertion(form.Get("client_assertion"), now); err != nil {
		oauthError(w, "invalid_client") // the reason is not told, as the specification asks
		return
	}
	body, err := json.Marshal(map[string]any{"access_token": s.tokens.issue(now), "token_type": "bearer",
		"expires_in": int(tokenLifetime.Seconds()), "scope": epicScopes})
	if err != nil {
		oauthError(w, "server_error")
		return
	}
	reply{status: http.StatusOK, contentType: "application/json", body: body}.send(w)
}

var errAssertion = errors.New("check client assertion: not acceptable")

// checkAssertion verifies signature, issuer, subject, audience, lifetime and single use.
func (s *Simulator) checkAssertion(raw string, now time.Time) error {
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS384, jose.ES384})
	if err != nil {
		return err
	}
	var unverified jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&unverified); err != nil { // only to find the client's keys
		return err
	}
	keys, registered := s.opt.EpicClients[unverified.Issuer]
	if !registered || len(token.Headers) != 1 {
		return errAssertion
	}
	candidates := keys.Key(token.Headers[0].KeyID)
	if len(candidates) != 1 {
		return errAssertion
	}
	var claims jwt.Claims
	if err := token.Claims(candidates[0].Public(), &claims); err != nil {
		return err
	}
	if err := claims.ValidateWithLeeway(jwt.Expected{Issuer: unverified.Issuer, Subject: unverified.Issuer,
		AnyAudience: jwt.Audience{s.EpicTokenURL()}, Time: now}, 0); err != nil {
		return err
	}
	if claims.Expiry == nil || claims.Expiry.Time().After(now.Add(maxAssertionAge)) || claims.ID == "" || len(claims.ID) > maxJTI {
		return errAssertion
	}
	if !s.tokens.spend(claims.Issuer, claims.ID, claims.Expiry.Time(), now) {
		return errAssertion
	}
	return nil
}

func oauthError(w http.ResponseWriter, code string) {
	reply{status: http.StatusBadRequest, contentType: "application/json", body: []byte(`{"error":"` + code + `"}`)}.send(w)
}

// epicDiscovery serves .well-known/smart-configuration (SMART App Launch 2.2, conformance).
func (s *Simulator) epicDiscovery(w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(map[string]any{
		"token_endpoint":                                   s.EpicTokenURL(),
		"grant_types_supported":                            []string{"client_credentials"},
		"token_endpoint_auth_methods_supported":            []string{"private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": []string{"RS384", "ES384"},
		"capabilities":                                     []string{"client-confidential-asymmetric", "permission-v1"},
		"code_challenge_methods_supported":                 []string{"S256"},
	})
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	reply{status: http.StatusOK, contentType: "application/json", body: body}.send(w)
}
