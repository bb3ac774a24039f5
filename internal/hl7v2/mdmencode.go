package hl7v2

import (
	"strconv"
	"time"
)

// Encode validates m and returns the message: MSH EVN PID PV1 TXA, then one OBX for each observation. Delimiters are
// the default ones, MSH-18 declares UNICODE UTF-8, MSH-15 and MSH-16 are blank (original mode). On error the result
// is nil and the error a [*ValidationError].
func (m MDM) Encode() ([]byte, error) {
	return m.Append(nil)
}

// Append is [MDM.Encode] into a buffer of the caller.
func (m MDM) Append(dst []byte) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if dst == nil {
		dst = make([]byte, 0, m.sizeHint())
	}
	e := &segmentEncoder{encoder: encoder{buf: dst, d: DefaultDelimiters()}}
	m.msh(e)
	m.evn(e)
	m.pid(e)
	m.pv1(e)
	m.txa(e)
	for i := range m.Observations {
		m.obx(e, i)
	}
	return e.buf, nil
}

func (m MDM) sizeHint() int {
	n := 1024
	for i := range m.Observations {
		n += len(m.Observations[i].Value) + len(m.Observations[i].Value)/16 + 128
	}
	return n
}

// segmentEncoder writes segments field by field and leaves out what trails empty.
type segmentEncoder struct {
	encoder
	start int // of the open segment
	field int // number of the field written last
}

func (e *segmentEncoder) begin(name string) {
	e.start, e.field = len(e.buf), 0
	e.buf = append(e.buf, name...)
}

// at moves to field n of the open segment; fields must be written in ascending order.
func (e *segmentEncoder) at(n int) {
	for ; e.field < n; e.field++ {
		e.buf = append(e.buf, e.d.Field)
	}
}

func (e *segmentEncoder) text(n int, s string) {
	e.at(n)
	e.value(s)
}

func (e *segmentEncoder) dtm(n int, t time.Time) {
	e.at(n)
	e.buf = AppendDTM(e.buf, t, Second)
}

func (e *segmentEncoder) people(n int, list []XCN) {
	e.at(n)
	e.xcns(list)
}

func (e *segmentEncoder) end() {
	e.trim(e.start, e.d.Field)
	e.buf = append(e.buf, '\r')
}

func (m MDM) msh(e *segmentEncoder) {
	e.begin("MSH")
	e.buf = append(e.buf, e.d.Field, e.d.Component, e.d.Repetition, e.d.Escape, e.d.Subcomponent)
	e.field = 2
	for i, h := range [...]HD{m.SendingApp, m.SendingFacility, m.ReceivingApp, m.ReceivingFacility} {
		e.at(3 + i) // MSH-3 to MSH-6
		e.hd(h, e.d.Component)
	}
	e.dtm(7, m.Timestamp) // MSH-7
	e.at(9)
	e.components("MDM", string(m.trigger()), m.trigger().structure()) // MSH-9
	e.text(10, m.ControlID)                                           // MSH-10
	e.text(11, m.ProcessingID)                                        // MSH-11
	e.text(12, m.version())                                           // MSH-12
	e.text(18, "UNICODE UTF-8")                                       // MSH-18, table 0211
	e.end()
}

func (m MDM) evn(e *segmentEncoder) {
	e.begin("EVN")
	e.text(1, string(m.trigger())) // EVN-1, equal to MSH-9.2
	e.dtm(2, m.Timestamp)          // EVN-2
	e.end()
}

func (m MDM) pid(e *segmentEncoder) {
	e.begin("PID")
	e.text(1, "1") // PID-1
	e.at(3)
	for i, id := range m.Patient.IDs { // PID-3
		if i > 0 {
			e.buf = append(e.buf, e.d.Repetition)
		}
		e.cx(id)
	}
	e.at(5)
	from := len(e.buf)
	e.components(m.Patient.Family, m.Patient.Given, m.Patient.Middle) // PID-5
	e.trimField(from)
	e.text(7, m.Patient.BirthDate) // PID-7
	e.text(8, m.Patient.Sex)       // PID-8
	e.end()
}

func (m MDM) pv1(e *segmentEncoder) {
	e.begin("PV1")
	e.text(1, "1")                 // PV1-1
	e.text(2, m.Visit.Class)       // PV1-2
	e.people(7, m.Visit.Attending) // PV1-7
	e.at(19)
	e.cx(m.Visit.Number) // PV1-19
	e.end()
}

func (m MDM) txa(e *segmentEncoder) {
	d := m.Doc
	e.begin("TXA")
	e.text(1, "1")                     // TXA-1
	e.text(2, d.Type)                  // TXA-2
	e.text(3, d.Presentation)          // TXA-3
	e.dtm(4, d.ActivityTime)           // TXA-4
	e.people(5, d.activityProviders()) // TXA-5
	e.dtm(6, d.OriginationTime)        // TXA-6
	e.dtm(7, d.TranscriptionTime)      // TXA-7
	e.people(9, d.Originators)         // TXA-9
	e.people(10, d.Authenticators)     // TXA-10
	e.people(11, d.Transcriptionists)  // TXA-11
	e.at(12)
	e.ei(d.DocumentNumber) // TXA-12
	e.at(13)
	e.ei(d.ParentNumber)           // TXA-13
	e.text(16, d.FileName)         // TXA-16
	e.text(17, d.CompletionStatus) // TXA-17
	e.text(18, d.Confidentiality)  // TXA-18
	e.text(19, d.Availability)     // TXA-19
	e.text(20, d.Storage)          // TXA-20
	e.text(21, d.ChangeReason)     // TXA-21
	e.at(22)
	for i, p := range d.Authentications { // TXA-22
		if i > 0 {
			e.buf = append(e.buf, e.d.Repetition)
		}
		e.ppn(p)
	}
	e.end()
}

func (m MDM) obx(e *segmentEncoder, i int) {
	o := m.Observations[i]
	e.begin("OBX")
	e.at(1)
	e.buf = strconv.AppendInt(e.buf, int64(i+1), 10) // OBX-1
	e.text(2, "TX")                                  // OBX-2
	e.at(3)
	e.components(o.Code, o.Text, o.codeSystem()) // OBX-3
	e.text(4, m.subID(i))                        // OBX-4
	e.at(5)
	e.buf = AppendTX(e.buf, o.Value, e.d) // OBX-5
	e.text(11, o.Status)                  // OBX-11
	e.dtm(14, o.Time)                     // OBX-14
	e.people(16, o.Observers)             // OBX-16
	e.end()
}

func (o Observation) codeSystem() string {
	if o.CodeSystem == "" {
		return "LN"
	}
	return o.CodeSystem
}

// subID numbers observations that share a code: without OBX-4 a receiver may take the second for a correction of the
// first (§7.4.2.4).
func (m MDM) subID(i int) string {
	if m.Observations[i].SubID != "" {
		return m.Observations[i].SubID
	}
	before, all := 0, 0
	for j := range m.Observations {
		same := m.Observations[j].Code == m.Observations[i].Code &&
			m.Observations[j].codeSystem() == m.Observations[i].codeSystem()
		if same {
			all++
			if j < i {
				before++
			}
		}
	}
	if all < 2 {
		return ""
	}
	return strconv.Itoa(before + 1)
}
