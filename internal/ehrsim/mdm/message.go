package mdm

import "strings"

// ID is an identifier with its assigning authority: a CX or an EI.
type ID struct {
	Value     string
	Authority string // namespace id; the universal id where no namespace is given
	Type      string // table 0203, e.g. MR or VN; empty for an EI
}

// Section is one OBX.
type Section struct {
	Code, Title, System string // OBX-3.1, .2, .3
	SubID               string // OBX-4
	ValueType           string // OBX-2
	ResultStatus        string // OBX-11
	// Text is OBX-5 unescaped: repetitions joined by "\n", which is what a repetition of TX means. Empty for ED content that is no text.
	Text string
	// Data is the decoded content of an ED value.
	Data []byte
	// MediaType of an ED value as sent, "type/subtype".
	MediaType string
}

// Message is what a receiver keeps of an MDM message.
type Message struct {
	Header       Header
	PatientIDs   []ID   // PID-3
	FamilyName   string // PID-5.1
	GivenName    string // PID-5.2
	BirthDate    string // PID-7 as YYYYMMDD, empty if absent
	Visit        ID     // PV1-19
	PatientClass string // PV1-2

	DocumentType    string // TXA-2
	Presentation    string // TXA-3
	Document        ID     // TXA-12
	Parent          ID     // TXA-13
	FileName        string // TXA-16
	Completion      string // TXA-17
	Confidentiality string // TXA-18
	Availability    string // TXA-19
	ChangeReason    string // TXA-21
	Originators     []ID   // TXA-9
	Signers         []ID   // TXA-22

	Sections []Section
}

// Text is the document: the text of the sections in order, one blank line between two of them.
func (m *Message) Text() string {
	texts := make([]string, 0, len(m.Sections))
	for _, s := range m.Sections {
		texts = append(texts, s.Text)
	}
	return strings.Join(texts, "\n\n")
}
