package fhirr4

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/fhir/go/fhirversion"
	"github.com/google/fhir/go/jsonformat"
	drpb "github.com/google/fhir/go/proto/google/fhir/proto/r4/core/resources/document_reference_go_proto"
)

// ErrInvalid says that a resource does not follow FHIR R4. What the validator
// said is dropped: it may quote the resource.
var ErrInvalid = errors.New("encode document reference: the resource is not valid FHIR R4")

// Codec writes and validates resources. It is safe for concurrent use.
type Codec struct {
	m *jsonformat.Marshaller
	u *jsonformat.Unmarshaller
}

// NewCodec returns a codec for R4.
func NewCodec() (*Codec, error) {
	m, err := jsonformat.NewMarshaller(false, "", "", fhirversion.R4)
	if err != nil {
		return nil, fmt.Errorf("fhir codec: %v", err)
	}
	u, err := jsonformat.NewUnmarshaller("UTC", fhirversion.R4)
	if err != nil {
		return nil, fmt.Errorf("fhir codec: %v", err)
	}
	return &Codec{m, u}, nil
}

// Encode writes the resource as JSON and reads it again with validation:
// required fields, code sets of the base, dates, reference types.
func (c *Codec) Encode(d *drpb.DocumentReference) ([]byte, error) {
	b, err := c.m.MarshalResource(d)
	if err != nil {
		return nil, ErrInvalid
	}
	if err := c.Validate(b); err != nil {
		return nil, err
	}
	return b, nil
}

// Validate checks that b is a valid R4 resource; otherwise ErrInvalid.
func (c *Codec) Validate(b []byte) error {
	if _, err := c.u.UnmarshalR4(b); err != nil {
		return ErrInvalid
	}
	return nil
}

// Document is what is read from a server's DocumentReference. Only fields
// that some caller looks at are read; nothing is validated.
type Document struct {
	ResourceType string `json:"resourceType"`
	ID           string `json:"id"`
	Meta         struct {
		VersionID string `json:"versionId"`
	} `json:"meta"`
	Status    string `json:"status"`
	DocStatus string `json:"docStatus"`
	Subject   Ref    `json:"subject"`
	Content   []struct {
		Attachment AttachmentView `json:"attachment"`
	} `json:"content"`
	Context struct {
		Encounter []Ref `json:"encounter"`
	} `json:"context"`
}

// AttachmentView is an attachment as a server shows it.
type AttachmentView struct {
	ContentType string `json:"contentType"`
	Data        string `json:"data"` // base64; empty where only URL is given
	URL         string `json:"url"`
}

// Ref is a literal reference.
type Ref struct {
	Reference string `json:"reference"`
}

// Encounter is what is read from a server's Encounter.
type Encounter struct {
	ResourceType string `json:"resourceType"`
	ID           string `json:"id"`
	Status       string `json:"status"`
	Subject      Ref    `json:"subject"`
}

// Capabilities is what is read from a CapabilityStatement.
type Capabilities struct {
	Rest []struct {
		Mode     string `json:"mode"`
		Resource []struct {
			Type              string `json:"type"`
			ConditionalCreate bool   `json:"conditionalCreate"`
		} `json:"resource"`
	} `json:"rest"`
}

// ConditionalCreate reports whether the server takes If-None-Exist for the
// type.
func (c Capabilities) ConditionalCreate(resourceType string) bool {
	for _, r := range c.Rest {
		for _, t := range r.Resource {
			if r.Mode == "server" && t.Type == resourceType {
				return t.ConditionalCreate
			}
		}
	}
	return false
}

// ReadDocument reads a DocumentReference; ok is false for anything else.
func ReadDocument(b []byte) (d Document, ok bool) {
	if json.Unmarshal(b, &d) != nil || d.ResourceType != "DocumentReference" {
		return Document{}, false
	}
	return d, true
}

// ReadEncounter reads an Encounter; ok is false for anything else.
func ReadEncounter(b []byte) (e Encounter, ok bool) {
	if json.Unmarshal(b, &e) != nil || e.ResourceType != "Encounter" {
		return Encounter{}, false
	}
	return e, true
}

// ErrAttachment says that a DocumentReference does not hold exactly one
// attachment with readable data.
var ErrAttachment = errors.New("read document reference: want exactly one attachment with base64 data")

// Attachment decodes the one attachment of a DocumentReference in JSON. A
// writer uses it on its own outgoing bytes to prove what leaves.
func Attachment(resource []byte) ([]byte, error) {
	d, ok := ReadDocument(resource)
	if !ok || len(d.Content) != 1 {
		return nil, ErrAttachment
	}
	b, err := base64.StdEncoding.DecodeString(d.Content[0].Attachment.Data)
	if err != nil || len(b) == 0 {
		return nil, ErrAttachment
	}
	return b, nil
}
