package hl7mdm

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"countersign/adapters"
	"countersign/internal/hl7v2"
	"countersign/internal/mllp"
	"countersign/review"
)

// WriteBack implements adapters.Adapter.
func (a *Adapter) WriteBack(ctx context.Context, d review.Document) (review.Receipt, error) {
	if err := adapters.Check(a.Profile(), d); err != nil {
		return review.Receipt{}, err
	}
	msg, written, err := a.encode(d)
	if err != nil {
		return review.Receipt{}, err
	}
	ack, err := a.exchange(ctx, d.ControlID, msg)
	if err != nil {
		return review.Receipt{}, err
	}
	if err := a.verdict(ack); err != nil {
		return review.Receipt{}, err
	}
	return review.Receipt{
		ResourceID: d.DocumentNumber, AckCode: string(ack.Code), ControlID: ack.ControlID,
		At: a.opts.Clock.Now(), WrittenSHA256: written,
	}, nil
}

// exchange sends one message and returns its own answer. The turn is kept
// until the answer is understood, so that an answer which came out of step
// ends the connection before another message uses it.
func (a *Adapter) exchange(ctx context.Context, controlID string, msg []byte) (hl7v2.ACK, error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return hl7v2.ACK{}, adapters.NotArrived("mllp_queue")
	}
	reply, _, err := a.client.Send(ctx, msg)
	if err != nil {
		return hl7v2.ACK{}, transport(err)
	}
	ack, err := hl7v2.ParseACK(reply)
	if err != nil {
		a.client.Reset()
		return hl7v2.ACK{}, adapters.Unknown("mllp_ack_unreadable")
	}
	if !ack.Answers(controlID) {
		a.client.Reset()
		return hl7v2.ACK{}, adapters.Unknown("mllp_ack_of_another_message")
	}
	return ack, nil
}

func transport(err error) error {
	var p *adapters.PermanentError
	var n *mllp.NotSentError
	var u *mllp.UnknownError
	switch {
	case errors.As(err, &p): // the address was refused
		return p
	case errors.As(err, &n) && n.Phase == mllp.PhaseFrame:
		return adapters.Permanent("mllp_frame", "the message cannot be framed")
	case errors.As(err, &n):
		return adapters.NotArrived("mllp_" + string(n.Phase))
	case errors.As(err, &u):
		return adapters.Unknown("mllp_" + string(u.Phase))
	}
	return adapters.Unknown("mllp")
}

// verdict says what an answer to our message means; see the package comment.
// Errors of severity W and I ride on accepted messages and decide nothing.
func (a *Adapter) verdict(ack hl7v2.ACK) error {
	switch ack.Code {
	case hl7v2.AA:
		return nil
	case hl7v2.CA:
		return &adapters.CommittedError{Code: "mllp_ca"}
	case hl7v2.AE, hl7v2.AR, hl7v2.CE, hl7v2.CR:
	default:
		return adapters.Unknown("mllp_ack_code")
	}
	code := "mllp_" + strings.ToLower(string(ack.Code))
	var cause hl7v2.AckError
	busy := false
	atFault := ack.Code == hl7v2.AE || ack.Code == hl7v2.CR
	for _, e := range ack.Errors {
		if e.Severity == "W" || e.Severity == "I" || e.Code == "" {
			continue
		}
		transient := e.Code == "206" || e.Code == "207" && !atFault // record locked; application error
		if cause.Code == "" || busy && !transient {
			cause, busy = e, transient
		}
	}
	if reErrorCode.MatchString(cause.Code) {
		code += "_" + cause.Code
	}
	if busy || cause.Code == "" && (ack.Code == hl7v2.AR || ack.Code == hl7v2.CE) {
		return adapters.RetryAfter(code, a.opts.BusyAfter)
	}
	return adapters.Permanent(code, hint(cause))
}

var (
	reErrorCode = regexp.MustCompile(`^[0-9]{1,3}$`)
	reSegment   = regexp.MustCompile(`^[A-Z][A-Z0-9]{2}$`)
	reField     = regexp.MustCompile(`^[0-9]{1,2}$`)
)

// hint names the place of an error and what table 0357 says about it; the
// receiver's own text may name a patient.
func hint(e hl7v2.AckError) string {
	text := "the receiver refuses the message"
	if meaning := meanings()[e.Code]; meaning != "" {
		text += ": " + meaning
	}
	if reSegment.MatchString(e.Segment) {
		text += " at " + e.Segment
		if reField.MatchString(e.Field) {
			text += "-" + e.Field
		}
	}
	return text
}

// meanings is HL7 table 0357.
func meanings() map[string]string {
	return map[string]string{
		"100": "segment sequence", "101": "required field missing", "102": "data type", "103": "value not in its table",
		"104": "value too long", "200": "message type not supported", "201": "event not supported",
		"202": "processing id not supported", "203": "version not supported", "204": "unknown key, such as a patient it does not know",
		"205": "the document number is there already",
	}
}
