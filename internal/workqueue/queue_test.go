package workqueue

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	t.Run("OnceForEachDebt", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		id := newID()
		mustPublish(t, q, Draft, id, true)
		mustPublish(t, q, Draft, id, false)
		mustPublish(t, q, Writeback, id, true)
		if err := q.Publish(t.Context(), Draft, id); err != nil {
			t.Errorf("Publish of a queued id: %v", err)
		}
		if n := queued(t, q); n != 2 {
			t.Errorf("stream holds %d messages, want 2", n)
		}
	})
	t.Run("IDsOnly", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		id := newID()
		mustPublish(t, q, Draft, id, true)
		st, err := q.js.Stream(t.Context(), "WORK")
		if err != nil {
			t.Fatal(err)
		}
		msg, err := st.GetMsg(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if msg.Subject != "work.draft."+id || len(msg.Data) != 0 {
			t.Errorf("message %q with %d bytes, want the id in the subject and no body", msg.Subject, len(msg.Data))
		}
		_, err = q.js.Publish(t.Context(), "work.draft."+newID(), []byte(strings.Repeat("she reports chest pain ", 30)))
		if err == nil {
			t.Error("stream took a message with text in it")
		}
	})
	t.Run("ErrInvalid", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		for _, id := range []string{"", "*", ">", strings.Repeat("a", 25), strings.Repeat("a", 27), strings.Repeat("A", 26), strings.Repeat(".", 26), strings.Repeat("é", 13)} {
			err := q.Publish(t.Context(), Draft, id)
			if !errors.Is(err, ErrInvalidID) {
				t.Errorf("id %q: error %v, want ErrInvalidID", id, err)
			} else if id != "" && strings.Contains(err.Error(), id) && len(id) > 1 {
				t.Errorf("error repeats the id: %v", err)
			}
		}
		if err := q.Publish(t.Context(), "other", newID()); err == nil {
			t.Error("unknown kind: no error")
		}
		if n := queued(t, q); n != 0 {
			t.Errorf("stream holds %d messages, want none", n)
		}
	})
	t.Run("MakesMissingStreamAnew", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		if err := q.js.DeleteStream(t.Context(), "WORK"); err != nil {
			t.Fatal(err)
		}
		mustPublish(t, q, Draft, newID(), true)
	})
	t.Run("ErrAtOnceWhileDisconnected", func(t *testing.T) {
		t.Parallel()
		q, ns := setup(t, Options{})
		err := ns.Restart(t.Context(), func() error {
			waitFor(t, "disconnect", func() bool { return !q.nc.IsConnected() })
			return q.Publish(t.Context(), Draft, newID())
		})
		if err == nil {
			t.Error("Publish without a server: no error")
		}
	})
	t.Run("ErrFull", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{MaxBytes: 4096})
		var err error
		for range 200 {
			if err = q.Publish(t.Context(), Draft, newID()); err != nil {
				break
			}
		}
		if err == nil {
			t.Error("a full stream reports success")
		}
	})
}

func TestEnsureStream(t *testing.T) {
	t.Parallel()
	t.Run("Idempotent", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		mustPublish(t, q, Draft, newID(), true)
		for range 3 {
			if err := q.EnsureStream(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := queued(t, q); n != 1 {
			t.Errorf("stream holds %d messages, want 1", n)
		}
	})
	for field, change := range map[string]func(*jetstream.StreamConfig){
		"retention":                func(c *jetstream.StreamConfig) { c.Retention = jetstream.LimitsPolicy },
		"storage":                  func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"subjects":                 func(c *jetstream.StreamConfig) { c.Subjects = []string{"work.>"} },
		"max messages per subject": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 2 },
		"discard": func(c *jetstream.StreamConfig) {
			c.Discard, c.DiscardNewPerSubject = jetstream.DiscardOld, false
		},
		"discard new per subject": func(c *jetstream.StreamConfig) { c.DiscardNewPerSubject = false },
		"max age":                 func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"max messages":            func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 },
		"max bytes":               func(c *jetstream.StreamConfig) { c.MaxBytes = 4096 },
		"max message size":        func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1 << 20 },
		"no ack":                  func(c *jetstream.StreamConfig) { c.NoAck = true },
	} {
		t.Run("ErrOther "+field, func(t *testing.T) {
			t.Parallel()
			q, _ := setupChecked(t, Options{}, -1) // a stream in memory has no folder: the server would be restarted
			if err := q.js.DeleteStream(t.Context(), "WORK"); err != nil {
				t.Fatal(err)
			}
			config := q.streamConfig()
			change(&config)
			if _, err := q.create(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), q.nc, q.opts)
			var bad *ConfigError
			if !errors.As(err, &bad) {
				t.Fatalf("Open: %v, want a *ConfigError", err)
			}
			if !strings.Contains(err.Error(), field+": is ") {
				t.Errorf("error does not name %q: %v", field, err)
			}
			info, err := q.js.Stream(t.Context(), "WORK")
			if err != nil {
				t.Fatal(err)
			}
			if len(differences(info.CachedInfo().Config, config)) != 0 {
				t.Error("the stream was changed; it must be left to a person")
			}
		})
	}
	t.Run("ErrOther replicas", func(t *testing.T) {
		t.Parallel()
		want := (&Queue{opts: Options{Replicas: 3}.withDefaults()}).streamConfig()
		got := want
		got.Replicas = 1
		if d := differences(got, want); len(d) != 1 || d[0] != "replicas: is 1, must be 3" {
			t.Errorf("differences = %q", d)
		}
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	q, _ := setup(t, Options{})
	e := q.Events()
	one, other := newID(), newID()
	all, err := e.Subscribe(NoteChanged, "")
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	mine, err := e.Subscribe(NoteChanged, one)
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	for _, id := range []string{other, one} {
		if err := e.Publish(NoteChanged, id); err != nil {
			t.Fatal(err)
		}
		if err := e.Publish(WritebackChanged, id); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := receive(t, "event", all.IDs()), receive(t, "event", all.IDs()); a != other || b != one {
		t.Errorf("all: got %s, %s; want %s, %s", a, b, other, one)
	}
	if got := receive(t, "event", mine.IDs()); got != one {
		t.Errorf("mine: got %s, want %s", got, one)
	}
	if err := e.Publish(NoteChanged, "x y"); !errors.Is(err, ErrInvalidID) {
		t.Errorf("Publish of an invalid id: %v", err)
	}
	if _, err := e.Subscribe(NoteChanged, ">"); !errors.Is(err, ErrInvalidID) {
		t.Errorf("Subscribe to an invalid id: %v", err)
	}
	if err := e.Publish("x", one); err == nil {
		t.Error("unknown topic: no error")
	}
	mine.Close()
	mine.Close()
}
