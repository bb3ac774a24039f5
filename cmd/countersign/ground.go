package main

import (
	"encoding/json"
	"fmt"
	"os"

	"countersign/notegen/grounding"
	"countersign/review"
)

type groundCommand struct {
	Transcript string `required:"" help:"The transcript, in any format that draft reads." placeholder:"FILE"`
	Note       string `required:"" help:"The note, as draft --json prints it." type:"existingfile" placeholder:"FILE"`
	JSON       bool   `help:"Print one JSON line per flag."`
}

func (c *groundCommand) Help() string {
	return "Exits 3 when a blocking flag is found.\n\nExample: countersign draft visit.txt --json > note.json && countersign ground --transcript visit.txt --note note.json"
}

func (c *groundCommand) Run(e *env) error {
	conv, err := readConversation(e, c.Transcript)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(c.Note)
	if err != nil {
		return err
	}
	var note draftFile
	if err := json.Unmarshal(b, &note); err != nil {
		return fmt.Errorf("note %s: not what draft --json prints: %w", c.Note, err)
	}
	statements, blocking := 0, 0
	for _, s := range note.Sections {
		for _, st := range s.Statements {
			statements++
			for _, f := range (grounding.Checker{}).Ground(conv.Transcript, st) {
				if f.Open() {
					blocking++
				}
				if err := printFlag(e, c.JSON, s, st, f); err != nil {
					return err
				}
			}
		}
	}
	if !c.JSON {
		e.printf("%d statements, %d blocking flags\n", statements, blocking)
	}
	if blocking > 0 {
		return &exitError{3, fmt.Errorf("ground: %d blocking flags", blocking)}
	}
	return nil
}

func printFlag(e *env, asJSON bool, s review.Section, st review.Statement, f review.Flag) error {
	if asJSON {
		return e.json(map[string]string{
			"section": s.Code, "statement_id": string(st.ID), "kind": string(f.Kind), "severity": string(f.Severity), "detail": string(f.Detail),
		})
	}
	e.printf("%s: %s\n  ! %s (%s): %s\n", s.Title, string(st.Text), f.Kind, f.Severity, string(f.Detail))
	return nil
}
