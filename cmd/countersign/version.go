package main

import "runtime/debug"

// version is set by the linker for a release; a build from source says so.
var version = "0.1.0-dev"

type versionCommand struct {
	JSON bool `help:"Print JSON."`
}

func (c *versionCommand) Help() string { return "Example: countersign version --json" }

func (c *versionCommand) Run(e *env) error {
	goVersion := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
	}
	if c.JSON {
		return e.json(map[string]string{"version": version, "go": goVersion})
	}
	e.printf("countersign %s (%s)\n", version, goVersion)
	return nil
}
