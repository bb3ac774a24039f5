package ehrsim_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"countersign/internal/ehrsim"
)

func TestEpicToken(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s := setup(t, ehrsim.Options{RequireToken: true, NowFunc: func() time.Time { return now },
		EpicClients: map[string]jose.JSONWebKeySet{"app": {Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES384", Use: "sig"}}}}})
	assertion := func(change func(*jwt.Claims), signer *ecdsa.PrivateKey, kid string) string {
		c := jwt.Claims{Issuer: "app", Subject: "app", Audience: jwt.Audience{s.EpicTokenURL()}, ID: "jti-" + rand.Text(), Expiry: jwt.NewNumericDate(now.Add(4 * time.Minute))}
		change(&c)
		sig, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES384, Key: jose.JSONWebKey{Key: signer, KeyID: kid}}, (&jose.SignerOptions{}).WithType("JWT"))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := jwt.Signed(sig).Claims(c).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	fetch := func(grant, assertion string) answer {
		form := url.Values{"grant_type": {grant}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}}
		return must(t, "POST", s.EpicTokenURL(), form.Encode(), "Content-Type: application/x-www-form-urlencoded")
	}
	same := func(*jwt.Claims) {}

	good := assertion(same, key, "k1")
	a := fetch("client_credentials", good)
	if a.StatusCode != 200 || a.json(t)["expires_in"] != float64(3600) || !strings.Contains(a.json(t)["scope"].(string), "system/DocumentReference.write") {
		t.Fatalf("token: %d %s", a.StatusCode, a.body)
	}
	bearer := "Authorization: Bearer " + a.json(t)["access_token"].(string)
	if a := must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1"), bearer); a.StatusCode != 201 {
		t.Errorf("with token: %d", a.StatusCode)
	}
	for _, h := range []string{"X-None: 1", "Authorization: Bearer x", strings.Replace(bearer, "Bearer", "Basic", 1)} {
		if a := must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1"), h); a.StatusCode != 401 {
			t.Errorf("without token: %d", a.StatusCode)
		}
	}
	if a := must(t, "GET", s.EpicBase()+"/.well-known/smart-configuration", ""); a.json(t)["token_endpoint"] != s.EpicTokenURL() {
		t.Errorf("discovery: %s", a.body)
	}
	for name, raw := range map[string]string{
		"used again":       good,
		"of a stranger":    assertion(same, stranger, "k1"),
		"unknown key":      assertion(same, key, "k2"),
		"unknown client":   assertion(func(c *jwt.Claims) { c.Issuer, c.Subject = "x", "x" }, key, "k1"),
		"issuer differs":   assertion(func(c *jwt.Claims) { c.Subject = "x" }, key, "k1"),
		"another audience": assertion(func(c *jwt.Claims) { c.Audience = jwt.Audience{s.EpicBase()} }, key, "k1"),
		"expired":          assertion(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(now.Add(-time.Second)) }, key, "k1"),
		"too long a life":  assertion(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(now.Add(6 * time.Minute)) }, key, "k1"),
		"no expiry":        assertion(func(c *jwt.Claims) { c.Expiry = nil }, key, "k1"),
		"no jti":           assertion(func(c *jwt.Claims) { c.ID = "" }, key, "k1"),
		"long jti":         assertion(func(c *jwt.Claims) { c.ID = strings.Repeat("j", 152) }, key, "k1"),
		"not a jwt":        "x.y.z",
	} {
		if a := fetch("client_credentials", raw); a.StatusCode != 400 || string(a.body) != `{"error":"invalid_client"}` {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if a := fetch("password", good); a.StatusCode != 400 {
		t.Errorf("another grant: %d", a.StatusCode)
	}
}
