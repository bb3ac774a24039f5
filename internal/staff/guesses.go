package staff

import (
	"container/list"
	"time"
)

const (
	// freeGuesses wrong passwords cost nothing but their hash; from then on
	// each one doubles the wait, from firstDelay to longestDelay.
	freeGuesses  = 5
	firstDelay   = time.Second
	longestDelay = 5 * time.Minute
	// forgetAfter is how long a name must be left alone for a clean start.
	forgetAfter = time.Hour
	// maxNames bounds the memory for names with wrong guesses: about 15 MB.
	// Each entry costs whoever makes it a hash, so that driving a name out by
	// making others takes longer than waiting for it.
	maxNames = 1 << 16
)

// digest is a keyed hash of what somebody typed: people type passwords into
// name fields, so the text itself is not kept.
type digest [32]byte

// guesses counts wrong passwords by name. Names that do not exist are counted
// as those that do, in the same table, so that nothing tells them apart. The
// caller locks.
type guesses struct {
	byName map[digest]*list.Element
	order  *list.List // of *guess; the one touched last is in front
	limit  int
}

type guess struct {
	name  digest
	wrong int
	last  time.Time
	until time.Time // no password of this name is checked before
}

func newGuesses(limit int) *guesses {
	return &guesses{byName: map[digest]*list.Element{}, order: list.New(), limit: limit}
}

// delayed reports whether the name has to wait.
func (g *guesses) delayed(name digest, now time.Time) bool {
	e := g.byName[name]
	return e != nil && now.Before(e.Value.(*guess).until)
}

// wrong counts one wrong password.
func (g *guesses) wrong(name digest, now time.Time) {
	g.forgetOld(now)
	e := g.byName[name]
	if e == nil {
		if len(g.byName) >= g.limit {
			g.drop(g.order.Back())
		}
		e = g.order.PushFront(&guess{name: name})
		g.byName[name] = e
	}
	g.order.MoveToFront(e)
	x := e.Value.(*guess)
	x.wrong++
	x.last, x.until = now, now.Add(delayAfter(x.wrong))
}

// right forgets a name's wrong guesses.
func (g *guesses) right(name digest) {
	if e := g.byName[name]; e != nil {
		g.drop(e)
	}
}

func (g *guesses) forgetOld(now time.Time) {
	for e := g.order.Back(); e != nil && now.Sub(e.Value.(*guess).last) >= forgetAfter; e = g.order.Back() {
		g.drop(e)
	}
}

func (g *guesses) drop(e *list.Element) { delete(g.byName, g.order.Remove(e).(*guess).name) }

// delayAfter is the wait after the n-th wrong password in a row.
func delayAfter(n int) time.Duration {
	if n < freeGuesses {
		return 0
	}
	d := firstDelay
	for range n - freeGuesses {
		if d *= 2; d >= longestDelay {
			return longestDelay
		}
	}
	return d
}
