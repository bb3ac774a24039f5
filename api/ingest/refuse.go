package ingest

import (
	"errors"
	"strings"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
)

// refusal is a Refused on its way out. Its texts never hold content.
type refusal struct {
	Reason   countersignpb.RefusedReason
	Field    string
	Message  string
	WhatToDo string
	Through  int64
}

// Error implements error.
func (r *refusal) Error() string { return "ingest: " + shortReason(r.Reason) + ": " + r.Message }

func (r *refusal) response() *countersignpb.StreamUtterancesResponse {
	out := &countersignpb.Refused{
		Reason: r.Reason, Message: r.Message, WhatToDo: r.WhatToDo, Field: r.Field, ThroughSequence: uint32(r.Through),
	}
	if after, ok := retries()[r.Reason]; ok {
		out.Retryable, out.RetryAfter = true, durationpb.New(after)
	}
	return &countersignpb.StreamUtterancesResponse{Event: &countersignpb.StreamUtterancesResponse_Refused{Refused: out}}
}

func refuse(r countersignpb.RefusedReason, field, message, whatToDo string) *refusal {
	return &refusal{Reason: r, Field: field, Message: message, WhatToDo: whatToDo}
}

func denied(field, message, whatToDo string) *refusal {
	return refuse(countersignpb.RefusedReason_REFUSED_REASON_CONFIGURATION_DENIED, field, field+": "+message, whatToDo)
}

func badMessage(field, message, whatToDo string) *refusal {
	return refuse(countersignpb.RefusedReason_REFUSED_REASON_INVALID_UTTERANCE, field, field+": "+message, whatToDo)
}

func noConsent(field, message string) *refusal {
	return refuse(countersignpb.RefusedReason_REFUSED_REASON_CONSENT_MISSING, field, field+": "+message, "ask for consent, then start a recording with it")
}

func errDraining(through int64) *refusal {
	return &refusal{
		Reason: countersignpb.RefusedReason_REFUSED_REASON_UNAVAILABLE, Message: "the server is shutting down",
		WhatToDo: "keep recording: the device comes back by itself", Through: through,
	}
}

func errIdle(through int64) *refusal {
	return &refusal{
		Reason: countersignpb.RefusedReason_REFUSED_REASON_IDLE, Message: "no message for the idle time-out",
		WhatToDo: "resume when something is said", Through: through,
	}
}

func errTakenOver(through int64) *refusal {
	return &refusal{
		Reason: countersignpb.RefusedReason_REFUSED_REASON_STREAM_TAKEN_OVER, Message: "another call has resumed this stream, or it has ended",
		WhatToDo: "stop this call: another one goes on", Through: through,
	}
}

// retries lists the reasons after which the same Start may succeed, with the
// least time to wait.
func retries() map[countersignpb.RefusedReason]time.Duration {
	return map[countersignpb.RefusedReason]time.Duration{
		countersignpb.RefusedReason_REFUSED_REASON_QUOTA:        5 * time.Second,
		countersignpb.RefusedReason_REFUSED_REASON_SEQUENCE_GAP: 0,
		countersignpb.RefusedReason_REFUSED_REASON_IDLE:         0,
		countersignpb.RefusedReason_REFUSED_REASON_UNAVAILABLE:  time.Second,
		countersignpb.RefusedReason_REFUSED_REASON_INTERNAL:     time.Second,
	}
}

// statuses is the table of ingest.proto.
func statuses() map[countersignpb.RefusedReason]codes.Code {
	return map[countersignpb.RefusedReason]codes.Code{
		countersignpb.RefusedReason_REFUSED_REASON_CONFIGURATION_DENIED:    codes.InvalidArgument,
		countersignpb.RefusedReason_REFUSED_REASON_CONSENT_MISSING:         codes.FailedPrecondition,
		countersignpb.RefusedReason_REFUSED_REASON_CONSENT_WITHDRAWN:       codes.FailedPrecondition,
		countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_SITE:            codes.NotFound,
		countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_PRACTITIONER:    codes.NotFound,
		countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_DEVICE:          codes.PermissionDenied,
		countersignpb.RefusedReason_REFUSED_REASON_UNAUTHENTICATED:         codes.Unauthenticated,
		countersignpb.RefusedReason_REFUSED_REASON_RECORDING_CLOSED:        codes.FailedPrecondition,
		countersignpb.RefusedReason_REFUSED_REASON_QUOTA:                   codes.ResourceExhausted,
		countersignpb.RefusedReason_REFUSED_REASON_VERSION:                 codes.FailedPrecondition,
		countersignpb.RefusedReason_REFUSED_REASON_GROUP_VISIT_NOT_ALLOWED: codes.FailedPrecondition,
		countersignpb.RefusedReason_REFUSED_REASON_CONFLICTING_CONTENT:     codes.Aborted,
		countersignpb.RefusedReason_REFUSED_REASON_SEQUENCE_GAP:            codes.OutOfRange,
		countersignpb.RefusedReason_REFUSED_REASON_INVALID_UTTERANCE:       codes.InvalidArgument,
		countersignpb.RefusedReason_REFUSED_REASON_STREAM_TAKEN_OVER:       codes.Aborted,
		countersignpb.RefusedReason_REFUSED_REASON_RESUME_TOKEN:            codes.FailedPrecondition,
		countersignpb.RefusedReason_REFUSED_REASON_IDLE:                    codes.DeadlineExceeded,
		countersignpb.RefusedReason_REFUSED_REASON_UNAVAILABLE:             codes.Unavailable,
		countersignpb.RefusedReason_REFUSED_REASON_INTERNAL:                codes.Internal,
	}
}

// moment is when the domain said no: the same kind means different things.
type moment int

const (
	atOpen moment = iota
	inStream
)

// kinds is the one table from the domain's kinds to reasons, at open and in
// the stream, with what the person at the device can do.
func kinds() map[review.Kind]struct {
	open, stream countersignpb.RefusedReason
	whatToDo     string
} {
	type row = struct {
		open, stream countersignpb.RefusedReason
		whatToDo     string
	}
	const (
		internal        = countersignpb.RefusedReason_REFUSED_REASON_INTERNAL
		denied          = countersignpb.RefusedReason_REFUSED_REASON_CONFIGURATION_DENIED
		invalid         = countersignpb.RefusedReason_REFUSED_REASON_INVALID_UTTERANCE
		closed          = countersignpb.RefusedReason_REFUSED_REASON_RECORDING_CLOSED
		takenOver       = countersignpb.RefusedReason_REFUSED_REASON_STREAM_TAKEN_OVER
		conflicting     = countersignpb.RefusedReason_REFUSED_REASON_CONFLICTING_CONTENT
		unauthenticated = countersignpb.RefusedReason_REFUSED_REASON_UNAUTHENTICATED
		unavailable     = countersignpb.RefusedReason_REFUSED_REASON_UNAVAILABLE
		gap             = countersignpb.RefusedReason_REFUSED_REASON_SEQUENCE_GAP
		consent         = countersignpb.RefusedReason_REFUSED_REASON_CONSENT_MISSING
		site            = countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_SITE
	)
	const mend = "change what the message names, then start again"
	return map[review.Kind]row{
		review.KindInternal:        {internal, internal, "keep recording: the device tries again"},
		review.KindInvalid:         {denied, invalid, mend},
		review.KindNotFound:        {denied, closed, "start a new recording"},
		review.KindConflict:        {conflicting, takenOver, "come back with the resume token, or start a recording with a new id"},
		review.KindIllegal:         {closed, closed, "start a new recording"},
		review.KindForbidden:       {denied, denied, mend},
		review.KindUnauthenticated: {unauthenticated, unauthenticated, "get new credentials for this device"},
		// Flags and destinations have no part in ingest: such an answer is a fault of ours.
		review.KindFlagged:         {internal, internal, "keep recording: the device tries again"},
		review.KindRefused:         {internal, internal, "keep recording: the device tries again"},
		review.KindUnavailable:     {unavailable, unavailable, "keep recording: the device comes back by itself"},
		review.KindClosed:          {closed, takenOver, "start a new recording, or come back with the resume token"},
		review.KindSequenceGap:     {gap, gap, "resume and send what is missing"},
		review.KindContentConflict: {conflicting, conflicting, "keep everything on the device and call support"},
		review.KindConsent:         {consent, consent, "ask for consent, then start a recording with it"},
		review.KindUnknownSite:     {site, site, "have this site set up at the gateway, or choose another one"},
	}
}

// fromDomain makes the refusal for an error of the domain. Only the text of
// an error with a kind is passed on; for all others there is a fixed sentence.
func fromDomain(err error, at moment, resuming bool, through int64) *refusal {
	kind := review.KindOf(err)
	row, ok := kinds()[kind]
	if !ok {
		row = kinds()[review.KindInternal]
	}
	r := &refusal{Reason: row.open, WhatToDo: row.whatToDo, Through: through, Message: "a fault of the server"}
	if at == inStream {
		r.Reason = row.stream
	}
	var typed *review.Error
	if r.Reason != countersignpb.RefusedReason_REFUSED_REASON_INTERNAL && errors.As(err, &typed) {
		r.Message, r.Field = typed.Text, fieldOf(typed.Text)
	}
	switch {
	case at == atOpen && resuming && kind == review.KindNotFound:
		r.Reason, r.Field = countersignpb.RefusedReason_REFUSED_REASON_RESUME_TOKEN, "start.resumption.resume_token"
	case at == atOpen && kind == review.KindInvalid && r.Field == "start.practitioner":
		// Every other rule of that field is checked before the domain is asked.
		r.Reason = countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_PRACTITIONER
		r.WhatToDo = "have the practitioner registered at the site"
	}
	return r
}

// fieldOf takes the path off the front of a text such as
// "start.site_id: not served here" or "consent.at is missing".
func fieldOf(text string) string {
	path, _, _ := strings.Cut(text, ":")
	path, _, _ = strings.Cut(path, " ")
	switch {
	case strings.HasPrefix(path, "start."):
		return path
	case strings.HasPrefix(path, "consent."):
		return "start." + path
	case strings.HasPrefix(text, "utterance"):
		return "utterance"
	}
	return ""
}
