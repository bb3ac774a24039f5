package staff

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync"
	"time"

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

// Options of an Authenticator; zero values are usable.
type Options struct {
	// Clock is the machine's when nil.
	Clock review.Clock
	// OnAttempt is told of every password that was checked: whose it was,
	// empty for a name that is not in the file, and whether it was right. What
	// was typed is not passed on: people type passwords into name fields. A
	// right pair that is shown again within a minute is not reported again,
	// nor is an attempt that was refused without a check. It is called from
	// many goroutines and must not block.
	OnAttempt func(id review.PractitionerID, ok bool)
}

// reportAgain is when a pair that is already known is reported again.
const reportAgain = time.Minute

// Authenticator checks names and passwords against the practitioners file.
// It may be used concurrently.
//
// Guessing is slow. After five wrong passwords in a row a name has to wait one
// second, then two, and so on up to five minutes; until then it is refused
// without a check, a right password too (KindUnavailable). A right password,
// or an hour without attempts, ends that. Names that are not in the file are
// treated the same. One password is hashed at a time for a name and two in
// all; who finds more than a short line is refused at once. None of this
// holds up a pair that was right before: such pairs are known until the
// process ends, and never hashed again.
type Authenticator struct {
	byLogin map[string]Entry
	decoy   string
	method  string
	clock   review.Clock
	told    func(id review.PractitionerID, ok bool)
	check   func(hash, password string) bool
	key     [32]byte
	queue   *queue

	mu      sync.Mutex
	guesses *guesses
	// known holds keyed digests of pairs that were right, so that a client
	// that sends its password with every call is not hashed every time.
	known map[digest]*knownPair
}

type knownPair struct {
	actor    review.Actor
	reported time.Time
}

// NewAuthenticator returns an Authenticator; method is kept with every
// signature as how the person was authenticated.
func NewAuthenticator(entries []Entry, method string, o Options) *Authenticator {
	a := &Authenticator{
		byLogin: map[string]Entry{}, decoy: Hash("decoy"), method: method, clock: o.Clock, told: o.OnAttempt, check: matches,
		queue: newQueue(), guesses: newGuesses(maxNames), known: map[digest]*knownPair{},
	}
	if a.clock == nil {
		a.clock = review.SystemClock{}
	}
	if a.told == nil {
		a.told = func(review.PractitionerID, bool) {}
	}
	rand.Read(a.key[:])
	for _, e := range entries {
		if e.Login != "" {
			a.byLogin[e.Login] = e
		}
	}
	return a
}

// Authenticate implements review.Authenticator. Besides KindUnauthenticated
// it returns KindUnavailable for a name that has to wait, when too many sign
// in at once, and when ctx ends first.
func (a *Authenticator) Authenticate(ctx context.Context, name, secret string) (review.Actor, error) {
	who, pair := a.digest(name), a.digest(name, secret)
	if actor, ok := a.lookUp(pair); ok {
		return actor, nil
	}
	if err := a.mayTry(who); err != nil {
		return review.Actor{}, err
	}
	leave, err := a.takeTurn(ctx, who)
	if err != nil {
		return review.Actor{}, err
	}
	defer leave()
	// While this caller waited, others of the same name were answered.
	if actor, ok := a.lookUp(pair); ok {
		return actor, nil
	}
	if err := a.mayTry(who); err != nil {
		return review.Actor{}, err
	}
	e, right, err := a.verify(ctx, name, secret)
	if err != nil {
		return review.Actor{}, err
	}
	return a.record(who, pair, e, right)
}

// verify hashes once, for a name that does not exist too.
func (a *Authenticator) verify(ctx context.Context, name, secret string) (e Entry, right bool, err error) {
	release, err := a.queue.takeSlot(ctx)
	if err != nil {
		return e, false, err
	}
	defer release()
	e, exists := a.byLogin[name]
	hash := a.decoy
	if exists {
		hash = e.PasswordHash
	}
	right = a.check(hash, secret)
	return e, right && exists, nil
}

// record keeps what came of a check and makes the answer.
func (a *Authenticator) record(who, pair digest, e Entry, right bool) (review.Actor, error) {
	now := a.clock.Now()
	actor := review.Actor{PractitionerID: e.ID, SiteID: e.Site, AuthMethod: a.method}
	a.mu.Lock()
	if right {
		a.known[pair] = &knownPair{actor, now}
		a.guesses.right(who)
	} else {
		a.guesses.wrong(who, now)
	}
	a.mu.Unlock()
	a.told(e.ID, right)
	if !right {
		return review.Actor{}, review.Errorf(review.KindUnauthenticated, "sign in: name or password is wrong")
	}
	return actor, nil
}

// lookUp answers for a pair that was right before. It leaves the name's wrong
// guesses alone: they are somebody else's.
func (a *Authenticator) lookUp(pair digest) (review.Actor, bool) {
	now := a.clock.Now()
	a.mu.Lock()
	k, ok := a.known[pair]
	report := ok && now.Sub(k.reported) >= reportAgain
	if report {
		k.reported = now
	}
	a.mu.Unlock()
	if !ok {
		return review.Actor{}, false
	}
	if report {
		a.told(k.actor.PractitionerID, true)
	}
	return k.actor, true
}

func (a *Authenticator) mayTry(who digest) error {
	now := a.clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.guesses.delayed(who, now) {
		return review.Errorf(review.KindUnavailable, "sign in: too many wrong attempts for this name: wait and try again")
	}
	return nil
}

// digest is a keyed hash of its parts; no two lists of parts share one.
func (a *Authenticator) digest(parts ...string) (d digest) {
	m := hmac.New(sha256.New, a.key[:])
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		m.Write(n[:])
		m.Write([]byte(p))
	}
	m.Sum(d[:0])
	return d
}

var _ review.Authenticator = (*Authenticator)(nil)
