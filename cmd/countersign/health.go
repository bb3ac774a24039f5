package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

type healthCommand struct {
	Addr string `default:"127.0.0.1:7480" help:"The gateway's HTTP address." placeholder:"HOST:PORT"`
	Path string `default:"/readyz" help:"What to ask for; /healthz only says that the process answers."`
	TLS  bool   `help:"Ask over TLS."`
	JSON bool   `help:"Print JSON."`
}

func (c *healthCommand) Help() string { return "Example: countersign health --addr 127.0.0.1:7480" }

func (c *healthCommand) Run(e *env) error {
	ctx, cancel := context.WithTimeout(e.ctx, 5*time.Second)
	defer cancel()
	scheme := "http"
	if c.TLS {
		scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+c.Addr+c.Path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("health: the gateway at %s does not answer", c.Addr)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health: not ready (HTTP %d)", resp.StatusCode)
	}
	if c.JSON {
		return e.json(map[string]bool{"ready": true})
	}
	e.printf("ready\n")
	return nil
}
