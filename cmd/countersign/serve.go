package main

import (
	"context"
	"log/slog"
	"time"
)

type serveCommand struct {
	Config string `help:"The configuration file; without one everything is embedded under ./countersign-data, loopback only." placeholder:"FILE" type:"existingfile"`
	Check  bool   `help:"Check the configuration and exit."`
	JSON   bool   `help:"Log and report as JSON lines."`
}

func (c *serveCommand) Help() string {
	return "Example: countersign serve --config /etc/countersign/countersign.yaml"
}

func (c *serveCommand) Run(e *env) error {
	config, err := LoadConfig(c.Config)
	if err != nil {
		return err
	}
	if c.Check {
		if _, _, err := config.loadFiles(nil); err != nil {
			return err
		}
		if c.JSON {
			return e.json(map[string]any{"ok": true})
		}
		e.printf("configuration: no faults\n")
		return nil
	}
	if c.Config == "" && config.PractitionersFile == "" {
		if config.PractitionersFile, err = firstRun(config.DataDir); err != nil {
			return err
		}
	}
	var h slog.Handler = slog.NewTextHandler(e.stderr, nil)
	if c.JSON {
		h = slog.NewJSONHandler(e.stderr, nil)
	}
	a, err := startApp(e.ctx, config, slog.New(h), appOptions{})
	if err != nil {
		return err
	}
	if c.JSON {
		err = e.json(map[string]string{"grpc": a.GRPCAddr, "http": a.HTTPAddr})
	} else {
		e.printf("countersign is ready: gRPC %s, review page http://%s\n", a.GRPCAddr, a.HTTPAddr)
		if c.Config == "" {
			e.printf("No configuration: sign in as \"local\" with the password in %[1]s/password.\n"+
				"Stream a visit:  countersign stream --visit %[1]s/visit.json TRANSCRIPT\n"+
				"Signed notes are written to %[1]s/written.\n", config.DataDir)
		}
	}
	<-e.ctx.Done()
	// Orderly stop: finish what runs, then close. A second signal kills.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if cerr := a.close(ctx); err == nil {
		err = cerr
	}
	return err
}
