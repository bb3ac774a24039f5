package main

import (
	"fmt"
	"io"
	"log/slog"

	"countersign/review"
)

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check every hash chain of a journal against its root rows."`
}

func (c *auditCommand) Help() string {
	return "Example: countersign audit verify --config countersign.yaml"
}

type auditVerifyCommand struct {
	Config string `help:"The gateway's configuration file; the gateway must be stopped where its journal is SQLite." placeholder:"FILE" type:"existingfile"`
	JSON   bool   `help:"Print one JSON line per chain."`
}

func (c *auditVerifyCommand) Help() string {
	return "Exits 1 when a chain does not fit.\n\nExample: countersign audit verify --config countersign.yaml"
}

func (c *auditVerifyCommand) Run(e *env) error {
	config, err := LoadConfig(c.Config)
	if err != nil {
		return err
	}
	keys, err := openKeys(config.Keys.MasterKeyFile)
	if err != nil {
		return err
	}
	a := &app{config: config, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	store, err := a.openStore(e.ctx, keys)
	if err != nil {
		return err
	}
	defer store.Close()
	broken := 0
	err = store.Read(e.ctx, func(r review.Reader) error {
		broken = 0
		sites, err := r.Sites()
		if err != nil {
			return err
		}
		for _, s := range sites {
			n, err := c.site(e, r, s.ID)
			if err != nil {
				return err
			}
			broken += n
		}
		return nil
	})
	if err == nil && broken > 0 {
		err = fmt.Errorf("audit: %d chains do not fit", broken)
	}
	return err
}

func (c *auditVerifyCommand) site(e *env, r review.Reader, site review.SiteID) (broken int, err error) {
	chains, err := r.AuditChains(site)
	if err != nil {
		return 0, err
	}
	for _, chain := range chains {
		events, head, count, err := r.AuditTrail(chain)
		if err != nil {
			return broken, err
		}
		verdict := "ok"
		if err := review.VerifyChain(events, head, count); err != nil {
			verdict = err.Error()
			broken++
		}
		if c.JSON {
			if err := e.json(map[string]any{"site": site, "chain": chain, "events": count, "verdict": verdict}); err != nil {
				return broken, err
			}
		} else {
			e.printf("%s  %4d events  %s\n", chain, count, verdict)
		}
	}
	return broken, nil
}
