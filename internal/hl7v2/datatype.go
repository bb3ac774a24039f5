package hl7v2

import "time"

// HD is a hierarchic designator: an application, facility or assigning authority (HL7 v2.5.1 chapter 2A). Either
// Namespace, or UniversalID and UniversalIDType, or all three.
type HD struct {
	Namespace       string // HD.1
	UniversalID     string // HD.2, as an OID
	UniversalIDType string // HD.3, table 0301, as "ISO"
}

// CX is an identifier with its assigning authority.
type CX struct {
	ID        string // CX.1
	Authority HD     // CX.4
	Type      string // CX.5, table 0203: MR, VN, AN, …
}

// EI is an entity identifier.
type EI struct {
	ID              string // EI.1
	Namespace       string // EI.2
	UniversalID     string // EI.3
	UniversalIDType string // EI.4
}

// XCN is a person with an identifier.
type XCN struct {
	ID        string // XCN.1
	Family    string // XCN.2.1
	Given     string // XCN.3
	Middle    string // XCN.4
	Suffix    string // XCN.5
	Prefix    string // XCN.6
	Degree    string // XCN.7, table 0360
	Authority HD     // XCN.9
	IDType    string // XCN.13, table 0203: NPI, EI, …
}

// PPN is a person who did something and when. In TXA-22 both must be present.
type PPN struct {
	Person XCN       // PPN.1 to PPN.14
	At     time.Time // PPN.15
}

// encoder appends values and separators to one buffer. Separators that nothing follows are cut off again: since
// separators inside data are escaped, whatever trails is structure.
type encoder struct {
	buf []byte
	d   Delimiters
}

// value appends one escaped component or subcomponent.
func (e *encoder) value(s string) {
	e.buf = AppendEscaped(e.buf, s, e.d)
}

func (e *encoder) component() { e.buf = append(e.buf, e.d.Component) }

// components appends values as the following components of the field.
func (e *encoder) components(values ...string) {
	for i, v := range values {
		if i > 0 {
			e.component()
		}
		e.value(v)
	}
}

// trim cuts trailing separators sep back to position from.
func (e *encoder) trim(from int, seps ...byte) {
	for len(e.buf) > from {
		last := e.buf[len(e.buf)-1]
		found := false
		for _, sep := range seps {
			found = found || last == sep
		}
		if !found {
			return
		}
		e.buf = e.buf[:len(e.buf)-1]
	}
}

// trimField removes trailing component and subcomponent separators of a field or repetition that began at from.
func (e *encoder) trimField(from int) {
	e.trim(from, e.d.Component, e.d.Subcomponent)
}

// hd appends a designator with the given separator: components in a field of type HD, subcomponents inside CX and XCN.
func (e *encoder) hd(h HD, sep byte) {
	from := len(e.buf)
	e.value(h.Namespace)
	e.buf = append(e.buf, sep)
	e.value(h.UniversalID)
	e.buf = append(e.buf, sep)
	e.value(h.UniversalIDType)
	e.trim(from, sep)
}

func (e *encoder) cx(c CX) {
	from := len(e.buf)
	e.components(c.ID, "", "", "")
	e.hd(c.Authority, e.d.Subcomponent)
	e.component()
	e.value(c.Type)
	e.trimField(from)
}

func (e *encoder) ei(i EI) {
	from := len(e.buf)
	e.components(i.ID, i.Namespace, i.UniversalID, i.UniversalIDType)
	e.trimField(from)
}

func (e *encoder) xcn(x XCN) {
	from := len(e.buf)
	e.person(x)
	e.trimField(from)
}

// person appends the thirteen components that XCN and PPN share.
func (e *encoder) person(x XCN) {
	e.components(x.ID, x.Family, x.Given, x.Middle, x.Suffix, x.Prefix, x.Degree, "", "")
	e.hd(x.Authority, e.d.Subcomponent)
	e.components("", "", "", "", x.IDType)
}

func (e *encoder) ppn(p PPN) {
	from := len(e.buf)
	e.person(p.Person)
	e.component() // PPN.14
	e.component() // PPN.15
	e.buf = AppendDTM(e.buf, p.At, Second)
	e.trimField(from)
}

// xcns appends people as repetitions.
func (e *encoder) xcns(list []XCN) {
	for i, x := range list {
		if i > 0 {
			e.buf = append(e.buf, e.d.Repetition)
		}
		e.xcn(x)
	}
}
