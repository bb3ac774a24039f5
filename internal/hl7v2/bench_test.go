package hl7v2

import (
	"strings"
	"testing"

	kardianos "github.com/kardianos/hl7"
	"github.com/kardianos/hl7/h251"
	lenaten "github.com/lenaten/hl7"
)

// The benchmarks run our codec beside the two libraries on the same bytes:
//
//	go test -run '^$' -bench . ./internal/hl7v2

func BenchmarkParseACK(b *testing.B) {
	// lenaten/hl7 refuses a message whose length equals the capacity of its buffer; MSA-3 keeps this one clear of it.
	ack := []byte(ackHeader + "MSA|AA|CS00000000000000001A|stored\r")
	b.Run("countersign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if a, err := ParseACK(ack); err != nil || a.Disposition() != Accepted {
				b.Fatal(a, err)
			}
		}
	})
	b.Run("lenaten", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, err := lenaten.NewDecoder(strings.NewReader(string(ack))).Messages()
			if err != nil {
				b.Fatal(err)
			}
			if code, err := m[0].Find("MSA.1"); err != nil || code != "AA" {
				b.Fatal(code, err)
			}
		}
	})
	b.Run("kardianos", func(b *testing.B) {
		b.ReportAllocs()
		d := kardianos.NewDecoder(h251.Registry, nil)
		for b.Loop() {
			list, err := d.DecodeList(ack)
			if err != nil {
				b.Fatal(err)
			}
			if msa, ok := list[1].(*h251.MSA); !ok || msa.AcknowledgmentCode != "AA" {
				b.Fatalf("%T", list[1])
			}
		}
	})
}

func BenchmarkEncodeMDM(b *testing.B) {
	m := asciiMDM()
	m.Observations[0].Value = strings.Repeat("Chest pain since 3 days, worse at night.\n", 100)
	encoded, err := m.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("countersign", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(encoded)))
		for b.Loop() {
			if _, err := m.Encode(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("kardianos", func(b *testing.B) {
		decoded, err := kardianos.NewDecoder(h251.Registry, nil).Decode(encoded)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.SetBytes(int64(len(encoded)))
		e := kardianos.NewEncoder(nil)
		for b.Loop() {
			if _, err := e.Encode(decoded); err != nil {
				b.Fatal(err)
			}
		}
	})
	// lenaten/hl7 cannot build MSH, so it cannot encode an MDM message at all.
}

func BenchmarkReadMDM(b *testing.B) {
	m := asciiMDM()
	m.Observations[0].Value = strings.Repeat("Chest pain since 3 days, worse at night.\n", 100)
	encoded, err := m.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("countersign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			parsed, err := Parse(encoded)
			if err != nil || len(MDMText(parsed)) != len(m.Observations) {
				b.Fatal(err)
			}
		}
	})
	b.Run("lenaten", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			lenatenView(b, encoded)
		}
	})
	b.Run("kardianos", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			kardianosView(b, encoded)
		}
	})
}

// TestAllocations keeps the codec lean: these are the two things done for every write-back.
func TestAllocations(t *testing.T) {
	ack := []byte(ackHeader + "MSA|AA|CS00000000000000001A\r")
	if n := testing.AllocsPerRun(100, func() { _, _ = ParseACK(ack) }); n > 6 {
		t.Errorf("ParseACK allocates %v times, want at most 6", n)
	}
	m := asciiMDM()
	if n := testing.AllocsPerRun(100, func() { _, _ = m.Encode() }); n > 2 {
		t.Errorf("Encode allocates %v times, want at most 2", n)
	}
}
