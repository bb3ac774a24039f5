package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"countersign/adapters"
	"countersign/adapters/epic"
	"countersign/adapters/fhir"
	"countersign/adapters/filedir"
	"countersign/adapters/hl7mdm"
	"countersign/internal/fhirr4"
	"countersign/internal/hl7v2"
	"countersign/internal/smartauth"
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
		return fhir.New(d.FHIR.BaseURL, fhir.Options{Systems: d.FHIR.Systems})
	case "epic":
		return openEpic(*d.Epic)
	case "hl7mdm":
		h := d.HL7MDM
		return hl7mdm.New(h.Address, hl7mdm.Options{
			SendingApp: hd(h.SendingApplication), SendingFacility: hd(h.SendingFacility), ReceivingApp: hd(h.ReceivingApplication),
			ReceivingFacility: hd(h.ReceivingFacility), ProcessingID: h.ProcessingID,
			RecordAuthority: h.RecordAuthority, VisitAuthority: h.VisitAuthority, PractitionerAuthority: h.PractitionerAuthority,
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

// openEpic makes the Epic adapter; with a token URL it authenticates by SMART
// Backend Services.
func openEpic(c EpicConfig) (adapters.Adapter, error) {
	if c.TokenURL == "" {
		return epic.New(c.BaseURL, epic.Options{})
	}
	key, err := readPrivateKey(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("epic.key_file: %w", err)
	}
	client := fhirr4.HTTPClient(adapters.CheckLoopback, true)
	client.Timeout = fhirr4.DefaultTimeout
	tokens, err := smartauth.NewBackend(client, c.TokenURL, c.ClientID, key, c.KeyID, smartauth.BackendOptions{})
	if err != nil {
		return nil, err
	}
	return epic.New(c.BaseURL, epic.Options{Tokens: tokens})
}

// readPrivateKey reads a PKCS #8 private key in PEM.
func readPrivateKey(path string) (crypto.Signer, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not a PKCS #8 private key")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("not a key that signs")
	}
	return signer, nil
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
	kind := openai.KindCompatible
	if o.Azure {
		kind = openai.KindAzure
	}
	return openai.New(openai.Options{
		Kind: kind, Endpoint: o.Endpoint, Deployment: o.Deployment, APIKey: string(trimSpace(key)), APIVersion: o.APIVersion,
		Deployments: []openai.CoveredDeployment{{
			Endpoint: o.Endpoint, Deployment: o.Deployment, Model: o.Model, Region: o.Region, BAAReference: o.BAAReference, Expires: o.BAAExpires,
		}},
	})
}
