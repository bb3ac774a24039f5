package integrationtests

import (
	"context"
	"encoding/json"
	"testing"
)

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testContext is for calls from goroutines that outlive a failed test.
var testContext = context.Background()
