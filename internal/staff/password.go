package staff

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"

	"countersign/review"
)

const (
	hashPrefix = "argon2id$"
	// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
	argonTime, argonMemory, argonLanes, argonLength = 2, 19 << 10, 1, 32
	saltLength                                      = 16
)

// Hash makes a password hash for the practitioners file.
func Hash(password string) string {
	salt := make([]byte, saltLength)
	rand.Read(salt)
	return hashPrefix + base64.RawStdEncoding.EncodeToString(salt) + "$" +
		base64.RawStdEncoding.EncodeToString(derive(password, salt))
}

func derive(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonLength)
}

func matches(hash, password string) bool {
	salt64, key64, ok := strings.Cut(strings.TrimPrefix(hash, hashPrefix), "$")
	salt, err1 := base64.RawStdEncoding.DecodeString(salt64)
	key, err2 := base64.RawStdEncoding.DecodeString(key64)
	if !ok || err1 != nil || err2 != nil || len(key) != argonLength {
		return false
	}
	return subtle.ConstantTimeCompare(key, derive(password, salt)) == 1
}

// Authenticator checks names and passwords against the practitioners file.
// It may be used concurrently; at most two hashes are computed at a time, so
// that guessing cannot take the machine's memory.
type Authenticator struct {
	byLogin map[string]Entry
	decoy   string
	slots   chan struct{}
	// known holds keyed digests of pairs that were right, so that a client
	// that sends its password with every call is not hashed every time.
	mu    sync.Mutex
	key   [32]byte
	known map[[32]byte]review.Actor
	// Method is the AuthMethod of the actors returned.
	method string
}

// NewAuthenticator returns an Authenticator; method is kept with every
// signature as how the person was authenticated.
func NewAuthenticator(entries []Entry, method string) *Authenticator {
	a := &Authenticator{
		byLogin: map[string]Entry{}, decoy: Hash("decoy"), slots: make(chan struct{}, 2),
		known: map[[32]byte]review.Actor{}, method: method,
	}
	rand.Read(a.key[:])
	for _, e := range entries {
		if e.Login != "" {
			a.byLogin[e.Login] = e
		}
	}
	return a
}

// Authenticate implements review.Authenticator.
func (a *Authenticator) Authenticate(ctx context.Context, name, secret string) (review.Actor, error) {
	tag := a.tag(name, secret)
	a.mu.Lock()
	actor, ok := a.known[tag]
	a.mu.Unlock()
	if ok {
		return actor, nil
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return review.Actor{}, review.Errorf(review.KindUnavailable, "sign in: too many at once: try again")
	}
	e, exists := a.byLogin[name]
	hash := a.decoy
	if exists {
		hash = e.PasswordHash
	}
	if right := matches(hash, secret); !right || !exists {
		return review.Actor{}, review.Errorf(review.KindUnauthenticated, "sign in: name or password is wrong")
	}
	actor = review.Actor{PractitionerID: e.ID, SiteID: e.Site, AuthMethod: a.method}
	a.mu.Lock()
	a.known[tag] = actor
	a.mu.Unlock()
	return actor, nil
}

func (a *Authenticator) tag(name, secret string) (t [32]byte) {
	m := hmac.New(sha256.New, a.key[:])
	m.Write([]byte(name))
	m.Write([]byte{0})
	m.Write([]byte(secret))
	m.Sum(t[:0])
	return t
}

var _ review.Authenticator = (*Authenticator)(nil)
