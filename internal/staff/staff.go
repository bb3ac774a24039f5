// Package staff reads the practitioners file and authenticates the people in
// it by name and password: the plain Authenticator of a gateway that is not
// connected to an identity provider.
//
// # The file
//
// YAML, decoded strictly: an unknown key is an error, and all faults are
// reported at once.
//
//	practitioners:
//	  - id: dr-rivera
//	    site: main-campus
//	    login: rivera
//	    password_hash: argon2id$…     # countersign practitioners hash
//	    family: Rivera
//	    given: Ana
//	    credential: MD
//	    npi: "1234567893"
//	    roles: [attending]
//	    supervisor: dr-okafor         # of a resident or app: an attending of the same site
//	    identifiers:
//	      - {type: FHIR, destination: epic, value: eM5CWtq15N0WJeuCet5bJlQ3}
//
// Passwords are kept as Argon2id hashes (RFC 9106, 19 MiB, two passes). A
// name that is not in the file takes as long to refuse as a wrong password,
// and guessing at one name gets slower and slower; see [Authenticator].
package staff

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"countersign/review"
)

type file struct {
	Practitioners []Entry `yaml:"practitioners"`
}

// Entry is one practitioner of the file.
type Entry struct {
	ID           review.PractitionerID     `yaml:"id"`
	Site         review.SiteID             `yaml:"site"`
	Login        string                    `yaml:"login"`
	PasswordHash string                    `yaml:"password_hash"`
	Family       string                    `yaml:"family"`
	Given        string                    `yaml:"given"`
	Credential   string                    `yaml:"credential"`
	NPI          string                    `yaml:"npi"`
	Roles        []review.PractitionerRole `yaml:"roles"`
	Supervisor   review.PractitionerID     `yaml:"supervisor"`
	Identifiers  []Identifier              `yaml:"identifiers"`
}

// Identifier is one id of a practitioner at a destination.
type Identifier struct {
	Type        string               `yaml:"type"`
	Authority   string               `yaml:"authority"`
	Value       string               `yaml:"value"`
	Destination review.DestinationID `yaml:"destination"`
}

// Practitioner is the entry as the domain has it.
func (e Entry) Practitioner() review.Practitioner {
	p := review.Practitioner{
		ID: e.ID, SiteID: e.Site, Family: e.Family, Given: e.Given, Credential: e.Credential, NPI: e.NPI, Roles: e.Roles,
		Supervisor: e.Supervisor,
	}
	for _, i := range e.Identifiers {
		p.Identifiers = append(p.Identifiers, review.Identifier{
			Type: i.Type, Authority: i.Authority, Value: review.ClinicalText(i.Value), Destination: i.Destination,
		})
	}
	return p
}

// Parse reads a practitioners file. Its error lists every fault.
func Parse(b []byte) ([]Entry, error) {
	var f file
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("practitioners file: %w", err)
	}
	var faults []error
	ids, logins := map[review.PractitionerID]bool{}, map[string]bool{}
	for i, e := range f.Practitioners {
		for _, fault := range e.faults() {
			faults = append(faults, fmt.Errorf("practitioners[%d]: %s", i, fault))
		}
		if ids[e.ID] {
			faults = append(faults, fmt.Errorf("practitioners[%d].id: %q is used twice", i, e.ID))
		}
		if e.Login != "" && logins[e.Login] {
			faults = append(faults, fmt.Errorf("practitioners[%d].login: %q is used twice", i, e.Login))
		}
		ids[e.ID], logins[e.Login] = true, true
	}
	faults = append(faults, supervisorFaults(f.Practitioners)...)
	if len(f.Practitioners) == 0 {
		faults = append(faults, errors.New("practitioners: the file names nobody"))
	}
	return f.Practitioners, errors.Join(faults...)
}

// Check compares entries with the sites of the configuration. Its error lists
// every fault.
func Check(entries []Entry, sites []review.SiteID) error {
	var faults []error
	for i, e := range entries {
		if !slices.Contains(sites, e.Site) {
			faults = append(faults, fmt.Errorf("practitioners[%d].site: %q is not a site of the configuration", i, e.Site))
		}
	}
	return errors.Join(faults...)
}

// supervisorFaults finds supervisors who could never co-sign: the notes of
// those they supervise would wait for ever.
func supervisorFaults(entries []Entry) []error {
	byID := map[review.PractitionerID]Entry{}
	for _, e := range entries {
		byID[e.ID] = e
	}
	var faults []error
	for i, e := range entries {
		if e.Supervisor == "" {
			continue
		}
		s, ok := byID[e.Supervisor]
		why := ""
		switch {
		case e.Supervisor == e.ID:
			why = "nobody supervises themselves: name another practitioner"
		case !ok:
			why = fmt.Sprintf("%q is not in this file", e.Supervisor)
		case s.Site != e.Site:
			why = fmt.Sprintf("%q is of another site: name a practitioner of the same site", e.Supervisor)
		case !s.Practitioner().MayCoSign():
			why = fmt.Sprintf("%q may not co-sign: name one with the role attending and without the role resident", e.Supervisor)
		}
		if why != "" {
			faults = append(faults, fmt.Errorf("practitioners[%d].supervisor: %s", i, why))
		}
	}
	return faults
}

func (e Entry) faults() []string {
	var out []string
	need := func(ok bool, text string) {
		if !ok {
			out = append(out, text)
		}
	}
	need(review.ValidName(e.ID), "id: give 1 to 26 characters of a-z, 0-9 and hyphen")
	need(review.ValidName(e.Site), "site: give the id of a site in the configuration")
	need(e.Family != "" && e.Given != "", "family and given: both are needed, they are printed in signatures")
	need(len(e.Roles) > 0, "roles: give at least one of attending, resident, app, records, operator")
	need(e.Login == "" || e.PasswordHash != "", "password_hash: make one with 'countersign practitioners hash'")
	need(e.PasswordHash == "" || strings.HasPrefix(e.PasswordHash, hashPrefix), "password_hash: not an argon2id hash: make one with 'countersign practitioners hash'")
	for _, r := range e.Roles {
		switch r {
		case review.RoleAttending, review.RoleResident, review.RoleAPP, review.RoleRecords, review.RoleOperator:
		default:
			out = append(out, fmt.Sprintf("roles: %q is none of attending, resident, app, records, operator", r))
		}
	}
	return out
}
