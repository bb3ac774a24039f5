package ehrsim

import (
	"slices"
	"sync"
	"time"
)

// lateWrites holds the writes that were received and are not filed yet. It is safe for concurrent use.
type lateWrites struct {
	mu      sync.Mutex
	waiting []*lateWrite
	closed  bool
}

type lateWrite struct {
	timer *time.Timer
	file  func()
}

// add has file called after a delay, under l's lock, unless the write is dropped before.
func (l *lateWrites) add(after time.Duration, file func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	w := &lateWrite{file: file}
	w.timer = time.AfterFunc(after, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if i := slices.Index(l.waiting, w); i >= 0 {
			l.waiting = slices.Delete(l.waiting, i, i+1)
			w.file()
		}
	})
	l.waiting = append(l.waiting, w)
}

// flush files everything now, in the order in which it came.
func (l *lateWrites) flush() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.waiting)
	for _, w := range l.waiting {
		w.timer.Stop()
		w.file()
	}
	l.waiting = nil
	return n
}

// drop forgets everything; with final, also what is still to come.
func (l *lateWrites) drop(final bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.waiting {
		w.timer.Stop()
	}
	l.waiting, l.closed = nil, l.closed || final
}

// FileLate files now what [Late] faults still hold back, in the order in which it came, and returns how many writes that were. A rule may
// refuse some of them, as it would have done without the fault.
func (s *Simulator) FileLate() int { return s.late.flush() }
