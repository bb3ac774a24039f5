package fhirr4

import (
	"net/http/httptrace"
	"sync/atomic"
)

// sentFlag is set once the whole header of a request has been handed to a
// connection: before that no server can have a request to act upon.
//
// net/http repeats a POST by itself only where it knows that nothing was
// processed (nothing written on a reused connection, HTTP/2 REFUSED_STREAM);
// each repetition asks for a connection again, which clears the flag.
type sentFlag struct{ atomic.Bool }

func (s *sentFlag) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { s.Store(false) },
		WroteHeaders: func() { s.Store(true) },
	}
}
