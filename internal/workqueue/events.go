package workqueue

import (
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// Topic is what an event is about.
type Topic string

// The topics.
const (
	NoteChanged      Topic = "note"      // the id names a note
	WritebackChanged Topic = "writeback" // the id names a document family
)

func (t Topic) valid() bool { return t == NoteChanged || t == WritebackChanged }

// Events tells live pages of all replicas that something changed. Core NATS:
// nothing is stored, and an event may be lost or doubled. An event is a hint
// to read the database again, never a fact.
type Events struct{ nc *nats.Conn }

// Events returns the events on the queue's connection.
func (q *Queue) Events() *Events { return &Events{nc: q.nc} }

// Publish announces a change of id. It does not block and fails when NATS is
// not connected; log that and go on.
func (e *Events) Publish(topic Topic, id string) error {
	if !topic.valid() {
		return fmt.Errorf("publish event: topic %q: use note or writeback", topic)
	}
	if err := checkID(id); err != nil {
		return fmt.Errorf("publish event: %w", err)
	}
	if err := e.nc.Publish("event."+string(topic)+"."+id, nil); err != nil {
		return fmt.Errorf("publish event: %w", err)
	}
	return nil
}

// Subscription receives events until Close.
type Subscription struct {
	ids   chan string
	sub   *nats.Subscription
	close sync.Once
}

// Subscribe receives the events of topic for one id, or for all when id is
// empty. When it returns the server knows of it: what is published afterwards
// arrives. A reader who falls 64 events behind misses the rest.
func (e *Events) Subscribe(topic Topic, id string) (*Subscription, error) {
	if !topic.valid() {
		return nil, fmt.Errorf("subscribe to events: topic %q: use note or writeback", topic)
	}
	if id == "" {
		id = "*"
	} else if err := checkID(id); err != nil {
		return nil, fmt.Errorf("subscribe to events: %w", err)
	}
	s := &Subscription{ids: make(chan string, 64)}
	prefix := len("event." + string(topic) + ".")
	var err error
	s.sub, err = e.nc.Subscribe("event."+string(topic)+"."+id, func(m *nats.Msg) {
		id := m.Subject[prefix:]
		if checkID(id) != nil {
			return
		}
		select {
		case s.ids <- id:
		default:
		}
	})
	if err == nil {
		err = e.nc.Flush()
	}
	if err != nil {
		return nil, fmt.Errorf("subscribe to events: %w", err)
	}
	return s, nil
}

// IDs is where the ids arrive. It is never closed: select on your context too.
func (s *Subscription) IDs() <-chan string { return s.ids }

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() {
	s.close.Do(func() { _ = s.sub.Unsubscribe() }) // fails only when the connection is gone, and the subscription with it
}
