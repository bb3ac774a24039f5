package extractive

import "countersign/review"

// repair settles who is clinician and who patient.
//
// Devices mix the two up: a whole recording with swapped labels, and
// speakers of unknown role. Both are told by how people talk: a clinician
// asks, examines and orders, a patient says "my knee" and "I've been". Only
// the reading of the words changes; the evidence stays as recorded.
func (d *Drafter) repair(turns []spokenTurn) {
	labels := map[string]int{}
	sum := map[review.Role]int{}
	for _, t := range turns {
		s := d.clinicianScore(t.words)
		if t.role == review.RoleUnknown {
			labels[t.utt.Speaker.Label] += s
		}
		sum[t.role] += s
	}
	if sum[review.RolePatient] > sum[review.RoleClinician]+2 && d.counts(turns) {
		for i := range turns {
			switch turns[i].role {
			case review.RolePatient:
				turns[i].role = review.RoleClinician
			case review.RoleClinician:
				turns[i].role = review.RolePatient
			}
		}
	}
	best, first := "", true
	for l, s := range labels {
		if first || s > labels[best] || s == labels[best] && l < best {
			best, first = l, false
		}
	}
	for i := range turns {
		t := &turns[i]
		switch {
		case t.role != review.RoleUnknown:
		case len(labels) > 1:
			t.role = review.RolePatient
			if t.utt.Speaker.Label == best {
				t.role = review.RoleClinician
			}
		case d.clinicianScore(t.words) > 0 || sum[review.RoleClinician] == 0 && len(t.words) > 0 && t.words[len(t.words)-1] == "?":
			t.role = review.RoleClinician
		default:
			t.role = review.RolePatient
		}
	}
	for i := range turns {
		t := &turns[i]
		switch s := d.clinicianScore(t.words); {
		case t.role == review.RolePatient && s >= 6 && len(t.words) >= 25:
			t.role = review.RoleClinician
		case t.role == review.RoleClinician && s <= -8 && len(t.words) >= 15:
			t.role = review.RolePatient
		}
	}
}

// counts reports whether both parts speak enough for a verdict.
func (d *Drafter) counts(turns []spokenTurn) bool {
	n := map[review.Role]int{}
	for _, t := range turns {
		n[t.role]++
	}
	return n[review.RolePatient] >= 3 && n[review.RoleClinician] >= 3
}

// clinicianScore is positive for a clinician's words; a cue counts two, a
// question one.
func (d *Drafter) clinicianScore(ws []string) int {
	s := 0
	for i := range ws {
		if _, n := d.doctorCues.at(ws, i); n > 0 {
			s += 2
		}
		if _, n := d.patientCues.at(ws, i); n > 0 {
			s -= 2
		}
		if ws[i] == "?" {
			s++
		}
	}
	if len(ws) > 0 && d.patientStarts[ws[0]] {
		s -= 2
	}
	return s
}
