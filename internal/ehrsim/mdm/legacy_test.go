package mdm

import (
	"slices"
	"strings"
	"testing"

	lhl7 "github.com/lenaten/hl7"
)

func TestLibraryPanicBecomesApplicationError(t *testing.T) {
	t.Parallel()
	// The escape character is a carriage return here, so that the last segment end counts twice: the library slices past its buffer.
	raw := slices.Clip([]byte("MSH|^~\r\\&|AMBIENT|CLINIC|EHR|HOSP|2026||MDM^T02^MDM_TMSH|02|MSG00001|P|2.5.1\r"))
	panicked := func() (panicked bool) {
		defer func() { panicked = recover() != nil }()
		_ = lhl7.NewMessage(slices.Clone(raw)[:len(raw):len(raw)]).Parse()
		return false
	}()
	if !panicked {
		t.Fatal("the library does not panic on this input any more: find another one")
	}
	m, p := readLegacy(raw)
	if m != nil || p == nil || p.Ack != ApplicationError || !strings.Contains(p.Text, "crashed") {
		t.Errorf("got %+v, %+v", m, p)
	}
}
