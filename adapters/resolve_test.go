package adapters_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/adapters"
	"countersign/review"
)

func finder(found bool, errs ...error) func(context.Context, review.Document) (review.Receipt, bool, error) {
	return func(_ context.Context, d review.Document) (review.Receipt, bool, error) {
		if len(errs) > 0 {
			err := errs[0]
			errs = errs[1:]
			if err != nil {
				return review.Receipt{}, false, err
			}
		}
		if found {
			return receiptOf(d), true, nil
		}
		return review.Receipt{}, false, nil
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	lostThenYes := func() func(context.Context, review.Document) (review.Receipt, error) {
		return answers(adapters.Unknown("eof"), nil)
	}

	t.Run("found is accepted without another send", func(t *testing.T) {
		t.Parallel()
		a := finding{&scripted{write: lostThenYes()}, finder(true)}
		b := setup(t, a, nil)
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "lose", "accept")
		if a.count() != 1 {
			t.Errorf("%d sends, want 1", a.count())
		}
		if b.j.state(0).Receipt.ResourceID == "" {
			t.Error("the receipt that was found is not kept")
		}
	})

	t.Run("nobody is asked before the settling time", func(t *testing.T) {
		t.Parallel()
		asked := 0
		a := finding{&scripted{write: lostThenYes()}, func(_ context.Context, d review.Document) (review.Receipt, bool, error) {
			asked++
			return receiptOf(d), true, nil
		}}
		b := setup(t, a, func(o *adapters.Options) { o.SettleAfter = time.Minute })
		b.handle(t)
		b.j.rows[0].NextAttemptAt = time.Time{} // a journal with a shorter idea of settling
		b.handle(t)
		if asked != 0 || b.j.state(0).State != review.WriteBackUnknown {
			t.Errorf("asked %d times before the settling time", asked)
		}
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "")
	})

	t.Run("not there is sent again when it has settled", func(t *testing.T) {
		t.Parallel()
		for settle, want := range map[time.Duration][]time.Duration{ // after the write became unknown
			0:               seconds(2, 4, 8, 16, 32, 64, 120),
			5 * time.Second: seconds(2, 4, 5),
			time.Second:     seconds(2, 3, 4), // at least three answers
			time.Hour:       seconds(2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1624, 2224, 2824, 3424, 3600),
		} {
			d := document(t)
			d.Destination.Settle = settle
			b := setup(t, nil, nil, d)
			q := questions{clock: b.clock}
			a := finding{&scripted{write: lostThenYes()}, q.find}
			b.adapt(a)
			start := b.clock.Now()
			b.drain(t)
			b.want(t, review.WriteBackAccepted, "", "claim", "lose", "not_arrived", "claim", "accept")
			if diff := cmp.Diff(want, q.since(start)); diff != "" {
				t.Errorf("settle %s: asked after (-want +got):\n%s", settle, diff)
			}
		}
	})

	t.Run("destination that files late has it once", func(t *testing.T) {
		t.Parallel()
		for _, late := range seconds(1, 3, 50, 119, 120) {
			b := setup(t, nil, nil)
			filed := b.clock.Now().Add(late)
			a := finding{&scripted{write: lostThenYes()}, func(_ context.Context, d review.Document) (review.Receipt, bool, error) {
				return receiptOf(d), !b.clock.Now().Before(filed), nil
			}}
			b.adapt(a)
			b.drain(t)
			b.want(t, review.WriteBackAccepted, "", "claim", "lose", "accept")
			if a.count() != 1 {
				t.Errorf("filed after %s: %d sends, want 1", late, a.count())
			}
		}
	})

	t.Run("silence begins the count anew", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil, nil)
		q := questions{clock: b.clock, fail: func(after time.Duration) bool { return after > 5*time.Second && after < 10*time.Minute }}
		a := finding{&scripted{write: lostThenYes()}, q.find}
		b.adapt(a)
		start := b.clock.Now()
		q.start = start
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "lose", "not_arrived", "claim", "accept")
		got := q.since(start)
		if n := len(got); n < 3 || got[n-3] < 10*time.Minute || got[n-1]-got[n-3] != 80*time.Second {
			t.Errorf("asked after %v, want three answers over 80s after the silence", got)
		}
	})

	t.Run("a create that refuses a second one needs one answer", func(t *testing.T) {
		t.Parallel()
		safe := &scripted{write: lostThenYes(), profile: adapters.Profile{SafeCreate: true}}
		declared := document(t)
		declared.Destination.RepeatSafe = true
		for _, c := range []struct {
			a *scripted
			d review.Document
		}{{safe, document(t)}, {&scripted{write: lostThenYes()}, declared}} {
			b := setup(t, finding{c.a, finder(false)}, nil, c.d)
			start := b.clock.Now()
			b.drain(t)
			b.want(t, review.WriteBackAccepted, "", "claim", "lose", "not_arrived", "claim", "accept")
			if took := b.clock.Now().Sub(start); took != 3*time.Second {
				t.Errorf("sent again after %s, want 3s", took)
			}
		}
	})

	t.Run("destination that cannot be asked goes before a person", func(t *testing.T) {
		t.Parallel()
		a := &scripted{write: lostThenYes()}
		b := setup(t, a, nil)
		b.drain(t)
		b.want(t, review.WriteBackManual, "cannot_be_asked", "claim", "lose", "give_up")
		if a.count() != 1 {
			t.Errorf("%d sends, want 1: nothing is repeated blindly", a.count())
		}
	})

	t.Run("destination that is safe for repeats gets it again", func(t *testing.T) {
		t.Parallel()
		a := &scripted{write: lostThenYes()}
		d := document(t)
		d.Destination.RepeatSafe = true
		b := setup(t, a, nil, d)
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "lose", "not_arrived", "claim", "accept")
	})

	t.Run("destination that is safe for repeats and never replies goes before a person in the end", func(t *testing.T) {
		t.Parallel()
		a := &scripted{write: answers(adapters.Unknown("eof"))}
		d := document(t)
		d.Destination.RepeatSafe = true
		b := setup(t, a, func(o *adapters.Options) { o.GiveUpAfter = 3 * time.Hour }, d)
		start := b.clock.Now()
		b.drain(t)
		b.want(t, review.WriteBackManual, "cannot_be_asked")
		if open := b.clock.Now().Sub(start); open < 3*time.Hour || open > 4*time.Hour || a.count() < 10 {
			t.Errorf("given up after %s and %d sends, want 3h and some sends", open, a.count())
		}

		// A person sends it again: it is owed anew.
		row, sent := b.j.rows[0], a.count()
		b.j.move(row, review.EventResend)
		row.OwedSince, row.NextAttemptAt, start = b.clock.Now(), time.Time{}, b.clock.Now()
		b.drain(t)
		b.want(t, review.WriteBackManual, "cannot_be_asked")
		if open := b.clock.Now().Sub(start); open < 3*time.Hour || a.count() < sent+2 {
			t.Errorf("given up after %s and %d more sends, want 3h and some sends", open, a.count()-sent)
		}
	})

	t.Run("error while asking leaves it unknown and asks again", func(t *testing.T) {
		t.Parallel()
		a := finding{&scripted{write: lostThenYes()}, finder(true, adapters.NotArrived("dial"), errors.New("x"), adapters.Permanent("http_403", ""))}
		b := setup(t, a, nil)
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "lose", "accept")
	})

	t.Run("destination that never answers the question goes before a person", func(t *testing.T) {
		t.Parallel()
		a := finding{&scripted{write: lostThenYes()}, func(context.Context, review.Document) (review.Receipt, bool, error) {
			panic("no")
		}}
		b := setup(t, a, nil)
		b.drain(t)
		b.want(t, review.WriteBackManual, "internal", "claim", "lose", "give_up")
		if a.count() != 1 {
			t.Errorf("%d sends, want 1", a.count())
		}
	})

	t.Run("other bytes found go before a person", func(t *testing.T) {
		t.Parallel()
		a := finding{&scripted{write: lostThenYes()}, func(context.Context, review.Document) (review.Receipt, bool, error) {
			return review.Receipt{WrittenSHA256: review.DigestOf(nil)}, true, nil
		}}
		b := setup(t, a, nil)
		b.drain(t)
		b.want(t, review.WriteBackManual, "written_mismatch")
	})
}

// questions never finds anything, and notes when it was asked.
type questions struct {
	clock *fakeClock
	start time.Time
	fail  func(after time.Duration) bool
	at    []time.Time
}

func (q *questions) find(context.Context, review.Document) (review.Receipt, bool, error) {
	now := q.clock.Now()
	q.at = append(q.at, now)
	if q.fail != nil && q.fail(now.Sub(q.start)) {
		return review.Receipt{}, false, adapters.NotArrived("dial")
	}
	return review.Receipt{}, false, nil
}

func (q *questions) since(start time.Time) []time.Duration {
	var out []time.Duration
	for _, t := range q.at {
		out = append(out, t.Sub(start))
	}
	return out
}

func seconds(n ...int) []time.Duration {
	var out []time.Duration
	for _, s := range n {
		out = append(out, time.Duration(s)*time.Second)
	}
	return out
}

func TestCommitted(t *testing.T) {
	t.Parallel()
	taken := func() *scripted { return &scripted{write: answers(&adapters.CommittedError{Code: "ca"}, nil)} }

	t.Run("found is accepted", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil, nil)
		filed := b.clock.Now().Add(time.Minute)
		a := finding{taken(), func(_ context.Context, d review.Document) (review.Receipt, bool, error) {
			return receiptOf(d), !b.clock.Now().Before(filed), nil
		}}
		b.adapt(a)
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "commit", "accept")
		if took := b.clock.Now().Sub(filed); took > time.Minute {
			t.Errorf("accepted %s after it was filed, want soon", took)
		}
	})

	t.Run("never found goes before a person, and is not sent again", func(t *testing.T) {
		t.Parallel()
		for name, find := range map[string]func(context.Context, review.Document) (review.Receipt, bool, error){
			"absent": finder(false),
			"silent": func(context.Context, review.Document) (review.Receipt, bool, error) {
				return review.Receipt{}, false, adapters.NotArrived("dial")
			},
		} {
			a := finding{taken(), find}
			b := setup(t, a, nil)
			start := b.clock.Now()
			b.drain(t)
			b.want(t, review.WriteBackManual, "commit_unanswered", "claim", "commit", "lose", "give_up")
			if took := b.clock.Now().Sub(start); a.count() != 1 || took < time.Hour+2*time.Minute {
				t.Errorf("%s: %d sends, given up after %s", name, a.count(), took)
			}
		}
	})

	t.Run("that cannot be asked is lost after an hour", func(t *testing.T) {
		t.Parallel()
		b := setup(t, taken(), nil)
		start := b.clock.Now()
		b.drain(t)
		b.want(t, review.WriteBackManual, "cannot_be_asked", "claim", "commit", "lose", "give_up")
		if took := b.clock.Now().Sub(start); took != time.Hour+2*time.Second {
			t.Errorf("given up after %s, want an hour and the time before a question", took)
		}
	})

	t.Run("that is safe for repeats gets it again after an hour", func(t *testing.T) {
		t.Parallel()
		d := document(t)
		d.Destination.RepeatSafe = true
		b := setup(t, taken(), nil, d)
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "commit", "lose", "not_arrived", "claim", "accept")
	})

	t.Run("other bytes found go before a person", func(t *testing.T) {
		t.Parallel()
		b := setup(t, finding{taken(), func(context.Context, review.Document) (review.Receipt, bool, error) {
			return review.Receipt{WrittenSHA256: review.DigestOf(nil)}, true, nil
		}}, nil)
		b.drain(t)
		b.want(t, review.WriteBackManual, "written_mismatch", "claim", "commit", "lose", "give_up")
	})
}

func TestVerify(t *testing.T) {
	t.Parallel()
	reader := func(v review.Verification, errs ...error) reading {
		return reading{finding{&scripted{write: answers(nil)}, finder(true)}, func(context.Context, review.Document, review.Receipt) (review.Verification, error) {
			if len(errs) > 0 {
				err := errs[0]
				errs = errs[1:]
				return review.VerificationNone, err
			}
			return v, nil
		}}
	}
	for _, v := range []review.Verification{review.VerificationVerified, review.VerificationMismatch, review.VerificationEdited} {
		t.Run(string(v)+" is recorded", func(t *testing.T) {
			t.Parallel()
			b := setup(t, reader(v), nil)
			b.drain(t)
			if got := b.j.state(0); got.Verification != v || !got.VerifyAt.IsZero() {
				t.Errorf("verification = %s, owed at %s", got.Verification, got.VerifyAt)
			}
		})
	}

	t.Run("error is tried again", func(t *testing.T) {
		t.Parallel()
		b := setup(t, reader(review.VerificationVerified, errors.New("x"), adapters.NotArrived("dial")), nil)
		b.drain(t)
		if got := b.j.state(0); got.Verification != review.VerificationVerified || b.j.verified != 3 {
			t.Errorf("verification = %s after %d tries, want verified after 3", got.Verification, b.j.verified)
		}
	})

	t.Run("refusal to read ends it", func(t *testing.T) {
		t.Parallel()
		b := setup(t, reader(review.VerificationVerified, adapters.Permanent("http_403", "")), nil)
		b.drain(t)
		if got := b.j.state(0); got.Verification != review.VerificationFailed || b.j.verified != 1 {
			t.Errorf("verification = %s after %d tries, want failed after 1", got.Verification, b.j.verified)
		}
	})

	t.Run("errors for too long end it", func(t *testing.T) {
		t.Parallel()
		a := reader(review.VerificationVerified)
		a.verify = func(context.Context, review.Document, review.Receipt) (review.Verification, error) {
			return "", adapters.NotArrived("dial")
		}
		b := setup(t, a, nil)
		b.drain(t)
		if got := b.j.state(0); got.Verification != review.VerificationFailed || got.State != review.WriteBackAccepted {
			t.Errorf("write-back is %s and %s, want accepted and failed", got.State, got.Verification)
		}
	})
}
