package ehrsim_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/ehrsim"
)

func TestMLLPFilesADocument(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	p := dial(t, s)
	message := mdmSample(t, "ok", "Subjective: 3 days of cough.", "Subjective~~3 days of cough.")
	p.send(message)
	ack, err := p.receive()
	if err != nil {
		t.Fatal(err)
	}
	msh := strings.Split(ack[0], "|")
	if got := strings.Join([]string{msh[2], msh[3], msh[4], msh[5], msh[8], msh[10], msh[11], msh[17]}, " "); got != "EHR HOSP AMBIENT CLINIC ACK^T02^ACK P 2.5.1 UNICODE UTF-8" {
		t.Errorf("MSH of the answer: %s", got)
	}
	if msh[9] == "" || msh[9] == "MSG00001" || ack[1] != "MSA|AA|MSG00001" || len(ack) != 2 {
		t.Errorf("answer: %q", ack)
	}
	d := s.Documents()[0]
	got := []any{d.Endpoint, d.ID, d.PatientID, d.EncounterID, d.PatientName, d.DocumentNumber, d.TypeCode, d.DocStatus, d.Availability,
		d.Text, string(d.Raw), d.ControlID, d.TimesFiled, d.AuthorRef, d.Events[0].Trigger}
	want := []any{ehrsim.MLLP, "DOC-0001", "p1", "e1", "Jane Doe", "DOC-0001", "PN", "LA", "AV",
		"Subjective\n\n3 days of cough.\n\nPlan: rest & fluids \\ follow up in 2 weeks.", message, "MSG00001", 1, "1234567890", "T02"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(ehrsim.Section{Code: "11506-3", Title: "Progress note", Text: "Subjective\n\n3 days of cough."}, d.Sections[0]); diff != "" {
		t.Error(diff)
	}
}

func TestMLLPRepeatedControlID(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	p := dial(t, s)
	message := mdmSample(t, "ok")
	p.send(message)
	first, err := p.receive()
	if err != nil {
		t.Fatal(err)
	}
	other := dial(t, s) // the repetition arrives on a new connection, as after a lost answer
	other.send(message)
	second, err := other.receive()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("a repetition must get the answer given before: %s", diff)
	}
	if got := other.exchange(mdmSample(t, "ok", "3 days", "4 days")); got != "AA" {
		t.Errorf("altered repetition: %s", got)
	}
	docs := s.Documents()
	if len(docs) != 1 || docs[0].Replays != 2 || docs[0].AlteredReplays != 1 || !strings.Contains(docs[0].Text, "3 days") {
		t.Errorf("%d documents, %+v", len(docs), docs[0])
	}
	if got := other.exchange(mdmSample(t, "ok", "MSG00001", "MSG00002")); got != "AE/205" {
		t.Errorf("same document number in another message: %s", got)
	}
	if got := other.exchange(mdmSample(t, "ok", "|AMBIENT|CLINIC|", "|OTHER|CLINIC|", "DOC-0001", "DOC-0002")); got != "AA" {
		t.Errorf("same control id of another sender: %s", got)
	}
}

func TestMLLPConcurrentRepetitionsAreFiledOnce(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	message := mdmSample(t, "ok")
	peers := make([]*peer, 8)
	for i := range peers {
		peers[i] = dial(t, s)
	}
	var wg sync.WaitGroup
	for _, p := range peers {
		wg.Go(func() {
			p.send(message)
			if ack, err := p.receive(); err != nil || ack[1] != "MSA|AA|MSG00001" {
				t.Errorf("%q %v", ack, err)
			}
		})
	}
	wg.Wait()
	if docs := s.Documents(); len(docs) != 1 || docs[0].Replays != 7 {
		t.Errorf("%d documents, %d replays", len(docs), docs[0].Replays)
	}
}

func TestMLLPRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	p := dial(t, s)
	for name, tc := range map[string]struct{ message, want string }{
		"unknown patient":              {mdmSample(t, "ok", "MRN12345", "MRN00000"), "AE/204"},
		"identifiers of two people":    {mdmSample(t, "ok", "MRN12345^^^HOSP^MR", "MRN12345^^^HOSP^MR~MRN99999^^^HOSP^MR"), "AE/204"},
		"visit of another patient":     {mdmSample(t, "ok", "V0001", "V0002"), "AE/204"},
		"status change of the unknown": {mdmSample(t, "ok", "MDM^T02", "MDM^T04", "EVN|T02", "EVN|T04"), "AE/204"},
		"addendum to the unknown":      {mdmSample(t, "ok", "MDM^T02", "MDM^T06", "EVN|T02", "EVN|T06", "DOC-0001^AMBIENT|", "D2^AMBIENT|D1^AMBIENT"), "AE/204"},
		"no TXA":                       {mdmSample(t, "no-txa"), "AE/100"},
		"version":                      {mdmSample(t, "bad-version"), "AR/203"},
		"not hl7 at all":               {"hello", "AR/100"},
		"empty":                        {"", "AR/100"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := p.exchange(tc.message); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	if got := p.exchange(mdmSample(t, "ok", "MRN12345^^^HOSP", "77^^^ELSEWHERE", "V0001", "V7")); got != "AA" {
		t.Errorf("patient of an authority the simulator knows nothing about: %s", got)
	}
	if n := len(s.Documents()); n != 1 {
		t.Errorf("%d documents", n)
	}
	if c := s.Requests()[ehrsim.MLLP]; c.Writes != 10 || c.Filed != 1 || c.Refused != 9 {
		t.Errorf("counters %+v", c)
	}
}

func TestMLLPLifeOfADocument(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	p := dial(t, s)
	n := 0
	send := func(trigger, number, parent, status string) string {
		n++
		return p.exchange(mdmSample(t, "ok", "MDM^T02", "MDM^"+trigger, "EVN|T02", "EVN|"+trigger, "MSG00001", "M"+string(rune('A'+n)),
			"DOC-0001^AMBIENT|", number+"^AMBIENT|"+parent, "|LA||AV", "|"+status))
	}
	for _, step := range []struct{ trigger, number, parent, status, want string }{
		{"T02", "D1", "", "PA||UN", "AA"},
		{"T08", "D1", "", "PA||UN", "AA"},
		{"T04", "D1", "", "AU||AV", "AA"},
		{"T08", "D1", "", "AU||AV", "AE/207"}, // available: no edits any more
		{"T04", "D1", "", "LA||AV", "AA"},
		{"T04", "D1", "", "AU||AV", "AE/207"}, // legally authenticated: terminal
		{"T06", "D2", "D1^AMBIENT", "LA||AV", "AA"},
		{"T10", "D3", "D9^AMBIENT", "LA||AV", "AE/204"},
		{"T10", "D3", "D1^AMBIENT", "LA||AV", "AA"},
		{"T10", "D1", "D3^AMBIENT", "LA||AV", "AE/205"},
	} {
		if got := send(step.trigger, step.number, step.parent, step.status); got != step.want {
			t.Errorf("%s %s %s: got %s, want %s", step.trigger, step.number, step.status, got, step.want)
		}
	}
	var got []string
	for _, d := range s.Documents() {
		events := ""
		for _, e := range d.Events {
			events += " " + e.Trigger
		}
		got = append(got, d.DocumentNumber+" "+d.ParentNumber+" "+d.DocStatus+" "+d.Availability+events)
	}
	if diff := cmp.Diff([]string{"D1  LA OB T02 T08 T04 T04", "D2 D1 LA AV T06", "D3 D1 LA AV T10"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMLLPStatusChangeWithoutContentKeepsTheText(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	p := dial(t, s)
	if got := p.exchange(mdmSample(t, "ok", "|LA||AV", "|AU||UN")); got != "AA" {
		t.Fatal(got)
	}
	before := s.Documents()[0].SHA256
	if got := p.exchange(mdmSample(t, "no-obx", "MSG00001", "M2", "MDM^T02^MDM_T02", "MDM^T03^MDM_T01", "EVN|T02", "EVN|T03")); got != "AA" {
		t.Fatal(got)
	}
	if d := s.Documents()[0]; d.SHA256 != before || d.DocStatus != "LA" || d.Availability != "AV" || len(d.Events) != 2 || len(d.Sections) != 2 {
		t.Errorf("%+v", d)
	}
}

func TestMLLPFraming(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{MaxMessage: 2000})
	t.Run("bytes before the start block are skipped and pieces are joined", func(t *testing.T) {
		p := dial(t, s)
		raw := "noise\r\n\x0b" + mdmSample(t, "ok") + "\x1c\r"
		for i := range len(raw) {
			if _, err := p.conn.Write([]byte{raw[i]}); err != nil {
				t.Fatal(err)
			}
		}
		if ack, err := p.receive(); err != nil || ack[1] != "MSA|AA|MSG00001" {
			t.Errorf("%q %v", ack, err)
		}
	})
	t.Run("two frames in one write are answered in order", func(t *testing.T) {
		p := dial(t, s)
		p.send(mdmSample(t, "ok", "MSG00001", "A", "DOC-0001", "DA") + "\x1c\r\x0b" + mdmSample(t, "ok", "MSG00001", "B", "DOC-0001", "DB"))
		for _, want := range []string{"MSA|AA|A", "MSA|AA|B"} {
			if ack, err := p.receive(); err != nil || ack[1] != want {
				t.Errorf("%q %v", ack, err)
			}
		}
	})
	t.Run("missing carriage return after the end block", func(t *testing.T) {
		p := dial(t, s)
		if _, err := p.conn.Write([]byte("\x0b" + mdmSample(t, "ok", "MSG00001", "C", "DOC-0001", "DC") + "\x1c")); err != nil {
			t.Fatal(err)
		}
		if err := p.conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if ack, err := p.receive(); err != nil || ack[1] != "MSA|AA|C" {
			t.Errorf("%q %v", ack, err)
		}
	})
	for name, raw := range map[string]string{
		"frame too large":        "\x0b" + strings.Repeat("x", 2001),
		"start block in a frame": "\x0bMSH\x0b",
		"endless noise":          strings.Repeat("x", 4000),
	} {
		t.Run(name+" ends the connection", func(t *testing.T) {
			p := dial(t, s)
			_, _ = p.conn.Write([]byte(raw)) // the receiver may hang up while this is written
			if ack, err := p.receive(); err == nil {
				t.Errorf("answered %q", ack)
			}
		})
	}
}

func TestMLLPIdleConnectionIsClosed(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{IdleTimeout: time.Millisecond})
	if _, err := dial(t, s).receive(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end of the connection", err)
	}
}

func TestMLLPEnhancedMode(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{EnhancedACK: true})
	p := dial(t, s)
	if got := p.exchange(mdmSample(t, "ok")); got != "CA" {
		t.Errorf("accept: %s", got)
	}
	if got := p.exchange(mdmSample(t, "no-txa2")); got != "CA" { // same MSH-10: the answer given before
		t.Errorf("repeated: %s", got)
	}
	if got := p.exchange(mdmSample(t, "no-txa2", "MSG00001", "M2")); got != "CE/101" {
		t.Errorf("error: %s", got)
	}
	p.send(mdmSample(t, "ok", "|AL|NE|", "|ER|NE|", "MSG00001", "M3", "DOC-0001", "D3")) // no answer wanted on success
	if got := p.exchange(mdmSample(t, "ok", "|AL|NE|", "|||", "MSG00001", "M4", "DOC-0001", "D4")); got != "AA" {
		t.Errorf("original mode: %s", got)
	}
	if n := len(s.Documents()); n != 3 {
		t.Errorf("%d documents", n)
	}
}

func TestMLLPLegacyReceiver(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{LegacyHL7: true})
	p := dial(t, s)
	if got := p.exchange(mdmSample(t, "ok")); got != "AA" {
		t.Errorf("plain message: %s", got)
	}
	if d := s.Documents()[0]; d.DocumentNumber != "DOC-0001" || d.PatientID != "p1" || !strings.HasSuffix(d.Text, "rest & fluids \\ follow up in 2 weeks.") {
		t.Errorf("%+v", d)
	}
	if got := p.exchange(mdmSample(t, "bad-table", "MSG00001", "M2", "DOC-0001", "D2")); got != "AA" {
		t.Errorf("a lenient engine takes a wrong table value: %s", got)
	}
	if got := p.exchange("MSH|^~\r\\&|AMBIENT|CLINIC|EHR|HOSP|2026||MDM^T02^MDM_T02|M3|P|2.5.1\r"); got[:2] == "AA" {
		t.Errorf("damaged: %s", got)
	}
	if got := p.exchange(mdmSample(t, "ok", "MSG00001", "M4", "DOC-0001", "D4")); got != "AA" {
		t.Errorf("the receiver does not live on after damage: %s", got)
	}
}
