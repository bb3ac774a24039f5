package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"countersign/internal/staff"
	countersignpb "countersign/proto/countersign/v1"
)

type practitionersCommand struct {
	List  practitionersListCommand  `cmd:"" help:"List the practitioners of your site."`
	Check practitionersCheckCommand `cmd:"" help:"Check a practitioners file and report every fault."`
	Hash  practitionersHashCommand  `cmd:"" help:"Read a password from standard input and print its hash for the file."`
}

func (c *practitionersCommand) Help() string {
	return "Example: countersign practitioners check practitioners.yaml"
}

type practitionersListCommand struct {
	gatewayFlags
}

func (c *practitionersListCommand) Help() string {
	return "Example: countersign practitioners list --login rivera --password-file ./pw --json"
}

func (c *practitionersListCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	reply, err := g.sites.ListPractitioners(g.ctx, &countersignpb.ListPractitionersRequest{})
	if err != nil {
		return remote("list practitioners", err)
	}
	if c.JSON {
		return printProto(e, reply)
	}
	for _, p := range reply.GetPractitioners() {
		e.printf("%-26s %s, %s\n", p.GetPractitionerId(), p.GetName().GetFamily(), strings.Join(p.GetName().GetGiven(), " "))
	}
	return nil
}

type practitionersCheckCommand struct {
	File string `arg:"" type:"existingfile" help:"The practitioners file."`
	JSON bool   `help:"Print JSON."`
}

func (c *practitionersCheckCommand) Help() string {
	return "Example: countersign practitioners check practitioners.yaml"
}

func (c *practitionersCheckCommand) Run(e *env) error {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	entries, err := staff.Parse(b)
	if err != nil {
		return err
	}
	if c.JSON {
		return e.json(map[string]int{"practitioners": len(entries)})
	}
	e.printf("%s: %d practitioners, no faults\n", c.File, len(entries))
	return nil
}

type practitionersHashCommand struct {
	JSON bool `help:"Print JSON."`
}

func (c *practitionersHashCommand) Help() string {
	return "Example: countersign practitioners hash < password.txt"
}

func (c *practitionersHashCommand) Run(e *env) error {
	line, err := bufio.NewReader(e.stdin).ReadString('\n')
	password := strings.TrimRight(line, "\r\n")
	if password == "" {
		if err != nil {
			return errors.New("hash password: standard input is empty: give the password on one line")
		}
		return errors.New("hash password: the first line is empty")
	}
	if len(password) < 8 {
		return fmt.Errorf("hash password: %d characters: use at least 8", len(password))
	}
	if c.JSON {
		return e.json(map[string]string{"password_hash": staff.Hash(password)})
	}
	e.printf("%s\n", staff.Hash(password))
	return nil
}
