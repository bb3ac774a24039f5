package adaptertest_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/review"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// flawVariable names, in a child process, what is wrong with the adapter.
const flawVariable = "ADAPTERTEST_FLAW"

// TestCorrectAdapterPasses: no case asks for more than the contract.
func TestCorrectAdapterPasses(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, harness(os.Getenv(flawVariable)))
}

// TestFlawsAreFound runs the suite on adapters with one flaw each, in child
// processes, and expects the case that is there for it to fail.
func TestFlawsAreFound(t *testing.T) {
	t.Parallel()
	if os.Getenv(flawVariable) != "" {
		t.Skip("in the child process")
	}
	for flaw, name := range map[string]string{
		"changes a byte":              "create_writes_exactly_the_stored_rendering",
		"invents the written hash":    "create_writes_exactly_the_stored_rendering",
		"loses the document number":   "create_arrives_with_its_document_number",
		"does not check the hash":     "rendering_that_was_changed_is_refused",
		"does not check the size":     "note_above_the_size_limit_is_refused",
		"does not check the action":   "action_that_is_not_in_the_profile_is_refused",
		"does not check the patient":  "patient_unknown_at_the_destination_is_refused",
		"escapes markup":              "any_statement_text_arrives_exactly",
		"cuts controls silently":      "any_stored_bytes_arrive_exactly_or_are_refused",
		"mixes documents":             "different_families_may_be_written_at_once",
		"refusal can be repeated":     "refusal_is_permanent",
		"forgets the hint":            "busy_says_not_arrived_and_when_to_come_back",
		"calls a lost reply an error": "connection_lost_after_sending_is_unknown_and_can_be_found",
		"calls silence an error":      "silence_is_unknown_at_the_deadline",
		"unreachable is unknown":      "unreachable_destination_is_not_arrived",
		"sends when cancelled":        "cancelled_before_the_start_sends_nothing",
		"goes anywhere":               "host_that_is_not_loopback_is_refused",
		"finds everything":            "find_tells_what_is_not_there",
		"finds nothing unreachable":   "find_that_cannot_ask_is_an_error",
		"verifies everything":         "read_back_after_an_edit_is_not_verified",
		"repeats":                     "repeat_at_a_repeat-safe_destination_is_one_document",
		"names the patient in errors": "refusal_is_permanent",
		"logs the text":               "create_writes_exactly_the_stored_rendering",
	} {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCorrectAdapterPasses$/^"+regexp.QuoteMeta(name)+"$", "-test.v")
			cmd.Env = append(os.Environ(), flawVariable+"="+flaw)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !bytes.Contains(out, []byte("--- FAIL: TestCorrectAdapterPasses/"+name+" ")) {
				t.Errorf("the suite does not find it in %q (%v)", name, err)
			}
		})
	}
}

func harness(flaw string) adaptertest.Make {
	return func(t *testing.T, log *slog.Logger) *adaptertest.Harness {
		far := &farEnd{}
		a := &memory{far: far, log: log, flaw: flaw}
		set := func(f adaptertest.Fault) func() { return func() { far.fault = f } }
		return &adaptertest.Harness{
			Adapter: a, Destination: review.Destination{ID: "memory", Adapter: "memory", RepeatSafe: true}, Received: far.received,
			BusyAfter:   7 * time.Second,
			Unreachable: &memory{log: log, flaw: flaw},
			Remote: func(host string) (adapters.Adapter, error) {
				if err := adapters.CheckLoopback(host + ":1"); err != nil && !strings.Contains(host, ":") && flaw != "goes anywhere" {
					return nil, err
				}
				return &memory{far: far, log: log, flaw: flaw, remote: true}, nil
			},
			Faults: map[adaptertest.Fault]func(){
				adaptertest.FaultRefuse: set(adaptertest.FaultRefuse), adaptertest.FaultBusy: set(adaptertest.FaultBusy),
				adaptertest.FaultDrop: set(adaptertest.FaultDrop), adaptertest.FaultSilent: set(adaptertest.FaultSilent),
				adaptertest.FaultEdit: func() { far.docs[0].Text = []byte("edited") },
			},
		}
	}
}

// farEnd is a destination in memory.
type farEnd struct {
	mu    sync.Mutex
	fault adaptertest.Fault
	docs  []adaptertest.Received
}

func (f *farEnd) received() []adaptertest.Received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]adaptertest.Received(nil), f.docs...)
}

func (f *farEnd) find(number string) (adaptertest.Received, bool) {
	for _, d := range f.received() {
		if d.DocumentNumber == number {
			return d, true
		}
	}
	return adaptertest.Received{}, false
}

// memory is a correct adapter for a farEnd, but for its flaw.
type memory struct {
	far    *farEnd // nil: nobody is there
	log    *slog.Logger
	flaw   string
	remote bool
}

func (m *memory) Profile() adapters.Profile {
	return adapters.Profile{
		Formats: []string{review.FormatText}, Actions: []review.WriteAction{review.WriteCreate},
		PatientIdentifier: review.IdentifierFHIR, MaxBytes: 1 << 20, KeepsIdentifier: true,
	}
}

func (m *memory) WriteBack(ctx context.Context, d review.Document) (review.Receipt, error) {
	if err := adapters.Check(m.lenient(&d), d); err != nil {
		return review.Receipt{}, err
	}
	switch {
	case ctx.Err() != nil && m.flaw != "sends when cancelled":
		return review.Receipt{}, adapters.NotArrived("cancelled")
	case m.remote && m.flaw != "goes anywhere":
		return review.Receipt{}, adapters.Permanent("not_loopback", "")
	case m.far == nil && m.flaw == "unreachable is unknown":
		return review.Receipt{}, adapters.Unknown("dial")
	case m.far == nil:
		return review.Receipt{}, adapters.NotArrived("dial")
	}
	if m.flaw == "logs the text" {
		m.log.Debug("sending", "text", string(d.Rendering.Body))
	}
	return m.deliver(ctx, d)
}

// lenient is the profile, and the document, as a flaw sees them.
func (m *memory) lenient(d *review.Document) adapters.Profile {
	p := m.Profile()
	switch m.flaw {
	case "does not check the hash":
		d.Rendering.SHA256 = review.DigestOf(d.Rendering.Body)
	case "does not check the size":
		p.MaxBytes = 0
	case "does not check the action":
		p.Actions = append(p.Actions, d.Action)
	case "does not check the patient":
		p.PatientIdentifier = ""
	}
	return p
}

func (m *memory) deliver(ctx context.Context, d review.Document) (review.Receipt, error) {
	text, number := m.altered(d)
	m.far.mu.Lock()
	fault := m.far.fault
	known := false
	for _, have := range m.far.docs {
		known = known || have.DocumentNumber == number && m.flaw != "repeats"
	}
	if fault != adaptertest.FaultRefuse && fault != adaptertest.FaultBusy && !known {
		m.far.docs = append(m.far.docs, adaptertest.Received{Text: text, DocumentNumber: number})
		if m.flaw == "mixes documents" {
			m.far.docs[len(m.far.docs)-1].Text = m.far.docs[0].Text
		}
	}
	m.far.mu.Unlock()
	if err := m.answer(ctx, fault, d); err != nil {
		return review.Receipt{}, err
	}
	r := review.Receipt{ResourceID: number, At: d.CreatedAt, WrittenSHA256: review.DigestOf(text)}
	if m.flaw == "invents the written hash" {
		r.WrittenSHA256 = review.Digest{1}
	}
	if r.ResourceID == "" {
		r.ResourceID = "some"
	}
	return r, nil
}

func (m *memory) answer(ctx context.Context, fault adaptertest.Fault, d review.Document) error {
	switch fault {
	case adaptertest.FaultRefuse:
		if m.flaw == "refusal can be repeated" {
			return adapters.NotArrived("refused")
		}
		if m.flaw == "names the patient in errors" {
			return adapters.Permanent("refused", "no patient "+string(d.Patient.Family))
		}
		return adapters.Permanent("refused", "")
	case adaptertest.FaultBusy:
		if m.flaw == "forgets the hint" {
			return adapters.NotArrived("busy")
		}
		return adapters.RetryAfter("busy", 7*time.Second)
	case adaptertest.FaultDrop:
		if m.flaw == "calls a lost reply an error" {
			return errors.New("connection lost")
		}
		return adapters.Unknown("eof")
	case adaptertest.FaultSilent:
		<-ctx.Done()
		if m.flaw == "calls silence an error" {
			return ctx.Err()
		}
		return adapters.Unknown("deadline")
	}
	return nil
}

// altered is what a flaw makes of the bytes on their way.
func (m *memory) altered(d review.Document) (text []byte, number string) {
	text, number = bytes.Clone(d.Rendering.Body), d.DocumentNumber
	switch m.flaw {
	case "changes a byte":
		text = bytes.Replace(text, []byte("650 mg"), []byte("560 mg"), 1)
	case "loses the document number":
		number = ""
	case "escapes markup":
		text = bytes.ReplaceAll(text, []byte("<"), []byte("&lt;"))
	case "cuts controls silently":
		text = bytes.ReplaceAll(text, []byte("\x0b"), nil)
	}
	return text, number
}

func (m *memory) Find(_ context.Context, d review.Document) (review.Receipt, bool, error) {
	switch {
	case m.flaw == "finds everything":
		return review.Receipt{ResourceID: d.DocumentNumber}, true, nil
	case m.far == nil && m.flaw == "finds nothing unreachable":
		return review.Receipt{}, false, nil
	case m.far == nil:
		return review.Receipt{}, false, adapters.NotArrived("dial")
	}
	have, ok := m.far.find(d.DocumentNumber)
	return review.Receipt{ResourceID: have.DocumentNumber}, ok, nil
}

func (m *memory) Verify(_ context.Context, d review.Document, _ review.Receipt) (review.Verification, error) {
	have, ok := m.far.find(d.DocumentNumber)
	if m.flaw == "verifies everything" || ok && bytes.Equal(have.Text, d.Rendering.Body) {
		return review.VerificationVerified, nil
	}
	return review.VerificationEdited, nil
}
