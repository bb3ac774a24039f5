package main

import (
	"strings"

	countersignpb "countersign/proto/countersign/v1"
)

type sitesCommand struct {
	Show sitesShowCommand `cmd:"" help:"Show your site and its destinations."`
}

func (c *sitesCommand) Help() string {
	return "Example: countersign sites show --login rivera --password-file ./pw"
}

type sitesShowCommand struct {
	gatewayFlags
}

func (c *sitesShowCommand) Help() string {
	return "Example: countersign sites show --login rivera --password-file ./pw --json"
}

func (c *sitesShowCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	reply, err := g.sites.ListDestinations(g.ctx, &countersignpb.ListDestinationsRequest{})
	if err != nil {
		return remote("show site", err)
	}
	if c.JSON {
		return printProto(e, reply)
	}
	for _, d := range reply.GetDestinations() {
		e.printf("%-12s %-8s %-10s %s\n", d.GetDestinationId(), d.GetAdapter(),
			strings.ToLower(strings.TrimPrefix(d.GetMode().String(), "DESTINATION_MODE_")), d.GetName())
	}
	return nil
}
