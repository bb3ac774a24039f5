package review

import (
	"cmp"
	"slices"
)

func sortUtterances(all []SpokenUtterance) {
	slices.SortStableFunc(all, func(a, b SpokenUtterance) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.StreamID, b.StreamID), cmp.Compare(a.Seq, b.Seq))
	})
}
