// Command ehrsim runs the simulator EHR: a FHIR R4 server, an endpoint with Epic's rules, and an MLLP receiver for HL7 v2 MDM messages, all
// on loopback addresses. See package countersign/internal/ehrsim.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-jose/go-jose/v4"

	"countersign/internal/ehrsim"
)

const description = `Simulator EHR: receives documents by FHIR R4, by an endpoint with Epic's rules and by HL7 v2 MDM over MLLP, keeps them, and shows them on a page.

Example:
  ehrsim --fhir :8089 --mllp :2575 --seed people.json --fault fhir=busy:2,retry=5 --fault mllp=drop:1

A fault is ENDPOINT=KIND[:COUNT][,retry=SECONDS][,status=429|503][,code=206|207][,delay=SECONDS][,on=read]; endpoints are fhir, epic and mllp; kinds are
refuse, busy, drop (file, then cut the connection), drop-before (cut it before reading) silent (file, never answer) and late (answer nothing, file DELAY seconds later). Without COUNT it lasts.

The seed file has the form

  {"patients":[{"id":"p1","family":"Doe","identifiers":[{"system":"urn:mrn","authority":"HOSP","value":"1"}]}],
   "encounters":[{"id":"e1","patient_id":"p1"}]}`

type flags struct {
	FHIR         string            `name:"fhir" aliases:"http" default:"127.0.0.1:0" help:"Listen address of the FHIR endpoint, the admin API and the page."`
	Epic         string            `name:"epic" help:"Listen address of the Epic endpoint; shares --fhir if not given."`
	MLLP         string            `name:"mllp" default:"127.0.0.1:0" help:"Listen address of the MLLP receiver."`
	Fault        []string          `sep:"none" placeholder:"FAULT" help:"Plan a fault; may be repeated."`
	Seed         string            `type:"existingfile" placeholder:"FILE" help:"JSON file with the patients and encounters to know."`
	AutoRegister bool              `help:"Create patients and encounters on first sight instead of refusing them."`
	HL7Version   []string          `name:"hl7-version" default:"2.5.1" help:"HL7 versions accepted in MSH-12."`
	LegacyHL7    bool              `name:"legacy-hl7" help:"Read HL7 as an old, lenient engine does."`
	EnhancedACK  bool              `name:"enhanced-ack" help:"Answer CA, CE or CR where MSH-15 asks for it."`
	RequireToken bool              `help:"Ask for a bearer token on the Epic endpoint."`
	EpicClient   map[string]string `placeholder:"ID=JWKSFILE" help:"Client that may fetch a token, with its public keys."`
	JSON         bool              `name:"json" help:"Print the addresses as one JSON line."`
	Verbose      bool              `short:"v" help:"Log one line per request to standard error."`
}

func main() {
	var f flags
	kong.Parse(&f, kong.Name("ehrsim"), kong.Description(description))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, f, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ehrsim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, f flags, out io.Writer) error {
	opt, err := f.options()
	if err != nil {
		return err
	}
	sim, err := ehrsim.Start(context.WithoutCancel(ctx), opt)
	if err != nil {
		return err
	}
	err = f.ready(sim, out)
	if err == nil {
		<-ctx.Done()
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, sim.Shutdown(last))
}

// ready seeds the simulator and prints its addresses.
func (f flags) ready(sim *ehrsim.Simulator, out io.Writer) error {
	if f.Seed != "" {
		if err := seed(sim, f.Seed); err != nil {
			return err
		}
	}
	return f.announce(sim, out)
}

func (f flags) options() (ehrsim.Options, error) {
	opt := ehrsim.Options{HTTPAddr: f.FHIR, EpicAddr: f.Epic, MLLPAddr: f.MLLP, AutoRegister: f.AutoRegister, HL7Versions: f.HL7Version,
		LegacyHL7: f.LegacyHL7, EnhancedACK: f.EnhancedACK, RequireToken: f.RequireToken, EpicClients: map[string]jose.JSONWebKeySet{}}
	for _, s := range f.Fault {
		fault, err := ehrsim.ParseFault(s)
		if err != nil {
			return opt, err
		}
		opt.Faults = append(opt.Faults, fault)
	}
	for id, file := range f.EpicClient {
		raw, err := os.ReadFile(file)
		if err != nil {
			return opt, fmt.Errorf("read keys of an epic client: %w", err)
		}
		var keys jose.JSONWebKeySet
		if err := json.Unmarshal(raw, &keys); err != nil {
			return opt, fmt.Errorf("read keys of an epic client: %w", err)
		}
		opt.EpicClients[id] = keys
	}
	if f.Verbose {
		opt.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return opt, nil
}

func seed(sim *ehrsim.Simulator, file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read seed file: %w", err)
	}
	return sim.SeedJSON(raw)
}

func (f flags) announce(sim *ehrsim.Simulator, out io.Writer) error {
	if f.JSON {
		return json.NewEncoder(out).Encode(map[string]string{"fhir": sim.FHIRBase(), "epic": sim.EpicBase(), "token": sim.EpicTokenURL(),
			"mllp": sim.MLLPAddr(), "admin": sim.AdminBase(), "page": sim.PageURL()})
	}
	_, err := fmt.Fprintf(out, "FHIR   %s\nEpic   %s\nMLLP   %s\nAdmin  %s\nPage   %s\n", sim.FHIRBase(), sim.EpicBase(), sim.MLLPAddr(), sim.AdminBase(), sim.PageURL())
	return err
}
