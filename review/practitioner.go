package review

// PractitionerRole is what a person may do at a site.
type PractitionerRole string

// Roles of a practitioner.
const (
	RoleAttending PractitionerRole = "attending" // authors, signs, co-signs
	RoleResident  PractitionerRole = "resident"  // authors, signs; never co-signs
	RoleAPP       PractitionerRole = "app"       // nurse practitioner or physician assistant
	RoleRecords   PractitionerRole = "records"   // records office: reads, no signature
	RoleOperator  PractitionerRole = "operator"  // integration team: write-backs, no clinical text
)

// Practitioner is one person who acts, with all identities. Rules about
// persons are tested on the person, never on an account.
type Practitioner struct {
	ID          PractitionerID     `json:"id"`
	SiteID      SiteID             `json:"site_id"`
	Family      string             `json:"family"`
	Given       string             `json:"given"`
	Credential  string             `json:"credential"` // "MD", as printed in a signature
	NPI         string             `json:"npi,omitempty"`
	Roles       []PractitionerRole `json:"roles"`
	Supervisor  PractitionerID     `json:"supervisor,omitempty"`
	Identifiers []Identifier       `json:"identifiers,omitempty"`
}

// Has reports whether the person has the role.
func (p Practitioner) Has(r PractitionerRole) bool {
	for _, x := range p.Roles {
		if x == r {
			return true
		}
	}
	return false
}

// MayAuthor reports whether the person may author and sign notes.
func (p Practitioner) MayAuthor() bool {
	return p.Has(RoleAttending) || p.Has(RoleResident) || p.Has(RoleAPP)
}

// MayCoSign reports whether the person may co-sign the notes of others. A
// resident never may (42 CFR 415.172).
func (p Practitioner) MayCoSign() bool { return p.Has(RoleAttending) && !p.Has(RoleResident) }

// DisplayName is the name as printed in a signature: "Jane Doe, MD".
func (p Practitioner) DisplayName() string {
	n := p.Given + " " + p.Family
	if p.Credential != "" {
		n += ", " + p.Credential
	}
	return n
}

// Actor is who is acting now, and how that is known.
type Actor struct {
	PractitionerID PractitionerID
	SiteID         SiteID
	// AuthMethod is fixed wording: "password", "demo", "smart".
	AuthMethod string
}

// SystemActor is the actor of steps that no person takes.
func SystemActor(site SiteID) Actor { return Actor{SiteID: site, AuthMethod: "system"} }
