package staff_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/internal/staff"
	"countersign/review"
)

func TestParse(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		es, err := staff.Parse([]byte("practitioners:\n- {id: dr-a, site: s, family: A, given: B, roles: [attending]}\n"))
		if err != nil || len(es) != 1 || es[0].Practitioner().DisplayName() != "B A" {
			t.Errorf("Parse = %v, %v", es, err)
		}
	})
	t.Run("ErrAllFaultsAtOnce", func(t *testing.T) {
		t.Parallel()
		_, err := staff.Parse([]byte("practitioners:\n- {id: 'Dr A', site: s, given: B, roles: [king]}\n- {id: x, site: s, family: A, given: B, login: l, roles: [app]}\n"))
		for _, want := range []string{"[0]: id", "family and given", `"king"`, "[1]: password_hash"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error does not name %q: %v", want, err)
			}
		}
	})
	t.Run("ErrSupervisor", func(t *testing.T) {
		t.Parallel()
		_, err := staff.Parse([]byte(`practitioners:
- {id: dr-a, site: s, family: A, given: B, roles: [attending], supervisor: dr-a}
- {id: dr-b, site: s, family: A, given: B, roles: [resident], supervisor: nobody}
- {id: dr-c, site: other, family: A, given: B, roles: [resident], supervisor: dr-a}
- {id: dr-d, site: s, family: A, given: B, roles: [app], supervisor: dr-b}
- {id: dr-e, site: s, family: A, given: B, roles: [attending, resident], supervisor: dr-a}
- {id: dr-f, site: s, family: A, given: B, roles: [app], supervisor: dr-e}
`))
		for _, want := range []string{"[0].supervisor: nobody supervises", `[1].supervisor: "nobody" is not`, "[2].supervisor: \"dr-a\" is of another site", `[3].supervisor: "dr-b" may not`, `[5].supervisor: "dr-e" may not`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error does not say %q: %v", want, err)
			}
		}
		if err != nil && strings.Contains(err.Error(), "[4]") {
			t.Errorf("a good supervisor was refused: %v", err)
		}
	})
	t.Run("ErrUnknownKey", func(t *testing.T) {
		t.Parallel()
		if _, err := staff.Parse([]byte("practitioners:\n- {id: a, pasword: x}\n")); err == nil {
			t.Error("an unknown key was accepted")
		}
	})
	t.Run("ErrEmpty", func(t *testing.T) {
		t.Parallel()
		if _, err := staff.Parse(nil); err == nil {
			t.Error("an empty file was accepted")
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	entries := []staff.Entry{{ID: "a", Site: "north"}, {ID: "b", Site: "nroth"}, {ID: "c", Site: "south"}}
	if err := staff.Check(entries[:1], []review.SiteID{"south", "north"}); err != nil {
		t.Error(err)
	}
	err := staff.Check(entries, []review.SiteID{"north"})
	for _, want := range []string{`[1].site: "nroth"`, `[2].site: "south"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q: %v", want, err)
		}
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	a := staff.NewAuthenticator([]staff.Entry{{ID: "dr-a", Site: "s", Login: "a", PasswordHash: staff.Hash("right")}}, "password", staff.Options{})
	for range 2 { // the second time from the table of known pairs
		got, err := a.Authenticate(t.Context(), "a", "right")
		if want := (review.Actor{PractitionerID: "dr-a", SiteID: "s", AuthMethod: "password"}); err != nil || got != want {
			t.Errorf("Authenticate = %+v, %v", got, err)
		}
	}
	for name, pair := range map[string][2]string{"wrong password": {"a", "wrong"}, "unknown name": {"b", "right"}, "decoy": {"b", "decoy"}, "empty": {"", ""}} {
		if _, err := a.Authenticate(t.Context(), pair[0], pair[1]); !errors.Is(err, review.ErrUnauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
