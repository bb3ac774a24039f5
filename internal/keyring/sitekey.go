package keyring

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"countersign/review"
)

// siteKey wraps data keys and makes keyed hashes for one site.
type siteKey struct {
	aead tink.AEAD
	prf  *prf.Set
}

var _ review.SiteKey = (*siteKey)(nil)

func newSiteKey(seal, hash *keyset.Handle) (*siteKey, error) {
	a, err := aead.New(seal)
	if err != nil {
		return nil, errors.New("site key: the first keyset is not an AEAD")
	}
	p, err := prf.NewPRFSet(hash)
	if err != nil {
		return nil, errors.New("site key: the second keyset is not a PRF")
	}
	return &siteKey{aead: a, prf: p}, nil
}

func (k *siteKey) NewDataKey(owner, class string) (review.DataKey, []byte, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("make data key: %v", err)
	}
	plain, err := clearKeyset(h)
	if err != nil {
		return nil, nil, err
	}
	wrapped, err := k.aead.Encrypt(plain, dataKeyAD(owner, class))
	if err != nil {
		return nil, nil, fmt.Errorf("wrap data key: %v", err)
	}
	key, err := newDataKey(h)
	return key, wrapped, err
}

func (k *siteKey) OpenDataKey(owner, class string, wrapped []byte) (review.DataKey, error) {
	plain, err := k.aead.Decrypt(wrapped, dataKeyAD(owner, class))
	if err != nil {
		return nil, fmt.Errorf("open data key of %s/%s: it was wrapped by another site key, for another owner, or changed", class, owner)
	}
	h, err := readKeyset(plain)
	if err != nil {
		return nil, fmt.Errorf("open data key of %s/%s: %v", class, owner, err)
	}
	return newDataKey(h)
}

// dataKeyAD names the owner last: classes hold no slash, so that no two pairs
// read alike.
func dataKeyAD(owner, class string) []byte { return []byte("data-key/" + class + "/" + owner) }

// Hash is HMAC-SHA256. The length of the domain stands before it, so that no
// two pairs of domain and value hash alike.
func (k *siteKey) Hash(domain, value string) []byte {
	in := strconv.Itoa(len(domain)) + ":" + domain + value
	h, err := k.prf.ComputePrimaryPRF([]byte(in), 32)
	if err != nil {
		panic("keyring: HMAC-SHA256 cannot give 32 bytes: " + err.Error()) // it always can
	}
	return h
}

// dataKey seals columns.
type dataKey struct{ aead tink.AEAD }

var _ review.DataKey = (*dataKey)(nil)

func newDataKey(h *keyset.Handle) (*dataKey, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, errors.New("data key: the keyset is not an AEAD")
	}
	return &dataKey{aead: a}, nil
}

func (k *dataKey) Seal(plaintext, associatedData []byte) ([]byte, error) {
	c, err := k.aead.Encrypt(plaintext, associatedData)
	if err != nil {
		return nil, fmt.Errorf("seal: %v", err)
	}
	return c, nil
}

func (k *dataKey) Open(ciphertext, associatedData []byte) ([]byte, error) {
	p, err := k.aead.Decrypt(ciphertext, associatedData)
	if err != nil {
		return nil, errors.New("unseal: sealed with another key, for another place, or changed")
	}
	return p, nil
}
