package review

import (
	"os"
	"strings"
	"testing"
)

// docTable reads the action × state table out of the doc comment above the
// named function, so that the documentation is the test's expectation: the
// two cannot drift apart.
func docTable(t *testing.T, file, fn, corner string) (columns []string, rows map[string][]string) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(src), "\nfunc "+fn+"(")
	if !ok {
		t.Fatalf("%s has no function %s", file, fn)
	}
	rows = map[string][]string{}
	for _, line := range strings.Split(head[strings.LastIndex(head, "\n\n"):], "\n") {
		f := strings.Fields(strings.TrimPrefix(line, "//"))
		switch {
		case len(f) > 5 && f[0] == corner:
			columns = f[1:]
		case columns != nil && len(f) == len(columns)+1:
			rows[f[0]] = f[1:]
		}
	}
	return columns, rows
}

var stateShort = map[string]State{
	"dr": StateDrafting, "df": StateDraftFailed, "rr": StateReadyForReview, "ir": StateInReview, "pc": StatePendingCoSign,
	"ho": StateHandedOver, "co": StateCompleted, "su": StateSuperseded, "di": StateDiscarded, "un": StateUnauthenticated,
	"ee": StateEnteredInError, "·": "",
}

func TestNextFollowsItsTable(t *testing.T) {
	t.Parallel()
	columns, rows := docTable(t, "state.go", "Next", "action")
	if len(columns) != len(States()) || len(rows) != len(Actions()) {
		t.Fatalf("table has %d columns and %d rows, want %d and %d", len(columns), len(rows), len(States()), len(Actions()))
	}
	for _, a := range Actions() {
		row, ok := rows[string(a)]
		if !ok {
			t.Errorf("action %s is not in the table", a)
			continue
		}
		for i, c := range columns {
			got, err := Next(stateShort[c], a)
			if want := stateShort[row[i]]; got != want {
				t.Errorf("Next(%s, %s) = %q, table says %q", stateShort[c], a, got, want)
			}
			if (err != nil) != (row[i] == "·") {
				t.Errorf("Next(%s, %s) error = %v", stateShort[c], a, err)
			}
			if err != nil && KindOf(err) != KindIllegal {
				t.Errorf("Next(%s, %s) kind = %s, want illegal", stateShort[c], a, KindOf(err))
			}
		}
	}
}

var writeBackShort = map[string]WriteBackState{
	"he": WriteBackHeld, "pe": WriteBackPending, "se": WriteBackSending, "cm": WriteBackCommitted, "ac": WriteBackAccepted,
	"rj": WriteBackRejected, "uk": WriteBackUnknown, "ma": WriteBackManual, "su": WriteBackSuperseded, "·": "",
}

func TestNextWriteBackFollowsItsTable(t *testing.T) {
	t.Parallel()
	columns, rows := docTable(t, "writeback.go", "NextWriteBack", "event")
	if len(columns) != len(WriteBackStates()) || len(rows) != len(WriteBackEvents()) {
		t.Fatalf("table has %d columns and %d rows", len(columns), len(rows))
	}
	for _, e := range WriteBackEvents() {
		for i, c := range columns {
			got, err := NextWriteBack(writeBackShort[c], e)
			if want := writeBackShort[rows[string(e)][i]]; got != want || (err != nil) != (want == "") {
				t.Errorf("NextWriteBack(%s, %s) = %q, %v; table says %q", writeBackShort[c], e, got, err, want)
			}
		}
	}
}

func TestEveryStateIsReachedAndLeft(t *testing.T) {
	t.Parallel()
	reached := map[State]bool{}
	for _, s := range InitialStates() {
		reached[s] = true
	}
	left := map[State]bool{}
	for range States() {
		for _, tr := range Transitions() {
			if reached[tr.From] {
				reached[tr.To] = true
			}
			left[tr.From] = true
		}
	}
	for _, s := range States() {
		if !reached[s] {
			t.Errorf("%s cannot be reached", s)
		}
		if left[s] == s.Final() {
			t.Errorf("%s: Final() = %v, but left = %v", s, s.Final(), left[s])
		}
	}
}

// A write-back that may have arrived is never sent again by itself: the only
// ways out of unknown are an answer, a person, or the knowledge that it is
// not there.
func TestUnknownIsNeverSentBlindly(t *testing.T) {
	t.Parallel()
	if _, err := NextWriteBack(WriteBackUnknown, EventClaim); err == nil {
		t.Error("an unknown write-back can be claimed")
	}
	for _, e := range WriteBackEvents() {
		to, err := NextWriteBack(WriteBackUnknown, e)
		if err == nil && to == WriteBackPending && e != EventNotArrived {
			t.Errorf("%s makes an unknown write-back pending", e)
		}
	}
}
