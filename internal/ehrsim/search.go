package ehrsim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// matching returns the documents of the door that satisfy every parameter. A parameter that is not supported is refused, never ignored: an
// ignored one would make a conditional create find the wrong document. The caller holds the journal's lock.
func (d *door) matching(q url.Values) ([]*storedResource, *reply) {
	var tests []func(*storedResource) bool
	for name, values := range q {
		if slices.Contains([]string{"_count", "_offset", "_format", "_pretty"}, name) {
			continue
		}
		for _, v := range values { // repeated parameters: and; commas: or
			test, ok := d.documentTest(name, strings.Split(v, ","))
			if !ok {
				rep := badParameter(name, "search parameter or value is not supported")
				return nil, &rep
			}
			tests = append(tests, test)
		}
	}
	var out []*storedResource
	for _, res := range d.sim.journal.resources[d.endpoint] {
		if !slices.ContainsFunc(tests, func(t func(*storedResource) bool) bool { return !t(res) }) {
			out = append(out, res)
		}
	}
	return out, nil
}

func (d *door) documentTest(name string, values []string) (func(*storedResource) bool, bool) {
	tokens := func(have func(*storedResource) []fhirIdentifier) (func(*storedResource) bool, bool) {
		return func(res *storedResource) bool { return anyToken(values, have(res)) }, !slices.Contains(values, "")
	}
	one := func(have func(*storedResource) string) (func(*storedResource) bool, bool) {
		return func(res *storedResource) bool { return slices.Contains(values, have(res)) }, true
	}
	switch name {
	case "_id":
		return one(func(r *storedResource) string { return r.doc.ID })
	case "status":
		return one(func(r *storedResource) string { return r.ref.Status })
	case "identifier":
		if d.endpoint == Epic {
			return nil, false // Epic keeps no identifier of a note
		}
		return tokens(func(r *storedResource) []fhirIdentifier { return r.ref.identifiers() })
	case "type":
		return tokens(func(r *storedResource) []fhirIdentifier { return codings(r.ref.Type) })
	case "category":
		return tokens(func(r *storedResource) []fhirIdentifier { return codings(r.ref.Category...) })
	case "patient", "subject":
		return referenceTest(d, "Patient", values, func(r *storedResource) string { return r.doc.PatientID })
	case "encounter":
		return referenceTest(d, "Encounter", values, func(r *storedResource) string { return r.doc.EncounterID })
	case "date":
		return dateTest(values, func(r *storedResource) string { return r.ref.Date })
	case "_lastUpdated":
		return dateTest(values, func(r *storedResource) string { return r.doc.ReceivedAt.Format(time.RFC3339Nano) })
	}
	return nil, false
}

func codings(concepts ...codeableConcept) []fhirIdentifier {
	var out []fhirIdentifier
	for _, c := range concepts {
		for _, code := range c.Coding {
			out = append(out, fhirIdentifier{System: code.System, Value: code.Code})
		}
	}
	return out
}

// anyToken implements token search (R4 search.html, token): system|value, |value, system|, value.
func anyToken(values []string, have []fhirIdentifier) bool {
	return slices.ContainsFunc(values, func(want string) bool {
		system, value, qualified := strings.Cut(want, "|")
		if !qualified {
			system, value = "", want
		}
		return slices.ContainsFunc(have, func(i fhirIdentifier) bool {
			return (value == "" || i.Value == value) && (!qualified || i.System == system)
		})
	})
}

func referenceTest(d *door, resourceType string, values []string, have func(*storedResource) string) (func(*storedResource) bool, bool) {
	ids := make([]string, 0, len(values))
	for _, v := range values {
		id, ok := d.localID(v, resourceType)
		if !ok {
			if id = v; !idForm.MatchString(v) {
				return nil, false
			}
		}
		ids = append(ids, id)
	}
	return func(r *storedResource) bool { return slices.Contains(ids, have(r)) }, true
}

// dateTest implements date search with prefixes (R4 search.html, date): a value stands for the interval of its precision.
func dateTest(values []string, have func(*storedResource) string) (func(*storedResource) bool, bool) {
	var tests []func(lo, hi time.Time) bool
	for _, v := range values {
		prefix := "eq"
		if len(v) > 2 && v[0] >= 'a' && v[0] <= 'z' {
			prefix, v = v[:2], v[2:]
		}
		from, to, ok := interval(v)
		within := func(lo, hi time.Time) bool { return !lo.Before(from) && !hi.After(to) }
		test, known := map[string]func(lo, hi time.Time) bool{
			"eq": within,
			"ne": func(lo, hi time.Time) bool { return !within(lo, hi) },
			"gt": func(_, hi time.Time) bool { return hi.After(to) },
			"lt": func(lo, _ time.Time) bool { return lo.Before(from) },
			"ge": func(lo, hi time.Time) bool { return hi.After(to) || within(lo, hi) },
			"le": func(lo, hi time.Time) bool { return lo.Before(from) || within(lo, hi) },
			"sa": func(lo, _ time.Time) bool { return !lo.Before(to) },
			"eb": func(_, hi time.Time) bool { return !hi.After(from) },
		}[prefix]
		if !ok || !known {
			return nil, false
		}
		tests = append(tests, test)
	}
	return func(r *storedResource) bool {
		lo, hi, ok := interval(have(r))
		return ok && slices.ContainsFunc(tests, func(t func(lo, hi time.Time) bool) bool { return t(lo, hi) })
	}, true
}

// interval is the span of time that a FHIR date, dateTime or instant stands for. A zone that is missing is UTC.
func interval(s string) (from, to time.Time, ok bool) {
	for _, f := range []struct {
		layout              string
		years, months, days int
		span                time.Duration
	}{
		{"2006", 1, 0, 0, 0}, {"2006-01", 0, 1, 0, 0}, {"2006-01-02", 0, 0, 1, 0},
		{"2006-01-02T15:04", 0, 0, 0, time.Minute}, {"2006-01-02T15:04Z07:00", 0, 0, 0, time.Minute},
		{"2006-01-02T15:04:05", 0, 0, 0, time.Second}, {time.RFC3339, 0, 0, 0, time.Second},
	} {
		t, err := time.Parse(f.layout, s)
		if err != nil {
			continue
		}
		if t.Nanosecond() != 0 { // a fraction names one instant
			return t, t.Add(time.Nanosecond), true
		}
		return t, t.AddDate(f.years, f.months, f.days).Add(f.span), true
	}
	return time.Time{}, time.Time{}, false
}

// bundle makes a searchset of one page: _count entries from _offset on, with a next link if there are more.
func (d *door) bundle(resourceType string, q url.Values, resources []map[string]any, notes ...issue) reply {
	count, offset := 100, 0
	for name, to := range map[string]*int{"_count": &count, "_offset": &offset} {
		if v := q.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				return badParameter(name, "must be a number")
			}
			*to = n
		}
	}
	entries := []any{}
	end := min(offset+count, len(resources))
	for i := offset; i < end; i++ {
		id, _ := resources[i]["id"].(string)
		entries = append(entries, map[string]any{"fullUrl": d.base + "/" + resourceType + "/" + id, "resource": resources[i],
			"search": map[string]any{"mode": "match"}})
	}
	if len(notes) > 0 {
		entries = append(entries, map[string]any{"resource": operationOutcome(notes...), "search": map[string]any{"mode": "outcome"}})
	}
	self := d.base + "/" + resourceType + "?" + q.Encode()
	links := []any{map[string]any{"relation": "self", "url": self}}
	if count > 0 && end < len(resources) {
		next := url.Values{}
		for k, v := range q {
			next[k] = v
		}
		next.Set("_offset", strconv.Itoa(end))
		links = append(links, map[string]any{"relation": "next", "url": d.base + "/" + resourceType + "?" + next.Encode()})
	}
	out := map[string]any{"resourceType": "Bundle", "type": "searchset", "total": len(resources), "link": links}
	if len(entries) > 0 {
		out["entry"] = entries
	}
	return resourceReply(http.StatusOK, out)
}
