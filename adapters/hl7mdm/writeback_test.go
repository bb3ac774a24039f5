package hl7mdm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/internal/ehrsim"
	"countersign/internal/hl7v2"
	"countersign/internal/mllp"
)

// receiver answers every message by reply, which is given MSH-10; an empty
// answer closes the connection. It counts connections and messages.
type receiver struct {
	addr     string
	accepted chan struct{}
	messages chan string
}

func startReceiver(t *testing.T, reply func(controlID string) string) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return receive(t, l, reply)
}

func receive(t *testing.T, l net.Listener, reply func(controlID string) string) *receiver {
	t.Helper()
	r := &receiver{addr: l.Addr().String(), accepted: make(chan struct{}, 100), messages: make(chan string, 100)}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.accepted <- struct{}{}
			go r.serve(c, reply)
		}
	}()
	return r
}

func (r *receiver) serve(c net.Conn, reply func(string) string) {
	defer c.Close()
	in := mllp.NewReader(c, 1<<20)
	for {
		msg, err := in.Next()
		if err != nil {
			return
		}
		m, err := hl7v2.Parse(msg)
		if err != nil {
			return
		}
		r.messages <- string(msg)
		answer := reply(m.Segment("MSH").Get(10))
		if answer == "" {
			return
		}
		if mllp.WriteFrame(c, []byte(answer)) != nil {
			return
		}
	}
}

func ackOf(code, controlID string, errs ...string) string {
	return "MSH|^~\\&|EHR||CS||20261123||ACK^T02^ACK|9|P|2.5.1\rMSA|" + code + "|" + controlID + "|Quillfeather\r" + strings.Join(errs, "\r")
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	const (
		ok        = "accepted"
		committed = "committed"
		permanent = "permanent"
		busy      = "busy"
		unknown   = "unknown"
	)
	for name, c := range map[string]struct {
		reply      func(id string) string
		want, code string
	}{
		"AA":                     {func(id string) string { return ackOf("AA", id) }, ok, ""},
		"AA with a warning":      {func(id string) string { return ackOf("AA", id, "ERR||TXA^1^2|103|W") }, ok, ""},
		"CA":                     {func(id string) string { return ackOf("CA", id) }, committed, "mllp_ca"},
		"AE 101":                 {func(id string) string { return ackOf("AE", id, "ERR||TXA^1^2|101|E|||Quillfeather") }, permanent, "mllp_ae_101"},
		"AE 204":                 {func(id string) string { return ackOf("AE", id, "ERR||PID^1^3|204|E") }, permanent, "mllp_ae_204"},
		"AE 205":                 {func(id string) string { return ackOf("AE", id, "ERR||TXA^1^12|205|E") }, permanent, "mllp_ae_205"},
		"AE 206":                 {func(id string) string { return ackOf("AE", id, "ERR|||206|E") }, busy, "mllp_ae_206"},
		"AE 207":                 {func(id string) string { return ackOf("AE", id, "ERR|||207|E") }, permanent, "mllp_ae_207"},
		"AE without a code":      {func(id string) string { return ackOf("AE", id) }, permanent, "mllp_ae"},
		"AE 206 and 101":         {func(id string) string { return ackOf("AE", id, "ERR|||206|E", "ERR|||101|E") }, permanent, "mllp_ae_101"},
		"AE warning only":        {func(id string) string { return ackOf("AE", id, "ERR|||206|W") }, permanent, "mllp_ae"},
		"AE of version 2.3":      {func(id string) string { return ackOf("AE", id, "ERR|PID^1^3^204") }, permanent, "mllp_ae_204"},
		"AE with foreign code":   {func(id string) string { return ackOf("AE", id, "ERR|||MRN7734019|E") }, permanent, "mllp_ae"},
		"AR 200":                 {func(id string) string { return ackOf("AR", id, "ERR|||200|E") }, permanent, "mllp_ar_200"},
		"AR 203":                 {func(id string) string { return ackOf("AR", id, "ERR|||203|E") }, permanent, "mllp_ar_203"},
		"AR 207":                 {func(id string) string { return ackOf("AR", id, "ERR|||207|E") }, busy, "mllp_ar_207"},
		"AR without a code":      {func(id string) string { return ackOf("AR", id) }, busy, "mllp_ar"},
		"CE without a code":      {func(id string) string { return ackOf("CE", id) }, busy, "mllp_ce"},
		"CE 101":                 {func(id string) string { return ackOf("CE", id, "ERR|||101|E") }, permanent, "mllp_ce_101"},
		"CR":                     {func(id string) string { return ackOf("CR", id) }, permanent, "mllp_cr"},
		"AA to another message":  {func(string) string { return ackOf("AA", "OTHER") }, unknown, "mllp_ack_of_another_message"},
		"AE to another message":  {func(string) string { return ackOf("AE", "OTHER", "ERR|||101|E") }, unknown, "mllp_ack_of_another_message"},
		"AA in lower case":       {func(id string) string { return ackOf("aa", id) }, unknown, "mllp_ack_code"},
		"no MSA":                 {func(string) string { return "MSH|^~\\&|EHR\r" }, unknown, "mllp_ack_unreadable"},
		"not HL7":                {func(string) string { return "hello" }, unknown, "mllp_ack_unreadable"},
		"connection closed":      {func(string) string { return "" }, unknown, "mllp_reply"},
		"two MSA":                {func(id string) string { return ackOf("AA", id, "MSA|AE|"+id) }, unknown, "mllp_ack_unreadable"},
		"control id not the end": {func(id string) string { return ackOf("AA", id+"X") }, unknown, "mllp_ack_of_another_message"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startReceiver(t, c.reply)
			a := newAdapter(t, r.addr, Options{BusyAfter: time.Minute})
			d := document(t)
			rec, err := a.WriteBack(t.Context(), d)
			if err != nil && strings.Contains(err.Error(), "Quillfeather") {
				t.Errorf("the error names the patient: %v", err)
			}
			got := ok
			var p *adapters.PermanentError
			var ra *adapters.RetryAfterError
			var ce *adapters.CommittedError
			switch {
			case errors.Is(err, adapters.ErrUnknownOutcome):
				got = unknown
			case errors.As(err, &p):
				got = permanent
			case errors.As(err, &ra):
				got = busy
				if ra.After != time.Minute {
					t.Errorf("come back after %s, want 1m", ra.After)
				}
			case errors.As(err, &ce):
				got = committed
			case err != nil:
				got = err.Error()
			}
			if got != c.want || adapters.CodeOf(err) != c.code {
				t.Errorf("got %s %q, want %s %q (%v)", got, adapters.CodeOf(err), c.want, c.code, err)
			}
			if c.want == ok && (rec.ControlID != d.ControlID || rec.AckCode != "AA" || rec.ResourceID != d.DocumentNumber) {
				t.Errorf("receipt %+v, want MSA-1, MSA-2 and the document number", rec)
			}
		})
	}
}

// TestOutOfStep: after an answer that is not ours the connection is closed,
// and the next message has one of its own.
func TestOutOfStep(t *testing.T) {
	t.Parallel()
	first := make(chan struct{}, 1)
	first <- struct{}{}
	r := startReceiver(t, func(id string) string {
		select {
		case <-first:
			return ackOf("AA", "LATE")
		default:
			return ackOf("AA", id)
		}
	})
	a := newAdapter(t, r.addr, Options{})
	if _, err := a.WriteBack(t.Context(), document(t)); !errors.Is(err, adapters.ErrUnknownOutcome) {
		t.Errorf("got %v, want ErrUnknownOutcome", err)
	}
	for range 2 {
		if _, err := a.WriteBack(t.Context(), document(t)); err != nil {
			t.Error(err)
		}
	}
	if n := len(r.accepted); n != 2 {
		t.Errorf("%d connections, want 2: one given up, one kept for two messages", n)
	}
}

// TestRepeatIsSameBytes: a receiver that keeps transmissions apart by MSH-10
// can recognise the second one.
func TestRepeatIsSameBytes(t *testing.T) {
	t.Parallel()
	sim := startSim(t, ehrsim.Options{})
	a := newAdapter(t, sim.MLLPAddr(), Options{})
	d := document(t)
	for range 2 {
		if _, err := a.WriteBack(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	got := sim.Documents()
	if len(got) != 1 || got[0].Replays != 1 || got[0].AlteredReplays != 0 {
		t.Errorf("got %d documents, want 1 with one replay of the same bytes", len(got))
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	cert, pool := web.TLS.Certificates[0], x509.NewCertPool()
	pool.AddCert(web.Certificate())
	web.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	r := receive(t, l, func(id string) string { return ackOf("AA", id) })
	if _, err := newAdapter(t, r.addr, Options{TLS: &tls.Config{RootCAs: pool}}).WriteBack(t.Context(), document(t)); err != nil {
		t.Errorf("trusted certificate: %v", err)
	}
	_, err = newAdapter(t, r.addr, Options{TLS: &tls.Config{RootCAs: x509.NewCertPool()}}).WriteBack(t.Context(), document(t))
	if adapters.CodeOf(err) != "mllp_tls" || errors.Is(err, adapters.ErrUnknownOutcome) || len(r.messages) != 1 {
		t.Errorf("certificate of a stranger: got %v, want not arrived", err)
	}
}

func TestQueueEndsWithContext(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	finish := make(chan struct{})
	r := startReceiver(t, func(id string) string {
		close(begun)
		<-finish
		return ackOf("AA", id)
	})
	a := newAdapter(t, r.addr, Options{})
	done := make(chan error, 1)
	go func() {
		_, err := a.WriteBack(context.Background(), document(t))
		done <- err
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.WriteBack(ctx, document(t)); adapters.CodeOf(err) != "mllp_queue" || errors.Is(err, adapters.ErrUnknownOutcome) {
		t.Errorf("got %v, want not arrived while another message is in flight", err)
	}
	close(finish)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
