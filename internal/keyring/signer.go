package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"countersign/review"
)

// Signer makes and checks detached JWS with the gateway's key, ES256. It may
// be used concurrently.
type Signer struct {
	signer jose.Signer
	public jose.JSONWebKey
}

var _ review.Signer = (*Signer)(nil)

// newSigningKey returns a fresh P-256 key as a private JWK.
func newSigningKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %v", err)
	}
	jwk := jose.JSONWebKey{Key: key, Algorithm: string(jose.ES256), Use: "sig"}
	if jwk.KeyID, err = thumbprint(jwk); err != nil {
		return nil, err
	}
	return jwk.MarshalJSON()
}

func newSigner(file []byte) (*Signer, error) {
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(file, &jwk); err != nil {
		return nil, errors.New("signing key: not a JWK")
	}
	key, ok := jwk.Key.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("signing key: not a private P-256 key")
	}
	kid, err := thumbprint(jwk)
	if err != nil {
		return nil, err
	}
	jwk = jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: string(jose.ES256), Use: "sig"}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jwk}, nil)
	if err != nil {
		return nil, fmt.Errorf("signing key: %v", err)
	}
	return &Signer{signer: s, public: jwk.Public()}, nil
}

func thumbprint(jwk jose.JSONWebKey) (string, error) {
	t, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("signing key: thumbprint: %v", err)
	}
	return base64.RawURLEncoding.EncodeToString(t), nil
}

// KeyID is the RFC 7638 thumbprint of the public key, in base64url.
func (s *Signer) KeyID() string { return s.public.KeyID }

// Sign returns a compact JWS of the payload without the payload: two dots
// stand next to each other where it would be (RFC 7515 appendix F).
func (s *Signer) Sign(payload []byte) (string, error) {
	sig, err := s.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign: %v", err)
	}
	return sig.DetachedCompactSerialize()
}

// Verify checks a detached JWS over the payload: algorithm ES256, this key,
// these bytes. Its errors say which of them is wrong.
func (s *Signer) Verify(payload []byte, jws string) error {
	sig, err := jose.ParseDetached(jws, payload, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return errors.New("verify signature: not a detached ES256 JWS")
	}
	if len(sig.Signatures) != 1 || sig.Signatures[0].Protected.KeyID != s.public.KeyID {
		return errors.New("verify signature: made with another key")
	}
	if err := sig.DetachedVerify(payload, s.public); err != nil {
		return errors.New("verify signature: the signed content or the signature was changed")
	}
	return nil
}

// JWKS is the public key as a JWK Set (RFC 7517 section 5), for verifiers.
func (s *Signer) JWKS() ([]byte, error) {
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.public}})
}
