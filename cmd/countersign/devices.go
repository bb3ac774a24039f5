package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"gopkg.in/yaml.v3"

	"countersign/api/ingest"
	"countersign/review"
)

type deviceAuth = func(context.Context) (string, error)

// deviceEntry is one device of the devices file: its id and the SHA-256 of
// its bearer token, so that the file holds no secret.
type deviceEntry struct {
	ID          string `yaml:"id"`
	TokenSHA256 string `yaml:"token_sha256"`
}

// loadDevices reads the devices file; nil without one.
func loadDevices(path string) (deviceAuth, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("devices_file: %w", err)
	}
	var f struct {
		Devices []deviceEntry `yaml:"devices"`
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("devices file: %w", err)
	}
	var faults []error
	table := map[review.Digest]string{}
	for i, e := range f.Devices {
		var sum review.Digest
		if err := sum.UnmarshalText([]byte(e.TokenSHA256)); err != nil || e.ID == "" {
			faults = append(faults, fmt.Errorf("devices[%d]: give id and token_sha256 (64 hex characters)", i))
			continue
		}
		table[sum] = e.ID
	}
	return ingest.DeviceTokens(table), errors.Join(faults...)
}

func trimSpace(b []byte) []byte { return bytes.TrimSpace(b) }
