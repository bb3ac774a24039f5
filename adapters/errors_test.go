package adapters_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"countersign/adapters"
)

func TestCodeOf(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"":           nil,
		"eof":        adapters.Unknown("eof"),
		"unknown":    fmt.Errorf("x: %w", adapters.ErrUnknownOutcome),
		"epic_59108": adapters.Permanent("epic_59108", "hint"),
		"http_429":   adapters.RetryAfter("http_429", time.Second),
		"ca":         fmt.Errorf("x: %w", &adapters.CommittedError{Code: "ca"}),
		"dial":       adapters.NotArrived("dial"),
		"internal":   errors.New("anything"),
	} {
		if got := adapters.CodeOf(err); got != want {
			t.Errorf("CodeOf(%v) = %q, want %q", err, got, want)
		}
	}
	if !errors.Is(adapters.Unknown("eof"), adapters.ErrUnknownOutcome) {
		t.Error("Unknown is not ErrUnknownOutcome")
	}
}

func TestCheckLoopback(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:1": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		"192.0.2.1:80": false, "0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "localhost:80": false, "127.0.0.1": false, "": false,
	} {
		if err := adapters.CheckLoopback(address); (err == nil) != ok {
			t.Errorf("CheckLoopback(%q) = %v", address, err)
		}
	}
}
