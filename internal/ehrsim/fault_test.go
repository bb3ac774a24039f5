package ehrsim_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/ehrsim"
)

func TestParseFault(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]ehrsim.Fault{
		"fhir=refuse":                    {Endpoint: ehrsim.FHIR, Kind: ehrsim.Refuse},
		"mllp=drop:3":                    {Endpoint: ehrsim.MLLP, Kind: ehrsim.Drop, Count: 3},
		"epic=busy:2,retry=5,status=429": {Endpoint: ehrsim.Epic, Kind: ehrsim.Busy, Count: 2, RetryAfter: 5, Status: 429},
		"mllp=busy:1,code=206":           {Endpoint: ehrsim.MLLP, Kind: ehrsim.Busy, Count: 1, Code: 206},
		"epic=late:1,delay=20":           {Endpoint: ehrsim.Epic, Kind: ehrsim.Late, Count: 1, Delay: 20},
		"fhir=drop-before,on=read":       {Endpoint: ehrsim.FHIR, Kind: ehrsim.DropBefore, On: ehrsim.Read},
	} {
		got, err := ehrsim.ParseFault(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
	for _, in := range []string{"", "fhir", "smtp=refuse", "fhir=explode", "fhir=refuse:0", "fhir=refuse:x", "fhir=busy,colour=1", "fhir=busy,retry=x",
		"fhir=busy,status=200", "mllp=busy,code=100", "mllp=busy,on=read", "fhir=busy,on=delete", "fhir=busy,retry=-1",
		"epic=late", "epic=late,delay=0", "epic=late,delay=5,on=read", "epic=drop,delay=5"} {
		if f, err := ehrsim.ParseFault(in); err == nil {
			t.Errorf("%q was taken as %+v", in, f)
		}
	}
}

func TestHTTPFaults(t *testing.T) {
	t.Parallel()
	for _, door := range []ehrsim.Endpoint{ehrsim.FHIR, ehrsim.Epic} {
		t.Run(string(door), func(t *testing.T) {
			t.Parallel()
			s := setup(t, ehrsim.Options{})
			base, body := s.FHIRBase(), document(t, "p1", "e1")
			if door == ehrsim.Epic {
				base, body = s.EpicBase(), document(t, "eP1", "eE1")
			}
			post := func() (answer, error) { return call(t, "POST", base+"/DocumentReference", body) }
			for _, tc := range []struct {
				fault  ehrsim.Fault
				status int // 0: the connection ends
				retry  string
				filed  int
			}{
				{ehrsim.Fault{Kind: ehrsim.Refuse, Count: 1}, 422, "", 0},
				{ehrsim.Fault{Kind: ehrsim.Busy, Count: 1}, 503, "1", 0},
				{ehrsim.Fault{Kind: ehrsim.Busy, Count: 1, Status: 429, RetryAfter: 7}, 429, "7", 0},
				{ehrsim.Fault{Kind: ehrsim.DropBefore, Count: 1}, 0, "", 0},
				{ehrsim.Fault{Kind: ehrsim.Drop, Count: 1}, 0, "", 1},
			} {
				tc.fault.Endpoint = door
				if err := s.SetFault(tc.fault); err != nil {
					t.Fatal(err)
				}
				before := len(s.Documents())
				a, err := post()
				switch {
				case tc.status == 0 && err == nil:
					t.Errorf("%s: answered %d", tc.fault.Kind, a.StatusCode)
				case tc.status != 0 && (err != nil || a.StatusCode != tc.status || a.Header.Get("Retry-After") != tc.retry):
					t.Errorf("%s: %v %v", tc.fault.Kind, a.Response, err)
				}
				if filed := len(s.Documents()) - before; filed != tc.filed {
					t.Errorf("%s: filed %d, want %d", tc.fault.Kind, filed, tc.filed)
				}
				if a, err := post(); err != nil || a.StatusCode != 201 {
					t.Errorf("after %s: %v %v", tc.fault.Kind, a.Response, err)
				}
			}
		})
	}
}

// TestLate: the document is received, cannot be found, and then is there.
func TestLate(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	const hour = 3600
	for _, door := range []ehrsim.Endpoint{ehrsim.FHIR, ehrsim.Epic, ehrsim.MLLP} {
		if err := s.SetFault(ehrsim.Fault{Endpoint: door, Kind: ehrsim.Late, Count: 1, Delay: hour}); err != nil {
			t.Fatal(err)
		}
	}
	for base, body := range map[string]string{s.FHIRBase(): document(t, "p1", "e1"), s.EpicBase(): document(t, "eP1", "eE1")} {
		if a, err := call(t, "POST", base+"/DocumentReference", body); err == nil {
			t.Errorf("answered %d", a.StatusCode)
		}
	}
	p := dial(t, s)
	p.send(mdmSample(t, "ok"))
	if ack, err := p.receive(); err == nil {
		t.Errorf("answered %q", ack)
	}
	if n := len(s.Documents()); n != 0 {
		t.Fatalf("%d documents before their time", n)
	}
	if n := s.FileLate(); n != 3 || len(s.Documents()) != 3 {
		t.Errorf("%d writes and %d documents, want 3 of each", n, len(s.Documents()))
	}
	if n := s.FileLate(); n != 0 || len(s.Documents()) != 3 {
		t.Errorf("%d writes were filed twice", n)
	}
	if got := dial(t, s).exchange(mdmSample(t, "ok")); got != "AA" || len(s.Documents()) != 3 { // a repetition
		t.Errorf("repeated: %s", got)
	}
	if c := s.Requests(); c[ehrsim.FHIR].Filed != 1 || c[ehrsim.Epic].Faulted != 1 || c[ehrsim.MLLP].Replayed != 1 {
		t.Errorf("counters %+v", c)
	}
}

func TestLateComesByItself(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{Faults: []ehrsim.Fault{{Endpoint: ehrsim.FHIR, Kind: ehrsim.Late, Count: 1, Delay: 1}}})
	if a, err := call(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1")); err == nil {
		t.Errorf("answered %d", a.StatusCode)
	}
	if err := s.Wait(t.Context(), func(d []ehrsim.ReceivedDocument) bool { return len(d) == 1 }); err != nil {
		t.Error(err)
	}
}

func TestLateIsForgottenByReset(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{Faults: []ehrsim.Fault{{Endpoint: ehrsim.Epic, Kind: ehrsim.Late, Count: 1, Delay: 3600}}})
	if a, err := call(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1")); err == nil {
		t.Errorf("answered %d", a.StatusCode)
	}
	s.Reset()
	if n := s.FileLate(); n != 0 {
		t.Errorf("%d writes are still waiting", n)
	}
}

func TestHTTPSilence(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{Faults: []ehrsim.Fault{{Endpoint: ehrsim.FHIR, Kind: ehrsim.Silent, Count: 1}}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := call(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1"))
		done <- err
	}()
	if err := s.Wait(ctx, func(d []ehrsim.ReceivedDocument) bool { return len(d) == 1 }); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatalf("answered: %v", err)
	default:
	}
	if err := s.Shutdown(ctx); err != nil { // a silent request must not keep the simulator from stopping
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("a silent request was answered")
	}
}

func TestReadFaults(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{Faults: []ehrsim.Fault{
		{Endpoint: ehrsim.FHIR, Kind: ehrsim.Busy, Count: 1, On: ehrsim.Read}, {Endpoint: ehrsim.FHIR, Kind: ehrsim.Drop, Count: 1, On: ehrsim.Read}}})
	if a := must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1")); a.StatusCode != 201 {
		t.Errorf("a read fault hit a write: %d", a.StatusCode)
	}
	if a := must(t, "GET", s.FHIRBase()+"/Patient/p1", ""); a.StatusCode != 503 {
		t.Errorf("first read: %d", a.StatusCode)
	}
	if _, err := call(t, "GET", s.FHIRBase()+"/Patient/p1", ""); err == nil {
		t.Error("second read was answered")
	}
	if a := must(t, "GET", s.FHIRBase()+"/Patient/p1", ""); a.StatusCode != 200 {
		t.Errorf("third read: %d", a.StatusCode)
	}
}

func TestMLLPFaults(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	message := mdmSample(t, "ok")
	set := func(f ehrsim.Fault) {
		f.Endpoint, f.Count = ehrsim.MLLP, 1
		if err := s.SetFault(f); err != nil {
			t.Fatal(err)
		}
	}
	p := dial(t, s)
	set(ehrsim.Fault{Kind: ehrsim.Refuse})
	if got := p.exchange(message); got != "AE/207" {
		t.Errorf("refuse: %s", got)
	}
	set(ehrsim.Fault{Kind: ehrsim.Busy})
	if got := p.exchange(message); got != "AR/207" {
		t.Errorf("busy: %s", got)
	}
	set(ehrsim.Fault{Kind: ehrsim.Busy, Code: 206})
	if got := p.exchange(message); got != "AR/206" {
		t.Errorf("locked: %s", got)
	}
	set(ehrsim.Fault{Kind: ehrsim.DropBefore})
	p.send(message)
	if ack, err := p.receive(); err == nil {
		t.Errorf("drop-before: answered %q", ack)
	}
	if n := len(s.Documents()); n != 0 {
		t.Fatalf("%d documents were filed by faults that file none", n)
	}
	set(ehrsim.Fault{Kind: ehrsim.Drop})
	p = dial(t, s)
	p.send(message)
	if ack, err := p.receive(); err == nil {
		t.Errorf("drop: answered %q", ack)
	}
	if n := len(s.Documents()); n != 1 {
		t.Fatalf("drop: %d documents", n)
	}
	p = dial(t, s)
	if got := p.exchange(message); got != "AA" { // resending the same bytes finds out
		t.Errorf("resent after drop: %s", got)
	}
	set(ehrsim.Fault{Kind: ehrsim.Silent})
	p.send(mdmSample(t, "ok", "MSG00001", "M2", "DOC-0001", "D2"))
	if err := s.Wait(t.Context(), func(d []ehrsim.ReceivedDocument) bool { return len(d) == 2 }); err != nil {
		t.Fatal(err)
	}
	if got := p.exchange(mdmSample(t, "ok", "MSG00001", "M2", "DOC-0001", "D2")); got != "AA" {
		t.Errorf("resent after silence: %s", got)
	}
	if d := s.Documents(); len(d) != 2 || d[0].Replays != 1 || d[1].Replays != 1 {
		t.Errorf("%d documents", len(d))
	}
}

func TestFaultsRunInOrder(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{Faults: []ehrsim.Fault{{Endpoint: ehrsim.MLLP, Kind: ehrsim.Busy, Count: 2}, {Endpoint: ehrsim.MLLP, Kind: ehrsim.Refuse}}})
	p := dial(t, s)
	var got []string
	for range 4 {
		got = append(got, p.exchange(mdmSample(t, "ok")))
	}
	s.ClearFaults(ehrsim.MLLP)
	got = append(got, p.exchange(mdmSample(t, "ok")))
	if diff := cmp.Diff([]string{"AR/207", "AR/207", "AE/207", "AE/207", "AA"}, got); diff != "" {
		t.Error(diff)
	}
	if err := s.SetFault(ehrsim.Fault{Endpoint: "x"}); err == nil {
		t.Error("a malformed fault was taken")
	}
	if c := s.Requests()[ehrsim.MLLP]; c.Faulted != 4 || c.Filed != 1 || c.Refused != 0 {
		t.Errorf("counters %+v", c)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx, func([]ehrsim.ReceivedDocument) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
