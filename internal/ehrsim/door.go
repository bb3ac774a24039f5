package ehrsim

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
)

// door is one FHIR-shaped entrance: the plain one or Epic's.
type door struct {
	sim      *Simulator
	endpoint Endpoint
	base     string // absolute URL without a trailing slash
}

// write serves an operation that files something. handle must decide and file in one step; its reply may be swallowed by a fault.
func (d *door) write(handle func(*http.Request, []byte) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, faulted := d.begin(Write)
		if faulted && f.Kind == DropBefore {
			panic(http.ErrAbortHandler) // net/http closes the connection without an answer
		}
		body, tooLarge := d.readBody(w, r)
		if tooLarge != nil {
			d.send(w, r, *tooLarge)
			return
		}
		if faulted && (f.Kind == Refuse || f.Kind == Busy) {
			d.send(w, r, d.faultReply(f))
			return
		}
		if faulted && f.Kind == Late {
			r := r.Clone(context.WithoutCancel(r.Context()))
			d.sim.late.add(f.delay(), func() { d.take(handle, r, body) })
			panic(http.ErrAbortHandler)
		}
		rep := d.take(handle, r, body)
		d.finish(w, r, rep, f, faulted)
	}
}

// take has a write decided and filed.
func (d *door) take(handle func(*http.Request, []byte) reply, r *http.Request, body []byte) reply {
	rep := handle(r, body)
	if rep.status >= 400 {
		d.sim.journal.count(d.endpoint, func(c *Counters) { c.Refused++ })
	}
	return rep
}

// read serves an operation that changes nothing.
func (d *door) read(handle func(*http.Request) reply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, faulted := d.begin(Read)
		switch {
		case faulted && f.Kind == DropBefore:
			panic(http.ErrAbortHandler)
		case faulted && (f.Kind == Refuse || f.Kind == Busy):
			d.send(w, r, d.faultReply(f))
			return
		}
		d.finish(w, r, handle(r), f, faulted)
	}
}

func (d *door) begin(op Operation) (Fault, bool) {
	f, faulted := d.sim.faults.take(d.endpoint, op)
	d.sim.journal.count(d.endpoint, func(c *Counters) {
		if op == Write {
			c.Writes++
		} else {
			c.Reads++
		}
		if faulted {
			c.Faulted++
		}
	})
	return f, faulted
}

func (d *door) finish(w http.ResponseWriter, r *http.Request, rep reply, f Fault, faulted bool) {
	if faulted && f.Kind == Drop {
		panic(http.ErrAbortHandler)
	}
	if faulted && f.Kind == Silent {
		select {
		case <-r.Context().Done():
		case <-d.sim.stopping:
		}
		panic(http.ErrAbortHandler)
	}
	d.send(w, r, rep)
}

func (d *door) send(w http.ResponseWriter, r *http.Request, rep reply) {
	d.sim.opt.Logger.LogAttrs(r.Context(), slog.LevelInfo, "answered", slog.String("endpoint", string(d.endpoint)),
		slog.String("method", r.Method), slog.Int("status", rep.status))
	rep.send(w)
}

// readBody reads at most what the largest attachment needs in base64 with a resource around it.
func (d *door) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *reply) {
	limit := int64(d.sim.opt.MaxAttachment)/3*4 + 1<<20
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		rep := outcome(http.StatusRequestEntityTooLarge, issue{code: "too-long", diagnostics: "request is larger than this server accepts"})
		return nil, &rep
	case err != nil:
		rep := outcome(http.StatusBadRequest, issue{code: "incomplete", diagnostics: "request body ended early"})
		return nil, &rep
	}
	return body, nil
}

func (d *door) faultReply(f Fault) reply {
	if f.Kind == Busy {
		status := f.Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		return outcome(status, issue{code: "transient", diagnostics: "the server is busy, try again later"}).
			with("Retry-After", strconv.Itoa(int(f.retryAfter().Seconds())))
	}
	detail := ""
	if d.endpoint == Epic {
		detail = "59189"
	}
	return outcome(http.StatusUnprocessableEntity, issue{code: "business-rule", diagnostics: "the server refuses this request", detailCode: detail})
}
