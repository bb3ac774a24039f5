package adaptertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/review"
)

func testRefuse(t *testing.T, b *bench) {
	b.fault(t, FaultRefuse)
	_, err := b.write(b.Adapter, deadline(t, patience), b.document(t))
	if !permanent(err) {
		t.Errorf("WriteBack: %v, want a PermanentError", err)
	}
	if c := adapters.CodeOf(err); c == "" || c == "internal" {
		t.Errorf("code of the refusal = %q, want one that names it", c)
	}
	b.mustHold(t)
}

func testBusy(t *testing.T, b *bench) {
	b.fault(t, FaultBusy)
	_, err := b.write(b.Adapter, deadline(t, patience), b.document(t))
	if !notArrived(err) {
		t.Fatalf("WriteBack: %v, want an error that says not arrived", err)
	}
	if b.BusyAfter > 0 {
		var r *adapters.RetryAfterError
		if !errors.As(err, &r) || r.After != b.BusyAfter {
			t.Errorf("WriteBack: %v, want a RetryAfterError with the hint %s", err, b.BusyAfter)
		}
	}
	b.mustHold(t)
}

func testDrop(t *testing.T, b *bench) {
	b.fault(t, FaultDrop)
	d := b.document(t)
	if _, err := b.write(b.Adapter, deadline(t, patience), d); !errors.Is(err, adapters.ErrUnknownOutcome) {
		t.Fatalf("WriteBack: %v, want ErrUnknownOutcome: the destination has the document", err)
	}
	b.mustHold(t, d)
	f := b.finder(t)
	_, found, err := f.Find(deadline(t, patience), d)
	b.keep(err)
	if err != nil || !found {
		t.Errorf("Find = %v, %v, want found", found, err)
	}
}

func testSilent(t *testing.T, b *bench) {
	b.fault(t, FaultSilent)
	d := b.document(t)
	ctx := deadline(t, 2*time.Second)
	result := make(chan error, 1)
	go func() {
		_, err := b.write(b.Adapter, ctx, d)
		result <- err
	}()
	select {
	case err := <-result:
		if !errors.Is(err, adapters.ErrUnknownOutcome) {
			t.Errorf("WriteBack: %v, want ErrUnknownOutcome: all bytes had left", err)
		}
	case <-time.After(patience):
		t.Fatal("WriteBack is still blocked long after its deadline")
	}
}

func testUnreachable(t *testing.T, b *bench) {
	if b.Unreachable == nil {
		t.Skip("no unreachable adapter in the harness")
	}
	_, err := b.write(b.Unreachable, deadline(t, patience), b.document(t))
	if !notArrived(err) {
		t.Errorf("WriteBack: %v, want an error that says not arrived", err)
	}
	if c := adapters.CodeOf(err); c == "internal" {
		t.Errorf("the error has no code: %v", err)
	}
	b.mustHold(t)
}

func testCancelled(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(deadline(t, patience))
	cancel()
	_, err := b.write(b.Adapter, ctx, b.document(t))
	if !notArrived(err) {
		t.Errorf("WriteBack: %v, want an error that says not arrived", err)
	}
	b.mustHold(t)
}

func testRemote(t *testing.T, b *bench) {
	if b.Remote == nil {
		t.Skip("this adapter has no host")
	}
	// TEST-NET-1 and the IPv6 documentation prefix: they reach nobody, even
	// where the rule is broken.
	for _, host := range []string{"192.0.2.1", "2001:db8::1", "0.0.0.0"} {
		a, err := b.Remote(host)
		b.keep(err)
		if err != nil {
			continue
		}
		if _, err := b.write(a, deadline(t, patience), b.document(t)); !permanent(err) || adapters.CodeOf(err) != "not_loopback" {
			t.Errorf("WriteBack to %s: %v, want a PermanentError not_loopback", host, err)
		}
	}
	b.mustHold(t)
}

func testFindAbsent(t *testing.T, b *bench) {
	f := b.finder(t)
	b.mustWrite(t, b.document(t)) // another one
	_, found, err := f.Find(deadline(t, patience), b.document(t))
	b.keep(err)
	if err != nil || found {
		t.Errorf("Find = %v, %v, want not found and no error", found, err)
	}
}

func testFindUnreachable(t *testing.T, b *bench) {
	b.finder(t)
	if b.Unreachable == nil {
		t.Skip("no unreachable adapter in the harness")
	}
	_, found, err := b.Unreachable.(adapters.Finder).Find(deadline(t, patience), b.document(t))
	b.keep(err)
	if err == nil || found {
		t.Errorf("Find = %v, %v, want an error: nobody could be asked", found, err)
	}
}

func testFind(t *testing.T, b *bench) {
	f := b.finder(t)
	d := b.document(t)
	want := b.mustWrite(t, d)
	got, found, err := f.Find(deadline(t, patience), d)
	b.keep(err)
	if err != nil || !found {
		t.Fatalf("Find = %v, %v, want found", found, err)
	}
	if got.ResourceID != want.ResourceID {
		t.Errorf("Find brings resource %q, WriteBack brought %q", got.ResourceID, want.ResourceID)
	}
	if !got.WrittenSHA256.IsZero() && got.WrittenSHA256 != d.Rendering.SHA256 {
		t.Errorf("Find brings written_sha256 %s, want zero or the rendering's", got.WrittenSHA256)
	}
}

func (b *bench) verify(t *testing.T, d review.Document, r review.Receipt) review.Verification {
	t.Helper()
	v, ok := b.Adapter.(adapters.Verifier)
	if !ok {
		t.Skip("the adapter is not a Verifier")
	}
	got, err := v.Verify(deadline(t, patience), d, r)
	b.keep(err)
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return got
}

func testVerify(t *testing.T, b *bench) {
	d := b.document(t)
	if got := b.verify(t, d, b.mustWrite(t, d)); got != review.VerificationVerified {
		t.Errorf("Verify = %q, want verified", got)
	}
}

func testVerifyEdited(t *testing.T, b *bench) {
	d := b.document(t)
	r := b.mustWrite(t, d)
	b.fault(t, FaultEdit)
	if got := b.verify(t, d, r); got != review.VerificationEdited && got != review.VerificationMismatch {
		t.Errorf("Verify = %q, want edited_in_ehr or mismatch", got)
	}
}

func testRepeat(t *testing.T, b *bench) {
	if !b.Destination.RepeatSafe {
		t.Skip("the destination is not declared safe for repeats")
	}
	d := b.document(t)
	first := b.mustWrite(t, d)
	second := b.mustWrite(t, d)
	if first.ResourceID != second.ResourceID {
		t.Errorf("a repeat made another document: %q, then %q", first.ResourceID, second.ResourceID)
	}
	b.mustHold(t, d)
}
