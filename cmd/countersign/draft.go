package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"countersign/internal/transcriptfile"
	"countersign/notegen/extractive"
	"countersign/notegen/grounding"
	"countersign/review"
)

// fileStream is the stream id that evidence names when a transcript is read
// from a file and nothing is stored.
const fileStream review.StreamID = "file"

type draftCommand struct {
	File string `arg:"" help:"The transcript: JSON lines, [doctor]/[patient] turns, WebVTT or AWS HealthScribe JSON; - for standard input."`
	JSON bool   `help:"Print JSON, with evidence and flags." xor:"form"`
	Text bool   `help:"Print the note as text (the default)." xor:"form"`
}

func (c *draftCommand) Help() string { return "Example: countersign draft visit.txt --json" }

// draftFile is a draft as draft --json prints it and ground reads it.
type draftFile struct {
	Sections  []review.Section  `json:"sections"`
	Omissions []review.Omission `json:"omissions"`
	Generator review.Generator  `json:"generator"`
}

func (c *draftCommand) Run(e *env) error {
	conv, err := readConversation(e, c.File)
	if err != nil {
		return err
	}
	d, err := extractive.New()
	if err != nil {
		return err
	}
	begun := time.Now()
	draft, err := d.Draft(e.ctx, conv)
	if err != nil {
		return fmt.Errorf("draft: %w", err)
	}
	draft.Generator.DraftMillis = millis(time.Since(begun))
	for i := range draft.Sections {
		for j := range draft.Sections[i].Statements {
			st := &draft.Sections[i].Statements[j]
			st.Flags = grounding.Checker{}.Ground(conv.Transcript, *st)
		}
	}
	if c.JSON {
		return e.json(draftFile{draft.Sections, draft.Omissions, draft.Generator})
	}
	printSections(e, draft.Sections)
	return nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func printSections(e *env, sections []review.Section) {
	for i, s := range sections {
		if i > 0 {
			e.printf("\n")
		}
		e.printf("%s\n", strings.ToUpper(s.Title))
		heading := review.ClinicalText("")
		for _, st := range s.Statements {
			if st.Heading != heading && st.Heading != "" {
				e.printf("%s\n", string(st.Heading))
			}
			heading = st.Heading
			e.printf("  %s\n", string(st.Text))
			for _, f := range st.Flags {
				e.printf("  ! %s: %s\n", f.Kind, string(f.Detail))
			}
		}
	}
}

// readConversation reads a transcript file for a draft without a chart.
func readConversation(e *env, path string) (review.Conversation, error) {
	us, err := readTranscript(e, path)
	if err != nil {
		return review.Conversation{}, err
	}
	return review.Conversation{
		Transcript: review.Transcript{Streams: []review.StreamTranscript{{StreamID: fileStream, Utterances: us}}},
		NoteType:   "11506-3", Context: review.ChartContext{AgeYears: -1}, StartedAt: time.Now().UTC(),
	}, nil
}

func readTranscript(e *env, path string) ([]review.Utterance, error) {
	var r io.Reader = e.stdin
	if path == "" {
		return nil, errors.New("transcript: the file name is empty")
	}
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("transcript: %w", err)
		}
		defer f.Close()
		r = f
	}
	us, _, err := transcriptfile.Read(r)
	var fault *transcriptfile.Error
	if errors.As(err, &fault) && fault.Line == 0 {
		return nil, fmt.Errorf("transcript %s: %s", path, fault.Text)
	} else if err != nil {
		return nil, fmt.Errorf("transcript %s: %w", path, err)
	}
	return us, nil
}
