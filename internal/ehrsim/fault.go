package ehrsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Endpoint is one of the three doors.
type Endpoint string

// The doors of the simulator.
const (
	FHIR Endpoint = "fhir"
	Epic Endpoint = "epic"
	MLLP Endpoint = "mllp"
)

func endpoints() []Endpoint { return []Endpoint{FHIR, Epic, MLLP} }

// FaultKind says what goes wrong.
type FaultKind string

// The faults.
const (
	// Refuse answers that the document will not be taken: 422 with an OperationOutcome, or AE. Nothing is filed.
	Refuse FaultKind = "refuse"
	// Busy answers that the sender may come again: 503 (or Fault.Status) with Retry-After, or AR 207 (or Fault.Code). Nothing is filed.
	Busy FaultKind = "busy"
	// Drop files the document and closes the connection without an answer.
	Drop FaultKind = "drop"
	// DropBefore closes the connection before the document is read.
	DropBefore FaultKind = "drop-before"
	// Silent files the document and never answers; the connection stays open until the client or the simulator gives up.
	Silent FaultKind = "silent"
	// Late closes the connection without an answer when the document is read, and files it only Fault.Delay seconds later: until then nobody
	// can find it. What waits is lost when the simulator stops, and forgotten by Reset.
	Late FaultKind = "late"
)

// Operation is what a fault applies to.
type Operation string

// Writes are POSTs of a DocumentReference and MDM messages. Reads are all other FHIR calls except metadata.
const (
	Write Operation = "write"
	Read  Operation = "read"
)

// Fault is one planned failure of one door.
type Fault struct {
	Endpoint   Endpoint  `json:"endpoint"`
	Kind       FaultKind `json:"kind"`
	Count      int       `json:"count,omitempty"` // number of operations; 0 means until taken back
	On         Operation `json:"on,omitempty"`    // empty means Write
	Status     int       `json:"status,omitempty"`
	Code       int       `json:"code,omitempty"`        // table 0357 code of a busy MLLP door: 207 (default) or 206
	RetryAfter int       `json:"retry_after,omitempty"` // seconds, for Busy over HTTP; 0 means 1
	Delay      int       `json:"delay,omitempty"`       // seconds, for Late, which needs it
}

// ParseFault reads ENDPOINT=KIND[:COUNT][,KEY=VALUE]..., for example "fhir=busy:2,retry=5,status=429", "mllp=busy:1,code=206",
// "epic=late:1,delay=20" or "epic=drop:1,on=read". Without COUNT the fault lasts until it is taken back.
func ParseFault(s string) (Fault, error) {
	head, rest, _ := strings.Cut(s, ",")
	door, what, ok := strings.Cut(head, "=")
	if !ok {
		return Fault{}, fmt.Errorf("parse fault %q: want ENDPOINT=KIND[:COUNT]", s)
	}
	kind, count, counted := strings.Cut(what, ":")
	f := Fault{Endpoint: Endpoint(door), Kind: FaultKind(kind)}
	if counted {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return Fault{}, fmt.Errorf("parse fault %q: count must be a positive number", s)
		}
		f.Count = n
	}
	for pair := range strings.SplitSeq(rest, ",") {
		if pair == "" {
			continue
		}
		if err := f.setOption(pair); err != nil {
			return Fault{}, fmt.Errorf("parse fault %q: %w", s, err)
		}
	}
	return f, f.check()
}

func (f *Fault) setOption(pair string) error {
	key, value, _ := strings.Cut(pair, "=")
	if key == "on" {
		f.On = Operation(value)
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("option %q must be a number", key)
	}
	switch key {
	case "retry":
		f.RetryAfter = n
	case "status":
		f.Status = n
	case "code":
		f.Code = n
	case "delay":
		f.Delay = n
	default:
		return fmt.Errorf("option %q is not one of on, retry, status, code, delay", key)
	}
	return nil
}

func (f Fault) check() error {
	switch {
	case !slices.Contains(endpoints(), f.Endpoint):
		return fmt.Errorf("check fault: endpoint %q is not one of fhir, epic, mllp", f.Endpoint)
	case !slices.Contains([]FaultKind{Refuse, Busy, Drop, DropBefore, Silent, Late}, f.Kind):
		return fmt.Errorf("check fault: kind %q is not one of refuse, busy, drop, drop-before, silent, late", f.Kind)
	case !slices.Contains([]Operation{"", Write, Read}, f.On):
		return fmt.Errorf("check fault: on %q is not one of write, read", f.On)
	case f.On == Read && f.Endpoint == MLLP:
		return fmt.Errorf("check fault: the mllp door has no reads")
	case f.Kind == Late && (f.Delay < 1 || f.operation() != Write):
		return fmt.Errorf("check fault: late is for writes and needs a delay of one second or more")
	case f.Kind != Late && f.Delay != 0:
		return fmt.Errorf("check fault: delay is for late only")
	case f.Count < 0 || f.RetryAfter < 0:
		return fmt.Errorf("check fault: count and retry must not be negative")
	case !slices.Contains([]int{0, 429, 500, 502, 503, 504}, f.Status):
		return fmt.Errorf("check fault: status must be 429, 500, 502, 503 or 504")
	case f.Code != 0 && f.Code != 206 && f.Code != 207:
		return fmt.Errorf("check fault: code must be 206 or 207")
	}
	return nil
}

func (f Fault) operation() Operation {
	if f.On == "" {
		return Write
	}
	return f.On
}

func (f Fault) retryAfter() time.Duration {
	return time.Duration(max(f.RetryAfter, 1)) * time.Second
}

func (f Fault) delay() time.Duration { return time.Duration(f.Delay) * time.Second }

// faultPlan holds the faults that are still to come, first in first out per door and operation. It is safe for concurrent use.
type faultPlan struct {
	mu   sync.Mutex
	list []Fault
}

// take returns the fault for an operation that begins now and counts it.
func (p *faultPlan) take(e Endpoint, op Operation) (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, f := range p.list {
		if f.Endpoint != e || f.operation() != op {
			continue
		}
		if f.Count > 0 {
			if p.list[i].Count--; p.list[i].Count == 0 {
				p.list = slices.Delete(p.list, i, i+1)
			}
		}
		return f, true
	}
	return Fault{}, false
}

func (p *faultPlan) add(faults ...Fault) error {
	for _, f := range faults {
		if err := f.check(); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, faults...)
	return nil
}

func (p *faultPlan) clear(e Endpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = slices.DeleteFunc(p.list, func(f Fault) bool { return e == "" || f.Endpoint == e })
}

func (p *faultPlan) snapshot() []Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Fault{}, p.list...)
}
