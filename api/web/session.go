package web

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"countersign/review"
)

const cookieName = "countersign_session"

// maxSessions bounds memory; the oldest session goes when it is reached.
const maxSessions = 100_000

type session struct {
	actor   review.Actor
	started time.Time
	used    time.Time
}

// sessions keeps who is signed in, by the hash of the cookie's token.
type sessions struct {
	options Options
	mu      sync.Mutex
	byToken map[[32]byte]session
}

func newSessions(o Options) *sessions {
	return &sessions{options: o, byToken: map[[32]byte]session{}}
}

// start begins a session with a fresh token and ends the one, if any, that
// the browser had.
func (s *sessions) start(w http.ResponseWriter, r *http.Request, a review.Actor) {
	token := rand.Text() // 128 bits and more
	now := s.options.Clock.Now()
	s.mu.Lock()
	if key, ok := sessionKey(r); ok {
		delete(s.byToken, key)
	}
	s.expire(now)
	s.byToken[sha256.Sum256([]byte(token))] = session{actor: a, started: now, used: now}
	s.mu.Unlock()
	http.SetCookie(w, s.cookie(r, token, 0))
}

func (s *sessions) end(w http.ResponseWriter, r *http.Request) {
	if key, ok := sessionKey(r); ok {
		s.mu.Lock()
		delete(s.byToken, key)
		s.mu.Unlock()
	}
	http.SetCookie(w, s.cookie(r, "", -1))
}

func sessionKey(r *http.Request) (key [32]byte, ok bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return key, false
	}
	return sha256.Sum256([]byte(c.Value)), true
}

// find returns who is signed in and, unless the page loaded itself again,
// counts the request as a use: a screen nobody sits at must run out.
func (s *sessions) find(r *http.Request) (review.Actor, bool) {
	return s.look(r, !loadedItself(r))
}

// peek is find without counting.
func (s *sessions) peek(r *http.Request) (review.Actor, bool) { return s.look(r, false) }

func (s *sessions) look(r *http.Request, use bool) (review.Actor, bool) {
	key, ok := sessionKey(r)
	if !ok {
		return review.Actor{}, false
	}
	now := s.options.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.byToken[key]
	if !ok || s.stale(v, now) {
		delete(s.byToken, key)
		return review.Actor{}, false
	}
	if use {
		v.used = now
		s.byToken[key] = v
	}
	return v.actor, true
}

func (s *sessions) stale(v session, now time.Time) bool {
	return now.Sub(v.used) > s.options.Idle || now.Sub(v.started) > s.options.Absolute
}

// expire drops stale sessions, and the least used one of a full table.
func (s *sessions) expire(now time.Time) {
	var oldest [32]byte
	var at time.Time
	for k, v := range s.byToken {
		if s.stale(v, now) {
			delete(s.byToken, k)
		} else if at.IsZero() || v.used.Before(at) {
			oldest, at = k, v.used
		}
	}
	if len(s.byToken) >= maxSessions {
		delete(s.byToken, oldest)
	}
}

func (s *sessions) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true,
		Secure: r.TLS != nil || s.options.SecureCookie, SameSite: http.SameSiteStrictMode,
	}
}
