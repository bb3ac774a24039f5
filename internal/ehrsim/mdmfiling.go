package ehrsim

import (
	"slices"

	"countersign/internal/ehrsim/mdm"
)

// readAndFile reads a message with the configured reader, applies the rules of chapter 9 and files it. It returns the document touched.
func (s *Simulator) readAndFile(raw []byte) (*ReceivedDocument, *mdm.Problem) {
	var m *mdm.Message
	var p *mdm.Problem
	if s.opt.LegacyHL7 {
		m, p = mdm.ReadLegacy(raw)
	} else {
		m, p = mdm.ReadStrict(raw, mdm.Rules{Versions: s.opt.HL7Versions, ProcessingIDs: s.opt.HL7ProcessingIDs})
	}
	if p != nil {
		return nil, p
	}
	j := s.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	patientID, patientName, p := s.mdmPatient(m)
	if p != nil {
		return nil, p
	}
	encounterID, p := s.mdmEncounter(m, patientID)
	if p != nil {
		return nil, p
	}
	doc, p := s.mdmDocument(m, ReceivedDocument{Endpoint: MLLP, ID: m.Document.Value, PatientID: patientID, EncounterID: encounterID,
		PatientName: patientName, DocumentNumber: m.Document.Value, ParentNumber: m.Parent.Value, ContentType: "text/plain",
		ReceivedAt: s.opt.NowFunc().UTC()}, raw)
	if p != nil {
		return nil, p
	}
	j.counters[MLLP].Filed++
	j.touch()
	return doc, nil
}

func keyProblem(segment string, field, code int, text string) *mdm.Problem {
	return &mdm.Problem{Ack: mdm.ApplicationError, Code: code, Segment: segment, Pos: 1, Field: field, Text: text}
}

// mdmPatient matches PID-3. All identifiers that the simulator can judge must be the same person's, and one must match if it knows anybody
// with an identifier of that authority. The caller holds the journal's lock.
func (s *Simulator) mdmPatient(m *mdm.Message) (id, name string, p *mdm.Problem) {
	reg := &s.journal.registry
	id, name = m.PatientIDs[0].Value, m.GivenName+" "+m.FamilyName
	matched := ""
	for _, cx := range m.PatientIDs {
		person, found, known := reg.byIdentifier(cx.Authority, cx.Value)
		switch {
		case found && matched != "" && matched != person.ID:
			return "", "", keyProblem("PID", 3, mdm.CodeUnknownKey, "identifiers belong to different patients")
		case found:
			matched, id = person.ID, person.ID
			if n := person.name(); n != "" {
				name = n
			}
		case known && !s.opt.AutoRegister:
			return "", "", keyProblem("PID", 3, mdm.CodeUnknownKey, "patient identifier is unknown to its assigning authority")
		case s.opt.AutoRegister && matched == "" && idForm.MatchString(cx.Value):
			reg.add([]Patient{{ID: cx.Value, Family: m.FamilyName, Given: m.GivenName,
				Identifiers: []Identifier{{Authority: cx.Authority, Value: cx.Value, Type: cx.Type}}}}, nil)
			matched, id = cx.Value, cx.Value
		}
	}
	return id, name, nil
}

// mdmEncounter matches PV1-19, which must not be another patient's visit. The caller holds the journal's lock.
func (s *Simulator) mdmEncounter(m *mdm.Message, patientID string) (string, *mdm.Problem) {
	e, ok := s.journal.registry.encounterByIdentifier(m.Visit.Authority, m.Visit.Value)
	switch {
	case m.Visit.Value == "" || !ok:
		return m.Visit.Value, nil
	case e.PatientID != patientID:
		return "", keyProblem("PV1", 19, mdm.CodeUnknownKey, "visit belongs to another patient")
	}
	return e.ID, nil
}

// mdmDocument files by trigger: T01 and T02 originals, T05/T06 addenda and T09/T10 replacements are new documents; T03/T04, T07/T08 and T11
// change one that is known. The caller holds the journal's lock.
func (s *Simulator) mdmDocument(m *mdm.Message, fresh ReceivedDocument, raw []byte) (*ReceivedDocument, *mdm.Problem) {
	j, trigger := s.journal, m.Header.Event
	key := mdm.ID{Value: m.Document.Value, Authority: m.Document.Authority}
	doc := j.byNumber[key]
	var parent *ReceivedDocument
	switch {
	case isNew(trigger):
		if doc != nil {
			return nil, keyProblem("TXA", 12, mdm.CodeDuplicateKey, "document number is already used: numbers are never used again")
		}
		if needsParent := trigger != "T01" && trigger != "T02"; needsParent {
			if parent = j.byNumber[mdm.ID{Value: m.Parent.Value, Authority: m.Parent.Authority}]; parent == nil {
				return nil, keyProblem("TXA", 13, mdm.CodeUnknownKey, "parent document is unknown")
			}
			if parent.PatientID != fresh.PatientID {
				return nil, keyProblem("TXA", 13, mdm.CodeUnknownKey, "parent document belongs to another patient")
			}
		}
		doc = &fresh
	case doc == nil:
		return nil, keyProblem("TXA", 12, mdm.CodeUnknownKey, "document is unknown")
	case doc.PatientID != fresh.PatientID:
		return nil, keyProblem("PID", 3, mdm.CodeUnknownKey, "document belongs to another patient")
	default:
		if p := allowedChange(doc, trigger); p != nil {
			return nil, p
		}
	}
	s.apply(doc, m, raw)
	if isNew(trigger) {
		j.docs, j.byNumber[key] = append(j.docs, doc), doc
	}
	if parent != nil && (trigger == "T09" || trigger == "T10") {
		parent.Availability = "OB" // the receiver keeps the replaced document as obsolete
	}
	return doc, nil
}

func isNew(trigger string) bool {
	return slices.Contains([]string{"T01", "T02", "T05", "T06", "T09", "T10"}, trigger)
}

// allowedChange holds the limits of chapter 9 on documents that exist: edits and cancellations before the document is available only, and
// no change after legal authentication except by addendum or replacement.
func allowedChange(doc *ReceivedDocument, trigger string) *mdm.Problem {
	switch {
	case doc.DocStatus == "LA":
		return keyProblem("TXA", 17, mdm.CodeApplication, "document is legally authenticated: send an addendum or a replacement")
	case (trigger == "T07" || trigger == "T08") && doc.Availability != "UN":
		return keyProblem("TXA", 19, mdm.CodeApplication, "only unavailable documents can be edited: send a replacement")
	case trigger == "T11" && (doc.Availability != "UN" || !slices.Contains([]string{"DI", "IP", "IN", "PA"}, doc.DocStatus)):
		return keyProblem("TXA", 19, mdm.CodeApplication, "only unavailable, unauthenticated originals can be cancelled: send a replacement")
	}
	return nil
}

// apply records the message on the document. A message without content leaves the text as it was.
func (s *Simulator) apply(doc *ReceivedDocument, m *mdm.Message, raw []byte) {
	doc.TypeCode, doc.DocStatus, doc.ControlID = m.DocumentType, m.Completion, m.Header.ControlID
	if doc.Raw == nil || len(m.Sections) > 0 {
		doc.Raw = raw
	}
	if m.Availability != "" {
		doc.Availability = m.Availability
	}
	if m.Header.Event == "T11" {
		doc.Availability = "CA"
	}
	if len(m.Originators) > 0 {
		doc.AuthorRef = m.Originators[0].Value
	}
	if len(m.Sections) > 0 {
		doc.Sections = nil
		for _, sec := range m.Sections {
			doc.Sections = append(doc.Sections, Section{Code: sec.Code, Title: sec.Title, Text: sec.Text})
		}
		doc.Text = m.Text()
	}
	doc.SHA256 = digest([]byte(doc.Text))
	doc.Events = append(doc.Events, Event{Trigger: m.Header.Event, ControlID: m.Header.ControlID, DocStatus: m.Completion,
		Availability: doc.Availability, Raw: raw, At: s.opt.NowFunc().UTC()})
}

// remember keeps the answer to a message that was filed, for repetitions of it.
func (s *Simulator) remember(h mdm.Header, given mllpAnswer) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.answers[h.Key()] = given
}
