package adapters_test

import (
	"context"
	"errors"
	"testing"
	"time"

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

	t.Run("not there is sent again", func(t *testing.T) {
		t.Parallel()
		a := finding{&scripted{write: lostThenYes()}, finder(false)}
		b := setup(t, a, nil)
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "lose", "not_arrived", "claim", "accept")
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
		if got := b.j.state(0); got.Verification != review.VerificationNone || b.j.verified != 1 {
			t.Errorf("verification = %s after %d tries, want none after 1", got.Verification, b.j.verified)
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
		if got := b.j.state(0); got.Verification != review.VerificationNone || got.State != review.WriteBackAccepted {
			t.Errorf("write-back is %s and %s, want accepted and none", got.State, got.Verification)
		}
	})
}
