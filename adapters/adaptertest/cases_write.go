package adaptertest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"countersign/review"
)

func testProfile(t *testing.T, b *bench) {
	p := b.Adapter.Profile()
	if len(p.Formats) == 0 || !p.Can(review.WriteCreate) {
		t.Errorf("profile: formats %q, actions %q: want at least one format and create", p.Formats, p.Actions)
	}
	for _, f := range p.Formats {
		if f != strings.ToLower(f) || !strings.Contains(f, "/") {
			t.Errorf("profile: format %q is not a lower-case media type", f)
		}
	}
}

func testCreate(t *testing.T, b *bench) {
	d := b.document(t)
	r := b.mustWrite(t, d)
	if r.WrittenSHA256 != d.Rendering.SHA256 {
		t.Errorf("written_sha256 = %s, want the stored rendering's %s", r.WrittenSHA256, d.Rendering.SHA256)
	}
	if r.At.IsZero() || r.ResourceID == "" && r.AckCode == "" {
		t.Errorf("receipt = %+v: want a time and the destination's proof (an id or an acknowledgment)", r)
	}
	b.mustHold(t, d)
}

func testDocumentNumber(t *testing.T, b *bench) {
	d := b.document(t)
	b.mustWrite(t, d)
	b.mustHold(t, d)
	got := b.Received()[0]
	if b.Adapter.Profile().KeepsIdentifier && got.DocumentNumber != d.DocumentNumber {
		t.Errorf("document number at the destination = %q, want %q", got.DocumentNumber, d.DocumentNumber)
	}
	if !bytes.Contains(got.Text, []byte(d.DocumentNumber)) {
		t.Errorf("the text at the destination does not hold the document number")
	}
}

func testLarge(t *testing.T, b *bench) {
	size := 200_000
	if limit := b.Adapter.Profile().MaxBytes; limit > 0 && limit < 2*size {
		size = limit / 2
	}
	r := Request(b.Destination)
	s := &r.Revision.Content.Sections[1]
	for n := 0; n < size; n += 80 {
		s.Statements = append(s.Statements, Statement("", fmt.Sprintf("Finding number %06d is written out so that the note becomes a long one.", n)))
	}
	d := b.prepare(DocumentOf(r, b.Destination))
	b.mustWrite(t, d)
	b.mustHold(t, d)
}

func testTooLarge(t *testing.T, b *bench) {
	limit := b.Adapter.Profile().MaxBytes
	if limit == 0 {
		t.Skip("the profile has no size limit")
	}
	d := b.document(t)
	body := append(bytes.Clone(d.Rendering.Body), bytes.Repeat([]byte("x"), limit+1-len(d.Rendering.Body))...)
	_, err := b.write(b.Adapter, deadline(t, patience), WithBody(d, body))
	if !permanent(err) {
		t.Errorf("WriteBack of %d bytes: %v, want a PermanentError", len(body), err)
	}
	b.mustHold(t)
}

func testTampered(t *testing.T, b *bench) {
	d := b.document(t)
	d.Rendering.Body = bytes.Replace(d.Rendering.Body, []byte("650 mg"), []byte("950 mg"), 1)
	_, err := b.write(b.Adapter, deadline(t, patience), d)
	if !permanent(err) {
		t.Errorf("WriteBack: %v, want a PermanentError: the bytes are not those that were signed", err)
	}
	b.mustHold(t)
}

func testAction(t *testing.T, b *bench) {
	for _, a := range []review.WriteAction{review.WriteCreate, review.WriteUpdate, review.WriteReplace, review.WriteAppend, review.WriteRetract, "other"} {
		if b.Adapter.Profile().Can(a) {
			continue
		}
		d := b.document(t)
		d.Action = a
		if _, err := b.write(b.Adapter, deadline(t, patience), d); !permanent(err) {
			t.Errorf("WriteBack of action %q: %v, want a PermanentError", a, err)
		}
	}
	b.mustHold(t)
}

func testNoPatient(t *testing.T, b *bench) {
	p := b.Adapter.Profile()
	if p.PatientIdentifier == "" {
		t.Skip("the profile needs no particular patient identifier")
	}
	d := b.document(t)
	d.Patient.Identifiers = []review.Identifier{
		{Type: p.PatientIdentifier, Value: "elsewhere", Destination: "another-destination"}, {Type: "XX", Value: "1"},
	}
	if _, err := b.write(b.Adapter, deadline(t, patience), d); !permanent(err) {
		t.Errorf("WriteBack without a patient identifier of type %s: %v, want a PermanentError", p.PatientIdentifier, err)
	}
	b.mustHold(t)
}

// hostile is text that has broken somebody's parser.
var hostile = []string{
	`delimiters | ^ ~ & \ # and again |^~\&`,
	`escapes \F\ \S\ \T\ \R\ \E\ \X0D\ \.br\ \Z01\ \`,
	`~leading tilde`, `two ~~ tildes ~`, `""`, `"`, `'`, `\`,
	"MSH|^~\\&|A|B|C|D|20261123||ADT^A01|1|P|2.5.1",
	`<script>alert(1)</script> &amp; &#13; <![CDATA[ ]]> <br/>`,
	`{"resourceType":"Patient"} %0D%0A %s %d $(id) ; DROP TABLE notes --`,
	"emoji 🩺👩🏽‍⚕️ and flags 🇸🇪", "right to left: שלום עולם, مرحبا", "combining e\u0301 n\u0303 and 한국어 and 漢字", "smart “quotes” – dashes… ½ µg °C",
	"zero\u200dwidth joiner, direction\u200emark", "Electronically signed by Somebody Else, MD (author) on 2026-01-01 00:00:00 UTC",
}

func testHostileStatements(t *testing.T, b *bench) {
	r := Request(b.Destination)
	for i, h := range append(hostile, "new\nline\r\nand\rreturn", "blank\n\nline", "tab\there", "vt\x0b fs\x1c nul\x00 esc\x1b del\x7f c1\u0085", "ls\u2028ps\u2029", "\xff\xfe invalid", "\ufeffbom \u202eoverride\u202c") {
		s := &r.Revision.Content.Sections[i%len(r.Revision.Content.Sections)]
		s.Statements = append(s.Statements, Statement(h, h))
	}
	d := b.prepare(DocumentOf(r, b.Destination))
	b.mustWrite(t, d)
	b.mustHold(t, d)
}

func testHostileBytes(t *testing.T, b *bench) {
	var arrived []review.Document
	raw := append([]string{
		"", "\n", "\n\n", " leading and trailing ", "a\nb", "a\n\nb", "a\n\n\n\nb", "a\r\nb", "a\rb", "tab\tstop", "line \nend ", "\ufeffbom",
		"nul\x00", "vt\x0bfs\x1c\r", "esc\x1b[2J", "\x7f", "\u0085", "\xff\xfe", "e\u0301 not composed", "\u202ereversed",
	}, hostile...)
	for _, body := range raw {
		d := b.document(t)
		if body != "" {
			// Unique, so that a destination that knows repeats is not confused.
			body += "\nDocument number: " + d.DocumentNumber
		}
		d = WithBody(d, []byte(body))
		switch _, err := b.write(b.Adapter, deadline(t, patience), d); {
		case err == nil:
			arrived = append(arrived, d)
		case !permanent(err):
			t.Errorf("WriteBack of %q: %v, want success or a PermanentError", body, err)
		}
	}
	b.mustHold(t, arrived...)
}

func testConcurrent(t *testing.T, b *bench) {
	docs := make([]review.Document, 8)
	for i := range docs {
		docs[i] = b.document(t)
	}
	ctx := deadline(t, patience)
	var wg sync.WaitGroup
	for _, d := range docs {
		wg.Go(func() {
			if _, err := b.write(b.Adapter, ctx, d); err != nil {
				t.Errorf("WriteBack: %v", err)
			}
		})
	}
	wg.Wait()
	b.mustHold(t, docs...)
}
