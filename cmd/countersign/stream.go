package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"countersign/api/ingest"
	"countersign/review"
)

type streamCommand struct {
	File      string  `arg:"" help:"The transcript; - for standard input."`
	Visit     string  `required:"" help:"The visit as JSON: site, practitioner, patient, encounter, consent. Patients are named in this file, never in arguments." placeholder:"VISIT.json"`
	Addr      string  `default:"127.0.0.1:7443" help:"The gateway's gRPC address." placeholder:"HOST:PORT"`
	CAFile    string  `help:"Trust these certificates; plain text is used on loopback without it." placeholder:"FILE" type:"existingfile"`
	TokenFile string  `help:"A file with the device's bearer token." placeholder:"FILE" type:"existingfile"`
	State     string  `help:"Keep the resume token here, so that a stream that was killed goes on where it was." placeholder:"FILE"`
	Pace      float64 `help:"Speed: 1 as it was spoken, 10 ten times faster, 0 at once." default:"0"`
	JSON      bool    `help:"Print the result as JSON."`
}

func (c *streamCommand) Help() string {
	return "Run it again with the same --state after a break: nothing is lost or doubled.\n\n" +
		"The visit file has site_id, device_id, practitioner_id, modality, patient and encounter (each with identifiers; leave them out when they are not known), " +
		"and consent. recording_id may be left out: the same transcript then is the same recording. A first 'countersign serve' without a configuration writes an " +
		"example, countersign-data/visit.json; another is deploy/compose/visit.json.\n\nExample: countersign stream --visit visit.json --state visit.state transcript.txt"
}

func (c *streamCommand) Run(e *env) error {
	b, err := c.readVisit(e)
	if err != nil {
		return err
	}
	us, err := readTranscript(e, c.File)
	if err != nil {
		return err
	}
	if b, err = nameRecording(b, us); err != nil {
		return fmt.Errorf("visit %s: %w", c.Visit, err)
	}
	visit, err := ingest.ParseVisit(b)
	if err != nil {
		return fmt.Errorf("visit %s: %w", c.Visit, err)
	}
	o := ingest.StreamOptions{Pace: c.Pace, StateFile: c.State, OnProgress: func(p ingest.Progress) {
		switch p.Event {
		case "sent":
		case "acked":
			fmt.Fprintf(e.stderr, "on disk: %d of %d\n", p.Seq, len(us))
		default:
			fmt.Fprintf(e.stderr, "%s %s\n", strings.ReplaceAll(p.Event, "_", " "), p.Text)
		}
	}}
	if c.TokenFile != "" {
		token, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return err
		}
		o.Token = string(trimSpace(token))
	}
	conn, err := dialGateway(c.Addr, c.CAFile, ingest.DialOptions()...)
	if err != nil {
		return err
	}
	defer conn.Close()
	res, err := ingest.NewClient(conn).Stream(e.ctx, visit, us, o)
	if err != nil {
		return err
	}
	if c.JSON {
		return e.json(map[string]any{
			"recording_id": res.RecordingID, "stream_id": res.StreamID, "through": res.Through, "note_ids": res.NoteIDs, "calls": res.Calls,
		})
	}
	e.printf("%d utterances on disk", res.Through)
	for _, n := range res.NoteIDs {
		e.printf(", note %s", n)
	}
	e.printf("\n")
	return nil
}

func (c *streamCommand) readVisit(e *env) ([]byte, error) {
	if c.Visit == "-" {
		if c.File == "-" {
			return nil, errors.New("stream: the visit and the transcript cannot both come from standard input")
		}
		return io.ReadAll(io.LimitReader(e.stdin, 1<<20))
	}
	return os.ReadFile(c.Visit)
}

// nameRecording gives a visit without a recording_id one made from the
// transcript: sending the same file again is then a repeat, and another file
// is another recording. A visit that is not a JSON object is left as it is,
// for ParseVisit to say so.
func nameRecording(visit []byte, us []review.Utterance) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(visit, &fields); err != nil || fields["recording_id"] != nil {
		return visit, nil
	}
	said, err := json.Marshal(us)
	if err != nil {
		return nil, err
	}
	fields["recording_id"] = json.RawMessage(`"file-` + review.DigestOf(said).String()[:20] + `"`)
	return json.Marshal(fields)
}
