package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"countersign/adapters"
	"countersign/adapters/epic"
	"countersign/adapters/fhir"
	"countersign/adapters/filedir"
	"countersign/adapters/hl7mdm"
	"countersign/internal/hl7v2"
	"countersign/notegen"
	"countersign/notegen/extractive"
	"countersign/notegen/openai"
	"countersign/review"
)

// openAdapters makes the adapter of every destination. It is the one place
// that knows them all. close closes idle connections.
func openAdapters(c Config, log *slog.Logger) (m map[review.DestinationID]adapters.Adapter, close func(), err error) {
	m = map[review.DestinationID]adapters.Adapter{}
	close = func() {
		for _, a := range m {
			if c, ok := a.(interface{ Close() }); ok {
				c.Close()
			}
		}
	}
	for _, s := range c.Sites {
		for _, d := range s.Destinations {
			if m[d.ID], err = openAdapter(d, log); err != nil {
				delete(m, d.ID)
				close()
				return nil, nil, fmt.Errorf("destination %s: %w", d.ID, err)
			}
		}
	}
	return m, close, nil
}

func openAdapter(d DestinationConfig, log *slog.Logger) (adapters.Adapter, error) {
	switch d.Adapter {
	case "fhir":
		return fhir.New(d.FHIR.BaseURL, fhir.Options{})
	case "epic":
		return openEpic(*d.Epic)
	case "hl7mdm":
		h := d.HL7MDM
		return hl7mdm.New(h.Address, hl7mdm.Options{
			SendingApp: hd(h.SendingApplication), SendingFacility: hd(h.SendingFacility), ReceivingApp: hd(h.ReceivingApplication),
			ReceivingFacility: hd(h.ReceivingFacility), ProcessingID: h.ProcessingID,
		})
	case "filedir":
		if err := os.MkdirAll(d.FileDir.Path, 0o700); err != nil {
			return nil, err
		}
		return filedir.New(d.FileDir.Path, log)
	}
	return nil, fmt.Errorf("no adapter %q", d.Adapter)
}

func hd(namespace string) hl7v2.HD { return hl7v2.HD{Namespace: namespace} }

func openEpic(c EpicConfig) (adapters.Adapter, error) {
	return epic.New(c.BaseURL, epic.Options{})
}

// openDrafter makes the configured drafter.
func openDrafter(c DrafterConfig) (notegen.Drafter, error) {
	if c.Kind != "openai" {
		return extractive.New()
	}
	o := c.OpenAI
	key, err := os.ReadFile(o.APIKeyFile)
	if err != nil {
		return nil, fmt.Errorf("drafter.openai.api_key_file: %w", err)
	}
	if time.Now().After(o.BAAExpires) {
		return nil, fmt.Errorf("drafter.openai.baa_expires: the BAA ended on %s", o.BAAExpires.Format(time.DateOnly))
	}
	_ = key
	return openai.New(openai.Options{})
}
