package sqlstore

import (
	"strconv"
	"strings"

	"countersign/review"
)

// where builds the conditions of a filter. Conditions use ? and get numbered
// placeholders; values never enter the text.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(condition string, args ...any) {
	var b strings.Builder
	for _, c := range condition {
		if c == '?' {
			b.WriteString(w.arg(args[0]))
			args = args[1:]
			continue
		}
		b.WriteRune(c)
	}
	w.conditions = append(w.conditions, b.String())
}

// arg adds a value and returns its placeholder.
func (w *where) arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

// equal adds a condition unless the value is empty.
func (w *where) equal(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

// in adds a condition unless the list is empty.
func in[S ~string](w *where, column string, values []S) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	w.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
}

func (w *where) text() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// pageSize checks a filter's limit.
func pageSize(limit int) (int, error) {
	switch {
	case limit == 0:
		return 100, nil
	case limit < 0 || limit > 500:
		return 0, review.Errorf(review.KindInvalid, "limit: %d: use 1 to 500", limit)
	}
	return limit, nil
}
