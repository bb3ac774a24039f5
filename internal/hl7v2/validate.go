package hl7v2

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// label names a field in a fault. It is put together only when there is one: a valid message costs no allocation.
type label struct {
	name string // "PID-3 patient identifier"
	item int    // from 1 where the field repeats
	part string // " assigning authority"
	sub  string // " namespace"
}

func (l label) with(part string) label {
	if l.part == "" {
		l.part = part
	} else {
		l.sub = part
	}
	return l
}

// String returns the whole name.
func (l label) String() string {
	if l.item == 0 {
		return l.name + l.part + l.sub
	}
	return l.name + " " + strconv.Itoa(l.item) + l.part + l.sub
}

func field(name string) label { return label{name: name} }

// code checks a coded value. Codes are no patient data: the fault quotes it.
func (f *faults) code(l label, code string, t table, required bool) {
	if code == "" && !required {
		return
	}
	if !t.has(code) {
		f.addf("%v %q: use one of table %s (%s)", l, code, t.id, t.values)
	}
}

// text checks a value without line ends. The length counts characters, 0 is no limit. The value is never quoted.
func (f *faults) text(l label, s string, limit int, required bool) {
	if required && strings.TrimSpace(s) == "" {
		f.addf("%v is blank: it is required", l)
		return
	}
	if limit > 0 && utf8.RuneCountInString(s) > limit {
		f.addf("%v has %d characters, the limit is %d", l, utf8.RuneCountInString(s), limit)
	}
	f.characters(l, s, "")
}

// block checks a text block, which may hold line ends and tabs.
func (f *faults) block(l label, s string) {
	if strings.TrimSpace(s) == "" {
		f.addf("%v is blank: leave the observation out", l)
		return
	}
	f.characters(l, s, "\t\r\n")
}

func (f *faults) characters(l label, s, allowed string) {
	if !utf8.ValidString(s) {
		f.addf("%v is not valid UTF-8, which MSH-18 declares", l)
		return
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < ' ' || c == 0x7f) && strings.IndexByte(allowed, c) < 0 {
			f.addf("%v holds the control character 0x%02X: remove it", l, c)
			return
		}
	}
}

func (f *faults) when(l label, t time.Time, required bool) {
	if t.IsZero() {
		if required {
			f.addf("%v is missing", l)
		}
		return
	}
	if y := t.Year(); y < 1 || y > 9999 {
		f.addf("%v is outside the years 1 to 9999", l)
	}
}

func (f *faults) hd(l label, h HD, required bool) {
	if required && h == (HD{}) {
		f.addf("%v is blank: it is required", l)
	}
	f.text(l.with(" namespace"), h.Namespace, 0, false)
	f.text(l.with(" universal id"), h.UniversalID, 0, h.UniversalIDType != "")
	f.text(l.with(" universal id type (table 0301)"), h.UniversalIDType, 0, h.UniversalID != "")
}

func (f *faults) cx(l label, c CX, required bool) {
	if c == (CX{}) && !required {
		return
	}
	f.text(l, c.ID, 0, true)
	f.hd(l.with(" assigning authority"), c.Authority, false)
	f.text(l.with(" type (table 0203)"), c.Type, 5, false)
}

func (f *faults) ei(l label, i EI, required bool) {
	if i == (EI{}) && !required {
		return
	}
	f.text(l, i.ID, 0, true)
	f.text(l.with(" namespace"), i.Namespace, 0, false)
	f.text(l.with(" universal id"), i.UniversalID, 0, i.UniversalIDType != "")
	f.text(l.with(" universal id type (table 0301)"), i.UniversalIDType, 0, i.UniversalID != "")
	if n := i.length(); n > MaxDocumentNumber {
		f.addf("%v has %d characters with its authority, the limit is %d", l, n, MaxDocumentNumber)
	}
}

// length is the number of characters of the written field before escaping.
func (i EI) length() int {
	n, last := 0, 0
	for component, s := range [...]string{i.ID, i.Namespace, i.UniversalID, i.UniversalIDType} {
		if s != "" {
			n += utf8.RuneCountInString(s)
			last = component
		}
	}
	return n + last
}

func (f *faults) people(l label, list []XCN) {
	for _, x := range list {
		f.person(l, x)
	}
}

func (f *faults) person(l label, x XCN) {
	if x.ID == "" && x.Family == "" {
		f.addf("%v: a person needs an id or a family name", l)
	}
	for _, s := range [...]string{x.ID, x.Family, x.Given, x.Middle, x.Suffix, x.Prefix, x.Degree, x.IDType} {
		f.text(l, s, 0, false)
	}
	f.hd(l.with(" assigning authority"), x.Authority, false)
}
