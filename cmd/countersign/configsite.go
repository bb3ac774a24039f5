package main

import (
	"fmt"
	"time"

	"countersign/review"
)

// SiteConfig is one site.
type SiteConfig struct {
	ID           review.SiteID       `yaml:"id"`
	Name         string              `yaml:"name"`
	Policy       PolicyConfig        `yaml:"policy"`
	Destinations []DestinationConfig `yaml:"destinations"`
}

// PolicyConfig says who must sign at a site. co_sign_for takes roles that
// author notes: attending, resident, app.
type PolicyConfig struct {
	Version   int                       `yaml:"version"`
	CoSignFor []review.PractitionerRole `yaml:"co_sign_for"`
}

// DestinationConfig is one EHR connection. Exactly the block named by
// adapter is given.
type DestinationConfig struct {
	ID         review.DestinationID `yaml:"id"`
	Name       string               `yaml:"name"`
	Adapter    string               `yaml:"adapter"`     // fhir, epic, hl7mdm, filedir
	Mode       review.Mode          `yaml:"mode"`        // simulated, test, production
	RepeatSafe bool                 `yaml:"repeat_safe"` // never of epic, which files a repeat as another document
	Settle     time.Duration        `yaml:"settle"`      // after a lost reply; default 2m, at most 24h
	FHIR       *FHIRConfig          `yaml:"fhir"`
	Epic       *EpicConfig          `yaml:"epic"`
	HL7MDM     *HL7MDMConfig        `yaml:"hl7mdm"`
	FileDir    *FileDirConfig       `yaml:"filedir"`
}

// FHIRConfig is a FHIR R4 server.
type FHIRConfig struct {
	BaseURL string `yaml:"base_url"`
	// Systems translates assigning authorities to FHIR identifier systems, so
	// that patients and encounters are found by record and visit number. An
	// authority that is a URI needs no entry.
	Systems map[string]string `yaml:"systems"`
}

// EpicConfig is an Epic FHIR endpoint; client_id and key_file are for SMART
// Backend Services.
type EpicConfig struct {
	BaseURL  string `yaml:"base_url"`
	TokenURL string `yaml:"token_url"`
	ClientID string `yaml:"client_id"`
	KeyFile  string `yaml:"key_file"` // PKCS #8 PEM: RSA (RS384) or P-384 (ES384)
	KeyID    string `yaml:"key_id"`   // kid in the client's JWKS
}

// HL7MDMConfig is an MLLP connection.
type HL7MDMConfig struct {
	Address               string `yaml:"address"` // host:port
	SendingApplication    string `yaml:"sending_application"`
	SendingFacility       string `yaml:"sending_facility"`
	ReceivingApplication  string `yaml:"receiving_application"`
	ReceivingFacility     string `yaml:"receiving_facility"`
	ProcessingID          string `yaml:"processing_id"`          // MSH-11; default P
	RecordAuthority       string `yaml:"record_authority"`       // PID-3: record numbers of this authority only
	VisitAuthority        string `yaml:"visit_authority"`        // PV1-19: visit numbers of this authority only
	PractitionerAuthority string `yaml:"practitioner_authority"` // XCN-9: identifiers of this authority, else NPI
}

// FileDirConfig is a directory.
type FileDirConfig struct {
	Path string `yaml:"path"`
}

func siteFaults(sites []SiteConfig) (out []error) {
	fault := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	siteAt, destinationAt := map[review.SiteID]string{}, map[review.DestinationID]string{}
	for i, s := range sites {
		at := fmt.Sprintf("sites[%d]", i)
		if !review.ValidName(s.ID) {
			fault("%s.id: give 1 to 26 characters of a-z, 0-9 and hyphen", at)
		}
		if first, used := siteAt[s.ID]; used {
			fault("%s.id: %q is used by %s already: give every site its own id", at, s.ID, first)
		} else {
			siteAt[s.ID] = at
		}
		for _, f := range s.Policy.faults() {
			fault("%s.policy.%s", at, f)
		}
		for j, d := range s.Destinations {
			at := fmt.Sprintf("%s.destinations[%d]", at, j)
			if first, used := destinationAt[d.ID]; used {
				fault("%s.id: %q is used by %s already: ids of destinations are unique across all sites", at, d.ID, first)
			} else {
				destinationAt[d.ID] = at
			}
			for _, f := range d.faults() {
				fault("%s.%s", at, f)
			}
		}
	}
	return out
}

// sites is the configuration as the domain has it.
func (c Config) sites() []review.Site {
	var out []review.Site
	for _, s := range c.Sites {
		site := review.Site{ID: s.ID, Name: s.Name, Policy: review.Policy{Version: max(1, s.Policy.Version), CoSignFor: s.Policy.CoSignFor}}
		for _, d := range s.Destinations {
			site.Destinations = append(site.Destinations, review.Destination{
				ID: d.ID, Name: d.Name, Adapter: d.Adapter, Mode: d.Mode, RepeatSafe: d.RepeatSafe, Settle: d.Settle,
			})
		}
		out = append(out, site)
	}
	return out
}
