package smartauth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Limits.
const (
	// AssertionLife is how long an assertion is valid; the most SMART and
	// Epic allow is 5 minutes. Less leaves room for clocks that differ.
	AssertionLife = 4 * time.Minute
	// earlyBy is how long before its end a token is no longer used, but at
	// most a quarter of its life.
	earlyBy = time.Minute
	// defaultLife is assumed where a server sends no expires_in.
	defaultLife  = 5 * time.Minute
	maxTokenBody = 1 << 20
)

// BackendOptions are the optional settings of a Backend.
type BackendOptions struct {
	// Scope is sent when it is not empty. Leave it empty for Epic.
	Scope string
	// NowFunc is time.Now when nil.
	NowFunc func() time.Time
}

// Backend gets tokens for one client at one token endpoint. It is safe for
// concurrent use.
type Backend struct {
	http     *http.Client
	tokenURL string
	clientID string
	signer   jose.Signer
	opts     BackendOptions

	turn  chan struct{} // held while the fields below are read or changed
	token string
	until time.Time
}

// NewBackend returns a token source. The HTTP client carries time-outs and
// dial rules and must not follow redirects. key is an RSA key of at least
// 2048 bits (RS384) or an ECDSA key on P-384 (ES384), published under keyID
// in the client's JWKS.
func NewBackend(c *http.Client, tokenURL, clientID string, key crypto.Signer, keyID string, o BackendOptions) (*Backend, error) {
	u, err := url.Parse(tokenURL)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("smart backend: token URL: want http(s)://host/path")
	}
	if clientID == "" || keyID == "" {
		return nil, errors.New("smart backend: client id and key id: both are needed, as registered at the EHR")
	}
	alg, err := algorithm(key)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, errors.New("smart backend: the key cannot sign")
	}
	if o.NowFunc == nil {
		o.NowFunc = time.Now
	}
	return &Backend{http: c, tokenURL: tokenURL, clientID: clientID, signer: signer, opts: o, turn: make(chan struct{}, 1)}, nil
}

func algorithm(key crypto.Signer) (jose.SignatureAlgorithm, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() >= 2048 {
			return jose.RS384, nil
		}
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P384() {
			return jose.ES384, nil
		}
	}
	return "", errors.New("smart backend: key: want RSA of at least 2048 bits or ECDSA on P-384")
}

// TokenError says that no token was given.
type TokenError struct {
	// Code is the server's OAuth error, such as "invalid_client", or
	// "status_503", "unreachable", "unreadable".
	Code string
	// RetryAfter is the answer's Retry-After header, as it was sent.
	RetryAfter string
	// Err is the cause of "unreachable", for errors.As; not part of the text.
	Err error
}

// Error implements error.
func (e *TokenError) Error() string { return "get token: " + e.Code }

// Unwrap returns the cause.
func (e *TokenError) Unwrap() error { return e.Err }

// Token returns a token that is valid for a while. It asks the server when
// there is none; callers who come meanwhile wait for the same answer. The
// error is a *TokenError, or that of ctx.
func (b *Backend) Token(ctx context.Context) (string, error) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if b.token != "" && b.opts.NowFunc().Before(b.until) {
		return b.token, nil
	}
	b.token = ""
	asked := b.opts.NowFunc()
	t, err := b.ask(ctx, asked)
	if err != nil {
		return "", err
	}
	life := t.life()
	b.token, b.until = t.AccessToken, asked.Add(life-min(earlyBy, life/4))
	return b.token, nil
}

// Discard forgets the token if it is still the current one.
func (b *Backend) Discard(token string) {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	if b.token == token {
		b.token = ""
	}
}

func (b *Backend) ask(ctx context.Context, now time.Time) (tokenResponse, error) {
	assertion, err := b.assertion(now)
	if err != nil {
		return tokenResponse{}, &TokenError{Code: "assertion"}
	}
	form := url.Values{
		"grant_type":            {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}
	if b.opts.Scope != "" {
		form.Set("scope", b.opts.Scope)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return tokenResponse{}, &TokenError{Code: "request"}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := b.http.Do(req)
	if err != nil {
		return tokenResponse{}, &TokenError{Code: "unreachable", Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBody))
	if err != nil {
		return tokenResponse{}, &TokenError{Code: "unreachable", Err: err}
	}
	return readToken(resp, body)
}

// assertion is the private_key_jwt: iss and sub are the client, aud is the
// token URL, jti is never used again (SMART client-confidential-asymmetric).
func (b *Backend) assertion(now time.Time) (string, error) {
	return jwt.Signed(b.signer).Claims(jwt.Claims{
		Issuer: b.clientID, Subject: b.clientID, Audience: jwt.Audience{b.tokenURL}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(AssertionLife)),
	}).Serialize()
}

type tokenResponse struct {
	AccessToken string          `json:"access_token"`
	TokenType   string          `json:"token_type"`
	ExpiresIn   json.RawMessage `json:"expires_in"`
	Error       string          `json:"error"`
}

// life reads expires_in, which some servers send as a string.
func (t tokenResponse) life() time.Duration {
	n, err := strconv.ParseInt(strings.Trim(string(t.ExpiresIn), `"`), 10, 32)
	if err != nil || n <= 0 {
		return defaultLife
	}
	return time.Duration(n) * time.Second
}

var reOAuthError = regexp.MustCompile(`^[a-z_]{1,40}$`)

func readToken(resp *http.Response, body []byte) (tokenResponse, error) {
	var t tokenResponse
	err := json.Unmarshal(body, &t)
	if resp.StatusCode != http.StatusOK {
		e := &TokenError{Code: fmt.Sprintf("status_%d", resp.StatusCode), RetryAfter: resp.Header.Get("Retry-After")}
		if err == nil && reOAuthError.MatchString(t.Error) {
			e.Code = t.Error
		}
		return tokenResponse{}, e
	}
	if err != nil || t.AccessToken == "" || strings.ContainsAny(t.AccessToken, "\r\n") || !strings.EqualFold(t.TokenType, "bearer") {
		return tokenResponse{}, &TokenError{Code: "unreadable"}
	}
	return t, nil
}
