package adapters

import (
	"time"

	"github.com/cenkalti/backoff/v4"

	"countersign/review"
)

// Options of a Dispatcher; zero values are usable.
type Options struct {
	// AttemptTimeout is the total deadline of one call of an adapter, from
	// dial to answer. It must be below the lease after which a rival takes
	// over. Default 20 s.
	AttemptTimeout time.Duration
	// Drain is how long a call that is under way may go on after the
	// dispatcher's context ended: a reply that is not awaited is lost, and
	// makes the write unknown. Default 5 s; negative means not at all.
	Drain time.Duration
	// SettleAfter is how long after a lost reply the destination is first
	// asked whether it has the document. That it has not is believed only
	// after its own settling time: review.Destination.Settle. Default 2 s.
	SettleAfter time.Duration
	// VerifyAfter is how long after acceptance the destination is read back;
	// 0 is at once.
	VerifyAfter time.Duration
	// ResolveFor is how long a destination is asked about an unknown write
	// before a person has to look. Default 1 h.
	ResolveFor time.Duration
	// VerifyFor is how long a read-back is tried. Default 1 h.
	VerifyFor time.Duration
	// CommitFor is how long an interface that has taken a document may take
	// to show it in the chart, before the write is unknown. Default 1 h.
	CommitFor time.Duration
	// GiveUpAfter is how long a write that does not arrive is owed before it
	// is put before a person. It is time and not a count, so that a
	// destination that is down overnight costs nobody anything. Default 72 h.
	GiveUpAfter time.Duration
	// SettleTries is how often the recording of an outcome is tried at once,
	// within 10 s and the lease. Default 8, which are about six seconds.
	SettleTries int
	// FirstRetry and MaxRetry bound the interval before the next attempt; it
	// doubles each time, with a fifth of jitter. Defaults 1 s and 10 min.
	FirstRetry, MaxRetry time.Duration
	// PerDestination is how many calls to one destination run at once. Default 4.
	PerDestination int
	// BreakerFailures consecutive failures leave a destination alone for
	// BreakerPause. Defaults 5 and 30 s.
	BreakerFailures int
	BreakerPause    time.Duration
	// Later turns the time until something is due again into the error that
	// Handle returns, such as a queue's "offer it again then". Nil: Handle
	// returns nil and the sweep offers the family again.
	Later func(time.Duration) error
	// Clock defaults to [review.SystemClock].
	Clock review.Clock
	// Observer may be nil.
	Observer Observer
}

func (o Options) withDefaults() Options {
	or := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	or(&o.AttemptTimeout, 20*time.Second)
	or(&o.Drain, 5*time.Second)
	or(&o.SettleAfter, 2*time.Second)
	or(&o.ResolveFor, time.Hour)
	or(&o.VerifyFor, time.Hour)
	or(&o.CommitFor, time.Hour)
	or(&o.GiveUpAfter, 72*time.Hour)
	or(&o.FirstRetry, time.Second)
	or(&o.MaxRetry, 10*time.Minute)
	or(&o.BreakerPause, 30*time.Second)
	if o.SettleTries <= 0 {
		o.SettleTries = 8
	}
	if o.PerDestination <= 0 {
		o.PerDestination = 4
	}
	if o.BreakerFailures == 0 {
		o.BreakerFailures = 5
	}
	if o.Clock == nil {
		o.Clock = review.SystemClock{}
	}
	return o
}

// interval is how long to wait after attempt n, from 1. Attempts are counted
// in the database, so it is computed from the count alone.
func (o Options) interval(n int) time.Duration {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(o.FirstRetry), backoff.WithMaxInterval(o.MaxRetry), backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.2), backoff.WithMaxElapsedTime(0),
	)
	d := b.NextBackOff()
	for range min(n, 64) - 1 { // by then it is MaxRetry, whatever FirstRetry is
		d = b.NextBackOff()
	}
	return d
}

// since is how long to wait before a question is asked again that has been
// open for d: about as long again, within the bounds of interval. Questions
// are not counted in the database, their state has a time.
func (o Options) since(d time.Duration) time.Duration {
	return min(max(d, o.FirstRetry), o.MaxRetry)
}
