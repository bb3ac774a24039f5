package review

import "testing"

func TestMaySign(t *testing.T) {
	t.Parallel()
	attending := Practitioner{ID: "att", Roles: []PractitionerRole{RoleAttending}}
	other := Practitioner{ID: "oth", Roles: []PractitionerRole{RoleAttending}}
	resident := Practitioner{ID: "res", Roles: []PractitionerRole{RoleResident}}
	records := Practitioner{ID: "rec", Roles: []PractitionerRole{RoleRecords}}
	author := func(id PractitionerID) DueSignature {
		return DueSignature{Position: 1, Meaning: MeaningAuthor, Practitioner: id}
	}
	anyCoSigner := DueSignature{Position: 2, Meaning: MeaningCoSignature}
	named := DueSignature{Position: 2, Meaning: MeaningCoSignature, Practitioner: "att"}
	tests := map[string]struct {
		due  DueSignature
		note Note
		p    Practitioner
		ok   bool
	}{
		"OK author":                 {author("res"), Note{Author: "res"}, resident, true},
		"OK co-signer":              {anyCoSigner, Note{Author: "res"}, attending, true},
		"OK named co-signer":        {named, Note{Author: "res"}, attending, true},
		"ErrNotAuthor":              {author("res"), Note{Author: "res"}, attending, false},
		"ErrOwnNote":                {anyCoSigner, Note{Author: "att"}, attending, false},
		"ErrResidentCoSigns":        {anyCoSigner, Note{Author: "att"}, resident, false},
		"ErrAnotherIsNamed":         {named, Note{Author: "res"}, other, false},
		"ErrRecordsOffice":          {anyCoSigner, Note{Author: "res"}, records, false},
		"ErrRecordsOfficeAsAuthor":  {author("rec"), Note{Author: "rec"}, records, false},
		"ErrResidentWhoIsAttending": {anyCoSigner, Note{Author: "x"}, Practitioner{ID: "b", Roles: []PractitionerRole{RoleAttending, RoleResident}}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := MaySign(tt.due, tt.note, tt.p); (err == nil) != tt.ok {
				t.Errorf("MaySign = %v", err)
			}
		})
	}
}

func TestDueFor(t *testing.T) {
	t.Parallel()
	p := Policy{CoSignFor: []PractitionerRole{RoleResident}}
	if got := DueFor(p, "n", Practitioner{ID: "a", Roles: []PractitionerRole{RoleAttending}}); len(got) != 1 {
		t.Errorf("an attending needs %d signatures, want 1", len(got))
	}
	got := DueFor(p, "n", Practitioner{ID: "r", Roles: []PractitionerRole{RoleResident}, Supervisor: "a"})
	if len(got) != 2 || got[1].Practitioner != "a" || got[1].Meaning != MeaningCoSignature {
		t.Errorf("a resident's due signatures = %+v", got)
	}
}
