package hl7v2

import (
	"errors"
	"testing"
	"time"
)

func TestFormatDTM(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 9, 7, 5, 4, 987_000_000, time.FixedZone("", -(5*60+30)*60))
	for _, tc := range []struct {
		precision Precision
		want      string
	}{
		{Year, "2026"}, {Month, "202603"}, {Day, "20260309"}, {Hour, "2026030907-0530"},
		{Minute, "202603090705-0530"}, {Second, "20260309070504-0530"}, {Millisecond, "20260309070504.987-0530"},
	} {
		got := FormatDTM(at, tc.precision)
		if got != tc.want {
			t.Errorf("precision %d: %s, want %s", tc.precision, got, tc.want)
		}
		back, precision, err := ParseDTM(got, at.Location())
		if err != nil || precision != tc.precision || FormatDTM(back, precision) != got {
			t.Errorf("precision %d read back as %v, %d, %v", tc.precision, back, precision, err)
		}
	}
	if got := FormatDTM(time.Time{}, Second); got != "" {
		t.Errorf("zero time written as %q", got)
	}
	if got := FormatDTM(at.UTC(), Second); got != "20260309123504+0000" {
		t.Errorf("UTC written as %q", got)
	}
}

func TestParseDTM(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("site", 2*3600)
	for in, want := range map[string]time.Time{
		"20260309":                 time.Date(2026, 3, 9, 0, 0, 0, 0, zone),
		"20260309070504":           time.Date(2026, 3, 9, 7, 5, 4, 0, zone),
		"20260309070504.1":         time.Date(2026, 3, 9, 7, 5, 4, 1e8, zone),
		"20260309070504.1234+0000": time.Date(2026, 3, 9, 7, 5, 4, 1234e5, time.UTC),
	} {
		got, _, err := ParseDTM(in, zone)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "20", "2026-03-09", "20261309", "20260230", "202603090705041", "20260309070504.", "20260309070504.12345",
		"20260309+00:00", "20260309070504Z", "2026030907050x", "+0000", "20260309070504+0x00",
	} {
		if got, p, err := ParseDTM(in, zone); !errors.Is(err, ErrTime) || !got.IsZero() || p != 0 {
			t.Errorf("%q: %v, %v; want ErrTime", in, got, err)
		}
	}
}
