package ehrsim

import (
	"context"
	"sync"

	"countersign/internal/ehrsim/mdm"
)

// journal is everything the simulator remembers. One lock guards it: checks and filing are one step, as conditional create requires.
type journal struct {
	mu        sync.Mutex
	registry  registry
	docs      []*ReceivedDocument
	resources map[Endpoint][]*storedResource // DocumentReferences in the order of filing
	byNumber  map[mdm.ID]*ReceivedDocument   // TXA-12 to document
	answers   map[string]mllpAnswer          // by mdm.Header.Key
	counters  map[Endpoint]*Counters
	changed   chan struct{} // closed and replaced when a document was filed or touched
}

// storedResource is a DocumentReference with its document.
type storedResource struct {
	ref  documentReference
	json map[string]any // as returned
	doc  *ReceivedDocument
}

// mllpAnswer is the answer to a filed message, kept for repetitions.
type mllpAnswer struct {
	raw, answer []byte
	doc         *ReceivedDocument
}

// Counters count operations of one door since start or reset.
type Counters struct {
	Writes   int `json:"writes"`   // write attempts that reached the door, whatever became of them
	Reads    int `json:"reads"`    // reads and searches
	Filed    int `json:"filed"`    // documents stored or changed
	Refused  int `json:"refused"`  // writes refused by a rule
	Faulted  int `json:"faulted"`  // operations that met a planned fault
	Replayed int `json:"replayed"` // repetitions recognised: same MSH-10, or If-None-Exist found a document
}

func newJournal() *journal {
	j := &journal{changed: make(chan struct{})}
	j.forget()
	return j
}

// forget drops everything received. Callers other than newJournal hold the lock.
func (j *journal) forget() {
	j.docs = nil
	j.resources = map[Endpoint][]*storedResource{}
	j.byNumber = map[mdm.ID]*ReceivedDocument{}
	j.answers = map[string]mllpAnswer{}
	j.counters = map[Endpoint]*Counters{FHIR: {}, Epic: {}, MLLP: {}}
}

// touch wakes the waiters. The caller holds the lock.
func (j *journal) touch() {
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *journal) count(e Endpoint, f func(*Counters)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f(j.counters[e])
}

func (j *journal) documents() ([]ReceivedDocument, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	type key struct {
		door         Endpoint
		patient, sum string
	}
	filed := map[key]int{}
	for _, d := range j.docs {
		filed[key{d.Endpoint, d.PatientID, d.SHA256}]++
	}
	out := make([]ReceivedDocument, 0, len(j.docs))
	for _, d := range j.docs {
		c := d.copy()
		c.TimesFiled = filed[key{d.Endpoint, d.PatientID, d.SHA256}]
		out = append(out, c)
	}
	return out, j.changed
}

// Documents returns copies of all documents received, oldest first.
func (s *Simulator) Documents() []ReceivedDocument {
	docs, _ := s.journal.documents()
	return docs
}

// Wait blocks until the documents satisfy enough, or the context ends. enough is called again after each change and must not block.
func (s *Simulator) Wait(ctx context.Context, enough func([]ReceivedDocument) bool) error {
	for {
		docs, changed := s.journal.documents()
		if enough(docs) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Requests returns the counters of each door.
func (s *Simulator) Requests() map[Endpoint]Counters {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	out := map[Endpoint]Counters{}
	for e, c := range s.journal.counters {
		out[e] = *c
	}
	return out
}
