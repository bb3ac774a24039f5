// Command countersign is the ambient documentation write-back gateway: one
// binary with every part in it.
//
//	countersign demo                      everything embedded, one visit, opens the review page
//	countersign demo --auto --json        the same, signs by itself, one JSON line per note
//	countersign serve --config FILE       the gateway
//	countersign stream --visit V FILE     stream a transcript to a gateway
//	countersign draft FILE                draft a note from a transcript, nothing stored
//	countersign notes | writebacks        what a gateway holds
//
// main handles signals and exit codes; each command is a file.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line. Patients' names and identifiers are never
// arguments: they come from files or standard input.
type cli struct {
	Serve         serveCommand         `cmd:"" help:"Run the gateway."`
	Demo          demoCommand          `cmd:"" help:"Run everything embedded with simulated EHRs and one visit."`
	Stream        streamCommand        `cmd:"" help:"Stream a transcript to a gateway, as a scribe device does."`
	Draft         draftCommand         `cmd:"" help:"Draft a note from a transcript file; nothing is stored or sent."`
	Ground        groundCommand        `cmd:"" help:"Check the statements of a note against a transcript."`
	Notes         notesCommand         `cmd:"" help:"List, show, preview, sign and discard notes of a gateway."`
	Writebacks    writebacksCommand    `cmd:"" help:"List, show and resolve write-backs of a gateway."`
	Sites         sitesCommand         `cmd:"" help:"Show the site and its destinations."`
	Practitioners practitionersCommand `cmd:"" help:"List practitioners, check a practitioners file, hash a password."`
	Audit         auditCommand         `cmd:"" help:"Verify the audit chains of a journal."`
	Bench         benchCommand         `cmd:"" help:"Measure, with ratios to raw limits of the same run."`
	Health        healthCommand        `cmd:"" help:"Ask a gateway whether it is ready; for health checks."`
	Version       versionCommand       `cmd:"" help:"Print the version."`
}

// env is what every command is given.
type env struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// json prints one JSON line.
func (e *env) json(v any) error { return json.NewEncoder(e.stdout).Encode(v) }

func (e *env) printf(format string, args ...any) { fmt.Fprintf(e.stdout, format, args...) }

// exitError carries an exit code other than 1.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func main() {
	// A reader that goes away (| head) is an error of the write, so that
	// what was made on disk is still cleaned up.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit code. 0 is success, 1
// a failure, 2 a wrong command line.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("countersign"), kong.Writers(stdout, stderr),
		kong.Description("Ambient documentation write-back gateway.\n\nExample: countersign demo"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(code int) { exited = code }), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(stderr, "countersign:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help has printed
	}
	if err != nil {
		fmt.Fprintln(stderr, "countersign:", err)
		fmt.Fprintln(stderr, "countersign: see 'countersign --help' or 'countersign COMMAND --help'")
		return 2
	}
	err = k.Run(&env{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr})
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		fmt.Fprintln(stderr, "countersign:", err)
		return exit.code
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(stderr, "countersign: stopped")
		return 1
	}
	fmt.Fprintln(stderr, "countersign:", err)
	return 1
}
