package review

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// String is the digest as 64 lower-case hex characters.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether the digest is not set.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes hex.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 64 hex characters.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) != 2*len(d) {
		return fmt.Errorf("digest: %d characters: want %d hex characters", len(b), 2*len(d))
	}
	_, err := hex.Decode(d[:], b)
	return err
}

// DigestOf hashes b.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

// canonicalVersion is bound into every content hash, so that a later change
// of the encoding can never make two different contents hash alike.
const canonicalVersion = "countersign content 1\n"

// ContentDigest is SHA-256 over a canonical encoding of the content: a
// version line, then JSON of the struct in declaration order, without HTML
// escaping or white space, strings in UTF-8 as stored. What is in it is what
// a signature covers: sections, statements, origins, evidence, flags with
// their resolutions, and omissions.
func ContentDigest(c Content) Digest {
	h := sha256.New()
	h.Write([]byte(canonicalVersion))
	enc := json.NewEncoder(h)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c); err != nil {
		panic("review: content cannot be encoded: " + err.Error()) // plain data always can
	}
	var d Digest
	h.Sum(d[:0])
	return d
}
