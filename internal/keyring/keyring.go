package keyring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"countersign/review"
)

// Keyring guards site keys with a master key and holds the signing key. It
// may be used concurrently and keeps no site key itself.
type Keyring struct {
	master tink.AEAD
	signer *Signer
}

var _ review.Sealer = (*Keyring)(nil)

// NewInMemory makes a keyring that is gone when the process ends: for demos
// and tests. A database written with it cannot be read afterwards.
func NewInMemory() (*Keyring, error) {
	k, _, _, err := generate()
	return k, err
}

// generate makes a keyring together with the text of its two files.
func generate() (k *Keyring, masterFile, signingFile []byte, err error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, nil, nil, fmt.Errorf("make master key: %v", err)
	}
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&buf)); err != nil {
		return nil, nil, nil, fmt.Errorf("make master key: %v", err)
	}
	if signingFile, err = newSigningKey(); err != nil {
		return nil, nil, nil, err
	}
	k, err = load(buf.Bytes(), signingFile)
	return k, buf.Bytes(), signingFile, err
}

// load makes a keyring from the text of its two files.
func load(masterFile, signingFile []byte) (*Keyring, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(masterFile)))
	if err != nil {
		return nil, errors.New("master key: not a JSON Tink keyset")
	}
	master, err := aead.New(h)
	if err != nil {
		return nil, errors.New("master key: the keyset is not an AEAD: make one with AES256-GCM")
	}
	s, err := newSigner(signingFile)
	if err != nil {
		return nil, err
	}
	return &Keyring{master: master, signer: s}, nil
}

// Signer returns the signing half of the keyring.
func (k *Keyring) Signer() *Signer { return k.signer }

// NewSiteKey implements [review.Sealer].
func (k *Keyring) NewSiteKey(site review.SiteID) (review.SiteKey, []byte, error) {
	seal, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("make site key: %v", err)
	}
	hash, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("make site key: %v", err)
	}
	key, err := newSiteKey(seal, hash)
	if err != nil {
		return nil, nil, err
	}
	plain, err := joinKeysets(seal, hash)
	if err != nil {
		return nil, nil, err
	}
	wrapped, err := k.master.Encrypt(plain, siteAD(site))
	if err != nil {
		return nil, nil, fmt.Errorf("wrap site key: %v", err)
	}
	return key, wrapped, nil
}

// OpenSiteKey implements [review.Sealer]. It fails where the master key is
// another one, where the bytes were changed, or where they belong to another
// site.
func (k *Keyring) OpenSiteKey(site review.SiteID, wrapped []byte) (review.SiteKey, error) {
	plain, err := k.master.Decrypt(wrapped, siteAD(site))
	if err != nil {
		return nil, fmt.Errorf("open site key of %s: the key file does not fit: use the key file this database was written with", site)
	}
	seal, hash, err := splitKeysets(plain)
	if err != nil {
		return nil, fmt.Errorf("open site key of %s: %v", site, err)
	}
	return newSiteKey(seal, hash)
}

func siteAD(site review.SiteID) []byte { return []byte("site/" + string(site)) }

// joinKeysets encodes two keysets as one: the length of the first in four
// bytes, the first, the second.
func joinKeysets(a, b *keyset.Handle) ([]byte, error) {
	first, err := clearKeyset(a)
	if err != nil {
		return nil, err
	}
	second, err := clearKeyset(b)
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(len(first)))
	return append(append(out, first...), second...), nil
}

func splitKeysets(b []byte) (first, second *keyset.Handle, err error) {
	if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, nil, errors.New("the keysets are cut off")
	}
	n := binary.BigEndian.Uint32(b)
	if first, err = readKeyset(b[4 : 4+n]); err != nil {
		return nil, nil, err
	}
	second, err = readKeyset(b[4+n:])
	return first, second, err
}

// clearKeyset is a keyset in clear, to be encrypted by the caller. Tink's own
// encrypted form carries a description of the keys, which nothing here needs.
func clearKeyset(h *keyset.Handle) ([]byte, error) {
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewBinaryWriter(&buf)); err != nil {
		return nil, fmt.Errorf("encode keyset: %v", err)
	}
	return buf.Bytes(), nil
}

func readKeyset(b []byte) (*keyset.Handle, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(b)))
	if err != nil {
		return nil, errors.New("decode keyset: not a Tink keyset")
	}
	return h, nil
}
